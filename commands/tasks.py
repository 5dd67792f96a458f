"""The write side's Celery tasks. Running one twice does no harm."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import structlog
from celery import shared_task
from django.conf import settings

from commands.beacon.chosen import chosen_beacon
from commands.checkpoints.making import make_due
from commands.checkpoints.signing import signer
from commands.checkpoints.webhook import Webhook
from commands.checkpoints.witnesses import tell
from commands.handling.batch import Handled
from commands.handling.drain import drain_batch, drain_one_by_one
from commands.handling.retrying import try_again
from commands.inbox import closing, lapsing, sweeping
from commands.inbox.submitting import DRAIN, WAITING
from commands.jobs import JobStatus
from commands.postgres.connections import Pool
from commands.postgres.errors import passes
from commands.postgres.schedules import promoter_interval
from commands.promoter import rounds
from commands.queues import AUCTIONS, BIDS, MAILS, UPKEEP
from commands.readers import wake_readers
from commands.streams import Stream
from commands.wake import clear_wake_up, publish, send, wake
from commands.wiring import pool
from commands.worklists import TURN, Left, Worklist

log = structlog.get_logger("commands")

MAKE_TICK = "commands.make_tick"
ACCEPT_DRAWS = "commands.accept_draws"
REVEAL = "commands.reveal_secrets"
MAKE_CHECKPOINT = "commands.make_checkpoint"
SEND_CHECKPOINTS = "commands.send_checkpoints"
# Auctions with a draw among so many bids that it takes seconds.
ALONE = Worklist("draws-alone", "commands.drain_alone", BIDS)
COME_BACK = "commands.come_back"
# Streams whose next job this release does not know, by queue.
LEFT: Mapping[str, Left] = {queue: Left(worklist, COME_BACK) for queue, worklist in WAITING.items()}
# The least time between two ticks without a schedule.
HALF_A_MINUTE = timedelta(seconds=30)
# Younger jobs are left to their own wake-up.
SWEEP_AFTER = timedelta(seconds=5)


@shared_task(name=DRAIN)
def drain(queue: str, slot: str) -> None:
    """Handle waiting jobs of the streams on the queue's worklist, for one turn.

    After a transient fault the task is retried later, then job by job, so that a job that causes
    the fault each time is found and fails.
    """
    handle = drain_one_by_one if drain.request.retries else drain_batch
    try:
        WAITING[queue].work(int(slot), lambda streams: _drain(streams, handle, queue), passes)
    except Exception as error:
        if not passes(error):
            raise
        try_again(drain, error)


@shared_task(name=ALONE.task)
def drain_alone(_list: str, slot: str) -> None:
    """As `drain`, one stream after the other, for those that must not share a transaction."""
    try:
        ALONE.work(int(slot), _drain_first, passes)
    except Exception as error:
        if not passes(error):
            raise
        try_again(drain_alone, error)


def _drain_first(streams: Sequence[Stream]) -> Sequence[Stream]:
    """Handle the first by itself. The others are not finished: each may take as long."""
    return [*_drain(streams[:1], drain_batch, BIDS), *streams[1:]]


def _drain(
    streams: Sequence[Stream],
    handle: Callable[[Sequence[Stream], Pool], Handled],
    queue: str,
) -> Sequence[Stream]:
    handled = handle(streams, pool())
    if handled.outcomes or handled.recorded or handled.woken:
        _announce(handled)
    ALONE.add(handled.alone)
    if handled.left:
        for stream, unknown in handled.left.items():
            log.warning("left for a newer release", stream=str(stream.id), unknown=unknown.what)
        LEFT[queue].add(handled.left)
    if handled.fault:
        raise handled.fault
    return handled.unfinished


@shared_task(name=COME_BACK)
def come_back(queue: str) -> None:
    """Look again at streams that were left for a newer release."""
    LEFT[queue].come_back(lambda streams: _drain(streams, drain_batch, queue), passes)


def _announce(handled: Handled) -> None:
    """After the commit. If we die before or within, the sweep makes up for it."""
    changed = {item.stream for item in handled.recorded}
    wake_readers(changed)
    if any(outcome.job.command == "DoubleBid" for outcome in handled.outcomes):
        wake(REVEAL, (), AUCTIONS)
    WAITING[BIDS].add(handled.woken)
    publish("jobs", [str(outcome.job.id) for outcome in handled.outcomes])
    for stream in changed:
        if stream.kind == "user":
            publish("sessions", {"user": str(stream.id)})
    for outcome in handled.outcomes:
        failed = outcome.status is JobStatus.FAILED
        (log.error if failed else log.info)(
            "job settled",
            job_id=str(outcome.job.id),
            correlation_id=str(outcome.job.correlation_id),
            command=outcome.job.command,
            status=outcome.status.value,
            stream=str(outcome.job.stream.id),
            version=outcome.version,
            rejection=outcome.rejection and outcome.rejection.code.value,
            **({"error": outcome.error} if failed else {}),
        )


@shared_task(name="commands.announce_winners")
def announce_winners() -> None:
    """Close the auctions whose time is over, for one turn; the schedule goes on."""
    ends = time.monotonic() + TURN
    for _ in closing.announce_winners(pool()):
        if time.monotonic() > ends:
            return


@shared_task(name="commands.lapse_offers")
def lapse_offers() -> None:
    """End the offers whose time is over, for one turn; the schedule goes on."""
    ends = time.monotonic() + TURN
    for _ in lapsing.lapse_offers(pool()):
        if time.monotonic() > ends:
            return


@shared_task(name="commands.run_promoter")
def run_promoter() -> None:
    """One tick of the promoter, unless another scheduler just made it or the last one still lacks draws."""
    if chosen_beacon().is_remote:
        return wake(MAKE_TICK, (), MAILS)
    _make_tick()
    return _accept_draws()


# Of the mails' worker, as SEND_CHECKPOINTS: closings don't wait for the beacon.
@shared_task(name=MAKE_TICK)
def make_tick() -> None:
    """As `run_promoter`, also between its times: a tick that was due waits for its round's value."""
    clear_wake_up(MAKE_TICK, ())
    _make_tick()
    wake(ACCEPT_DRAWS, (), AUCTIONS)


