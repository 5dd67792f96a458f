"""Draining a stream: batch after batch until no job waits.

A transient fault is raised, and the caller tries again later. Any other fault concerns one job,
which is settled as FAILED and kept with its payload and error until somebody re-drives it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from commands.handling.auctions import handle_auction
from commands.handling.batch import Handled
from commands.handling.policies import handle_policies
from commands.handling.users import handle_user
from commands.jobs import Job, JobOutcome, JobStatus
from commands.postgres.connections import Pool, SyncConnection, clock
from commands.postgres.errors import passes, with_traceback
from commands.postgres.jobs import PostgresJobInbox
from commands.streams import Busy, Conflict, Stream, StreamKind

log = structlog.get_logger("commands")

Handler = Callable[[SyncConnection, Stream, datetime, int], Handled]
# A tick's stream has no jobs: commands/promoter/rounds.py appends its events.
HANDLERS: Mapping[StreamKind, Handler] = {
    "auction": handle_auction,
    "user": handle_user,
    "policies": handle_policies,
}

# Jobs in one transaction.
BATCH = 200
# A lost race means that another worker made progress; so many in a row are a fault.
RACES = 10
# After so many transient faults while handled by itself, a job is taken for their cause and fails.
TRIES = 5


def drain_batch(stream: Stream, pool: Pool, limit: int = BATCH) -> Handled:
    """Handle the stream's oldest waiting jobs that were accepted before now, if there are any.

    Busy if another worker has locked the stream. A transient fault is raised; nothing is changed.
    """
    try:
        with pool.connection() as connection:
            return _handle(connection, stream, limit)
    except Busy:
        raise
    except Exception as error:
        if passes(error):
            raise
        log.warning("a batch can't be handled, going one by one", error=type(error).__name__)
    return drain_one(stream, pool)


def drain_one(stream: Stream, pool: Pool) -> Handled:
    """Handle only the stream's oldest waiting job, so that a fault can be counted for that job."""
    with pool.connection() as connection:
        job = PostgresJobInbox(connection).oldest(stream)
    if job is None:
        return Handled()
    try:
        with pool.connection() as connection:
            return _handle(connection, stream, limit=1)
    except Busy:
        raise
    except Exception as error:
        with pool.connection() as connection:
            if passes(error) and PostgresJobInbox(connection).count_fault(job.id) < TRIES:
                raise
            return _fail(connection, job, with_traceback(error))


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


def _fail(connection: SyncConnection, job: Job, error: str) -> Handled:
    outcomes = [JobOutcome(job, JobStatus.FAILED, error=error)]
    PostgresJobInbox(connection).settle(outcomes, clock(connection))
    return Handled(outcomes)
