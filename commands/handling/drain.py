"""Draining a stream: batch after batch until no job waits."""

import traceback
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from psycopg import DataError, IntegrityError
from psycopg_pool import ConnectionPool

from commands.handling.auctions import handle_auction
from commands.handling.batch import Handled
from commands.handling.policies import handle_policies
from commands.handling.users import handle_user
from commands.ports import Conflict, JobStatus, Outcome, Stream, StreamKind
from commands.postgres.inbox import PostgresJobInbox
from commands.postgres.pool import SyncConnection, clock

log = structlog.get_logger("commands")

Handler = Callable[[SyncConnection, Stream, datetime, int], Handled]
# A tick takes no jobs: the house makes it by itself.
HANDLERS: Mapping[StreamKind, Handler] = {
    "auction": handle_auction,
    "user": handle_user,
    "policies": handle_policies,
}

# Jobs in one transaction.
BATCH = 200
# Each lost race means that somebody else got on, so losing this many in a row is a fault.
RACES = 10


def drain_batch(
    stream: Stream, pool: ConnectionPool[SyncConnection], limit: int = BATCH
) -> Handled:
    """Handle the stream's oldest waiting jobs, those accepted before now; nothing if none waits.

    Busy if another worker has the stream. A job that can't be written is settled as FAILED.
    """
    with pool.connection() as connection:
        try:
            return _handle(connection, stream, limit)
        except (DataError, IntegrityError):
            error = traceback.format_exc()
            if limit == 1:
                return _fail_next(connection, stream, error)
    # One of the batch can't be written. One at a time, only that one fails.
    return drain_batch(stream, pool, limit=1)


def _handle(connection: SyncConnection, stream: Stream, limit: int) -> Handled:
    handle = HANDLERS[stream.kind]
    for _ in range(RACES):
        cutoff = PostgresJobInbox(connection).cutoff(stream)
        try:
            with connection.transaction():
                return handle(connection, stream, cutoff, limit)
        except Conflict as conflict:
            log.info("decided on stale state, deciding again", reason=str(conflict))
    raise Conflict(f"{stream} lost {RACES} races in a row")


def _fail_next(connection: SyncConnection, stream: Stream, error: str) -> Handled:
    inbox = PostgresJobInbox(connection)
    jobs = inbox.waiting(stream, inbox.cutoff(stream), limit=1)
    outcomes = [Outcome(job, JobStatus.FAILED, error=error) for job in jobs]
    inbox.settle(outcomes, clock(connection))
    return Handled(outcomes)
