"""From events, and the leading bid before and after them, to notices: who is notified of what. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from commands.domain.events import (
    AuctionCancelled,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionPaused,
    AuctionResumed,
    BidDeleted,
    BidDoubled,
    BidNotRevealed,
    BidPlaced,
    BidRemoved,
    LotOffered,
    OfferLapsed,
    SaleForfeited,
    WinnerAnnounced,
)
from notifications.preferences import NotificationKind


@dataclass(frozen=True, slots=True)
class RankedBid:
    """A bid with what ranks it: its effective amount and the version at which it reached it."""

    bid_id: UUID
    bidder_id: UUID
    effective_amount: Decimal
    reached_version: int

    @property
    def rank(self) -> tuple[Decimal, int]:
        """Sorts the leading bid first."""
        return (-self.effective_amount, self.reached_version)

    @property
    def as_leading(self) -> "Leading":
        """What the next run needs to know of it, if it leads now."""
        return Leading(self.bid_id, self.bidder_id, self.effective_amount)


@dataclass(frozen=True, slots=True)
class Leading:
    """The leading bid as of the notifier's last run, and whether it was deleted since."""

    bid_id: UUID
    bidder_id: UUID
    effective_amount: Decimal
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification for the users `to`, or, if that is None, all with live bids except the user `but`.

    Those TO_WATCHERS are then for all who watch the auction, too.
    """

    kind: NotificationKind
    version: int
    amount: Decimal | None
    to: frozenset[UUID] | None = None
    but: UUID | None = None


EventAtVersion = tuple[int, AuctionEvent]


def notices(
    events: Sequence[EventAtVersion],
    before: Leading | None,
    after: RankedBid | None,
    deleted: Mapping[UUID, RankedBid],
    won: UUID | None = None,
) -> list[Notice]:
    """The notices that follow from the events (each with its version).

    `before` and `after` are the leading bids before and after them, `deleted` the bids that were
    deleted in between, `won` the bid that won. Of many changes of the highest bid only the last gives notices: OUTBID to
    those who led, and MAX_BID_CHANGED to the others.
    """
    found = notices_of_each(events, deleted, won)
    if after and before != after.as_leading:
        version, caused_by = _cause(events, after, deleted)
        amount = after.effective_amount
        if outbid := _outbid(events, before, after):
            found.append(Notice(NotificationKind.OUTBID, version, amount, to=outbid))
        found.append(Notice(NotificationKind.MAX_BID_CHANGED, version, amount, but=caused_by))
    return found


def notices_of_each(
    events: Sequence[EventAtVersion], deleted: Mapping[UUID, RankedBid], won: UUID | None
) -> list[Notice]:
    """The notices that follow from each event alone, whatever the highest bid is."""
    return [notice for version, event in events for notice in _of(version, event, deleted, won)]


def _of(
    version: int, event: AuctionEvent, deleted: Mapping[UUID, RankedBid], won: UUID | None
) -> list[Notice]:
    """The notices that follow from one event alone."""
    match event:
        case WinnerAnnounced(bidder_id=winner, amount=amount, price=price):
            amount = amount if price is None else price
            return [
                Notice(NotificationKind.AUCTION_WON, version, amount, to=frozenset({winner})),
                Notice(NotificationKind.AUCTION_LOST, version, amount, but=winner),
            ]
        case BidDoubled(bidder_id=bidder, effective_amount=amount):
            return [Notice(NotificationKind.BID_DOUBLED, version, amount, to=frozenset({bidder}))]
        case BidRemoved(bid_id=bid_id, bidder_id=bidder):
            # Nothing, as long as its amount is hidden.
            counted = deleted[bid_id].effective_amount or None
            return [Notice(NotificationKind.BID_REMOVED, version, counted, to=frozenset({bidder}))]
        case AuctionEndedUnsold():
            # Whoever has a live bid still did not meet the reserve.
            return [Notice(NotificationKind.AUCTION_LOST, version, None)]
        case BidNotRevealed(bidder_id=bidder):
            return [Notice(NotificationKind.BID_REMOVED, version, None, to=frozenset({bidder}))]
        case LotOffered(bid_id=bid_id) if bid_id == won:
            # AUCTION_WON says until when to confirm.
            return []
        case LotOffered(bidder_id=bidder, amount=amount):
            return [Notice(NotificationKind.LOT_OFFERED, version, amount, to=frozenset({bidder}))]
        case OfferLapsed(bidder_id=bidder) | SaleForfeited(bidder_id=bidder):
            return [Notice(NotificationKind.LOT_LOST, version, None, to=frozenset({bidder}))]
        case AuctionCancelled():
            return [Notice(NotificationKind.AUCTION_CANCELLED, version, None)]
        case AuctionPaused():
            return [Notice(NotificationKind.AUCTION_PAUSED, version, None)]
        case AuctionResumed():
            return [Notice(NotificationKind.AUCTION_RESUMED, version, None)]
        case _:
            return []


def _outbid(
    events: Sequence[EventAtVersion], before: Leading | None, after: RankedBid
) -> frozenset[UUID]:
    """The users who led since the last run and do not lead now, unless they deleted that bid.

    A bid counts as having led if it is higher than all before it. One that led only because a
    higher one was deleted, and was outbid within the same run, is not found: its bidder gets
    MAX_BID_CHANGED instead. After the end of the auction nobody is outbid.
    """
    highest = before.effective_amount if before else Decimal(0)
    led = {before.bid_id: before.bidder_id} if before and not before.deleted else {}
    for _, event in events:
        match event:
            case BidPlaced(amount=reached) | BidDoubled(effective_amount=reached):
                if reached > highest:
                    highest = reached
                    led[event.bid_id] = event.bidder_id
            case BidDeleted(bid_id=bid_id) | BidRemoved(bid_id=bid_id):
                led.pop(bid_id, None)
            case WinnerAnnounced() | AuctionEndedUnsold() | AuctionCancelled():
                return frozenset()
            case _:
                continue
    return frozenset(led.values()) - {after.bidder_id}


def _cause(
    events: Sequence[EventAtVersion], after: RankedBid, deleted: Mapping[UUID, RankedBid]
) -> tuple[int, UUID]:
    """Version and bidder of the last event that made this bid lead: its own, or a higher bid's deletion.

    If it was in an earlier run, which did not know yet that it would, the bidder is taken for its cause.
    """
    causes: list[tuple[int, UUID]] = []
    for version, event in events:
        match event:
            case BidPlaced(bid_id=bid_id) | BidDoubled(bid_id=bid_id) if bid_id == after.bid_id:
                causes.append((version, event.bidder_id))
            case BidDeleted(bid_id=bid_id) | BidRemoved(bid_id=bid_id) if _outranked(
                deleted.get(bid_id), after
            ):
                causes.append((version, event.bidder_id))
            case _:
                continue
    return causes[-1] if causes else (events[-1][0], after.bidder_id)


def _outranked(bid: RankedBid | None, other: RankedBid) -> bool:
    return bid is not None and bid.rank < other.rank


def possibly_outdated(
    events: Sequence[EventAtVersion], before: Leading | None, after: RankedBid | None
) -> set[UUID]:
    """The users whose unread notification about the highest bid may be out of date.

    These are the bidders whose bids were placed, doubled or deleted, and the new leading bidder.
    """
    users = {
        event.bidder_id
        for _, event in events
        if isinstance(event, BidPlaced | BidDoubled | BidDeleted | BidRemoved)
    }
    if after and (before is None or before.bid_id != after.bid_id):
        users.add(after.bidder_id)
    return users
