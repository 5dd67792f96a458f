"""An auction as its events leave it: its own fields, and those of its bids that are at hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never, assert_type
from uuid import UUID

from commands.domain.bids import Bid, Bids
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
    EventOfNoBid,
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
from commands.domain.hidden import HIDDEN
from commands.domain.maximum import Maximum, without
from commands.domain.pauses import Pause, moved
from commands.domain.rules.table import Rules, later
from commands.domain.sale import Sale, sale_after


# Without slots, so that it can follow a bid at the price of one dictionary: see at().
@dataclass(frozen=True)
class Auction:
    """An auction after `version` events.

    `draws` is how many numbered draws it had, and `last_tick` the tick of the last of them. `extensions` is
    how often bids moved its end. `closed_early` says whether the house ended it early, or a purchase did, and
    `cancelled_because` is the reason of one that was cancelled. `reserve_met` says whether the leading bid would pay
    its reserve; False without one. `aliases` is how many bidders have a number, if it is masked. Time stands still
    since `paused_at`, and did in the `pauses` before; `ends_at` and `rules` are moved by each once it is over.
    `winning_price` is what the winner pays, if that is not the winning bid's amount.
    `reserve` is that, once it is revealed. `sale` is of one with a second chance, once it has a
    winner. `maxima` are those that bid for their bidders; after a decision whoever has one leads.
    """

    id: UUID
    version: int
    title: str
    description: str
    starts_at: datetime
    ends_at: datetime
    closed: bool
    winning_bid_id: UUID | None
    bids: Bids
    draws: int = 0
    last_tick: int = 0
    rules: Rules = ()
    extensions: int = 0
    cancelled_because: str | None = None
    closed_early: bool = False
    reserve_met: bool = False
    aliases: int = 0
    paused_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    winning_price: Decimal | None = None
    reserve: Decimal | None = None
    sale: Sale | None = None
    maxima: tuple[Maximum, ...] = ()

    @property
    def cancelled(self) -> bool:
        """Whether the house cancelled it."""
        return self.cancelled_because is not None

    @property
    def paused(self) -> bool:
        """Whether time stands still in it."""
        return self.paused_at is not None

    def at(self, version: int, bids: Bids) -> "Auction":
        """The auction at that version, with those bids; replace() would go through each of its fields, for each bid."""
        auction = object.__new__(Auction)
        auction.__dict__.update(self.__dict__, version=version, bids=bids)
        return auction

    def stands_still(self, moment: datetime) -> bool:
        """Whether time stood still then."""
        if self.paused_at is not None and moment >= self.paused_at:
            return True
        return bool(self.pauses) and any(each.since <= moment < each.until for each in self.pauses)

    def on_its_clock(self, moment: datetime) -> datetime:
        """An earlier moment as it is to be compared with the end, which later pauses have moved."""
        if not self.pauses:
            return moment
        later = (pause.length for pause in self.pauses if pause.since > moment)
        return moved(moment, sum(later, timedelta()))

    @property
    def leading_bid(self) -> Bid | None:
        """The bid that would win now."""
        return self.bids.leading()

    def live_bids_of(self, bidder_id: UUID) -> list[Bid]:
        """One bidder's live bids, in the order they were placed."""
        return sorted(self.bids.live_of(bidder_id), key=lambda bid: bid.placed_version)


def evolve(auction: Auction | None, event: AuctionEvent) -> Auction:
    """The auction after the event; KeyError or AssertionError if the event can't follow the earlier ones."""
    return replay([event], auction)


def replay(events: Iterable[AuctionEvent], auction: Auction | None = None) -> Auction:
    """The auction after the events, in time linear in their number and the bids it had."""
    bids = auction.bids if auction else Bids()
    version = before = auction.version if auction else 0
    changed: dict[UUID, Bid] = {}
    for version, event in enumerate(events, start=before + 1):
        auction = _next(auction, event)
        if (bid := changed_bid(changed, bids, event, version)) is not None:
            changed[bid.id] = bid
    assert auction is not None, "a history begins with the auction's creation"
    return auction.at(version, bids.with_(changed.values()))


