"""The advisory locks in Postgres and their keys, in one place so that no two are equal by mistake.

A key is a text, of which Postgres locks the 64-bit hash. A lock ends with its transaction or
connection, so a process that dies leaves none.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from psycopg import OperationalError

from commands.postgres.connections import SyncConnection

# A user's deletion concerns all auctions, so closing takes a cutoff of this lock, too.
DELETIONS = "deletions"
# Committing to ticks, making them and revealing them, one at a time.
TICKS = "promoter"
POLICIES = "policies"
# Importing a record.
IMPORTING = "importing"
# Bringing the rights of the database's roles up to date.
ROLES = "roles"
# Making checkpoints: only so that nobody does in vain what another is doing.
CHECKPOINTS = "checkpoints"

EXCLUSIVE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
TRY = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS locked"
TRY_ALL = """
SELECT key FROM unnest(%s::text[]) AS key WHERE pg_try_advisory_xact_lock(hashtextextended(key, 0))
"""
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"


def acceptance(stream_id: UUID) -> str:
    """Held shared while a job of the stream is accepted, alone for an instant by a cutoff."""
    return str(stream_id)


def projecting(stream_id: UUID, lane: str = "live") -> str:
    """Held while the stream's documents are written; live documents and rebuilds have separate lanes."""
    return f"project:{lane}:{stream_id}"


def rebuilding(projection: str) -> str:
    """Held while that projection is rebuilt."""
    return f"rebuild:{projection}"


def lock(connection: SyncConnection, key: str) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    connection.execute(EXCLUSIVE, (key,))


def try_lock_all(connection: SyncConnection, keys: Iterable[str]) -> list[str]:
    """Hold those of the locks that are free until the transaction ends; which they were."""
    return [row["key"] for row in connection.execute(TRY_ALL, (list(keys),))]


@contextmanager
def locked_if_free(connection: SyncConnection, key: str) -> Iterator[bool]:
    """Hold the lock outside a transaction while the block runs; gives False if another connection has it."""
    row = connection.execute(TRY, (key,)).fetchone()
    if not (row and row["locked"]):
        yield False
        return
    try:
        yield True
    finally:
        # The lock ended with the connection.
        with suppress(OperationalError):
            connection.execute(UNLOCK, (key,))
