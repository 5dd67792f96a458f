"""The promoter's ticks: commit to a secret, draw with it in every open auction, reveal it.

The draws are fair because of this order. The commitment is public before the tick. Each draw is a job
in its auction's stream, so the bids it draws from are fixed when the tick is made. The secret is
revealed only when no draw can be made with it any more.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from commands.domain.bids import Bids
from commands.domain.commands import DoubleBid
from commands.domain.policies import Policies
from commands.domain.promoter import Bid, BidsInDraw, Policy, Promoter
from commands.domain.tick import Tick
from commands.inbox.deadlines import expiry
from commands.inbox.submitting import wake_for
from commands.jobs import Job, Submission
from commands.postgres.accepting import accept_all
from commands.postgres.auctions import auctions_to_draw_in, bids_for_draws, staff_among
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.policies import read_policies
from commands.postgres.ticks import (
    commit_to_tick,
    drawn_ticks,
    lock_ticks,
    make_tick,
    open_tick,
    reveal,
    ticked_within,
)
from commands.streams import Stream


def commit(pool: Pool) -> None:
    """Commit to the next tick, unless there is a commitment already."""
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        if open_tick(connection) is None:
            commit_to_tick(connection)


def run_promoter(pool: Pool, at_least_apart: timedelta) -> tuple[int | None, list[Job]]:
    """One tick: its number, and a draw for each open auction with bids to double.

    No tick (None) if the last one is younger than `at_least_apart`, or if there is no such auction.
    """
    commit(
        pool
    )  # Needed only for the very first tick; later ones are committed to at the one before.
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        committed = None if ticked_within(connection, at_least_apart) else open_tick(connection)
        auctions = auctions_to_draw_in(connection) if committed else []
        if committed is None or not auctions:
            return None, []
        stream, tick = committed
        policies = read_policies(connection)
        draws = [_draw(auction, stream, tick, policies) for auction in auctions]
        jobs = [job for job in accept_all(connection, draws) if isinstance(job, Job)]
        make_tick(connection, stream, tick, len(jobs))
        commit_to_tick(connection)
    wake_for(jobs)
    return tick.number, jobs


def _draw(auction_id: UUID, stream: Stream, tick: Tick, policies: Policies) -> Submission:
    policy_version, _ = policies.of(auction_id)
    return Submission(
        stream=Stream("auction", auction_id),
        command=DoubleBid(auction_id, tick.number, policy_version),
        content={"auction_id": str(auction_id), "tick": tick.number},
        scope="system",
        idempotency_key=f"draw:{stream.id}:{auction_id}",
        expires_after=expiry("DoubleBid"),
    )


@dataclass(frozen=True, slots=True)
class Chance:
    """A live bid, and how likely the next tick doubles it, in per cent."""

    bid: Bid
    weight: int
    per_cent: Decimal


def chances(connection: SyncConnection, auction_id: UUID, policy: Policy) -> list[Chance]:
    """Each live bid's chance now by that policy, leading first; doubled and excluded ones have none."""
    bids = bids_for_draws(connection, [auction_id]).get(auction_id, Bids())
    staff = staff_among(connection, [auction_id])[auction_id]
    among = BidsInDraw(tuple(bids.values()), staff)
    weights = {bid.id: weight for bid, weight in Promoter.of(policy).weights(among)}
    total = sum(weights.values()) or 1
    return [
        Chance(bid, weight, policy.chance * weight / total)
        for bid in sorted(among.live, key=lambda bid: bid.rank)
        for weight in [weights.get(bid.id, 0)]
    ]


def reveal_secrets(pool: Pool) -> list[int]:
    """Reveal the secrets of the ticks whose draws are all settled; which ticks those are."""
    with pool.connection() as connection, connection.transaction():
        lock_ticks(connection)
        drawn = drawn_ticks(connection)
        for stream, tick in drawn:
            reveal(connection, stream, tick)
    return [tick.number for _, tick in drawn]
