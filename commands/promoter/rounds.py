"""The promoter's ticks: commit to a secret, draw with it in every open auction, reveal it.

The draws are fair because of this order. The commitment is public before the tick, and names the
policies. The tick's moment is the cut-off: each auction that was open then and had a live bid that was
not doubled gets a draw, among its bids of then. Each draw is a job in its auction's stream, and leaves an
event whatever comes of it. The secret is revealed only when no draw can be made with it any more.

Making the tick is one transaction. Accepting its draws is one for each hundred auctions, which also
notes the last of them: whoever comes next goes on behind it. Revealing the secret is the last one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from commands.domain.commands import DoubleBid
from commands.domain.promoter import Bid, Policy
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
    give_up_lost,
    lock_ticks,
    make_tick,
    note_accepted,
    open_tick,
    reveal,
    ticked_within,
    undrawn_tick,
)
from commands.streams import Stream

# Auctions looked at in one transaction, which holds the gates of those that get a draw.
AT_ONCE = 100
# Bids whose chances are shown.
SHOWN = 100


def commit(pool: Pool) -> None:
    """Commit to the next tick, unless there is a commitment already; those that are lost are given up."""
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        give_up_lost(connection)
        if open_tick(connection) is None:
            commit_to_tick(connection, last_policies(connection))


def run_promoter(pool: Pool, at_least_apart: timedelta) -> tuple[int | None, list[Job]]:
    """One tick with all its draws, after those that an earlier one still lacks; its number, and the draws.

    No tick (None) as for `tick`.
    """
    accept_all_draws(pool)
    number = tick(pool, at_least_apart)
    if number is None:
        return None, []
    accept_all_draws(pool)
    with pool.connection() as connection:
        return number, PostgresJobInbox(connection).draws_of(number)


def tick(pool: Pool, at_least_apart: timedelta) -> int | None:
    """Make a tick and commit to the next one; its number.

    No tick (None) if the last one is younger than `at_least_apart` or still lacks draws, or if there
    is no auction to draw in.
    """
    commit(
        pool
    )  # Needed only for the very first tick; later ones are committed to at the one before.
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        if ticked_within(connection, at_least_apart) or undrawn_tick(connection):
            return None
        committed, now = open_tick(connection), clock(connection)
        if committed is None or not any_to_draw_in(connection, now):
            return None
        policies = last_policies(connection)
        make_tick(connection, *committed, now, policies)
        commit_to_tick(connection, policies)
    return committed[1].number


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
        page = auctions_to_draw_in(connection, undrawn.made_at, undrawn.reached, AT_ONCE)
        if not page:
            all_accepted(connection, undrawn.stream, undrawn.tick)
            return []
        drawn = [auction for auction, has_draw in page if has_draw]
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
