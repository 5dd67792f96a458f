"""Sign-ins, a row each: the only home of SQL on `sessions`.

A session that ended is announced by whoever ended it, so that its open sockets close.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

OPEN = """
INSERT INTO sessions (id, user_id, refresh_hash, created_at, expires_at)
SELECT %(id)s, id, %(hash)s, clock_timestamp(), clock_timestamp() + %(lifetime)s
FROM users WHERE id = %(user)s AND deleted_at IS NULL
RETURNING id
"""
CHECK = """
SELECT users.id, users.is_staff FROM sessions JOIN users ON users.id = sessions.user_id
WHERE sessions.id = %s AND users.id = %s AND sessions.revoked_at IS NULL
  AND sessions.expires_at > clock_timestamp() AND users.deleted_at IS NULL
"""
ROTATE = """
UPDATE sessions SET refresh_hash = %(new)s, expires_at = clock_timestamp() + %(lifetime)s
FROM users
WHERE sessions.id = %(id)s AND sessions.refresh_hash = %(old)s AND sessions.revoked_at IS NULL
  AND sessions.expires_at > clock_timestamp()
  AND users.id = sessions.user_id AND users.deleted_at IS NULL
RETURNING users.id, users.is_staff
"""
REVOKE = """
UPDATE sessions SET revoked_at = clock_timestamp() WHERE id = %s AND revoked_at IS NULL
RETURNING id
"""
REVOKE_ONLY_IF = """
UPDATE sessions SET revoked_at = clock_timestamp()
WHERE id = %s AND refresh_hash = %s AND revoked_at IS NULL
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is."""

    id: UUID
    is_staff: bool


async def open_session(
    connection: AsyncConnection[DictRow],
    session_id: UUID,
    user_id: UUID,
    refresh_hash: bytes,
    lifetime: timedelta,
) -> bool:
    """A new session of the user's; whether the user is still there to have one."""
    values = {"id": session_id, "user": user_id, "hash": refresh_hash, "lifetime": lifetime}
    return await (await connection.execute(OPEN, values)).fetchone() is not None


async def owner_of(
    connection: AsyncConnection[DictRow], session_id: UUID, user_id: UUID
) -> Owner | None:
    """The user, if the session is theirs and neither it nor they have ended."""
    row = await (await connection.execute(CHECK, (session_id, user_id))).fetchone()
    return Owner(**row) if row else None


async def rotate(
    connection: AsyncConnection[DictRow],
    session_id: UUID,
    old_hash: bytes,
    new_hash: bytes,
    lifetime: timedelta,
) -> Owner | None:
    """Put the new token's hash in place of the old one's; None if the session has another, or has ended."""
    values = {"id": session_id, "old": old_hash, "new": new_hash, "lifetime": lifetime}
    row = await (await connection.execute(ROTATE, values)).fetchone()
    return Owner(**row) if row else None


async def revoke(
    connection: AsyncConnection[DictRow], session_id: UUID, refresh_hash: bytes | None = None
) -> bool:
    """End the session, if given only with the token of that hash; whether there was one to end."""
    if refresh_hash is None:
        revoked = await connection.execute(REVOKE, (session_id,))
    else:
        revoked = await connection.execute(REVOKE_ONLY_IF, (session_id, refresh_hash))
    return await revoked.fetchone() is not None
