"""Sessions: a row for each sign-in. All SQL on the table `sessions` is here.

A session has ended when `expires_at` is past. Whoever ends one early must then publish it, so that its
open sockets close.

An index finds what is later than statement_timestamp(), which stands still, but not what is later than
clock_timestamp(). The latter is compared, too, where a row may have been waited for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from commands.postgres.connections import SyncConnection, WebConnection

# Waits for a change of the user's password in another transaction, and then finds the new password,
# so that no session is opened with the old one.
OPEN = """
INSERT INTO sessions (id, user_id, seed, generation, created_at, used_at, expires_at)
SELECT %(id)s, users.id, %(seed)s, 0, now, now, now + least(%(idle)s::interval, %(longest)s::interval)
FROM users CROSS JOIN (SELECT clock_timestamp() AS now) AS moment
WHERE id = %(user)s AND password = %(password)s AND deleted_at IS NULL
FOR SHARE OF users
RETURNING id
"""
OWNER = """
SELECT users.id, users.is_staff FROM sessions JOIN users ON users.id = sessions.user_id
WHERE sessions.id = {session} AND users.id = {user} AND sessions.expires_at > clock_timestamp()
  AND users.deleted_at IS NULL
"""
CHECK = f"""
SELECT given.*, owner.id, owner.is_staff
FROM unnest(%s::uuid[], %s::uuid[]) AS given (session_id, user_id)
CROSS JOIN LATERAL ({OWNER.format(session="given.session_id", user="given.user_id")}) AS owner
"""
# The same as a condition, for statements of others.
GOES_ON = f"EXISTS ({OWNER})"
LOCK = """
SELECT user_id, users.is_staff, seed, generation, used_at > clock_timestamp() - %(grace)s AS in_grace
FROM sessions JOIN users ON users.id = sessions.user_id
WHERE sessions.id = %(id)s AND sessions.expires_at > clock_timestamp()
  AND sessions.created_at > clock_timestamp() - %(longest)s AND users.deleted_at IS NULL
FOR UPDATE OF sessions
"""
ADVANCE = """
UPDATE sessions SET generation = %(generation)s, used_at = clock_timestamp(),
    expires_at = least(clock_timestamp() + %(idle)s, created_at + %(longest)s)
WHERE id = %(id)s
"""
END = """
UPDATE sessions SET expires_at = clock_timestamp()
WHERE id = %(id)s AND (user_id = %(user)s OR %(user)s::uuid IS NULL)
  AND expires_at > clock_timestamp()
RETURNING id
"""
END_OTHERS = """
UPDATE sessions SET expires_at = clock_timestamp()
WHERE user_id = %(user)s AND expires_at > statement_timestamp()
  AND id IS DISTINCT FROM %(kept)s::uuid AND expires_at > clock_timestamp()
