"""State rows of an auction, some at a time, for comparing them with its events."""

from collections.abc import Collection, Mapping
from uuid import UUID

from commands.domain.bids import Bid, Bids
from commands.domain.state import Auction
from commands.postgres.auctions import BID, READ, auction_of
from commands.postgres.connections import SyncConnection

BIDS = f"SELECT {BID} FROM bids WHERE id = ANY(%s) AND auction_id = %s"
# In two parts, because each has an index by auction, and all together have none.
COUNT = """
SELECT (SELECT count(*) FROM bids WHERE auction_id = %(id)s AND NOT deleted)
     + (SELECT count(*) FROM bids WHERE auction_id = %(id)s AND deleted) AS bids
"""


def auction_row(connection: SyncConnection, auction_id: UUID) -> Auction | None:
    """The auction without its bids."""
    row = connection.execute(READ, (auction_id,)).fetchone()
    return auction_of(row, Bids()) if row else None


def bid_rows(
    connection: SyncConnection, auction_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, Bid]:
    """Those of these bids that have a row in that auction."""
    if not ids:
        return {}
    rows = connection.execute(BIDS, (list(ids), auction_id))
    return {row["id"]: Bid(**row) for row in rows}


def count_bid_rows(connection: SyncConnection, auction_id: UUID) -> int:
    """How many bids have a row in that auction."""
    row = connection.execute(COUNT, {"id": auction_id}).fetchone()
    assert row is not None
    return int(row["bids"])
