"""State rows of users. All SQL on the table `users` that handling jobs and signing in need."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from commands.domain.bidders import Bidder
from commands.domain.commands import CreateUser
from commands.domain.user import User
from commands.postgres.bans import bans_of, save_bans
from commands.postgres.connections import SyncConnection, WebConnection
from commands.postgres.exposure import find_stakes, limits_of, save_limits
from commands.postgres.jobs import PERSONAL
from commands.postgres.sessions import forget_sessions_of
from commands.streams import Conflict

READ = """
SELECT id, version, is_staff, deleted_at IS NOT NULL AS deleted, banned_until, limited FROM users WHERE id = %s
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
UPDATE users SET version = %s, deleted_at = %s, withdrawing_at = %s,
    leftovers_due_at = clock_timestamp(), username = NULL, email = NULL, password = '',
    email_confirmed_at = NULL, confirmation_due_at = NULL, banned_until = NULL, limited = NULL
WHERE id = %s
"""
BANNED = "UPDATE users SET version = %s, banned_until = %s WHERE id = %s"
LIMITED = "UPDATE users SET version = %s, limited = %s WHERE id = %s"
# Failed sign-ups are kept to be re-driven; those of the deleted user are erased, too.
FORGET_SIGN_UPS = f"""
UPDATE jobs SET payload = payload - {PERSONAL} FROM users
WHERE users.id = %s AND status = 'FAILED' AND command = 'CreateUser' AND payload ? 'password_hash' AND (
    lower(payload->>'username') = lower(users.username)
    OR lower(payload->>'email') = lower(users.email)
)
"""
# A fingerprint of what the user signed up with would confirm a guess of it.
FORGET_FINGERPRINT = (
    "UPDATE jobs SET fingerprint = '' WHERE stream_id = %s AND command = 'CreateUser'"
)
# Whoever wrote something for the user without knowing of the deletion has ended long before that.
WITH_LEFTOVERS = """
SELECT id, leftovers_due_at < statement_timestamp() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM secret_keys WHERE owner_id = users.id) AS last FROM users
WHERE leftovers_due_at IS NOT NULL ORDER BY leftovers_due_at LIMIT 1000
"""
# While a live bid of theirs is sealed, it may have been so when its auction ended, and is to be revealed then.
DESTROY_KEYS = """
DELETE FROM secret_keys WHERE owner_id = ANY(%s) AND NOT EXISTS (
    SELECT FROM bids JOIN auctions ON auctions.id = auction_id
    WHERE bidder_id = owner_id AND hidden AND NOT deleted AND NOT closed
)
"""
NO_LEFTOVERS = """
UPDATE users SET leftovers_due_at = NULL
WHERE id = ANY(%s) AND NOT EXISTS (SELECT FROM aliases WHERE user_id = users.id)
"""
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
# By the log: the job that deleted the user may have been pruned meanwhile. After the deletion
# nothing happens to a user any more.
WITHDRAWING = """
SELECT users.id AS user_id, withdrawing_at, withdrawn_to, causation_id AS job_id, correlation_id
FROM users JOIN events ON stream_id = users.id AND events.version = users.version
WHERE users.id = %s AND withdrawing_at IS NOT NULL
"""
WITHDRAWN_TO = "UPDATE users SET withdrawn_to = %s WHERE id = %s"
WITHDRAWN = "UPDATE users SET withdrawing_at = NULL, withdrawn_to = NULL WHERE id = %s"
ALL_WITHDRAWING = """
SELECT id FROM users WHERE withdrawing_at IS NOT NULL ORDER BY withdrawing_at LIMIT 1000
"""
LIVE_AUCTIONS = """
SELECT DISTINCT auction_id FROM bids JOIN auctions ON auctions.id = auction_id
WHERE bidder_id = ANY(ARRAY(
    SELECT %(user)s::uuid UNION ALL SELECT id FROM aliases WHERE user_id = %(user)s
)) AND NOT deleted AND (
    NOT closed OR sale_until IS NOT NULL AND sale->>'bidder_id' = bidder_id::text
)
  AND (%(after)s::uuid IS NULL OR auction_id > %(after)s)
