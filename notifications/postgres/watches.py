"""SQL on the table `watches`: which auctions users watch, and whom to tell that one ends soon."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from commands.postgres.activity import NEWEST
from commands.postgres.connections import AsyncPool, SyncConnection

# The most auctions that a user may watch.
MOST_WATCHED = 1_000
WATCH = """
INSERT INTO watches (user_id, auction_id, watched_at)
SELECT users.id, auctions.id, statement_timestamp() FROM users, auctions
WHERE users.id = %(user)s AND users.deleted_at IS NULL
  AND auctions.id = %(auction)s AND NOT closed
  AND (ends_at > statement_timestamp() OR paused_at IS NOT NULL) AND (
    SELECT count(*) FROM watches WHERE user_id = %(user)s
) < %(most)s
ON CONFLICT (user_id, auction_id) DO NOTHING
"""
UNWATCH = "DELETE FROM watches WHERE user_id = %(user)s AND auction_id = %(auction)s"
WATCHED = """
SELECT user_id, auction_id FROM watches
JOIN unnest(%s::uuid[], %s::uuid[]) AS asked (user_id, auction_id) USING (user_id, auction_id)
"""
WATCHED_BY = """
SELECT auction_id FROM watches
WHERE user_id = %(user)s AND auction_id < %(before)s ORDER BY auction_id DESC LIMIT %(limit)s
"""
EXPORTED = """
SELECT user_id, auction_id, watched_at, told_at FROM watches WHERE user_id = ANY(%s)
ORDER BY user_id, auction_id
"""
IMPORT = """
INSERT INTO watches (user_id, auction_id, watched_at, told_at)
SELECT users.id, auction_id, watched_at, told_at
FROM users, unnest(%(auctions)s::uuid[], %(watched)s::timestamptz[], %(told)s::timestamptz[])
     AS brought (auction_id, watched_at, told_at)
WHERE users.id = %(user)s AND users.deleted_at IS NULL
ORDER BY auction_id
ON CONFLICT (user_id, auction_id) DO NOTHING
"""
# Locked, so that whoever else looks meanwhile passes over them. In the order of ids, as when a user is deleted.
TO_TELL = """
SELECT id, user_id, auction_id FROM watches WHERE id = ANY(ARRAY(
    SELECT untold.id FROM auctions CROSS JOIN LATERAL (
        SELECT id FROM watches WHERE auction_id = auctions.id AND told_at IS NULL
        ORDER BY id LIMIT %(limit)s
    ) AS untold
    WHERE NOT closed AND paused_at IS NULL AND ends_at > statement_timestamp()
      AND ends_at <= statement_timestamp() + %(before)s AND starts_at <= statement_timestamp()
    ORDER BY ends_at, auctions.id LIMIT %(limit)s
)) AND told_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED
"""
TOLD = "UPDATE watches SET told_at = statement_timestamp() WHERE id = ANY(%s)"
# Those of auctions that are open still are passed over: they are fewer than a thousand for each user.
FORGET_WATCHES = """
DELETE FROM watches WHERE id = ANY(ARRAY(
    SELECT watches.id FROM watches JOIN auctions ON auctions.id = auction_id
    WHERE watched_at < statement_timestamp() - %(age)s
      AND closed AND ends_at < statement_timestamp() - %(age)s
    ORDER BY watched_at LIMIT %(limit)s FOR UPDATE OF watches SKIP LOCKED
))
"""

# A user and an auction.
Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Watched:
    """An auction that a user watches, since when, and when they were told that it ends soon."""

    auction_id: UUID
    watched_at: datetime
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Untold:
    """Watches whose users are to be told, and by auction who they are."""

    ids: Collection[int]
    users: Mapping[UUID, frozenset[UUID]]


async def watch(pool: AsyncPool, user_id: UUID, auction_id: UUID) -> bool:
    """Have the user watch the auction; whether they do now: not one that has ended, nor beyond MOST_WATCHED."""
    wanted = {"user": user_id, "auction": auction_id, "most": MOST_WATCHED}
    async with pool.connection() as connection:
        await connection.execute(WATCH, wanted)
        found = await connection.execute(WATCHED, ([user_id], [auction_id]))
        return found.rowcount > 0


async def unwatch(pool: AsyncPool, user_id: UUID, auction_id: UUID) -> None:
    """Have the user watch the auction no more."""
    async with pool.connection() as connection:
        await connection.execute(UNWATCH, {"user": user_id, "auction": auction_id})


async def watched(pool: AsyncPool, pairs: Collection[Pair]) -> Mapping[Pair, bool]:
    """Which of the users watch which of the auctions; without those who do not."""
    users, auctions = [user for user, _ in pairs], [auction for _, auction in pairs]
    async with pool.connection() as connection:
        rows = await (await connection.execute(WATCHED, (users, auctions))).fetchall()
    return {(row["user_id"], row["auction_id"]): True for row in rows}


async def watched_by(pool: AsyncPool, user_id: UUID, before: UUID | None, limit: int) -> list[UUID]:
    """The auctions that the user watches, created last first, before that one."""
    wanted = {"user": user_id, "before": before or NEWEST, "limit": limit}
    async with pool.connection() as connection:
        rows = await (await connection.execute(WATCHED_BY, wanted)).fetchall()
    return [row["auction_id"] for row in rows]


def lock_untold(connection: SyncConnection, before: timedelta, limit: int) -> Untold:
    """At most so many watches of auctions that end within that time, whose users were not told."""
    rows = connection.execute(TO_TELL, {"before": before, "limit": limit}).fetchall()
    users: dict[UUID, set[UUID]] = {}
    for row in rows:
        users.setdefault(row["auction_id"], set()).add(row["user_id"])
    return Untold([row["id"] for row in rows], {id: frozenset(each) for id, each in users.items()})


def mark_told(connection: SyncConnection, ids: Collection[int]) -> None:
    """The users of these watches were told."""
    connection.execute(TOLD, (list(ids),))


def watches_of(
    connection: SyncConnection, user_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[Watched]]:
    """By user, what they watch."""
    found: dict[UUID, list[Watched]] = {}
    for row in connection.execute(EXPORTED, (list(user_ids),)):
        watched = Watched(row["auction_id"], row["watched_at"], row["told_at"])
        found.setdefault(row["user_id"], []).append(watched)
    return found


def bring_in(connection: SyncConnection, user_id: UUID, brought: Sequence[Watched]) -> None:
    """Have the user watch these, too, unless they were deleted."""
    connection.execute(
        IMPORT,
        {
            "user": user_id,
            "auctions": [each.auction_id for each in brought],
            "watched": [each.watched_at for each in brought],
            "told": [each.told_at for each in brought],
        },
    )
