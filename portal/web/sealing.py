"""Whether an auction's bids are sealed, and the keys to seal them and maxima with, for the web process.

So the amount of a sealed bid, or of a maximum, is in this process and the workers' alone: no job, event or log holds it.
"""

from decimal import Decimal
from uuid import UUID

from commands.domain.hidden import Content
from commands.domain.rules.table import hide_amounts
from commands.jobs import SessionOver
from commands.postgres.auctions import maxima_async, rules_async
from commands.postgres.connections import AsyncPool
from commands.postgres.sealed_texts import sealed_text_async
from commands.postgres.secret_keys import key_for_user_async, key_of_async
from commands.record.maxima import opened_maximum
from commands.record.sealed_bids import opened_bid

# Auctions of which it is remembered, which is for good: no revision changes it.
MOST = 100_000


class Sealing:
    """Knows of each auction that was bid in whether its bids are sealed."""

    def __init__(self, pool: AsyncPool) -> None:
        self._pool = pool
        self._known: dict[UUID, bool] = {}

    async def key_for(self, auction_id: UUID, bidder_id: UUID) -> bytes | None:
        """The bidder's key, to seal their bid in that auction; None if bids are open there, or there is no such auction.

        SessionOver if the bidder is gone.
        """
        if not await self._hides_amounts(auction_id):
            return None
        return await self.key_of(bidder_id)

    async def key_of(self, bidder_id: UUID) -> bytes:
        """The bidder's key; SessionOver if they are gone."""
        async with self._pool.connection() as connection:
            key = await key_for_user_async(connection, bidder_id)
        if key is None:
            raise SessionOver
        return key

    async def _hides_amounts(self, auction_id: UUID) -> bool:
        if (known := self._known.get(auction_id)) is not None:
            return known
        async with self._pool.connection() as connection:
            rules = await rules_async(connection, auction_id)
        if rules is None:
            return False
        if len(self._known) >= MOST:
            self._known.clear()
        return self._known.setdefault(auction_id, hide_amounts(rules))

    async def opened(
        self, auction_id: UUID, bid_id: UUID, bidder_id: UUID, placed_version: int
    ) -> Content | None:
        """What the bidder's own sealed bid holds, which they alone may be told; None if its key is gone."""
        async with self._pool.connection() as connection:
            key = await key_of_async(connection, bidder_id)
            sealed = await sealed_text_async(connection, auction_id, placed_version)
        return opened_bid(key, sealed, auction_id, bid_id) if key and sealed else None

    async def maximum_of(self, auction_id: UUID, bidder_id: UUID, user_id: UUID) -> Decimal | None:
        """The user's own maximum as of now, set under the bidder's id, which they alone may be told; None without one."""
        async with self._pool.connection() as connection:
            held = await maxima_async(connection, auction_id)
            own = [each for each in held if each.bidder_id == bidder_id]
            key = await key_of_async(connection, user_id) if own else None
        return opened_maximum(key, own[0].sealed, auction_id, own[0].id) if key else None
