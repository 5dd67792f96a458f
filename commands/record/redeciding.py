"""Deciding again: each event of an auction must be what the rules give for the command that caused it.

The rules are the domain's own `decide`. It is given the state before the event and the command with its
moment of acceptance, from the job. Jobs end some time after they were settled: of an event without
one, the command is read off the event, and what only the job knew is not checked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from heapq import heappop, heappush
from typing import assert_never, cast
from uuid import UUID

from commands.domain.auction import Auction, decide, evolve, nothing_drawn
from commands.domain.bids import Bid, Bids
from commands.domain.commands import (
    AnnounceWinner,
    AuctionCommand,
    CreateAuction,
    DeleteBid,
    DoubleBid,
    PlaceBid,
    WithdrawBids,
)
from commands.domain.events import (
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionEvent,
    BidDeleted,
    BidDoubled,
    BidPlaced,
    NoDoubling,
    NothingDrawn,
    WinnerAnnounced,
)
from commands.domain.promoter import Drawn, KnownDraw, Promoter
from commands.domain.rejections import Rejection
from commands.jobs import JobStatus
from commands.streams import RecordedEvent

# A seed by which every draw is on. Whether the tick's own one was, the check of draws finds out.
ON = bytes(32)


@dataclass(frozen=True, slots=True)
class Cause:
    """What a job says of the events that it caused; `version` is where it left the stream."""

    command: AuctionCommand
    accepted_at: datetime
    status: JobStatus
    version: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decisions depended on besides the auction's own events.

    `causes` are the auction's jobs that are kept, `users` all its bidders who were ever created, with
    whether they are staff. Of events recorded since `jobs_since` the job is kept.
    """

    causes: Mapping[UUID, Cause]
    users: Mapping[UUID, bool]
    jobs_since: datetime


@dataclass(frozen=True, slots=True)
class Undecided:
    """An event that the rules do not give, or that is missing; `version` is its own, or the last one's."""

    version: int
    what: str


def redecide(history: Sequence[RecordedEvent], facts: Facts) -> Iterator[Undecided]:
    """What the rules did not give, in an auction's whole history; up to the first event of that kind."""
    state, last = _State(), dict[UUID, int]()
    for recorded in history:
        last[recorded.causation_id] = recorded.version
        event = cast(AuctionEvent, recorded.event)
        if what := _problem(state, recorded, event, facts):
            yield Undecided(recorded.version, what)
            return
        state.apply(event)
    yield from _without_events(last, len(history), facts)


def _without_events(last: Mapping[UUID, int], end: int, facts: Facts) -> Iterator[Undecided]:
    """Jobs that succeeded and whose events are not here; a withdrawal may have none."""
    for id, cause in facts.causes.items():
        succeeded = cause.status is JobStatus.SUCCEEDED
        if (
            not succeeded
            or isinstance(cause.command, WithdrawBids)
            or last.get(id) == cause.version
        ):
            continue
        name = type(cause.command).__name__
        yield Undecided(end, f"job {id} ({name}) gave version {cause.version}, which is not here")


def _problem(
    state: "_State", recorded: RecordedEvent, event: AuctionEvent, facts: Facts
) -> str | None:
    cause = facts.causes.get(recorded.causation_id)
    if cause is None and recorded.recorded_at >= facts.jobs_since:
        return "there is no job that caused it"
    if cause and cause.status is JobStatus.REJECTED:
        return "the job that is to have caused it was rejected"
    if isinstance(event, BidDoubled) and event.tick == 0:
        return None if state.doubles(event) else "it is not twice the amount of a live bid"
    command = cause.command if cause else state.command_of(event, recorded)
    if isinstance(event, NothingDrawn) and event.reason is NoDoubling.FAILED:
        return state.failed(command, event)
    now = cause.accepted_at if cause else state.moment_of(event, recorded)
    auction, draw = state.part(command, event), state.draw_of(event, facts.users)
    answer = decide(command, auction, now=now, bidders=facts.users, draw=draw)
    if isinstance(answer, Rejection):
        return f"the rules refuse it: {answer.message}"
    if event not in answer:
        return f"the rules give {_brief(answer)}"
    return None


def _brief(events: Sequence[AuctionEvent]) -> str:
    return ", ".join(map(str, events)) or "no event"


