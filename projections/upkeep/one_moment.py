"""Reading a stream for its verification: all as of one moment, a page at a time, along the chain."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from psycopg import IsolationLevel
from psycopg.rows import DictRow

from commands.postgres.connections import SyncConnection
from commands.postgres.event_store import COLUMNS, content_of
from commands.postgres.locks import lock, projecting
from commands.record.chain import GENESIS, chain_hash
from commands.streams import Stream

# Events that are in memory together.
PAGE = 1000
READ = f"""
SELECT position, {COLUMNS} FROM events WHERE stream_id = %s AND version > %s
ORDER BY version LIMIT %s
"""
# Between its statements the connection is idle while a long history is replayed. Nobody waits for that
# transaction: it only reads, so it holds up no reader of the global order.
UNHURRIED = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0"


@contextmanager
def of_one_moment(connection: SyncConnection) -> Iterator[None]:
    """All that the block reads from Postgres is as of one moment, however long it takes."""
    connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        with connection.transaction():
            connection.execute(UNHURRIED)
            yield
    finally:
        if not connection.closed:
            connection.set_isolation_level(None)


@contextmanager
def held(connection: SyncConnection, stream: Stream) -> Iterator[None]:
    """No process projects the stream in the block."""
    with connection.transaction():
        connection.execute(UNHURRIED)
        lock(connection, projecting(stream.id))
        yield


def pages(connection: SyncConnection, stream_id: UUID) -> Iterator[list[DictRow]]:
    """The rows of the stream's events in order, with their positions, some at a time."""
    after: int | None = -(2**31)
    while after is not None:
        rows = connection.execute(READ, (stream_id, after, PAGE)).fetchall()
        if rows:
            yield rows
        after = rows[-1]["version"] if len(rows) == PAGE else None


class Chain:
    """Follows a stream's chain of hashes."""

    def __init__(self) -> None:
        self.version, self._hash = 0, GENESIS

    def problem(self, rows: Sequence[DictRow]) -> str | None:
        """What is wrong with the next events; None if they fit the chain."""
        for row in rows:
            expected = self.version + 1
            if row["version"] != expected:
                return f"version {expected} is missing: {row['version']} stands in its place"
            self._hash = chain_hash(self._hash, content_of(row))
            if self._hash != bytes(row["hash"]):
                return f"version {expected} ({row['type']}) does not fit the chain: it was changed"
            self.version = expected
        return None
