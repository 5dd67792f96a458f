"""Checking draws: each must be the one that its tick's committed secret gives, and none may be missing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import cast
from uuid import UUID

from commands.beacon.chosen import misnamed, misvalued
from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionExtended,
    AuctionResumed,
    AuctionRevised,
    BidDoubled,
    BoughtNow,
    NoDoubling,
    NothingDrawn,
    WinnerAnnounced,
)
from commands.domain.promoter import BidsInDraw, Promoter, seed_of
from commands.domain.rules.own_promoter import OWN
from commands.domain.tick import commitment_to
from commands.postgres.connections import SyncConnection
from commands.postgres.policies import policy_at, policy_versions
from commands.postgres.tick_records import TickRecord, record_of_tick, ticks_between
from commands.promoter.course import Base, Course
from commands.streams import RecordedEvent

Draw = BidDoubled | NothingDrawn
# By their seeds these would have been another result, which only the portal's own word speaks against.
NOT_MADE = {NoDoubling.LATE, NoDoubling.FAILED}


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of checking one draw: fair if there is no problem and its secret is revealed.

    Of a tick that was given up the secret never will be.
    Of a draw that is missing only the tick is known; `version` is the auction's last one then. `by` names
    the round of the beacon, if there was one.
    """

    version: int
    tick: int
    draw: Draw | None
    revealed: bool = True
    given_up: bool = False
    problem: str | None = None
    by: str | None = None


def check_draws(connection: SyncConnection, history: Iterable[RecordedEvent]) -> Iterator[Checked]:
    """Check each draw in an auction's whole history, except those of tick 0, which had no commitment.

    The history is read once, and no more of it is kept than its bids, once, however many ticks there were.
    Ticks that left no event though there was a bid to draw are found, too.
    """
    checking = _Checking(connection)
    for recorded in history:
        yield from checking.take(recorded)
    yield from checking.end()


@dataclass(slots=True)
class _Checking:
    """An auction's draws so far, and the ticks whose cut-off has passed and that must have drawn."""

    connection: SyncConnection
    course: Course = field(default_factory=Course)
    closed_at: datetime | None = None
    draws: int = 0
    drawn: set[int] = field(default_factory=set)
    coming: Iterator[TickRecord] = field(default_factory=lambda: iter(()))
    next: TickRecord | None = None
    due: dict[int, TickRecord] = field(default_factory=dict)

    def take(self, recorded: RecordedEvent) -> Iterator[Checked]:
        """The next event."""
        while self.next and recorded.accepted_at and recorded.accepted_at >= self.next.cutoff:
            self._pass(self.next)
        event = cast(AuctionEvent, recorded.event)
        if isinstance(event, BidDoubled | NothingDrawn) and event.tick:
            yield from self._missing_before(event.tick)
            yield self._check(recorded, event)
        if isinstance(event, WinnerAnnounced | AuctionEndedUnsold | AuctionCancelled):
            self.closed_at = recorded.accepted_at or recorded.recorded_at
        if isinstance(event, AuctionCreated):
            self.coming = ticks_between(self.connection, event.starts_at, event.ends_at)
            self.next = next(self.coming, None)
        if isinstance(event, AuctionRevised) and event.after.of_times:
            self._plan_anew(event, recorded)
        if isinstance(event, AuctionExtended | AuctionResumed):
            assert self.course.ends_at, "the end moves after the auction's creation"
            more = ticks_between(self.connection, self.course.ends_at, event.ends_at)
            self.coming = chain(self.coming, more)
            self.next = self.next or next(self.coming, None)
        if isinstance(event, AuctionClosedEarly | BoughtNow):
            self.due = {
                number: tick for number, tick in self.due.items() if tick.cutoff < event.ends_at
            }
        self.course.take(recorded)

    def end(self) -> Iterator[Checked]:
        """There are no more events."""
        while self.next:
            self._pass(self.next)
        yield from self._missing_before(None)

    def _plan_anew(self, event: AuctionRevised, recorded: RecordedEvent) -> None:
        """The auction has other times from now on. Nobody has bid yet, so no tick before could draw there."""
        starts_at, ends_at = (
            event.after.starts_at or self.course.starts_at,
            event.after.ends_at or self.course.ends_at,
        )
        assert starts_at, "an auction is revised after its creation"
        assert ends_at, "an auction is revised after its creation"
        since = max(starts_at, recorded.accepted_at or starts_at)
        self.coming = ticks_between(self.connection, since, ends_at)
        self.next = next(self.coming, None)

    def _pass(self, tick: TickRecord) -> None:
        """The tick's draw is made from what is there now."""
        base = self.course.pass_tick(tick.number)
        settled = tick.leaves_events and tick.revealed_at and tick.accepted_at
        if settled and not self.course.off and base.any_bids and self.course.was_open(tick.cutoff):
            self.due[tick.number] = tick
        self.next = next(self.coming, None)

    def _missing_before(self, number: int | None) -> Iterator[Checked]:
        """The ticks up to that one, None for all, that should have drawn here and left no event."""
        passed = [each for each in self.due if number is None or each < number]
        for each in passed:
            tick = self.due.pop(each)
            if each not in self.drawn and not self._was_closed_for(tick):
                assert self.course.last is not None
                problem = "it left no event, though there was a bid to draw"
                yield Checked(self.course.last.version, each, None, problem=problem)

    def _was_closed_for(self, tick: TickRecord) -> bool:
        """Whether the auction was closed when the tick's draws were accepted."""
        return bool(self.closed_at and tick.accepted_at and self.closed_at < tick.accepted_at)

    def _check(self, recorded: RecordedEvent, draw: Draw) -> Checked:
        number = draw.tick
        tick = self.due.pop(number, None) or record_of_tick(self.connection, number)
        # Draws from before they were numbered are made from whatever came before them.
        base = (draw.draw and self.course.base_of(number)) or self.course.base()
        off = "the promoter doubles no bid here" if self.course.off else None
        problem = off or self._out_of_place(draw) or _untimely(tick, recorded, draw)
        problem = problem or (round_problem(tick) if tick else None)
        problem = problem or self._not_open(tick, draw)
        by = tick.named if tick else None
        self.drawn.add(number)
        self.draws = draw.draw or self.draws
        if problem or tick is None:
            return Checked(recorded.version, number, draw, problem=problem, by=by)
        own = self.course.own
        if own is None:
            problem = _another_policy(self.connection, recorded.stream.id, tick, draw)
        elif draw.policy_version != OWN:
            problem = f"the auction's own options applied, not policy {draw.policy_version}"
        if problem is None and tick.secret is None:
            given_up = tick.given_up
            return Checked(recorded.version, number, draw, revealed=False, given_up=given_up, by=by)
        problem = problem or _unfair(self.connection, tick, self.course, base, draw)
        return Checked(recorded.version, number, draw, problem=problem, by=by)

    def _not_open(self, tick: TickRecord | None, draw: Draw) -> str | None:
        """What speaks against a draw in an auction that was not open, or paused, at the tick's cut-off."""
        if tick is None or not tick.leaves_events or _not_made(draw):
            return None
        if self.course.was_open(tick.cutoff):
            return None
        return "the auction was not open at its cut-off"

    def _out_of_place(self, draw: Draw) -> str | None:
        if draw.tick in self.drawn:
            return "the tick had drawn in this auction before"
        if draw.draw not in {0, self.draws + 1}:
            return f"draw {self.draws + 1} is missing: this is draw {draw.draw}"
        return None