def _next(auction: Auction | None, event: AuctionEvent) -> Auction:
    """The auction's own fields after the event, but for its version and its bids."""
    if isinstance(event, AuctionCreated):
        assert auction is None, "an auction is created once"
        return Auction(
            id=event.auction_id,
            version=1,
            title=event.title,
            description=event.description,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            closed=False,
            winning_bid_id=None,
            bids=Bids(),
            rules=event.rules,
        )
    assert auction is not None, "an auction is created before anything else happens to it"
    match event:
        case WinnerAnnounced():
            won, price = event.bid_id, event.price
            return replace(auction, closed=True, winning_bid_id=won, winning_price=price, maxima=())
        case AuctionEndedUnsold():
            return replace(auction, closed=True, maxima=())
        case AuctionCancelled():
            reason = event.reason
            return replace(
                auction, closed=True, cancelled_because=reason, paused_at=None, maxima=()
            )
        case AuctionClosedEarly() | BoughtNow():
            pauses = _pauses(auction, event.ends_at)
            # Who bought leads, and nothing is bid any more.
            maxima = () if isinstance(event, BoughtNow) else auction.maxima
            return replace(
                auction,
                ends_at=event.ends_at,
                closed_early=True,
                paused_at=None,
                pauses=pauses,
                maxima=maxima,
            )
        case MaximumSet(bidder_id=bidder_id):
            new = Maximum(event.maximum_id, bidder_id, event.sealed, event.number)
            return replace(auction, maxima=(*without(auction.maxima, bidder_id), new))
        case MaximumEnded() | BidDeleted() | BidRemoved():
            if not auction.maxima:
                return auction
            return replace(auction, maxima=without(auction.maxima, event.bidder_id))
        case AuctionPaused():
            return replace(auction, paused_at=event.paused_at)
        case AuctionResumed():
            return _resumed(auction, event)
        case AuctionRevised():
            return replace(auction, **event.after.given)
        case BidDoubled(draw=draw) if draw == 0:
            return auction
        case BidDoubled() | NothingDrawn():
            return replace(auction, draws=auction.draws + 1, last_tick=event.tick)
        case AuctionExtended():
            return replace(auction, ends_at=event.ends_at, extensions=event.extension)
        case ReserveMet() | ReserveMissed():
            return replace(auction, reserve_met=isinstance(event, ReserveMet))
        case BidPlaced(number=int() as number):
            return replace(auction, aliases=max(auction.aliases, number))
        case ReserveRevealed():
            return replace(auction, reserve=event.amount)
        case (
            LotOffered()
            | OfferAccepted()
            | OfferDeclined()
            | OfferLapsed()
            | SaleForfeited()
            | SaleFailed()
        ):
            sale = sale_after(auction.sale, event, auction.winning_bid_id)
            return replace(auction, sale=sale)
        case BidPlaced() | SealedBidPlaced() | BidRevealed() | BidNotRevealed():
            return auction
        case _:
            assert_never(event)


def _resumed(auction: Auction, event: AuctionResumed) -> Auction:
    assert auction.paused, "time goes on where it stood still"
    return replace(
        auction,
        ends_at=event.ends_at,
        rules=later(auction.rules, event.ends_at - auction.ends_at),
        paused_at=None,
        pauses=_pauses(auction, event.resumed_at),
    )


def _pauses(auction: Auction, until: datetime) -> tuple[Pause, ...]:
    """The auction's pauses once the one that it is in, if any, is over then."""
    if auction.paused_at is None:
        return auction.pauses
    return (*auction.pauses, Pause(auction.paused_at, until))


def changed_bid(
    changed: Mapping[UUID, Bid], bids: Mapping[UUID, Bid], event: AuctionEvent, version: int
) -> Bid | None:
    """The one bid that the event changes, as it is at the auction's new version; KeyError if there is no such bid.

    `changed` has those of `bids` that are not as they were any more.
    """
    match event:
        case BidPlaced():
            return Bid(
                id=event.bid_id,
                bidder_id=event.bidder_id,
                amount=event.amount,
                effective_amount=event.amount,
                placed_at=event.placed_at,
                placed_version=version,
                reached_version=version,
                number=event.number,
            )
        case SealedBidPlaced():
            return Bid(
                id=event.bid_id,
                bidder_id=event.bidder_id,
                amount=HIDDEN,
                effective_amount=HIDDEN,
                placed_at=event.placed_at,
                placed_version=version,
                reached_version=version,
                commitment=event.commitment,
                hidden=True,
            )
        case BidRevealed(amount=amount):
            return replace(
                changed.get(event.bid_id) or bids[event.bid_id],
                amount=amount,
                effective_amount=amount,
                reached_version=version,
                hidden=False,
            )
        case BidDeleted() | BidRemoved() | BidNotRevealed():
            bid = changed.get(event.bid_id) or bids[event.bid_id]
            return replace(bid, deleted=True, deleted_version=version)
        case BidDoubled():
            return replace(
                changed.get(event.bid_id) or bids[event.bid_id],
                doubled=True,
                effective_amount=event.effective_amount,
                reached_version=version,
            )
        case _:
            assert_type(event, EventOfNoBid)
            return None
