"""State rows of auctions and bids: reading what a batch of commands can touch, and saving changes."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from psycopg.errors import LockNotAvailable
from psycopg.rows import DictRow

from commands.domain.auction import Auction, Bid
from commands.postgres.connections import SyncConnection, WebConnection
from commands.streams import Busy

LOCK = """
SELECT id, version, title, description, starts_at, ends_at, closed, winning_bid_id
FROM auctions WHERE id = %s FOR UPDATE NOWAIT
"""
READ = "SELECT * FROM auctions WHERE id = %s"
EXISTS = "SELECT 1 FROM auctions WHERE id = %s"
BID_COLUMNS = tuple(field.name for field in fields(Bid))
BID = ", ".join(BID_COLUMNS)
ALL_BIDS = f"SELECT {BID} FROM bids WHERE auction_id = %s"
# Of the deleted bids only doubled ones matter: they count towards the promoter's limits.
DRAW_BIDS = f"""
SELECT {BID} FROM bids WHERE auction_id = %(auction)s AND NOT deleted
UNION ALL SELECT {BID} FROM bids WHERE auction_id = %(auction)s AND doubled AND deleted
"""
STAFF = """
SELECT id FROM users WHERE is_staff AND EXISTS (
    SELECT 1 FROM bids WHERE bidder_id = users.id AND auction_id = %s AND NOT deleted
)
"""
# Only named and withdrawn bids can be deleted by the batch, so beside them one bid of each
# bidder, the highest, and one of the auction, the leading one, can matter.
TOUCHED_BIDS = f"""
WITH touched AS (
    SELECT {BID} FROM bids WHERE auction_id = %(auction)s AND id = ANY(%(named)s)
    UNION
    SELECT {BID} FROM bids WHERE auction_id = %(auction)s AND NOT deleted
        AND bidder_id = ANY(%(withdrawn)s)
), own_highest AS (
    SELECT highest.* FROM unnest(%(bidders)s::uuid[]) AS bidder (id)
    CROSS JOIN LATERAL (
        SELECT {BID} FROM bids WHERE auction_id = %(auction)s AND bidder_id = bidder.id
            AND NOT deleted AND NOT id = ANY(%(named)s)
        ORDER BY effective_amount DESC LIMIT 1
    ) AS highest
), best AS (
    SELECT {BID} FROM bids WHERE auction_id = %(auction)s AND NOT deleted
        AND NOT id = ANY(%(named)s) AND NOT bidder_id = ANY(%(withdrawn)s)
    ORDER BY effective_amount DESC, reached_version LIMIT 1
)
SELECT * FROM touched UNION SELECT * FROM own_highest UNION SELECT * FROM best
"""
SAVE_AUCTION = """
INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed, winning_bid_id)
VALUES (%(id)s, %(version)s, %(title)s, %(description)s, %(starts_at)s, %(ends_at)s, %(closed)s,
        %(winning_bid_id)s)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, closed = excluded.closed,
    winning_bid_id = excluded.winning_bid_id
"""
SAVE_BIDS = """
INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version,
                  reached_version, doubled, deleted)
SELECT id, %(auction)s, bidder_id, amount, effective_amount, placed_at, placed_version,
       reached_version, doubled, deleted
FROM unnest(%(id)s::uuid[], %(bidder_id)s::uuid[], %(amount)s::numeric[],
            %(effective_amount)s::numeric[], %(placed_at)s::timestamptz[],
            %(placed_version)s::int[], %(reached_version)s::int[], %(doubled)s::bool[],
            %(deleted)s::bool[])
     AS new (id, bidder_id, amount, effective_amount, placed_at, placed_version, reached_version,
             doubled, deleted)
ON CONFLICT (id) DO UPDATE SET effective_amount = excluded.effective_amount,
    reached_version = excluded.reached_version, doubled = excluded.doubled,
    deleted = excluded.deleted
