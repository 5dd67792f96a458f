"""The moments of an auction: how it stood in brief after each of its events, made event by event. Pure."""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionExtended,
    AuctionPaused,
    AuctionResumed,
    AuctionRevised,
    BidDeleted,
    BidDoubled,
    BidNotRevealed,
    BidPlaced,
    BidRemoved,
    BidRevealed,
    BoughtNow,
    LotOffered,
    MaximumEnded,
    MaximumSet,
    NothingDrawn,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    ReserveMet,
    ReserveMissed,
    ReserveRevealed,
    SaleFailed,
    SaleForfeited,
    SealedBidPlaced,
    WinnerAnnounced,
)
from projections.changes import details_after
from projections.documents import (
    AuctionDocument,
    BidDocument,
    Details,
    Draw,
    Moment,
    VersionedEvent,
)
from projections.sales import winner_at

Rank = tuple[Decimal, int]
# Gives the leading bid at a version, where the known ones don't tell.
Leading = Callable[[int], BidDocument | None]


@dataclass(frozen=True, slots=True)
class Known:
    """The live bids that are known, by their ranks; with `beyond`, others may rank there or behind."""

    ranks: Mapping[UUID, Rank]
    beyond: Rank | None = None

    @classmethod
    def top_of(cls, auction: AuctionDocument | None) -> "Known":
        """Those in the auction's own document."""
        if auction is None:
            return cls({})
        # Those that are hidden rank nowhere; once the first one is, so are all.
        top = [bid for bid in auction.top_bids if not bid.hidden]
        all_known = len(top) < len(auction.top_bids) or len(top) == auction.bid_count
        return cls({bid.id: bid.rank for bid in top}, None if all_known else top[-1].rank)


class Leaders:
    """Finds the leading bid after each change of a bid, in the time of a heap's step."""

    def __init__(self, known: Known, leading_at: Leading) -> None:
        self._ranks = dict(known.ranks)
        self._heap = [(rank, bid_id) for bid_id, rank in self._ranks.items()]
        heapq.heapify(self._heap)
        self._beyond, self._leading_at = known.beyond, leading_at

    def rank(self, bid_id: UUID, rank: Rank) -> None:
        """The bid is live, and ranks there from now on."""
        self._ranks[bid_id] = rank
        heapq.heappush(self._heap, (rank, bid_id))

    def remove(self, bid_id: UUID) -> None:
        """The bid is deleted."""
        self._ranks.pop(bid_id, None)

    def leading(self, version: int) -> UUID | None:
        """The bid that leads at that version, at which all changes so far were made."""
        while self._heap and self._ranks.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if self._beyond is None or (self._heap and self._heap[0][0] <= self._beyond):
            return self._heap[0][1] if self._heap else None
        found = self._leading_at(version)
        if found is None:
            return None
        self.rank(found.id, found.rank)
        return found.id


@dataclass(slots=True)
class Standing:
    """What the next moment begins with."""

    bid_count: int = 0
    bidder_count: int = 0
    leading: UUID | None = None
    last_bid: UUID | None = None
    closed_version: int | None = None
    ends_at: datetime | None = None
    reserve_met: bool = False
    details_version: int | None = None

    @classmethod
    def of(cls, before: Moment | None) -> "Standing":
        """As the last moment left it."""
        if before is None:
            return cls()
        return cls(
            before.bid_count,
            before.bidder_count,
            before.leading,
            before.last_bid,
            before.closed_version,
            before.ends_at,
            before.reserve_met,
            before.details_version,
        )


