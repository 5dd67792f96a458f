"""Whether a user has bids that they have to stand by."""

from datetime import datetime
from uuid import UUID

from commands.domain.bids import Bids
from commands.domain.deleting import is_binding
from commands.postgres.auctions import COLUMNS, auction_of
from commands.postgres.connections import SyncConnection

AT_ONCE = 100
# The first bid of each auction is the first that is binding.
RULED = f"""
SELECT {", ".join(COLUMNS)}, placed_at FROM (
    SELECT auction_id, min(placed_at) AS placed_at FROM bids JOIN auctions ON auctions.id = auction_id
    WHERE bidder_id = ANY(ARRAY(
        SELECT %(user)s::uuid UNION ALL SELECT id FROM aliases WHERE user_id = %(user)s
    )) AND NOT deleted AND NOT closed AND rules IS NOT NULL AND (%(after)s::uuid IS NULL OR auction_id > %(after)s)
    GROUP BY auction_id ORDER BY auction_id LIMIT %(limit)s
) AS own JOIN auctions ON auctions.id = auction_id ORDER BY auction_id
"""


def bound_in(connection: SyncConnection, user_id: UUID, at: datetime) -> str | None:
    """The title of an auction, not closed yet, in which a live bid of the user was binding then; None without one.

    Unknown, if that is for a newer release to tell. Until it is closed, bids accepted before its end may still move that.
    """
    after: UUID | None = None
    while True:
        page = {"user": user_id, "after": after, "limit": AT_ONCE}
        rows = connection.execute(RULED, page).fetchall()
        for row in rows:
            auction = auction_of({name: row[name] for name in COLUMNS}, Bids())
            if is_binding(auction, row["placed_at"], at):
                return auction.title
        if len(rows) < AT_ONCE:
            return None
        after = rows[-1]["id"]
