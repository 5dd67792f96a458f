"""Finding the bidders of auctions, and those who watch them, page by page, and locking what they have unread."""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from commands.postgres.connections import SyncConnection
from commands.postgres.rows import as_json
from notifications.preferences import UPDATED_WHILE_UNREAD

UPDATED_KINDS = f"kind IN ({', '.join(repr(kind.value) for kind in sorted(UPDATED_WHILE_UNREAD))})"
# From bidder to bidder by the index bids_own_highest, however many bids each has. No more are looked
# for than LIMIT lets through.
BIDDERS = """
SELECT wanted.auction_id, page.bidder_id AS user_id
FROM unnest(%(auctions)s::uuid[], %(after)s::uuid[]) AS wanted (auction_id, after)
CROSS JOIN LATERAL (
    WITH RECURSIVE bidder (bidder_id) AS (
        (SELECT bidder_id FROM bids WHERE auction_id = wanted.auction_id AND NOT deleted
           AND bidder_id > wanted.after ORDER BY bidder_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT bids.bidder_id FROM bids
            WHERE auction_id = wanted.auction_id AND NOT deleted
              AND bids.bidder_id > bidder.bidder_id
            ORDER BY bids.bidder_id LIMIT 1
        ) FROM bidder WHERE bidder.bidder_id IS NOT NULL
    )
    SELECT bidder_id FROM bidder WHERE bidder_id IS NOT NULL LIMIT %(limit)s
) AS page
"""
WATCHERS = """
SELECT wanted.auction_id, page.user_id
FROM unnest(%(auctions)s::uuid[], %(after)s::uuid[]) AS wanted (auction_id, after)
CROSS JOIN LATERAL (
    SELECT user_id FROM watches WHERE auction_id = wanted.auction_id AND user_id > wanted.after
    ORDER BY user_id LIMIT %(limit)s
) AS page
"""
# In the order of ids, as whoever else locks several: MARK_READ, and what a deleted user had.
LOCK_UNREAD = f"""
SELECT FROM notifications WHERE id = ANY(ARRAY(
    SELECT unread.id FROM json_to_recordset(%s) AS named (auction_id uuid, user_id uuid)
    CROSS JOIN LATERAL (
        SELECT id FROM notifications WHERE user_id = named.user_id
          AND auction_id = named.auction_id AND read_at IS NULL AND {UPDATED_KINDS}
        LIMIT 1
    ) AS unread
)) ORDER BY id FOR UPDATE
"""


def bidders_after(
    connection: SyncConnection, places: Mapping[UUID, UUID], limit: int
) -> Mapping[UUID, list[UUID]]:
    """By auction, the next bidders with live bids after the one given, in order, at most so many of each."""
    return _pages(connection, BIDDERS, places, limit)


def watchers_after(
    connection: SyncConnection, places: Mapping[UUID, UUID], limit: int
) -> Mapping[UUID, list[UUID]]:
    """By auction, the next users who watch it after the one given, in order, at most so many of each."""
    return _pages(connection, WATCHERS, places, limit)


def _pages(
    connection: SyncConnection, query: str, places: Mapping[UUID, UUID], limit: int
) -> Mapping[UUID, list[UUID]]:
    wanted = {"auctions": list(places), "after": list(places.values()), "limit": limit}
    pages: dict[UUID, list[UUID]] = {auction_id: [] for auction_id in places}
    for row in connection.execute(query, wanted) if places else ():
        pages[row["auction_id"]].append(row["user_id"])
    return pages


def lock_unread(connection: SyncConnection, named: Iterable[tuple[UUID, Collection[UUID]]]) -> None:
    """Lock the unread notifications about the highest bids that these users have in these auctions.

    All that a run changes, before it changes any: so it never waits for one with another in hand
    that somebody waits for.
    """
    pairs = {(auction_id, user_id) for auction_id, users in named for user_id in users}
    rows = [{"auction_id": auction_id, "user_id": user_id} for auction_id, user_id in pairs]
    if rows:
        connection.execute(LOCK_UNREAD, (as_json(rows),))
