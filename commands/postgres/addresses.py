"""Users' addresses: which are confirmed, and which are due for a confirmation mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commands.postgres.connections import SyncConnection, WebConnection

# Runs in the transaction that enqueues the mails, so that each address gets one mail.
TAKE_DUE = """
UPDATE users SET confirmation_due_at = NULL WHERE id IN (
    SELECT id FROM users WHERE confirmation_due_at IS NOT NULL
      AND (id = %(user)s OR %(user)s::uuid IS NULL)
    ORDER BY confirmation_due_at LIMIT 1000 FOR UPDATE SKIP LOCKED
)
RETURNING id
"""
ADDRESS = """
SELECT email AS address, email_confirmed_at AS confirmed_at, password AS password_hash
FROM users WHERE id = %s AND deleted_at IS NULL
"""
CONFIRM = """
UPDATE users SET email_confirmed_at = coalesce(email_confirmed_at, clock_timestamp())
WHERE id = %s AND email = %s AND deleted_at IS NULL
RETURNING id
"""
CHANGE = """
UPDATE users SET email = %(address)s, email_confirmed_at = NULL, confirmation_due_at = NULL
WHERE id = %(user)s AND password = %(password)s AND deleted_at IS NULL
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Address:
    """A user's address, if any, and their password hash, which links to a new password are bound to."""

    address: str | None
    confirmed_at: datetime | None
    password_hash: str


def take_due_confirmations(connection: SyncConnection, user_id: UUID | None) -> Sequence[UUID]:
    """The users (that one, or at most 1,000) who are due for a confirmation mail; each is given once."""
    return [row["id"] for row in connection.execute(TAKE_DUE, {"user": user_id})]


def address_of(connection: SyncConnection, user_id: UUID) -> Address | None:
    """The user's address; None if they were deleted."""
    row = connection.execute(ADDRESS, (user_id,)).fetchone()
    return Address(**row) if row else None


async def own_address(connection: WebConnection, user_id: UUID) -> Address | None:
    """As address_of, for the web process."""
    row = await (await connection.execute(ADDRESS, (user_id,))).fetchone()
    return Address(**row) if row else None


def confirm(connection: SyncConnection, user_id: UUID, address: str) -> bool:
    """Mark the address as confirmed; False if it is not the user's address any more."""
    return connection.execute(CONFIRM, (user_id, address)).fetchone() is not None


async def change_address(
    connection: WebConnection, user_id: UUID, password_hash: str, address: str | None
) -> bool:
    """Set another, unconfirmed address; False if the user's password hash is not that one any more."""
    values = {"user": user_id, "password": password_hash, "address": address}
    return await (await connection.execute(CHANGE, values)).fetchone() is not None
