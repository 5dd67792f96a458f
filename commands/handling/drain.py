"""Draining streams: the waiting jobs of many in one batch.

A transient fault is raised, and the caller tries again later. Any other fault concerns one job,
which is settled as FAILED and kept with its payload and error until somebody re-drives it. What only a newer
release can decide is left as it is, with all that waits behind it in its stream.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from commands.handling.auctions import handle_auctions
from commands.handling.batch import Handled
from commands.handling.draws import leave_failed_draw
from commands.handling.policies import handle_policies
from commands.handling.users import handle_user
from commands.jobs import Job, JobOutcome, JobStatus
from commands.postgres.accepting import cutoffs
from commands.postgres.connections import Pool, SyncConnection, clock
from commands.postgres.errors import passes, with_traceback
from commands.postgres.jobs import PostgresJobInbox
from commands.record.unknown import Unknown
from commands.streams import Conflict, Stream, StreamKind

log = structlog.get_logger("commands")

Cutoffs = Mapping[UUID, datetime]
Handler = Callable[[SyncConnection, Stream, datetime, int], Handled]
# Those that are handled by themselves; auctions are handled together.
HANDLERS: Mapping[StreamKind, Handler] = {"user": handle_user, "policies": handle_policies}

# Jobs in one transaction, shared out evenly over its streams, but some of each.
BATCH = 400
OF_EACH = 20
# Each lost race means that somebody else got on, so losing this many in a row is a fault.
RACES = 10
# After so many transient faults while handled by itself, a job is taken for their cause and fails.
TRIES = 5


def drain_batch(streams: Sequence[Stream], pool: Pool) -> Handled:
    """Handle the streams' oldest waiting jobs, those accepted before now; nothing if none waits."""
    auctions = [stream for stream in streams if stream.kind == "auction"]
    handled = _drain_together(auctions, pool) if auctions else Handled()
    for stream in streams:
        if stream.kind in HANDLERS:
            handled.add(_drain_together([stream], pool))
    return handled


def _drain_together(streams: Sequence[Stream], pool: Pool) -> Handled:
    try:
        with pool.connection() as connection:
            return _handle(connection, streams, max(BATCH // len(streams), OF_EACH))
    except Exception as error:
        if passes(error):
            return Handled(unfinished=list(streams), fault=error)
        log.warning("a batch can't be handled, taking it apart", error=type(error).__name__)
    if len(streams) == 1:
        return drain_one_by_one(streams, pool)
    handled = Handled()
    for stream in streams:
        handled.add(_drain_together([stream], pool))
    return handled


def drain_one_by_one(streams: Iterable[Stream], pool: Pool) -> Handled:
    """Handle the oldest job of each stream by itself, so that a fault is that job's own."""
    handled = Handled()
    for stream in streams:
        try:
            handled.add(_drain_one(stream, pool))
        except Unknown as unknown:
            handled.add(Handled(left={stream: unknown}))
        except Exception as error:
            handled.add(Handled(unfinished=[stream], fault=error))
    return handled


def _drain_one(stream: Stream, pool: Pool) -> Handled:
    with pool.connection() as connection:
        job = PostgresJobInbox(connection).oldest(stream)
    if job is None:
        return Handled()
    try:
        with pool.connection() as connection:
            return _handle(connection, [stream], limit=1)
    except Unknown:
        raise
    except Exception as error:
        with pool.connection() as connection:
            if passes(error) and PostgresJobInbox(connection).count_fault(job.id) < TRIES:
                raise
            return _fail(connection, job, with_traceback(error))


def _handle(connection: SyncConnection, streams: Sequence[Stream], limit: int) -> Handled:
    for _ in range(RACES):
        before = cutoffs(connection, [stream.id for stream in streams])
        try:
            with connection.transaction():
                return _handler(connection, streams, before, limit)
        except Conflict as conflict:
            log.info("decided on stale state, deciding again", reason=str(conflict))
    raise Conflict(f"{len(streams)} streams lost {RACES} races in a row")


def _handler(
    connection: SyncConnection, streams: Sequence[Stream], before: Cutoffs, limit: int
) -> Handled:
    first = streams[0]
    if handle := HANDLERS.get(first.kind):
        return handle(connection, first, before[first.id], limit)
    return handle_auctions(connection, before, limit)


def _fail(connection: SyncConnection, job: Job, error: str) -> Handled:
    with connection.transaction():
        recorded = leave_failed_draw(connection, job) if job.command == "DoubleBid" else []
        reached = recorded[-1].version if recorded else None
        outcomes = [JobOutcome(job, JobStatus.FAILED, reached, error=error)]
        PostgresJobInbox(connection).settle(outcomes, clock(connection))
    return Handled(outcomes, recorded, unfinished=[job.stream])