RETURNING id
"""
# Runs after OPEN is committed, so that of several sign-ins at once the last sees them all.
END_BEYOND = """
UPDATE sessions SET expires_at = clock_timestamp()
WHERE user_id = %(user)s AND expires_at > statement_timestamp() AND id IN (
    SELECT id FROM sessions WHERE user_id = %(user)s AND expires_at > statement_timestamp()
    ORDER BY used_at DESC, id DESC OFFSET %(most)s
) AND expires_at > clock_timestamp()
RETURNING id
"""
OF_USER = """
SELECT id, created_at, used_at, expires_at FROM sessions
WHERE user_id = %(user)s AND expires_at > statement_timestamp()
  AND (%(before)s::timestamptz IS NULL OR (created_at, id) < (%(before)s, %(id)s))
ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""
FORGET_ENDED = """
DELETE FROM sessions WHERE id = ANY(ARRAY(
    SELECT id FROM sessions WHERE expires_at < statement_timestamp() - %(age)s
    ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""

# Django keeps a row for each sign-in at admin, and never removes one by itself.
FORGET_ADMINS = """
DELETE FROM django_session WHERE session_key = ANY(ARRAY(
    SELECT session_key FROM django_session WHERE expire_date < statement_timestamp() - %(age)s
    ORDER BY expire_date LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""
# It has no index on its times, but its numbers rise with them.
FORGET_ADMINS_LOG = """
DELETE FROM django_admin_log WHERE id = ANY(ARRAY(
    SELECT id FROM (SELECT id, action_time FROM django_admin_log ORDER BY id LIMIT %(limit)s) AS oldest
    WHERE action_time < statement_timestamp() - %(age)s
))
"""
FORGET_USERS = "DELETE FROM sessions WHERE user_id = %s"

# How many open sessions a user can have.
MOST_OPEN = 50


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """A session ends when it was not refreshed for `idle`, and in any case `longest` after its sign-in."""

    idle: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Claim:
    """A session, and whose it is said to be."""

    session_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Owner:
    """The user whose session it is."""

    id: UUID
    is_staff: bool


@dataclass(frozen=True, slots=True)
class LockedSession:
    """An open session. `generation` counts its refreshes; `in_grace` if the last was moments ago."""

    user_id: UUID
    is_staff: bool
    seed: bytes
    generation: int
    in_grace: bool


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as shown to its user; `used_at` is when it was last refreshed."""

    id: UUID
    created_at: datetime
    used_at: datetime
    expires_at: datetime


async def open_session(
    connection: WebConnection,
    session_id: UUID,
    user_id: UUID,
    password_hash: str,
    seed: bytes,
    lifetimes: Lifetimes,
) -> bool:
    """Open a session; False if the user was deleted or has another password hash by now."""
    values = {
        "id": session_id,
        "user": user_id,
        "password": password_hash,
        "seed": seed,
        "idle": lifetimes.idle,
        "longest": lifetimes.longest,
    }
    return await (await connection.execute(OPEN, values)).fetchone() is not None


async def end_beyond(connection: WebConnection, user_id: UUID) -> int:
    """End what the user has beyond MOST_OPEN sessions, those used longest ago; how many there were."""
    ended = await connection.execute(END_BEYOND, {"user": user_id, "most": MOST_OPEN})
    return len(await ended.fetchall())


async def owners_of(connection: WebConnection, claims: Sequence[Claim]) -> Mapping[Claim, Owner]:
    """The users of those sessions that are theirs and open, and who were not deleted; in one statement."""
    given = ([each.session_id for each in claims], [each.user_id for each in claims])
    return {
        Claim(row["session_id"], row["user_id"]): Owner(row["id"], row["is_staff"])
        async for row in await connection.execute(CHECK, given)
    }


async def lock_session(
    connection: WebConnection, session_id: UUID, lifetimes: Lifetimes, grace: timedelta
) -> LockedSession | None:
    """The session, locked until the transaction ends; None if it has ended."""
    values = {"id": session_id, "longest": lifetimes.longest, "grace": grace}
    row = await (await connection.execute(LOCK, values)).fetchone()
    return LockedSession(**row) if row else None


async def advance(
    connection: WebConnection, session_id: UUID, generation: int, lifetimes: Lifetimes
) -> None:
    """Note that the session was refreshed and has this generation now."""
    values = {
        "id": session_id,
        "generation": generation,
        "idle": lifetimes.idle,
        "longest": lifetimes.longest,
    }
    await connection.execute(ADVANCE, values)


async def end(connection: WebConnection, session_id: UUID, user_id: UUID | None = None) -> bool:
    """End the session (with a user, only if it is theirs); whether it was open."""
    ended = await connection.execute(END, {"id": session_id, "user": user_id})
    return await ended.fetchone() is not None


async def end_others(connection: WebConnection, user_id: UUID, kept: UUID | None) -> int:
    """End the user's sessions except `kept`; how many were open."""
    ended = await connection.execute(END_OTHERS, {"user": user_id, "kept": kept})
    return len(await ended.fetchall())


async def sessions_of(
    connection: WebConnection, user_id: UUID, limit: int, before: tuple[datetime, UUID] | None
) -> list[OpenSession]:
    """The user's open sessions, newest sign-in first, after that place."""
    moment, session_id = before or (None, None)
    values = {"user": user_id, "limit": limit, "before": moment, "id": session_id}
    return [OpenSession(**row) async for row in await connection.execute(OF_USER, values)]


def forget_sessions_of(connection: SyncConnection, user_id: UUID) -> None:
    """Delete the rows of a deleted user's sessions."""
    connection.execute(FORGET_USERS, (user_id,))