ORDER BY auction_id LIMIT %(limit)s
"""
NAMED = "SELECT id, username, is_staff FROM users WHERE username = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user's name, address, and the password hash that sign-in is checked against."""

    user_id: UUID
    username: str
    email: str | None
    is_staff: bool
    password_hash: str


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """A deleted user whose bids are being withdrawn, and the job that did it.

    `withdrawing_at` is when that was accepted. Auctions up to `withdrawn_to` have their jobs.
    """

    user_id: UUID
    withdrawing_at: datetime
    withdrawn_to: UUID | None
    job_id: UUID
    correlation_id: UUID


def lock_user(connection: SyncConnection, user_id: UUID) -> User | None:
    """The user, locked until the transaction ends."""
    return _user(connection, connection.execute(LOCK, (user_id,)).fetchone())


def read_user(connection: SyncConnection, user_id: UUID) -> User | None:
    """The user from the state row."""
    return _user(connection, connection.execute(READ, (user_id,)).fetchone())


def _user(connection: SyncConnection, row: DictRow | None) -> User | None:
    if row is None:
        return None
    bans = bans_of(connection, [row["id"]]) if row["banned_until"] else {}
    limits = limits_of(connection, [row["id"]]) if row.pop("limited") else {}
    return User(**row, bans=bans.get(row["id"], ()), exposure_limit=limits.get(row["id"]))


def username_taken(connection: SyncConnection, username: str) -> bool:
    """Whether a user has that name, whatever its case."""
    row = connection.execute("SELECT 1 FROM users WHERE lower(username) = lower(%s)", (username,))
    return row.fetchone() is not None


def insert_user(
    connection: SyncConnection, command: CreateUser, user: User, created_at: datetime
) -> None:
    """Write a new user's row; Conflict if the name or the id was taken meanwhile."""
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


def erase_user(
    connection: SyncConnection, user: User, accepted_at: datetime, deleted_at: datetime
) -> None:
    """Erase the user's personal data, also in failed sign-ups, destroy their key, and delete their sessions, bans and limit.

    Their bids are to be withdrawn from what was not over when the deletion was accepted. While one of them is
    sealed the key is kept; see destroy_keys_left.
    """
    connection.execute(FORGET_SIGN_UPS, (user.id,))
    connection.execute(FORGET_FINGERPRINT, (user.id,))
    connection.execute(ERASE, (user.version, deleted_at, accepted_at, user.id))
    save_bans(connection, [user])
    save_limits(connection, [user])
    connection.execute(DESTROY_KEYS, ([user.id],))
    forget_sessions_of(connection, user.id)


def save_banned(connection: SyncConnection, user: User) -> None:
    """Write the user's bans as they are now."""
    connection.execute(BANNED, (user.version, user.banned_until, user.id))
    save_bans(connection, [user])


def save_limited(connection: SyncConnection, user: User) -> None:
    """Write the limit on the user's exposure as it is now, and note in which auctions it is used."""
    connection.execute(LIMITED, (user.version, True if user.exposure_limit else None, user.id))
    save_limits(connection, [user])
    if user.exposure_limit:
        find_stakes(connection, [user.id])


def with_leftovers(connection: SyncConnection) -> Mapping[UUID, bool]:
    """Deleted users of whom the notifier may have something left, at most a thousand.

    Each with whether it can get nothing new any more.
    """
    return {row["id"]: row["last"] for row in connection.execute(WITH_LEFTOVERS)}


def destroy_keys_left(connection: SyncConnection, ids: Collection[UUID]) -> None:
    """Destroy the keys of those of the deleted users whose sealed bids are withdrawn, or revealed."""
    connection.execute(DESTROY_KEYS, (list(ids),))


