"""Hiding what an auction's rules keep secret, before anything of it is written down."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.utils.crypto import salted_hmac

from commands.domain.rules.reserve import Reserve
from commands.ids import new_id
from commands.postgres.connections import SyncConnection, WebConnection
from commands.postgres.secret_keys import key_for_auction, key_for_auction_async
from commands.record.sealing import commitment, new_salt, seal


@dataclass(frozen=True, slots=True)
class HiddenReserve:
    """A reserve that is chosen for an auction, and the auction's key."""

    auction_id: UUID
    amount: Decimal
    key: bytes

    def rule(self) -> Reserve:
        """The rule that hides it; each time another one."""
        value, salt = {"amount": str(self.amount)}, new_salt()
        sealed = seal(self.key, {**value, "salt": salt}, self.auction_id)
        return Reserve(commitment(value, salt), sealed)

    @property
    def fingerprint(self) -> str:
        """Equal for equal amounts, and no help in guessing one."""
        return salted_hmac("reserve", str(self.amount), algorithm="sha256").hexdigest()


def new_reserve(
    connection: SyncConnection, amount: Decimal, auction_id: UUID | None = None
) -> HiddenReserve:
    """For that auction, or for a new one, whose id is made here; as its key is, if it has none."""
    id = auction_id or new_id()
    return HiddenReserve(id, amount, key_for_auction(connection, id))


async def new_reserve_async(
    connection: WebConnection, amount: Decimal, auction_id: UUID | None = None
) -> HiddenReserve:
    """As new_reserve, for the web process."""
    id = auction_id or new_id()
    return HiddenReserve(id, amount, await key_for_auction_async(connection, id))