class Timeline:
    """Makes an auction's moments in the order of its events.

    `before` is the moment before the first of them, and `auction` the document then; `live` is how many live bids
    the bidders had then that the events are about; those not named had none.
    """

    def __init__(
        self,
        before: Moment | None,
        known: Known,
        live: Mapping[UUID, int],
        leading_at: Leading,
        auction: AuctionDocument | None = None,
    ) -> None:
        self._standing = Standing.of(before)
        self._details = auction.details if auction else None
        self._live = dict(live)
        self._leaders = Leaders(known, leading_at)

    def after(self, auction_id: UUID, history: Iterable[VersionedEvent]) -> list[Moment]:
        """The moments of the next events."""
        return [self._next(auction_id, recorded) for recorded in history]

    def _next(self, auction_id: UUID, recorded: VersionedEvent) -> Moment:
        event, version, now = recorded.event, recorded.version, self._standing
        details = self._changed_details(recorded)
        changed = self._take_in(event, version)
        led = changed is not None and self._lead(version, changed)
        return Moment(
            auction_id,
            version,
            recorded.recorded_at,
            type(event).__name__,
            now.bid_count,
            now.bidder_count,
            now.leading,
            led,
            changed,
            now.last_bid,
            now.closed_version,
            _draw(event) if isinstance(event, BidDoubled) else None,
            now.ends_at,
            now.reserve_met,
            now.details_version,
            details,
        )

    def _changed_details(self, recorded: VersionedEvent) -> Details | None:
        """The auction's details after the event, if it changed them."""
        event, before = recorded.event, self._details
        if isinstance(event, AuctionCreated):
            self._details = Details(
                event.title, event.description, event.starts_at, event.ends_at, event.rules
            )
            return None
        assert before, "the auction's creation, or its document, comes before"
        self._details = details_after(before, self._standing.ends_at or before.ends_at, recorded)
        if self._details is before:
            return None
        self._standing.details_version = recorded.version
        return self._details

    def _take_in(self, event: AuctionEvent, version: int) -> UUID | None:
        """Change the standing, but for who leads; the bid that the event changed."""
        match event:
            case BidPlaced():
                self._leaders.rank(event.bid_id, (-event.amount, version))
                self._count(event.bidder_id, 1)
                self._standing.last_bid = event.bid_id
                return event.bid_id
            case SealedBidPlaced():
                self._count(event.bidder_id, 1)
                self._standing.last_bid = event.bid_id
                return event.bid_id
            case BidRevealed(amount=amount):
                self._leaders.rank(event.bid_id, (-amount, version))
                return event.bid_id
            case BidDeleted() | BidRemoved() | BidNotRevealed():
                self._leaders.remove(event.bid_id)
                self._count(event.bidder_id, -1)
                return event.bid_id
            case BidDoubled():
                self._leaders.rank(event.bid_id, (-event.effective_amount, version))
                return event.bid_id
            case WinnerAnnounced() | AuctionEndedUnsold() | AuctionCancelled():
                self._standing.closed_version = version
                return None
            case AuctionExtended() | AuctionClosedEarly() | AuctionResumed() | BoughtNow():
                self._standing.ends_at = event.ends_at
                return None
            case AuctionRevised(after=after):
                if after.ends_at:
                    self._standing.ends_at = None
                return None
            case ReserveMet() | ReserveMissed():
                self._standing.reserve_met = isinstance(event, ReserveMet)
                return None
            case (
                LotOffered()
                | OfferAccepted()
                | OfferDeclined()
                | OfferLapsed()
                | SaleForfeited()
                | SaleFailed()
            ):
                return None
            case AuctionCreated() | NothingDrawn() | AuctionPaused() | ReserveRevealed():
                return None
            case MaximumSet() | MaximumEnded():
                return None
            case _:
                assert_never(event)

    def _count(self, bidder_id: UUID, change: int) -> None:
        before = self._live.get(bidder_id, 0)
        after = self._live[bidder_id] = before + change
        self._standing.bid_count += change
        self._standing.bidder_count += (after > 0) - (before > 0)

    def _lead(self, version: int, changed: UUID) -> bool:
        """Note who leads; whether that, or what the leading bid counts, is different now."""
        before, leading = self._standing.leading, self._leaders.leading(version)
        self._standing.leading = leading
        return leading != before or changed == leading


def _draw(event: BidDoubled) -> Draw:
    return Draw(event.tick, event.policy_version, event.weight, event.total_weight)


def moments_of(auction_id: UUID, history: Sequence[VersionedEvent]) -> list[Moment]:
    """All moments of an auction, from its whole history."""
    return Timeline(None, Known({}), {}, lambda _: None).after(auction_id, history)


def brief(auction: AuctionDocument, last: Moment | None) -> Moment:
    """The auction's document as the moment of its version, in what the next moments are made from.

    `last` is that moment itself, for what only it knows; None if it is not needed, or was never made.
    """
    return Moment(
        auction_id=auction.id,
        version=auction.version,
        recorded_at=auction.starts_at,
        kind="",
        bid_count=auction.bid_count,
        bidder_count=auction.bidder_count,
        leading=auction.leading.id if auction.leading else None,
        last_bid=last.last_bid if last else None,
        closed_version=last.closed_version if last else None,
        ends_at=auction.ends_at if auction.first_ends_at else None,
        reserve_met=auction.reserve_met,
        details_version=auction.details_version,
    )


def auction_then(
    auction: AuctionDocument,
    then: Moment,
    leading: BidDocument | None,
    changed: Details | None = None,
) -> AuctionDocument:
    """The auction's document as of an earlier moment; of its first bids only the leading one.

    `leading` is the bid that led, as it was then. `changed` are the details in the moment of the
    `details_version`; None if there was none yet.
    """
    closed, early = then.closed_version is not None, auction.closed_early
    bought = auction.bought
    details = changed or auction.first or auction.details
    return replace(
        auction,
        title=details.title,
        description=details.description,
        starts_at=details.starts_at,
        rules=details.rules,
        paused=details.paused,
        pauses=details.pauses,
        details_version=then.details_version,
        first=auction.first if changed else None,
        version=then.version,
        closed=closed,
        bid_count=then.bid_count,
        bidder_count=then.bidder_count,
        top_bids=(leading,) if leading else (),
        winner=winner_at(auction.winner, then.version) if auction.winner and closed else None,
        cancelled=auction.cancelled if closed else None,
        closed_early=early if early and early.version <= then.version else None,
        bought=bought if bought and bought.version <= then.version else None,
        ends_at=then.ends_at or details.ends_at,
        first_ends_at=details.ends_at if then.ends_at else None,
        reserve_met=then.reserve_met,
        reserve=auction.reserve if closed or then.kind == "ReserveRevealed" else None,
    )