"""
# FOR SHARE: a user's deletion waits until this batch is committed, and then finds all their bids.
SHARE_BIDDERS = """
SELECT id FROM users WHERE id = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR SHARE
"""
# The deletion of a user applies to auctions that end after its acceptance, so closing these waits for it.
DUE = """
SELECT id FROM auctions WHERE NOT closed AND ends_at < %(now)s AND NOT EXISTS (
    SELECT 1 FROM jobs WHERE status = 'QUEUED' AND command = 'DeleteUser' AND accepted_at < ends_at
) ORDER BY ends_at LIMIT 1000
"""
TO_DRAW_IN = """
SELECT id FROM auctions
WHERE NOT closed AND starts_at <= clock_timestamp() AND ends_at > clock_timestamp() AND EXISTS (
    SELECT 1 FROM bids WHERE auction_id = auctions.id AND NOT deleted AND NOT doubled
) ORDER BY ends_at
"""


def lock_auction(connection: SyncConnection, auction_id: UUID) -> Auction | None:
    """The auction without bids, locked until the transaction ends; Busy if another worker holds the lock."""
    try:
        row = connection.execute(LOCK, (auction_id,)).fetchone()
    except LockNotAvailable as error:
        raise Busy(f"auction {auction_id}") from error
    return _auction(row, {}) if row else None


def share_bidders(connection: SyncConnection, ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of the users who exist. They can't be deleted before this transaction ends."""
    rows = connection.execute(SHARE_BIDDERS, (list(ids),))
    return frozenset(row["id"] for row in rows)


def touched_bids(
    connection: SyncConnection,
    auction_id: UUID,
    *,
    named: Collection[UUID],
    bidders: Collection[UUID],
    withdrawn: Collection[UUID],
) -> Mapping[UUID, Bid]:
    """The bids that commands can touch which delete `named`, place for `bidders`, and withdraw users' bids."""
    rows = connection.execute(
        TOUCHED_BIDS,
        {
            "auction": auction_id,
            "named": list(named),
            "bidders": list(bidders),
            "withdrawn": list(withdrawn),
        },
    )
    return {row["id"]: _bid(row) for row in rows}


def bids_for_a_draw(connection: SyncConnection, auction_id: UUID) -> Mapping[UUID, Bid]:
    """All the auction's live bids, and the deleted ones that were doubled."""
    rows = connection.execute(DRAW_BIDS, {"auction": auction_id})
    return {row["id"]: _bid(row) for row in rows}


def staff_among(connection: SyncConnection, auction_id: UUID) -> frozenset[UUID]:
    """The auction's bidders with live bids who are staff."""
    return frozenset(row["id"] for row in connection.execute(STAFF, (auction_id,)))


def read_auction(connection: SyncConnection, auction_id: UUID) -> Auction | None:
    """The auction with all its bids, deleted ones too, from the state rows."""
    row = connection.execute(READ, (auction_id,)).fetchone()
    bids = {bid["id"]: _bid(bid) for bid in connection.execute(ALL_BIDS, (auction_id,))}
    return _auction(row, bids) if row else None


def auction_exists(connection: SyncConnection, auction_id: UUID) -> bool:
    """Whether there is such an auction, open or closed."""
    row = connection.execute(EXISTS, (auction_id,)).fetchone()
    return row is not None


def save_auction(
    connection: SyncConnection, auction: Auction, changed_bids: Collection[Bid]
) -> None:
    """Write the auction's row and those of the bids that changed."""
    connection.execute(
        SAVE_AUCTION,
        {
            "id": auction.id,
            "version": auction.version,
            "title": auction.title,
            "description": auction.description,
            "starts_at": auction.starts_at,
            "ends_at": auction.ends_at,
            "closed": auction.closed,
            "winning_bid_id": auction.winning_bid_id,
        },
    )
    if changed_bids:
        values = {name: [getattr(bid, name) for bid in changed_bids] for name in BID_COLUMNS}
        connection.execute(SAVE_BIDS, {"auction": auction.id, **values})


def _auction(row: DictRow, bids: Mapping[UUID, Bid]) -> Auction:
    return Auction(**row, bids=bids)


def _bid(row: DictRow) -> Bid:
    return Bid(**row)


def due_auctions(connection: SyncConnection, now: datetime) -> list[UUID]:
    """Unclosed auctions that ended before that moment, first ended first; at most a thousand."""
    return [row["id"] for row in connection.execute(DUE, {"now": now})]


def auctions_to_draw_in(connection: SyncConnection) -> list[UUID]:
    """The open auctions with live bids that were not doubled, soonest end first."""
    return [row["id"] for row in connection.execute(TO_DRAW_IN)]


async def auction_exists_async(connection: WebConnection, auction_id: UUID) -> bool:
    """As auction_exists, for the web process."""
    cursor = await connection.execute(EXISTS, (auction_id,))
    return await cursor.fetchone() is not None
