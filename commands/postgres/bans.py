"""State rows of bans. All SQL on the table `bans`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain.bans import Ban, Bans
from commands.domain.user import User
from commands.postgres.connections import AsyncPool, SyncConnection
from commands.postgres.rows import as_json

COLUMNS = tuple(field.name for field in fields(Ban))
BAN = ", ".join(COLUMNS)
OF_USERS = f"SELECT user_id, {BAN} FROM bans WHERE user_id = ANY(%s) ORDER BY since, id"
SAVE = f"""
INSERT INTO bans (user_id, {BAN}) SELECT user_id, {BAN} FROM json_populate_recordset(NULL::bans, %s)
ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at
"""
FORGET = "DELETE FROM bans WHERE user_id = ANY(%s)"
# The latest first, from before that one on.
PAGE = f"""
SELECT {BAN} FROM bans
WHERE user_id = %(user)s AND (%(id)s::uuid IS NULL OR (since, id) < (%(since)s, %(id)s))
ORDER BY since DESC, id DESC LIMIT %(limit)s
"""
IN_FORCE = f"""
SELECT {BAN} FROM bans
WHERE user_id = %(user)s AND since <= %(at)s AND (ended_at IS NULL OR ended_at > %(at)s)
  AND (until IS NULL OR until > %(at)s) AND (auction_id IS NULL OR auction_id = %(auction)s)
ORDER BY until DESC NULLS FIRST LIMIT 1
"""


def bans_of(connection: SyncConnection, user_ids: Collection[UUID]) -> Mapping[UUID, Bans]:
    """By user, their bans, those that are over too, the oldest first; without users who have none."""
    if not user_ids:
        return {}
    found = defaultdict[UUID, list[Ban]](list)
    for row in connection.execute(OF_USERS, (list(user_ids),)):
        found[row.pop("user_id")].append(Ban(**row))
    return {user_id: tuple(bans) for user_id, bans in found.items()}


def save_bans(connection: SyncConnection, users: Iterable[User]) -> None:
    """Write the rows of the users' bans, and remove those of users who were deleted."""
    rows, gone = list[dict[str, Any]](), list[UUID]()
    for user in users:
        if user.deleted:
            gone.append(user.id)
        for ban in user.bans:
            values = {name: getattr(ban, name) for name in COLUMNS}
            rows.append({"user_id": user.id, **values})
    if rows:
        connection.execute(SAVE, (as_json(rows),))
    if gone:
        connection.execute(FORGET, (gone,))


async def page_of_bans(
    pool: AsyncPool, user_id: UUID, limit: int, before: tuple[object, UUID] | None
) -> list[Ban]:
    """The user's bans, those that are over too, the latest first; from before that place (since, id) on."""
    since, id = before or (None, None)
    wanted = {"user": user_id, "limit": limit, "since": since, "id": id}
    async with pool.connection() as connection:
        rows: list[DictRow] = await (await connection.execute(PAGE, wanted)).fetchall()
    return [Ban(**row) for row in rows]


async def ban_in_force(pool: AsyncPool, user_id: UUID, auction_id: UUID, at: object) -> Ban | None:
    """The ban by which a bid of the user's in that auction was refused that was accepted at that moment."""
    wanted = {"user": user_id, "auction": auction_id, "at": at}
    async with pool.connection() as connection:
        row = await (await connection.execute(IN_FORCE, wanted)).fetchone()
    return Ban(**row) if row else None
