"""An auction as its history is read: what each tick's draw is made from, with one copy of its bids for all ticks."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast
from uuid import UUID

from commands.domain.bids import Bid
from commands.domain.events import (
    AuctionClosedEarly,
    AuctionCreated,
    AuctionEvent,
    AuctionExtended,
    AuctionPaused,
    AuctionResumed,
    AuctionRevised,
    BoughtNow,
)
from commands.domain.pauses import Pause
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.table import Rules, own_promoter, promoted
from commands.domain.state import changed_bid
from commands.streams import RecordedEvent


@dataclass(frozen=True, slots=True)
class Base:
    """What a draw is made from: the auction's version before the cut-off, the hash of that event, any bid to draw."""

    version: int
    hash: bytes
    any_bids: bool


@dataclass(slots=True)
class _Run:
    """Ticks that follow each other without an event of the auction between."""

    first: int
    last: int
    base: Base


@dataclass(slots=True)
class Course:
    """An auction after the events so far."""

    last: RecordedEvent | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    # What its draws follow instead of the portal's policies.
    own: OwnPromoter | None = None
    # Whether no tick draws in it.
    off: bool = False
    paused_at: datetime | None = None
    _pauses: list[Pause] = field(default_factory=list)
    _bids: dict[UUID, Bid] = field(default_factory=dict)
    # How many bids are live and not doubled.
    _candidates: int = 0
    _runs: deque[_Run] = field(default_factory=deque)

    def take(self, recorded: RecordedEvent) -> None:
        """The next event; KeyError if it is about a bid that was never placed."""
        event = cast(AuctionEvent, recorded.event)
        self._keep_time(event)
        if bid := changed_bid({}, self._bids, event, recorded.version):
            self._candidates += _may_be_drawn(bid) - _may_be_drawn(self._bids.get(bid.id))
            self._bids[bid.id] = bid
        self.last = recorded

    def _keep_time(self, event: AuctionEvent) -> None:
        match event:
            case AuctionCreated():
                self.starts_at, self.ends_at = event.starts_at, event.ends_at
                self._follow(event.rules)
            case AuctionExtended() | BoughtNow():
                self.ends_at = event.ends_at
            case AuctionClosedEarly():
                self._go_on(event.ends_at)
                self.ends_at = event.ends_at
            case AuctionRevised(after=after):
                self.starts_at = after.starts_at or self.starts_at
                self.ends_at = after.ends_at or self.ends_at
                if after.rules is not None:
                    self._follow(after.rules)
            case AuctionPaused():
                self.paused_at = event.paused_at
            case AuctionResumed():
                self._go_on(event.resumed_at)
                self.ends_at = event.ends_at

    def _follow(self, rules: Rules) -> None:
        self.own, self.off = own_promoter(rules), not promoted(rules)

    def _go_on(self, moment: datetime) -> None:
        if self.paused_at is not None:
            self._pauses.append(Pause(self.paused_at, moment))
        self.paused_at = None

    def base(self) -> Base:
        """Of a draw that is made now."""
        assert self.last is not None, "a history begins with the auction's creation"
        return Base(self.last.version, self.last.hash, any_bids=self._candidates > 0)

    def was_open(self, moment: datetime) -> bool:
        """Whether bids could be placed at that moment."""
        assert self.starts_at is not None
        assert self.ends_at is not None
        if self.paused_at is not None and moment >= self.paused_at:
            return False
        paused = any(pause.since <= moment < pause.until for pause in self._pauses)
        return self.starts_at <= moment < self.ends_at and not paused

    def pass_tick(self, number: int) -> Base:
        """The tick's draw, if it comes, is made from what is there now."""
        run = self._runs[-1] if self._runs else None
        if run is None or run.base.version != (self.last and self.last.version):
            run = _Run(number, number, self.base())
            self._runs.append(run)
        run.last = number
        return run.base

    def base_of(self, number: int) -> Base | None:
        """What was there when that tick passed; None if it did not pass, or an earlier one was asked for after it."""
        while self._runs and self._runs[0].last < number:
            self._runs.popleft()
        return self._runs[0].base if self._runs and self._runs[0].first <= number else None

    def bids_at(self, base: Base) -> Iterator[Bid]:
        """The bids as they were then."""
        for bid in self._bids.values():
            if bid.placed_version <= base.version:
                yield _at(bid, base.version)


def _may_be_drawn(bid: Bid | None) -> bool:
    return bid is not None and not bid.deleted and not bid.doubled


def _at(bid: Bid, version: int) -> Bid:
    """The bid at a version since it was placed."""
    if bid.deleted and bid.deleted_version is not None and bid.deleted_version > version:
        bid = replace(bid, deleted=False, deleted_version=None)
    if bid.doubled and bid.reached_version > version:
        reached, amount = bid.placed_version, bid.amount
        bid = replace(bid, doubled=False, effective_amount=amount, reached_version=reached)
    return bid
