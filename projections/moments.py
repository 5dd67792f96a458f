"""The moments of an auction: how it stood in brief after each of its events, made event by event. Pure."""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from commands.domain.events import (
    AuctionCreated,
    AuctionEndedUnsold,
    BidDeleted,
    BidDoubled,
    BidPlaced,
    NothingDrawn,
    WinnerAnnounced,
)
from projections.documents import AuctionDocument, BidDocument, Draw, Moment, VersionedEvent

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
        top = auction.top_bids
        all_known = len(top) == auction.bid_count
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


class Timeline:
    """Makes an auction's moments in the order of its events.

    `before` is the moment before the first of them, `live` how many live bids the bidders had then that the
    events are about; those not named had none.
    """

    def __init__(
        self, before: Moment | None, known: Known, live: Mapping[UUID, int], leading_at: Leading
    ) -> None:
        self._last = before
        self._live = dict(live)
        self._leaders = Leaders(known, leading_at)

    def after(self, auction_id: UUID, history: Iterable[VersionedEvent]) -> list[Moment]:
        """The moments of the next events."""
        return [self._next(auction_id, recorded) for recorded in history]

    def _next(self, auction_id: UUID, recorded: VersionedEvent) -> Moment:
        version, event = recorded.version, recorded.event
        then = replace(
            self._last or Moment(auction_id, version, recorded.recorded_at, ""),
            version=version,
            recorded_at=recorded.recorded_at,
            kind=type(event).__name__,
            led=False,
            bid_id=None,
            draw=None,
        )
        self._last = self._changed(then, recorded)
        return self._last

    def _changed(self, then: Moment, recorded: VersionedEvent) -> Moment:
        event, version = recorded.event, recorded.version
        match event:
            case BidPlaced():
                self._leaders.rank(event.bid_id, (-event.amount, version))
                counted = self._counted(then, event, 1)
                return self._leading(replace(counted, last_bid=event.bid_id), event.bid_id)
            case BidDeleted():
                self._leaders.remove(event.bid_id)
                return self._leading(self._counted(then, event, -1), event.bid_id)
            case BidDoubled():
                self._leaders.rank(event.bid_id, (-event.effective_amount, version))
                draw = Draw(event.tick, event.policy_version, event.weight, event.total_weight)
                return self._leading(replace(then, draw=draw), event.bid_id)
            case WinnerAnnounced() | AuctionEndedUnsold():
                return replace(then, closed_version=version)
            case AuctionCreated() | NothingDrawn():
                return then
            case _:
                assert_never(event)

    def _counted(self, then: Moment, event: BidPlaced | BidDeleted, change: int) -> Moment:
        before = self._live.get(event.bidder_id, 0)
        after = self._live[event.bidder_id] = before + change
        return replace(
            then,
            bid_count=then.bid_count + change,
            bidder_count=then.bidder_count + (after > 0) - (before > 0),
        )

    def _leading(self, then: Moment, changed: UUID) -> Moment:
        leading = self._leaders.leading(then.version)
        led = leading != then.leading or changed == leading
        return replace(then, leading=leading, led=led, bid_id=changed)


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
        leading=auction.top_bids[0].id if auction.top_bids else None,
        last_bid=last.last_bid if last else None,
        closed_version=last.closed_version if last else None,
    )


def auction_then(
    auction: AuctionDocument, then: Moment, leading: BidDocument | None
) -> AuctionDocument:
    """The auction's document as of an earlier moment; of its first bids only the leading one.

    `leading` is the bid that led, as it was then.
    """
    closed = then.closed_version is not None
    return replace(
        auction,
        version=then.version,
        closed=closed,
        bid_count=then.bid_count,
        bidder_count=then.bidder_count,
        top_bids=(leading,) if leading else (),
        winner=auction.winner if closed else None,
    )
