"""The promoter's ticks: commit to a secret and a round of the beacon, draw in every open auction, reveal.

The draws are fair because of this order. The commitment is public before the tick, and names the
policies and the round. The moment at which the round becomes public is the cut-off: each auction that was
open then and had a live bid that was not doubled gets a draw, among its bids of then. Each draw is a job
in its auction's stream, and leaves an event whatever comes of it. The secret is revealed only when no
draw can be made with it any more.

The round's value is fetched outside of any transaction, and a tick waits for it; nothing else does.
Making the tick is one transaction. Accepting its draws is one for each hundred auctions, which also
notes the last of them: whoever comes next goes on behind it. Revealing the secret is the last one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog

from commands.beacon.chosen import chosen_beacon
from commands.beacon.port import BeaconAway
from commands.domain.commands import DoubleBid
from commands.domain.promoter import Bid, Policy
from commands.domain.tick import Tick
from commands.inbox.deadlines import expiry
from commands.inbox.submitting import wake_for
from commands.jobs import Job, Submission
from commands.postgres.accepting import accept_all
from commands.postgres.auctions import (
    any_to_draw_in,
    auctions_to_draw_in,
    staff_among,
)
from commands.postgres.connections import Pool, SyncConnection, clock
from commands.postgres.drawing import weigh_leading
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.policies import last_policies, policy_versions
from commands.postgres.ticks import (
    Undrawn,
    all_accepted,
    commit_to_tick,
    drawn_ticks,
    give_up,
    give_up_lost,
    is_due,
    lock_ticks,
    make_tick,
    note_accepted,
    open_tick,
    reveal,
    ticked_within,
    undrawn_tick,
)
from commands.streams import Stream

log = structlog.get_logger("commands")

NO_TIME = timedelta(0)
# How much sooner than the next tick is due its round is public, at most.
SOONER = timedelta(seconds=5)
# How long a tick waits for the value of its round before it is given up.
PATIENCE = timedelta(days=1)
# Auctions looked at in one transaction, which holds the gates of those that get a draw.
AT_ONCE = 100
# Bids whose chances are shown.
SHOWN = 100


def commit(pool: Pool, ahead: timedelta = NO_TIME) -> None:
    """Commit to the next tick, unless there is a commitment already; those that are lost are given up.

    Its round is the first that is public at least so far ahead.
    """
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        give_up_lost(connection)
        if open_tick(connection) is None:
            named = chosen_beacon().round_from
            commit_to_tick(connection, last_policies(connection), named, ahead)


def run_promoter(
    pool: Pool, at_least_apart: timedelta, interval: timedelta | None = None
) -> tuple[int | None, list[Job]]:
    """One tick with all its draws, after those that an earlier one still lacks; its number, and the draws.

    No tick (None) as for `tick`.
    """
    accept_all_draws(pool)
    number = tick(pool, at_least_apart, interval)
    if number is None:
        return None, []
    accept_all_draws(pool)
    with pool.connection() as connection:
        return number, PostgresJobInbox(connection).draws_of(number)


def tick(pool: Pool, at_least_apart: timedelta, interval: timedelta | None = None) -> int | None:
    """Make the tick that is committed to; its number.

    Then the next one is committed to, about an interval ahead. Without an interval nobody knows when that
    comes: it is committed to when it is asked for.

    No tick (None) if the last one is younger than `at_least_apart` or still lacks draws, if there is no
    auction to draw in, or if its round is not public yet or the value is not to be had.
    """
    with pool.connection() as connection:
        if _too_soon(connection, at_least_apart) or not _any_draws(
            connection, open_tick(connection)
        ):
            return None
    # Needed only for the first one, or without an interval.
    commit(pool, ahead_of(interval))
    if (found := _number_and_value(pool)) is None:
        return None
    number, value = found
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        if _too_soon(connection, at_least_apart):
            return None
        committed = open_tick(connection)
        if committed is None or committed[1].number != number:
            return None
        policies = last_policies(connection)
        make_tick(connection, *committed, clock(connection), policies, value)
        if interval is not None:
            named = chosen_beacon().round_from
            commit_to_tick(connection, policies, named, ahead_of(interval))
    return number


def ahead_of(interval: timedelta | None) -> timedelta:
    """How far ahead of its commitment a tick's round is public, at least.

    A little less than the interval, so that the value is known when the next tick is due.
    """
    return interval - min(interval / 10, SOONER) if interval else NO_TIME


def _too_soon(connection: SyncConnection, at_least_apart: timedelta) -> bool:
    return ticked_within(connection, at_least_apart) or undrawn_tick(connection) is not None


def _any_draws(connection: SyncConnection, committed: tuple[Stream, Tick] | None) -> bool:
    """Whether that tick would draw in any auction, or one with a cut-off now, which has to come after it."""
    if any_to_draw_in(connection, clock(connection)):
        return True
    cutoff = committed[1].public_at if committed else None
    return cutoff is not None and any_to_draw_in(connection, cutoff)


def _number_and_value(pool: Pool) -> tuple[int, bytes | None] | None:
    """The number of the tick that is due, and its round's value; None of one from before there was a beacon.

    None if no tick is due, or its value is not to be had. After a day of that it is given up.
    """
    with pool.connection() as connection:
        committed, now = open_tick(connection), clock(connection)
        due = committed and is_due(connection, committed[1].number)
    if committed is None:
        return None
    tick = committed[1]
    if tick.round is None or tick.public_at is None:
        return tick.number, None
    if not due:
        return None
    beacon = chosen_beacon()
    try:
        if beacon.name == tick.beacon:
            return tick.number, beacon.value(tick.round)
        problem, patience = f"the beacon is {beacon.name} now", NO_TIME
    except BeaconAway as error:
        problem, patience = str(error), PATIENCE
    log.warning("a tick waits for its beacon", tick=tick.number, round=tick.round, problem=problem)
    if now - tick.public_at > patience:
        _give_up(pool, tick.number)
    return None


def _give_up(pool: Pool, number: int) -> None:
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        committed = open_tick(connection)
        if committed and committed[1].number == number:
            give_up(connection, *committed)
            log.error("a tick is given up", tick=number)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A tick that is committed to and not made; it is due once its round is public."""

    tick: int
    beacon: str
    round: int
    public_at: datetime
    is_due: bool


