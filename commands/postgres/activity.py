"""SQL on auctions and bids: how a user stands in the auctions in which they have live bids."""

from dataclasses import dataclass
from typing import Literal, cast
from uuid import UUID

from psycopg.rows import DictRow

from commands.postgres.connections import AsyncPool

BidderStanding = Literal["LEADING", "OUTBID", "SEALED", "WON", "OFFERED", "LOST", "CANCELLED"]

# Behind every auction.
NEWEST = UUID(int=2**128 - 1)
# The last auction before that one with a live bid of the user, or of an alias of theirs.
NEXT = """
greatest((
    SELECT bids.auction_id FROM bids
    WHERE bidder_id = %(user)s AND NOT deleted AND bids.auction_id < {before}
    ORDER BY bids.auction_id DESC LIMIT 1
), (
    SELECT aliases.auction_id FROM aliases
    WHERE user_id = %(user)s AND aliases.auction_id < {before} AND EXISTS (
        SELECT FROM bids
        WHERE bids.auction_id = aliases.auction_id AND bidder_id = aliases.id AND NOT deleted
    ) ORDER BY aliases.auction_id DESC LIMIT 1
))"""
# From auction to auction by the indexes bids_of_bidder and aliases_of_user, however many bids the user has in each; and
# in each of them one look at its first bid. No more auctions than `look`, so that the cost does not grow with what the
# user did before.
STANDINGS = f"""
WITH RECURSIVE mine (auction_id, place) AS (
    SELECT {NEXT.format(before="%(before)s")}, 1
    UNION ALL
    SELECT {NEXT.format(before="mine.auction_id")}, place + 1
    FROM mine WHERE auction_id IS NOT NULL AND place < %(look)s
)
SELECT mine.auction_id, auction.closed, auction.cancelled, auction.sealed,
    CASE WHEN auction.closed THEN auction.winner ELSE best.bidder_id END = coalesce(me.id, %(user)s) AS first,
    sale_state, sale_bidder = coalesce(me.id, %(user)s)::text AS has_sale
FROM mine
LEFT JOIN aliases AS me ON me.user_id = %(user)s AND me.auction_id = mine.auction_id
CROSS JOIN LATERAL (
    SELECT closed, cancelled_because IS NOT NULL AS cancelled, coalesce(rules ? 'sealed', false) AS sealed,
        sale->>'state' AS sale_state, sale->>'bidder_id' AS sale_bidder,
        (SELECT bidder_id FROM bids WHERE id = winning_bid_id) AS winner
    FROM auctions WHERE id = mine.auction_id OFFSET 0
) AS auction
LEFT JOIN LATERAL (
    SELECT bidder_id FROM bids WHERE auction_id = mine.auction_id AND NOT deleted
    ORDER BY effective_amount DESC, reached_version LIMIT 1
) AS best ON NOT auction.closed AND NOT auction.sealed
WHERE mine.auction_id IS NOT NULL
ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class StandsIn:
    """How a user stands in an auction: until it is closed they lead or are outbid, then they won or lost.

    In one with sealed bids it is not known until then, and in one that the house cancelled they did neither.
    By a second chance they are offered its lot, and won once they bought it.
    """

    auction_id: UUID
    standing: BidderStanding


async def standings(
    pool: AsyncPool, user_id: UUID, before: UUID | None, look: int
) -> list[StandsIn]:
    """The auctions in which the user has live bids, created last first, before that one; at most `look`."""
    wanted = {"user": user_id, "before": before or NEWEST, "look": look}
    async with pool.connection() as connection:
        rows = await (await connection.execute(STANDINGS, wanted)).fetchall()
    return [StandsIn(row["auction_id"], _standing(row)) for row in rows]


def _standing(row: DictRow) -> BidderStanding:
    if row["cancelled"]:
        return "CANCELLED"
    if row["sale_state"]:
        held = {"OFFERED": "OFFERED", "SOLD": "WON"} if row["has_sale"] else {}
        return cast(BidderStanding, held.get(row["sale_state"], "LOST"))
    if row["closed"]:
        return "WON" if row["first"] else "LOST"
    if row["sealed"]:
        return "SEALED"
    return "LEADING" if row["first"] else "OUTBID"
