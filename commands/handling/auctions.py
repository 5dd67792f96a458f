"""One batch of an auction's jobs, in the caller's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast
from uuid import UUID

from commands.domain.auction import Auction, decide, replay
from commands.domain.commands import AuctionCommand, DeleteBid, DoubleBid, PlaceBid, WithdrawBids
from commands.domain.events import AuctionEvent, Event
from commands.domain.promoter import Draw, Promoter, seed_of
from commands.domain.rejections import Rejection
from commands.handling.batch import Handled, decide_jobs
from commands.jobs import Job
from commands.postgres.auctions import (
    bids_for_a_draw,
    lock_auction,
    save_auction,
    share_bidders,
    staff_among,
    touched_bids,
)
from commands.postgres.connections import SyncConnection, clock
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.policies import policy_at
from commands.postgres.ticks import secret_of
from commands.record.codec import decode_command
from commands.streams import Stream


def handle_auction(
    connection: SyncConnection, stream: Stream, cutoff: datetime, limit: int
) -> Handled:
    """Decide the auction's oldest jobs accepted before the cutoff; Busy if another worker has it."""
    auction = lock_auction(connection, stream.id)
    inbox = PostgresJobInbox(connection)
    jobs = _sharing_a_state(inbox.waiting(stream, cutoff, limit))
    if not jobs:
        return Handled()
    commands = _readable(jobs)
    bidders = share_bidders(connection, _of(commands, PlaceBid))
    before = _with_bids(connection, auction, commands) if auction else None
    now = clock(connection)
    decided = decide_jobs(
        jobs,
        before,
        lambda job, state: _decide_job(connection, job, state, bidders),
        lambda state, events: replay(cast(Sequence[AuctionEvent], events), state),
        version=before.version if before else 0,
        now=now,
    )
    recorded = PostgresEventStore(connection).append(
        stream, before.version if before else 0, decided.events, now
    )
    if recorded and decided.state:
        _save(connection, before, decided.state)
    inbox.settle(decided.outcomes, now)
    return Handled(decided.outcomes, recorded)


def _decide_job(
    connection: SyncConnection, job: Job, state: Auction | None, bidders: frozenset[UUID]
) -> Sequence[Event] | Rejection:
    """The domain's answer to the job, as of the moment it was accepted."""
    command = cast(AuctionCommand, decode_command(job.command, job.payload))
    draw = _draw(connection, command, state) if isinstance(command, DoubleBid) and state else None
    return decide(command, state, now=job.accepted_at, bidders=bidders, draw=draw)


def _draw(connection: SyncConnection, command: DoubleBid, auction: Auction) -> Draw | None:
    """The draw for a DoubleBid job; None once the secret of its tick is revealed."""
    if (secret := secret_of(connection, command.tick)) is None:
        return None
    last_hash = PostgresEventStore(connection).last_hash(
        Stream("auction", auction.id), auction.version
    )
    return Draw(
        command.policy_version,
        Promoter.of(policy_at(connection, command.policy_version)),
        seed_of(secret, last_hash, command.tick),
        staff_among(connection, auction.id),
    )


def _sharing_a_state(jobs: list[Job]) -> list[Job]:
    """The first jobs that can be decided on one partial state. A draw needs every live bid: it is alone."""
    for index, job in enumerate(jobs):
        if job.command == "DoubleBid":
            return jobs[: max(index, 1)]
    return jobs


def _readable(jobs: Iterable[Job]) -> list[AuctionCommand]:
    """The jobs' commands, without unreadable ones: deciding those fails their job."""
    commands = []
    for job in jobs:
        try:
            commands.append(cast(AuctionCommand, decode_command(job.command, job.payload)))
        except (KeyError, ValueError):
            continue
    return commands


def _of(
    commands: Iterable[AuctionCommand],
    kind: type[PlaceBid] | type[WithdrawBids],
) -> set[UUID]:
    """The bidders of the commands of that kind."""
    return {command.bidder_id for command in commands if isinstance(command, kind)}


def _with_bids(
    connection: SyncConnection, auction: Auction, commands: Sequence[AuctionCommand]
) -> Auction:
    if any(isinstance(command, DoubleBid) for command in commands):
        return replace(auction, bids=bids_for_a_draw(connection, auction.id))
    named = {command.bid_id for command in commands if isinstance(command, DeleteBid)}
    bids = touched_bids(
        connection,
        auction.id,
        named=named,
        bidders=_of(commands, PlaceBid),
        withdrawn=_of(commands, WithdrawBids),
    )
    return replace(auction, bids=bids)


def _save(connection: SyncConnection, before: Auction | None, after: Auction) -> None:
    known = before.bids if before else {}
    changed = [bid for bid in after.bids.values() if known.get(bid.id) is not bid]
    save_auction(connection, after, changed)