def round_problem(tick: TickRecord) -> str | None:
    """What is wrong with the tick's round of the beacon; None if nothing is, or if it names none."""
    named = tick.beacon, tick.round, tick.public_at
    if tick.beacon is None or tick.round is None or tick.public_at is None:
        unnamed = named == (None, None, None) and tick.value is None
        return None if unnamed else "it names no round of a beacon"
    if wrong := misnamed(tick.beacon, tick.round, tick.public_at):
        return wrong
    if tick.public_at < tick.committed_at:
        return f"round {tick.round} was public before the house named it"
    if tick.made_at is None:
        return None if tick.value is None else "it has a value before it was made"
    if tick.value is None:
        return f"the value of round {tick.round} is missing"
    return misvalued(tick.beacon, tick.round, tick.value)


def unnamed(connection: SyncConnection, tick: TickRecord) -> str | None:
    """What the tick does not name though the one before it did; None if nothing is missing."""
    before = record_of_tick(connection, tick.number - 1)
    if before and before.leaves_events and not tick.leaves_events:
        return "it names no policies, as the tick before it did"
    if before and before.beacon and not tick.beacon:
        return "it names no round of a beacon, as the tick before it did"
    return None


def _not_made(draw: Draw) -> bool:
    return isinstance(draw, NothingDrawn) and draw.reason in NOT_MADE


def _untimely(tick: TickRecord | None, recorded: RecordedEvent, draw: Draw) -> str | None:
    if tick is None or tick.committed_at >= recorded.recorded_at:
        return "the house had not committed to it"
    if tick.made_at is None:
        return "there was no such tick"
    if tick.leaves_events and not draw.draw:
        return "it has no number"
    if tick.revealed_at and tick.revealed_at <= recorded.recorded_at and not _not_made(draw):
        return "the secret was revealed before it"
    return None


def _another_policy(
    connection: SyncConnection, auction_id: UUID, tick: TickRecord, draw: Draw
) -> str | None:
    if tick.policies is None:
        return None
    applied = policy_versions(connection, tick.policies, [auction_id])[auction_id]
    if applied == draw.policy_version:
        return None
    return f"policy {applied} applied, not {draw.policy_version}"


def _unfair(
    connection: SyncConnection, tick: TickRecord, course: Course, base: Base, draw: Draw
) -> str | None:
    """What the secret gives, if that is not what the event says."""
    secret = bytes.fromhex(tick.secret or "")
    if commitment_to(secret) != tick.commitment:
        return "the revealed secret is not the one that the house committed to"
    if _not_made(draw):
        return None
    among = BidsInDraw(tuple(course.bids_at(base)), frozenset(draw.staff))
    own = course.own
    promoter = Promoter.of(own.policy if own else policy_at(connection, draw.policy_version))
    seed = seed_of(secret, base.hash, tick.number, bytes.fromhex(tick.value or ""))
    if not promoter.is_on(seed):
        return _unless(draw, NoDoubling.CHANCE)
    if (hit := promoter.draw(among, seed)) is None:
        return _unless(draw, NoDoubling.NOBODY)
    told = (draw.bid_id, draw.weight, draw.total_weight) if isinstance(draw, BidDoubled) else None
    gone = isinstance(draw, NothingDrawn) and draw.reason is NoDoubling.GONE
    if (gone and draw.bid_id == hit.bid.id) or told == (hit.bid.id, hit.weight, hit.total_weight):
        return None
    return f"the secret gives bid {hit.bid.id}, weight {hit.weight} of {hit.total_weight}"


def _unless(draw: Draw, reason: NoDoubling) -> str | None:
    if isinstance(draw, NothingDrawn) and draw.reason is reason:
        return None
    return f"the secret gives none ({reason.value})"
