"""The write side's Celery tasks. Running one twice does no harm."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog
from celery import shared_task

from commands.handling.batch import Handled
from commands.handling.drain import drain_batch, drain_one
from commands.handling.retrying import try_again
from commands.inbox import closing, sweeping
from commands.inbox.submitting import DRAIN, wake_stream
from commands.jobs import JobStatus
from commands.postgres.connections import Pool
from commands.postgres.errors import passes
from commands.promoter import rounds
from commands.queues import AUCTIONS, BIDS
from commands.readers import wake_readers
from commands.streams import Busy, Stream, StreamKind
from commands.wake import clear_wake_up, leave_note, publish, send, wake, woken_since
from commands.wiring import pool

log = structlog.get_logger("commands")

REVEAL = "commands.reveal_secrets"
# Younger jobs are left to their own wake-up.
SWEEP_AFTER = timedelta(seconds=5)

Drain = Callable[[Stream, Pool], Handled]


@shared_task(name=DRAIN)
def drain_stream(kind: StreamKind, stream_id: str) -> None:
    """Handle a stream's waiting jobs until there are none and no wake-up came meanwhile.

    After a transient fault the task is retried later, then job by job, so that a job that causes
    the fault each time is found and fails.
    """
    drain = drain_one if drain_stream.request.retries else drain_batch
    try:
        _drain_until_quiet(Stream(kind, UUID(stream_id)), drain)
    except Exception as error:
        if not passes(error):
            raise
        try_again(drain_stream, error)


def _drain_until_quiet(stream: Stream, drain: Drain) -> None:
    arguments = (stream.kind, str(stream.id))
    while True:
        clear_wake_up(DRAIN, arguments)
        try:
            _drain(stream, drain)
        except Busy:
            # The worker that has the stream checks for notes after releasing the lock. It may have
            # done so before our note, so try once more; if still locked, it will see the note.
            leave_note(DRAIN, arguments)
            try:
                _drain(stream, drain)
            except Busy:
                return
        if not woken_since(DRAIN, arguments):
            return


def _drain(stream: Stream, drain: Drain) -> None:
    while (handled := drain(stream, pool())).outcomes:
        _announce(stream, handled)


def _announce(stream: Stream, handled: Handled) -> None:
    """Wake readers and publish outcomes, after the commit. If the process dies before, the sweep does it."""
    if handled.recorded:
        wake_readers(stream)
    if any(outcome.job.command == "DoubleBid" for outcome in handled.outcomes):
        wake(REVEAL, (), AUCTIONS)
    for woken in handled.woken:
        wake_stream(woken, BIDS)
    publish("jobs", [str(outcome.job.id) for outcome in handled.outcomes])
    if stream.kind == "user" and handled.recorded:
        publish("sessions", {"user": str(stream.id)})
    for outcome in handled.outcomes:
        failed = outcome.status is JobStatus.FAILED
        (log.error if failed else log.info)(
            "job settled",
            job_id=str(outcome.job.id),
            correlation_id=str(outcome.job.correlation_id),
            command=outcome.job.command,
            status=outcome.status.value,
            stream=str(stream.id),
            version=outcome.version,
            rejection=outcome.rejection and outcome.rejection.code.value,
            **({"error": outcome.error} if failed else {}),
        )


@shared_task(name="commands.announce_winners")
def announce_winners() -> None:
    """Close the auctions whose time is over."""
    closing.announce_winners(pool())


@shared_task(name="commands.run_promoter")
def run_promoter() -> None:
    """One tick of the promoter, unless another scheduler just made it."""
    tick, jobs = rounds.run_promoter(pool(), at_least_apart=_half_the_interval())
    if tick is not None:
        log.info("promoter ticked", tick=tick, draws=len(jobs))


@shared_task(name=REVEAL)
def reveal_secrets() -> None:
    """Commit to the next tick, and reveal the secrets with which no draw can be made any more."""
    clear_wake_up(REVEAL, ())
    rounds.commit(pool())
    if ticks := rounds.reveal_secrets(pool()):
        log.info("secrets revealed", ticks=ticks)


def _half_the_interval() -> timedelta:
    """The least time between two ticks: of two schedulers' ticks for one interval only the first is made."""
    from django_celery_beat.models import PeriodicTask

    entry = PeriodicTask.objects.filter(task="commands.run_promoter", enabled=True).first()
    if entry is None or entry.interval is None:
        return timedelta(seconds=30)
    seconds = entry.interval.schedule.run_every.total_seconds()
    return timedelta(seconds=seconds / 2)


def wake_waiting_streams() -> int:
    """Queue a task for every stream with jobs older than SWEEP_AFTER, even if one is queued; how many."""
    send(REVEAL, (), AUCTIONS)
    streams = sweeping.waiting_streams(pool(), SWEEP_AFTER)
    for stream, queue in streams:
        send(DRAIN, (stream.kind, str(stream.id)), queue)
    return len(streams)
