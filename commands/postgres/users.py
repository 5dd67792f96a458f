"""Users' state rows, the only home of personal data."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from commands.domain.commands import CreateUser
from commands.domain.user import User
from commands.postgres.connections import SyncConnection, WebConnection
from commands.postgres.jobs import PERSONAL
from commands.postgres.sessions import forget_sessions_of
from commands.streams import Conflict

READ = """
SELECT id, version, is_staff, deleted_at IS NOT NULL AS deleted FROM users WHERE id = %s
"""
LOCK = f"{READ} FOR UPDATE"
LIVING = """
SELECT id, version, is_staff, username FROM users WHERE id = %s AND deleted_at IS NULL
"""
NAMES = "SELECT id, username FROM users WHERE id = ANY(%s)"
INSERT = """
INSERT INTO users (id, username, email, password, is_staff, version, created_at,
                   confirmation_due_at)
SELECT id, username, email, password, is_staff, version, created_at,
       CASE WHEN email IS NOT NULL THEN created_at END
FROM (VALUES (%s::uuid, %s::text, %s::text, %s::text, %s::bool, %s::int, %s::timestamptz))
     AS new (id, username, email, password, is_staff, version, created_at)
"""
ERASE = """
UPDATE users SET version = %s, deleted_at = %s, username = NULL, email = NULL, password = '',
    email_confirmed_at = NULL, confirmation_due_at = NULL
WHERE id = %s
"""
# Sign-ups of theirs that failed are kept to be re-driven; they go with the user.
FORGET_SIGN_UPS = f"""
UPDATE jobs SET payload = payload - {PERSONAL} FROM users
WHERE users.id = %s AND status = 'FAILED' AND command = 'CreateUser' AND (
    lower(payload->>'username') = lower(users.username)
    OR lower(payload->>'email') = lower(users.email)
)
"""
# A fingerprint of what the user signed up with would confirm a guess of it.
FORGET_FINGERPRINT = (
    "UPDATE jobs SET fingerprint = '' WHERE stream_id = %s AND command = 'CreateUser'"
)
CREDENTIALS = """
SELECT id AS user_id, username, email, is_staff, password AS password_hash FROM users
WHERE {} AND deleted_at IS NULL
"""
CREDENTIALS_OF_NAME = CREDENTIALS.format("lower(username) = lower(%s)")
CREDENTIALS_OF_ID = CREDENTIALS.format("id = %s")
REPLACE_HASH = """
UPDATE users SET password = %(new)s
WHERE id = %(user)s AND password = %(old)s AND deleted_at IS NULL
RETURNING id
"""
LIVE_AUCTIONS = """
SELECT DISTINCT auction_id FROM bids JOIN auctions ON auctions.id = auction_id
WHERE bidder_id = %s AND NOT deleted AND NOT closed AND ends_at > %s ORDER BY auction_id
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signing in is checked against, and a new password."""

    user_id: UUID
    username: str
    email: str | None
    is_staff: bool
    password_hash: str


def lock_user(connection: SyncConnection, user_id: UUID) -> User | None:
    """The user, locked until the transaction ends."""
    row = connection.execute(LOCK, (user_id,)).fetchone()
    return User(**row) if row else None


def read_user(connection: SyncConnection, user_id: UUID) -> User | None:
    """The user as the state row tells."""
    row = connection.execute(READ, (user_id,)).fetchone()
    return User(**row) if row else None


def username_taken(connection: SyncConnection, username: str) -> bool:
    """Whether a user has that name, whatever its case."""
    row = connection.execute("SELECT 1 FROM users WHERE lower(username) = lower(%s)", (username,))
    return row.fetchone() is not None


def insert_user(
    connection: SyncConnection, command: CreateUser, user: User, created_at: datetime
) -> None:
    """Write a new user's row; Conflict if somebody took the name or the id meanwhile."""
    try:
        connection.execute(
            INSERT,
            (
                user.id, command.username, command.email, command.password_hash, user.is_staff,
                user.version, created_at,
            ),
        )  # fmt: skip
    except UniqueViolation as error:
        raise Conflict(f"user {user.id} or their name") from error


def erase_user(connection: SyncConnection, user: User, deleted_at: datetime) -> None:
    """Leave nothing of the user but that they were there; their sessions end with it."""
    connection.execute(FORGET_SIGN_UPS, (user.id,))
    connection.execute(FORGET_FINGERPRINT, (user.id,))
    connection.execute(ERASE, (user.version, deleted_at, user.id))
    forget_sessions_of(connection, user.id)


def auctions_to_withdraw_from(
    connection: SyncConnection, user_id: UUID, at: datetime
) -> list[UUID]:
    """The auctions, open at that moment, in which the user has live bids."""
    rows = connection.execute(LIVE_AUCTIONS, (user_id, at))
    return [row["auction_id"] for row in rows]


def current_name(connection: SyncConnection, user_id: UUID) -> str | None:
    """The user's name as it is now; None once the user was deleted."""
    row = connection.execute("SELECT username FROM users WHERE id = %s", (user_id,)).fetchone()
    return row["username"] if row else None


def id_of(connection: SyncConnection, username: str) -> UUID | None:
    """The id of the user of that name, whatever its case."""
    row = connection.execute(
        "SELECT id FROM users WHERE lower(username) = lower(%s)", (username,)
    ).fetchone()
    return row["id"] if row else None


async def credentials_of(connection: WebConnection, username: str) -> Credentials | None:
    """What the user of that name, whatever its case, signs in with."""
    row = await (await connection.execute(CREDENTIALS_OF_NAME, (username,))).fetchone()
    return Credentials(**row) if row else None


async def living_user(connection: WebConnection, user_id: UUID) -> DictRow | None:
    """id, version, is_staff and username of a user who was not deleted."""
    return await (await connection.execute(LIVING, (user_id,))).fetchone()


async def usernames(connection: WebConnection, ids: Collection[UUID]) -> dict[UUID, str | None]:
    """Those users' names; None for one who was deleted."""
    cursor = await connection.execute(NAMES, (list(ids),))
    return {row["id"]: row["username"] async for row in cursor}


async def credentials_of_id(connection: WebConnection, user_id: UUID) -> Credentials | None:
    """What that user signs in with."""
    row = await (await connection.execute(CREDENTIALS_OF_ID, (user_id,))).fetchone()
    return Credentials(**row) if row else None


async def replace_hash(
    connection: WebConnection, user_id: UUID, old_hash: str, new_hash: str
) -> bool:
    """Whether the user still had the old password, and has the new one now."""
    values = {"user": user_id, "old": old_hash, "new": new_hash}
    return await (await connection.execute(REPLACE_HASH, values)).fetchone() is not None
