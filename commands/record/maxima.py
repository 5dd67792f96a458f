"""What a bidder's maximum is, as it is sealed in its event."""

from decimal import Decimal
from uuid import UUID

from commands.record.sealing import Unsealable, seal, unseal


def sealed_maximum(key: bytes, amount: Decimal, auction_id: UUID, maximum_id: UUID) -> str:
    """The amount as text that only the bidder's key makes readable, as of that maximum alone; always of one length."""
    return seal(key, {"amount": str(amount)}, auction_id, maximum_id)


def opened_maximum(key: bytes, sealed: str, auction_id: UUID, maximum_id: UUID) -> Decimal | None:
    """The amount; None if it does not open."""
    try:
        return Decimal(unseal(key, sealed, auction_id, maximum_id)["amount"])
    except (Unsealable, KeyError, TypeError, ArithmeticError):
        return None
