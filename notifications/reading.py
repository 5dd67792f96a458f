"""Reading notifications and preferences for the API; marking as read and choosing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow

from commands.postgres.connections import AsyncPool
from notifications.postgres.notifications import REASON
from notifications.postgres.preferences import CHOOSE, CHOSEN, Choice, parameters
from notifications.preferences import DEFAULTS, NotificationChannel, NotificationKind

# The most unread ones that a subscription sends after a reconnect.
CAUGHT_UP = 200
COLUMNS = f"""notifications.id, kind, auction_id, auctions.title, amount, changed_at,
read_at IS NOT NULL AS read, {REASON}"""
PAGE = f"""
SELECT {COLUMNS} FROM notifications JOIN auctions ON auctions.id = auction_id
WHERE user_id = %(user)s AND in_app AND (NOT %(unread)s OR read_at IS NULL)
  AND (%(time)s::timestamptz IS NULL OR (changed_at, notifications.id) < (%(time)s, %(id)s))
ORDER BY changed_at DESC, notifications.id DESC LIMIT %(limit)s
"""
READ = f"""
SELECT {COLUMNS} FROM notifications JOIN auctions ON auctions.id = auction_id
WHERE notifications.id = ANY(%(ids)s) AND user_id = %(user)s AND in_app AND read_at IS NOT NULL
"""
# Without ids and auction: all of the reader's. In the order of ids, as the notifier locks them.
MARK_READ = """
UPDATE notifications SET read_at = clock_timestamp()
WHERE read_at IS NULL AND id = ANY(ARRAY(
    SELECT id FROM notifications
    WHERE user_id = %(user)s AND read_at IS NULL AND in_app
      AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s))
      AND (%(auction)s::uuid IS NULL OR auction_id = %(auction)s)
    ORDER BY id FOR UPDATE
))
"""

Preferences = Mapping[tuple[NotificationKind, NotificationChannel], bool]


@dataclass(frozen=True, slots=True)
class ReaderNotification:
    """A notification as its reader sees it."""

    id: UUID
    kind: NotificationKind
    auction_id: UUID
    title: str
    amount: Decimal | None
    changed_at: datetime
    read: bool
    reason: str | None


def _notification(row: DictRow) -> ReaderNotification:
    return ReaderNotification(**(row | {"kind": NotificationKind(row["kind"])}))


async def page_of(
    pool: AsyncPool,
    user_id: UUID,
    limit: int,
    *,
    unread: bool = False,
    after: tuple[datetime, UUID] | None = None,
) -> list[ReaderNotification]:
    """The reader's notifications, newest first, after the place (changed_at, id)."""
    time, last = after or (None, None)
    wanted = {"user": user_id, "unread": unread, "time": time, "id": last, "limit": limit}
    async with pool.connection() as connection:
        cursor = await connection.execute(PAGE, wanted)
        return [_notification(row) async for row in cursor]


async def read_among(
    pool: AsyncPool, user_id: UUID, ids: Collection[UUID]
) -> list[ReaderNotification]:
    """Those of the reader's notifications that are marked as read."""
    if not ids:
        return []
    async with pool.connection() as connection:
        cursor = await connection.execute(READ, {"user": user_id, "ids": list(ids)})
        return [_notification(row) async for row in cursor]


async def mark_read(
    pool: AsyncPool, user_id: UUID, ids: Sequence[UUID] | None, auction_id: UUID | None = None
) -> int:
    """Mark notifications (of these ids and this auction, None: any) as read; how many were unread."""
    wanted = {"user": user_id, "ids": None if ids is None else list(ids), "auction": auction_id}
    async with pool.connection() as connection:
        return (await connection.execute(MARK_READ, wanted)).rowcount


async def preferences_of(pool: AsyncPool, user_id: UUID) -> Preferences:
    """The user's choices, with the defaults for the rest."""
    async with pool.connection() as connection:
        cursor = await connection.execute(CHOSEN, (user_id,))
        chosen = {
            (NotificationKind(row["kind"]), NotificationChannel(row["channel"])): row["enabled"]
            async for row in cursor
        }
    return {**DEFAULTS, **chosen}


async def choose(pool: AsyncPool, user_id: UUID, choices: Sequence[Choice]) -> None:
    """Store the user's choices."""
    async with pool.connection() as connection:
        await connection.execute(CHOOSE, parameters(user_id, choices))