def waiting_tick(connection: SyncConnection) -> Waiting | None:
    """The tick that waits for its round; None if there is no auction to draw in, or it names no round."""
    return _waiting(connection, only_due=False)


def due_tick(connection: SyncConnection) -> Waiting | None:
    """The same, if its round is public: it waits for the value."""
    return _waiting(connection, only_due=True)


def _waiting(connection: SyncConnection, *, only_due: bool) -> Waiting | None:
    if (committed := open_tick(connection)) is None:
        return None
    tick = committed[1]
    if tick.beacon is None or tick.round is None or tick.public_at is None:
        return None
    due = is_due(connection, tick.number)
    # Last, because it may look at every open auction.
    if (only_due and not due) or not _any_draws(connection, committed):
        return None
    return Waiting(tick.number, tick.beacon, tick.round, tick.public_at, due)


def accept_all_draws(pool: Pool) -> None:
    """Accept the draws that the last tick lacks."""
    for _ in accept_draws(pool):
        continue


def accept_draws(pool: Pool) -> Iterator[int]:
    """Accept the draws that the last tick lacks, a batch at a time; how many of each batch."""
    while (jobs := _accept_some(pool)) is not None:
        wake_for(jobs)
        yield len(jobs)


def _accept_some(pool: Pool) -> list[Job] | None:
    """The next draws of the tick that lacks some; None if there is no such tick."""
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        if (undrawn := undrawn_tick(connection)) is None:
            return None
        page = auctions_to_draw_in(connection, undrawn.cutoff, undrawn.reached, AT_ONCE)
        if not page:
            all_accepted(connection, undrawn.stream, undrawn.tick)
            return []
        drawn = [auction for auction, has_draw in page if has_draw]
        # Where an auction has options of its own once its draw is decided, that goes by these.
        versions = policy_versions(connection, undrawn.policies, drawn)
        draws = [_draw(auction, undrawn, versions[auction]) for auction in drawn]
        note_accepted(connection, undrawn.tick.number, len(draws), page[-1][0])
        # Last, because it takes the gates of these auctions.
        return [job for job in accept_all(connection, draws) if isinstance(job, Job)]


def _draw(auction_id: UUID, undrawn: Undrawn, policy_version: int) -> Submission:
    number = undrawn.tick.number
    return Submission(
        stream=Stream("auction", auction_id),
        command=DoubleBid(auction_id, number, policy_version),
        content={"auction_id": str(auction_id), "tick": number},
        scope="system",
        idempotency_key=f"draw:{undrawn.stream.id}:{auction_id}",
        expires_after=expiry("DoubleBid"),
    )


@dataclass(frozen=True, slots=True)
class Chance:
    """A live bid, and how likely the next tick doubles it, in per cent."""

    bid: Bid
    weight: int
    per_cent: Decimal


def chances(connection: SyncConnection, auction_id: UUID, policy: Policy) -> list[Chance]:
    """The leading live bids' chances now by that policy; doubled and excluded ones have none."""
    staff = staff_among(connection, [auction_id])[auction_id]
    return [
        Chance(each.bid, each.weight, policy.chance * each.weight / (each.total_weight or 1))
        for each in weigh_leading(connection, policy, auction_id, staff, SHOWN)
    ]


def reveal_secrets(pool: Pool) -> list[int]:
    """Reveal the secrets of the ticks whose draws are all settled; which ticks those are."""
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        drawn = drawn_ticks(connection)
        for stream, made in drawn:
            reveal(connection, stream, made)
    return [made.number for _, made in drawn]
