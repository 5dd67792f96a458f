"""The addresses of users: which are confirmed, and which are to be asked about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commands.postgres.connections import SyncConnection, WebConnection

# Taken up in the transaction that enqueues the mails: each is asked about once.
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
    """Where a user's mail goes, if anywhere; and the hash that a link to a new password is bound to."""

    address: str | None
    confirmed_at: datetime | None
    password_hash: str


def take_due_confirmations(connection: SyncConnection, user_id: UUID | None) -> Sequence[UUID]:
    """Those whose addresses are to be asked about (of one user, or at most 1,000), once."""
    return [row["id"] for row in connection.execute(TAKE_DUE, {"user": user_id})]


def address_of(connection: SyncConnection, user_id: UUID) -> Address | None:
    """The user's address; None once they were deleted."""
    row = connection.execute(ADDRESS, (user_id,)).fetchone()
    return Address(**row) if row else None


async def own_address(connection: WebConnection, user_id: UUID) -> Address | None:
    """As address_of, for the web process."""
    row = await (await connection.execute(ADDRESS, (user_id,))).fetchone()
    return Address(**row) if row else None


def confirm(connection: SyncConnection, user_id: UUID, address: str) -> bool:
    """Mail may go there from now on; whether it is still the user's address."""
    return connection.execute(CONFIRM, (user_id, address)).fetchone() is not None


async def change_address(
    connection: WebConnection, user_id: UUID, password_hash: str, address: str | None
) -> bool:
    """Another address, not confirmed yet; whether the user still had that password."""
    values = {"user": user_id, "password": password_hash, "address": address}
    return await (await connection.execute(CHANGE, values)).fetchone() is not None
