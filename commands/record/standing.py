"""An auction while its events are decided again, with no more of its bids than decisions depend on.

A bid to which nothing happens any more matters as long as it is the highest of its bidder, or leads,
of all such bids. Only of bids that are deleted, doubled or revealed later is each kept. So a million bids
take no more memory than their bidders and what changes of them.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush
from itertools import islice
from typing import assert_never
from uuid import UUID

from commands.domain.bids import Bid, Bids
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    CancelAuction,
    ClearMaximum,
    CloseAuctionNow,
    CreateAuction,
    DeleteBid,
    DoubleBid,
    ForfeitSale,
    LapseOffer,
    PauseAuction,
    PlaceBid,
    PlaceSealedBid,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
    SetMaximum,
    WithdrawBids,
)
from commands.domain.events import (
    AuctionEvent,
    BidDeleted,
    BidDoubled,
    BidNotRevealed,
    BidPlaced,
    BidRemoved,
    BidRevealed,
    NothingDrawn,
    SealedBidPlaced,
)
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.table import chosen, hide_amounts, need_leader
from commands.domain.state import Auction, evolve
from commands.record.contests import MaximaBounds
from commands.record.reserves import ReserveBounds

Ranked = list[tuple[object, UUID]]


class NotKept(Exception):
    """An event changes a bid that was said to stay as it is, or that was never placed."""


@dataclass(slots=True)
class _Bidder:
    """How many live bids a bidder has, the highest of those that stay, and those that change by rank."""

    live: int = 0
    highest: Bid | None = None
    ranked: Ranked = field(default_factory=list)


class Standing:
    """An auction after the events so far, and the bids that the next decision can depend on."""

    def __init__(self) -> None:
        self.auction: Auction | None = None
        # The events that the last one must be followed by, and the job that caused them all.
        self.owed: list[AuctionEvent] = []
        self.cause: UUID | None = None
        # Whose turn it is to be offered the lot after the last event, if these bidders are gone, too.
        self.turn: Callable[[Collection[UUID]], AuctionEvent] | None = None
        self.reserve = ReserveBounds()
        self.maxima = MaximaBounds()
        # By alias, the number that it got with its first bid.
        self.numbers: dict[UUID, int] = {}
        # The latest moment at which a command was accepted whose events there are.
        self.accepted: datetime | None = None
        # Those that change, as they are now.
        self.changing: dict[UUID, Bid] = {}
        self._bidders: dict[UUID, _Bidder] = {}
        self._leading: Bid | None = None
        # Those that change by rank; what changed since stays in it, and is passed over.
        self._ranked: Ranked = []
        # Those that were sealed, in the order they were placed; what is not hidden any more is passed over.
        self._hidden: deque[UUID] = deque()

    def apply(self, event: AuctionEvent, *, stays: bool = False) -> Bid | None:
        """The event happened; the bid that it changed, if any.

        `stays` says of a placed bid that it is never deleted or doubled.
        """
        before = replace(self.auction, bids=Bids(self._changed_by(event))) if self.auction else None
        try:
            after = evolve(before, event)
        except KeyError as error:
            raise NotKept(str(error)) from error
        self.auction = replace(after, bids=Bids())
        if isinstance(event, BidPlaced) and event.number:
            self.numbers[event.bidder_id] = event.number
        [*changed] = after.bids.values()
        for bid in changed:
            placed = isinstance(event, BidPlaced | SealedBidPlaced)
            self._put(bid, placed=placed, stays=stays)
        return changed[0] if changed else None

    def leading(self) -> Bid | None:
        """The bid that leads."""
        return min(self._best(self._leading, self._ranked), key=lambda bid: bid.rank, default=None)

    def live_bids_of(self, bidder_id: UUID) -> int:
        """How many live bids the bidder has."""
        bidder = self._bidders.get(bidder_id)
        return bidder.live if bidder else 0

    def staff_among(self, staff: Iterable[UUID], *, all_ever: bool) -> frozenset[UUID]:
        """Those of the house's people who have live bids, or who ever bid."""
        return frozenset(
            id for id in staff if (id in self._bidders if all_ever else self.live_bids_of(id))
        )

    def part(self, command: AuctionCommand, event: AuctionEvent) -> Auction | None:
        """The auction with those of its bids that the command can touch; `event` is what came of it."""
        if self.auction is None:
            return None
        return replace(self.auction, bids=Bids(self._touched(command, event)))

    def named(self, bid_id: UUID) -> list[Bid]:
        """The bid, if it is one that changes."""
        return [self.changing[bid_id]] if bid_id in self.changing else []

    def _touched(self, command: AuctionCommand, event: AuctionEvent) -> list[Bid]:
        match command:
            case PlaceBid(placed_by=bidder_id) | SetMaximum(placed_by=bidder_id):
                bidder = self._bidders.get(bidder_id)
                own = self._best(bidder.highest, bidder.ranked) if bidder else []
                return [*own, *self._leading_ones()]
            case PlaceSealedBid(bidder_id=bidder_id):
                bidder = self._bidders.get(bidder_id)
                return self._best(bidder.highest, bidder.ranked) if bidder else []
            case AnnounceWinner() if self.auction and hide_amounts(self.auction.rules):
                return self._next_hidden() or [
                    bid for bid in self.changing.values() if not bid.deleted
                ]
            case BuyNow():
                return self._best(self._leading, self._ranked)
            case AnnounceWinner() | AnswerOffer() | LapseOffer() | ForfeitSale():
                return self._next_ones() or self._best(self._leading, self._ranked)
            case DeleteBid(bid_id=id) | RemoveBid(bid_id=id):
                return self.named(id)
            case DoubleBid() if isinstance(event, NothingDrawn):
                return self.named(event.bid_id) if event.bid_id else []
            case DoubleBid() if self.auction and self.auction.maxima:
                return [*self._changed_by(event), *self._leading_ones()]
            case DoubleBid() | WithdrawBids():
                return self._changed_by(event) or self._next_ones()
            case (
                CreateAuction()
                | CancelAuction()
                | CloseAuctionNow()
                | PauseAuction()
                | ResumeAuction()
                | ClearMaximum()
            ):
                return []
            case ReviseAuction():
                return self._any_ever()
            case _:
                assert_never(command)

    def _next_hidden(self) -> list[Bid]:
        """The live bid that is to be revealed next."""
        while self._hidden:
            bid = self.changing[self._hidden[0]]
            if bid.hidden and not bid.deleted:
                return [bid]
            self._hidden.popleft()
        return []

    def _leading_ones(self) -> list[Bid]:
        """Those that a bid depends on because of the auction's rules: the leading one is among them."""
        assert self.auction
        if not need_leader(self.auction.rules):
            return []
        return self._best(self._leading, self._ranked)

    def _any_ever(self) -> list[Bid]:
        """One of all bids that were ever placed, if there is any."""
        staying = [self._leading] if self._leading else []
        return [*staying, *islice(self.changing.values(), 1)][:1]

    def _next_ones(self) -> list[Bid]:
        """The highest bid of each bidder, if the lot may be offered to them one after the other."""
        assert self.auction
        if not self.auction.rules or chosen(self.auction.rules, SecondChance) is None:
            return []
        return [
            bid
            for bidder in self._bidders.values()
            if bidder.live
            for bid in self._best(bidder.highest, bidder.ranked)
        ]

    def _changed_by(self, event: AuctionEvent) -> list[Bid]:
        if isinstance(event, BidDoubled | BidDeleted | BidRemoved | BidRevealed | BidNotRevealed):
            return self.named(event.bid_id)
        return []

    def _best(self, staying: Bid | None, ranked: Ranked) -> list[Bid]:
        """The best of the bids that stay, and the best live one of those that change."""
        best = [staying] if staying else []
        while ranked:
            rank, id = ranked[0]
            bid = self.changing[id]
            if not bid.deleted and bid.rank == rank:
                return [*best, bid]
            heappop(ranked)
        return best

    def _put(self, bid: Bid, *, placed: bool, stays: bool) -> None:
        bidder = self._bidders.setdefault(bid.bidder_id, _Bidder())
        if placed:
            bidder.live += 1
        elif bid.deleted and not self.changing[bid.id].deleted:
            bidder.live -= 1
        if placed and stays:
            if bidder.highest is None or bid.rank < bidder.highest.rank:
                bidder.highest = bid
            if self._leading is None or bid.rank < self._leading.rank:
                self._leading = bid
            return
        self.changing[bid.id] = bid
        if placed and bid.hidden:
            self._hidden.append(bid.id)
        if not bid.deleted:
            heappush(self._ranked, (bid.rank, bid.id))
            heappush(bidder.ranked, (bid.rank, bid.id))