@dataclass(slots=True)
class _State:
    """An auction and its bids so far, each of which is found without a walk over all."""

    auction: Auction | None = None
    bids: dict[UUID, Bid] = field(default_factory=dict)
    live: dict[UUID, int] = field(default_factory=dict)
    # Bids by rank, of all and of each bidder; those that changed since stay in it and are passed over.
    ranked: list[tuple[object, UUID]] = field(default_factory=list)
    ranked_of: dict[UUID, list[tuple[object, UUID]]] = field(default_factory=dict)

    def apply(self, event: AuctionEvent) -> None:
        """The event happened."""
        touched = Bids(self._changed_by(event))
        before = replace(self.auction, bids=touched) if self.auction else None
        after = evolve(before, event)
        self.auction = replace(after, bids=Bids())
        for bid in after.bids.values():
            self._put(bid)

    def _put(self, bid: Bid) -> None:
        known = self.bids.get(bid.id)
        self.bids[bid.id] = bid
        if known is None or bid.deleted:
            self.live[bid.bidder_id] = self.live.get(bid.bidder_id, 0) + (-1 if bid.deleted else 1)
        if not bid.deleted:
            entry = (bid.rank, bid.id)
            heappush(self.ranked, entry)
            heappush(self.ranked_of.setdefault(bid.bidder_id, []), entry)

    def _first(self, ranked: list[tuple[object, UUID]]) -> list[Bid]:
        while ranked:
            rank, id = ranked[0]
            bid = self.bids[id]
            if not bid.deleted and bid.rank == rank:
                return [bid]
            heappop(ranked)
        return []

    def part(self, command: AuctionCommand, event: AuctionEvent) -> Auction | None:
        """The auction with those of its bids that the command can touch."""
        if self.auction is None:
            return None
        bids: list[Bid]
        match command:
            case PlaceBid(bidder_id=bidder):
                bids = self._first(self.ranked_of.get(bidder, []))
            case AnnounceWinner():
                bids = self._first(self.ranked)
            case DeleteBid(bid_id=id):
                bids = self._named(id)
            case DoubleBid() if isinstance(event, NothingDrawn) and event.bid_id:
                bids = self._named(event.bid_id)
            case DoubleBid() | WithdrawBids():
                bids = self._changed_by(event)
            case CreateAuction():
                bids = []
            case _:
                assert_never(command)
        return replace(self.auction, bids=Bids(bids))

    def _changed_by(self, event: AuctionEvent) -> list[Bid]:
        return self._named(event.bid_id) if isinstance(event, BidDoubled | BidDeleted) else []

    def _named(self, bid_id: UUID) -> list[Bid]:
        return [self.bids[bid_id]] if bid_id in self.bids else []

    def draw_of(self, event: AuctionEvent, users: Mapping[UUID, bool]) -> KnownDraw | None:
        """For a doubling, a draw that hit its bid."""
        if isinstance(event, NothingDrawn):
            return self._nothing_of(event, users)
        if not isinstance(event, BidDoubled):
            return None
        hits = [bid for bid in self._named(event.bid_id) if not bid.deleted and not bid.doubled]
        drawn = Drawn(hits[0], event.weight, event.total_weight) if hits else None
        staff = self._staff(users, all_ever=event.draw > 0)
        return KnownDraw(event.policy_version, Promoter(), ON, staff, drawn)

    def _nothing_of(self, event: NothingDrawn, users: Mapping[UUID, bool]) -> KnownDraw | None:
        """A draw that doubled no bid for that reason; None for one that came too late."""
        promoter = Promoter(chance=Decimal(0 if event.reason is NoDoubling.CHANCE else 100))
        drawn = None
        if event.reason is NoDoubling.LATE:
            return None
        if event.reason is NoDoubling.GONE and event.bid_id in self.bids:
            drawn = Drawn(self.bids[event.bid_id], 0, 0)
        return KnownDraw(
            event.policy_version, promoter, ON, self._staff(users, all_ever=True), drawn
        )

    def _staff(self, users: Mapping[UUID, bool], *, all_ever: bool) -> frozenset[UUID]:
        """The bidders who are staff; before draws were numbered, only those with live bids."""
        return frozenset(
            id for id, live in self.live.items() if (live or all_ever) and users.get(id)
        )

    def failed(self, command: AuctionCommand, event: NothingDrawn) -> str | None:
        """What speaks against the event that a draw left when it failed."""
        if not isinstance(command, DoubleBid) or self.auction is None:
            return "the rules give no such event"
        given = nothing_drawn(command, self.auction, NoDoubling.FAILED)
        return None if event == given else f"the rules give {given}"

    def doubles(self, event: BidDoubled) -> bool:
        """Whether it is the doubling of a live bid."""
        return any(
            not bid.deleted and not bid.doubled and event.effective_amount == 2 * bid.amount
            for bid in self._named(event.bid_id)
        )

    def command_of(self, event: AuctionEvent, recorded: RecordedEvent) -> AuctionCommand:
        """The command that gives such an event."""
        id = recorded.stream.id
        match event:
            case AuctionCreated():
                return CreateAuction(
                    id, event.title, event.description, event.starts_at, event.ends_at,
                    event.created_by,
                )  # fmt: skip
            case BidPlaced():
                return PlaceBid(id, event.bid_id, event.bidder_id, event.amount, event.nonce)
            case BidDeleted(withdrawn_at=datetime() as withdrawn_at):
                return WithdrawBids(id, event.bidder_id, withdrawn_at)
            case BidDeleted():
                return DeleteBid(id, event.bid_id, event.bidder_id)
            case BidDoubled() | NothingDrawn():
                return DoubleBid(id, event.tick, event.policy_version)
            case WinnerAnnounced() | AuctionEndedUnsold():
                return AnnounceWinner(id)
            case _:
                assert_never(event)

    def moment_of(self, event: AuctionEvent, recorded: RecordedEvent) -> datetime:
        """A moment at which the command may have been accepted: that was before the event was recorded."""
        match event:
            case AuctionCreated(starts_at=starts_at):
                return min(starts_at, recorded.recorded_at)
            case BidPlaced(placed_at=placed_at):
                return placed_at
            case BidDeleted() | BidDoubled():
                placed = [bid.placed_at for bid in self._changed_by(event)]
                return placed[0] if placed else recorded.recorded_at
            case NothingDrawn() | WinnerAnnounced() | AuctionEndedUnsold():
                return recorded.recorded_at
            case _:
                assert_never(event)
