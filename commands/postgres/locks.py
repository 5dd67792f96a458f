"""The advisory locks in Postgres: each has its key here, so that no two share one by mistake.

A key is a text; Postgres locks its 64-bit hash. Locks of a transaction go with it, so that a
process that dies leaves none.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from psycopg import OperationalError

from commands.postgres.connections import SyncConnection

# Deletions of users concern every auction, so closing auctions waits for this one as well.
DELETIONS = "deletions"
# Committing to ticks, making them and revealing them, one at a time.
TICKS = "promoter"
POLICIES = "policies"

EXCLUSIVE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
TRY = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS locked"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"


def acceptance(stream_id: UUID) -> str:
    """Held shared while a job of the stream is accepted, alone for an instant by a cutoff."""
    return str(stream_id)


def projecting(stream_id: UUID, lane: str = "live") -> str:
    """Held by whoever writes the stream's documents; a rebuild has a lane of its own."""
    return f"project:{lane}:{stream_id}"


def rebuilding(projection: str) -> str:
    """Held by whoever rebuilds that projection."""
    return f"rebuild:{projection}"


def lock(connection: SyncConnection, key: str) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    connection.execute(EXCLUSIVE, (key,))


@contextmanager
def locked_if_free(connection: SyncConnection, key: str) -> Iterator[bool]:
    """Hold the lock outside a transaction; False if somebody else has it."""
    row = connection.execute(TRY, (key,)).fetchone()
    if not (row and row["locked"]):
        yield False
        return
    try:
        yield True
    finally:
        # With the connection the lock is gone already.
        with suppress(OperationalError):
            connection.execute(UNLOCK, (key,))