def mark_without_leftovers(connection: SyncConnection, ids: Collection[UUID]) -> None:
    """Note that nothing is left of these users, but of those whose bids are still to be withdrawn under an alias."""
    connection.execute(NO_LEFTOVERS, (list(ids),))


def withdrawing_of(connection: SyncConnection, user_id: UUID) -> Withdrawing | None:
    """Where the withdrawal of the user's bids stands; None if there is none, or none left to do."""
    row = connection.execute(WITHDRAWING, (user_id,)).fetchone()
    return Withdrawing(**row) if row else None


def next_to_withdraw_from(
    connection: SyncConnection, withdrawing: Withdrawing, limit: int
) -> list[UUID]:
    """The next auctions, by their ids, that are not closed and in which the user has live bids, or whose lot they are offered.

    Whether an auction was over when the deletion was accepted is decided there: its end may move.

    Notes that these have their jobs; with fewer than so many that nothing is left to do.
    """
    page = {
        "user": withdrawing.user_id,
        "after": withdrawing.withdrawn_to,
        "limit": limit,
    }
    auctions: list[UUID] = [
        row["auction_id"] for row in connection.execute(LIVE_AUCTIONS, page).fetchall()
    ]
    if len(auctions) < limit:
        connection.execute(WITHDRAWN, (withdrawing.user_id,))
    else:
        connection.execute(WITHDRAWN_TO, (auctions[-1], withdrawing.user_id))
    return auctions


def withdrawing_users(connection: SyncConnection) -> list[UUID]:
    """Deleted users whose bids are not withdrawn everywhere yet; at most a thousand."""
    return [row["id"] for row in connection.execute(ALL_WITHDRAWING)]


def current_names(connection: SyncConnection, ids: Collection[UUID]) -> Mapping[UUID, str]:
    """The users' names as they are now, without those who were deleted."""
    rows = connection.execute(NAMES, (list(ids),))
    return {row["id"]: row["username"] for row in rows if row["username"]}


def id_of(connection: SyncConnection, username: str) -> UUID | None:
    """The id of the user of that name, whatever its case."""
    row = connection.execute(
        "SELECT id FROM users WHERE lower(username) = lower(%s)", (username,)
    ).fetchone()
    return row["id"] if row else None


async def credentials_of(connection: WebConnection, username: str) -> Credentials | None:
    """The credentials of the user of that name, in any case; None without such a user."""
    row = await (await connection.execute(CREDENTIALS_OF_NAME, (username,))).fetchone()
    return Credentials(**row) if row else None


async def living_user(connection: WebConnection, user_id: UUID) -> DictRow | None:
    """id, version, is_staff and username of a user who was not deleted."""
    return await (await connection.execute(LIVING, (user_id,))).fetchone()


async def usernames(connection: WebConnection, ids: Collection[UUID]) -> dict[UUID, str | None]:
    """The users' names; None for those who were deleted."""
    cursor = await connection.execute(NAMES, (list(ids),))
    return {row["id"]: row["username"] async for row in cursor}


async def credentials_of_id(connection: WebConnection, user_id: UUID) -> Credentials | None:
    """The credentials of that user; None if they were deleted."""
    row = await (await connection.execute(CREDENTIALS_OF_ID, (user_id,))).fetchone()
    return Credentials(**row) if row else None


async def replace_hash(
    connection: WebConnection, user_id: UUID, old_hash: str, new_hash: str
) -> bool:
    """Replace the password hash; False if the old one is not the user's any more."""
    values = {"user": user_id, "old": old_hash, "new": new_hash}
    return await (await connection.execute(REPLACE_HASH, values)).fetchone() is not None


def bidders_named(connection: SyncConnection, names: Collection[str]) -> Mapping[str, Bidder]:
    """The users of these names who exist, as bidders without bans."""
    rows = connection.execute(NAMED, (list(names),))
    return {row["username"]: Bidder(row["id"], row["is_staff"]) for row in rows}