def _make_tick() -> None:
    with pool().connection() as connection:
        interval = promoter_interval(connection)
    # Of two schedulers' ticks for one interval only the first is made.
    tick = rounds.tick(pool(), interval / 2 if interval else HALF_A_MINUTE, interval)
    if tick is not None:
        log.info("promoter ticked", tick=tick)


@shared_task(name=ACCEPT_DRAWS)
def accept_draws() -> None:
    """Accept draws that the last tick still lacks, for one turn."""
    clear_wake_up(ACCEPT_DRAWS, ())
    _accept_draws()


def _accept_draws() -> None:
    ends = time.monotonic() + TURN
    for _ in rounds.accept_draws(pool()):
        if time.monotonic() > ends:
            return wake(ACCEPT_DRAWS, (), AUCTIONS)
    # If the draws were settled before they were counted, nobody was woken to reveal the secret.
    return wake(REVEAL, (), AUCTIONS)


@shared_task(name=REVEAL)
def reveal_secrets() -> None:
    """Commit to the next tick, and reveal the secrets with which no draw can be made any more."""
    clear_wake_up(REVEAL, ())
    with pool().connection() as connection:
        interval = promoter_interval(connection)
    if interval is not None:
        rounds.commit(pool(), rounds.ahead_of(interval))
    if ticks := rounds.reveal_secrets(pool()):
        log.info("secrets revealed", ticks=ticks)


@shared_task(name=MAKE_CHECKPOINT)
def make_checkpoint() -> None:
    """Make a checkpoint if one is due, for one turn."""
    clear_wake_up(MAKE_CHECKPOINT, ())
    made, more = make_due(pool(), signer())
    if made:
        number, size = made.checkpoint.number, made.checkpoint.size
        log.info("checkpoint made", number=number, events=size)
        if settings.WITNESS_URLS:
            wake(SEND_CHECKPOINTS, (), MAILS)
    if more:
        wake(MAKE_CHECKPOINT, (), UPKEEP)


# Of the mails' worker, which waits for others' servers as it is.
@shared_task(name=SEND_CHECKPOINTS)
def send_checkpoints() -> None:
    """Send checkpoints to witnesses, for one turn."""
    clear_wake_up(SEND_CHECKPOINTS, ())
    if tell(pool(), [Webhook(url) for url in settings.WITNESS_URLS]):
        wake(SEND_CHECKPOINTS, (), MAILS)


def wake_waiting_streams() -> int:
    """Have every stream looked at whose jobs wait too long, whatever was queued before; how many."""
    send(REVEAL, (), AUCTIONS)
    wake(ACCEPT_DRAWS, (), AUCTIONS)
    with pool().connection() as connection:
        due = promoter_interval(connection) and rounds.due_tick(connection)
    if due:
        wake(MAKE_TICK, (), MAILS)
    return sweeping.wake_waiting_streams(pool(), SWEEP_AFTER)
