"""Reading the record for exports: all of it or an auction's, as of one moment, a page of rows at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from psycopg import IsolationLevel
from psycopg.rows import DictRow

from commands.domain.policies import STREAM
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import COLUMNS

ALL = f"SELECT {COLUMNS} FROM events ORDER BY position"
LAST = "SELECT coalesce(max(position), 0) AS count FROM events"
OF_STREAM = f"SELECT {COLUMNS} FROM events WHERE stream_id = %s ORDER BY version"
# Those that were made while the auction was open, which a draw in it must be of. Of the neighbours one may
# have been begun before its end, and another tells whether the last one's secret is due.
TICKS = """
WITH open AS (
    SELECT (SELECT min(number) FROM promoter_ticks WHERE made_at >= starts_at) - 1 AS first,
           (SELECT max(number) FROM promoter_ticks WHERE made_at < ends_at) + 2 AS last
    FROM auctions WHERE id = %s
)
SELECT stream_id FROM promoter_ticks, open WHERE number BETWEEN first AND last ORDER BY number
"""
PEOPLE = """
SELECT id, username, email, password, email_confirmed_at FROM users
WHERE deleted_at IS NULL AND username IS NOT NULL ORDER BY id
"""
WAITING = "SELECT count(*) AS count FROM jobs WHERE status = 'QUEUED'"
# Between its statements the connection is idle while the file is written. Nobody waits for that
# transaction: it only reads, so it holds up no reader of the global order.
UNHURRIED = "SET LOCAL idle_in_transaction_session_timeout = 0"
PAGE = 2_000


@contextmanager
def one_moment(pool: Pool) -> Iterator[SyncConnection]:
    """A connection that sees everything as it is now, whatever is committed meanwhile."""
    with pool.connection() as connection:
        connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        connection.set_read_only(True)
        try:
            with connection.transaction():
                connection.execute(UNHURRIED)
                yield connection
        finally:
            connection.set_isolation_level(None)
            connection.set_read_only(None)


def pages_of(
    connection: SyncConnection, query: str, parameters: Sequence[object] = ()
) -> Iterator[DictRow]:
    """The rows of any size of answer, of which a page is in memory at a time."""
    with connection.cursor(name="pages") as cursor:
        cursor.itersize = PAGE
        cursor.execute(query, parameters)
        yield from cursor


def all_events(connection: SyncConnection) -> Iterator[DictRow]:
    """The rows of all events, in the order of their positions."""
    return pages_of(connection, ALL)


def events_of(connection: SyncConnection, streams: Sequence[UUID]) -> Iterator[DictRow]:
    """The rows of these streams' events, one stream after the other."""
    for stream in streams:
        yield from pages_of(connection, OF_STREAM, (stream,))


def streams_to_check(connection: SyncConnection, auction_id: UUID) -> list[UUID]:
    """The streams by which an auction can be checked: the policies', the ticks' that may have drawn in it, its own."""
    ticks = [row["stream_id"] for row in connection.execute(TICKS, (auction_id,))]
    return [STREAM, *ticks, auction_id]


def all_people(connection: SyncConnection) -> Iterator[DictRow]:
    """What only the table of users has of those who were not deleted, by their ids."""
    return pages_of(connection, PEOPLE)


def about_so_many(connection: SyncConnection) -> int:
    """About how many events there are: the last position."""
    return _count(connection, LAST)


def count_waiting(connection: SyncConnection) -> int:
    """How many accepted commands are not decided yet; they have no events."""
    return _count(connection, WAITING)


def _count(connection: SyncConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    count: int = row["count"]
    return count
