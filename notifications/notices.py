"""Who is to be told what: events and the leading bid before and after them, turned into notices. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from commands.domain.events import (
    AuctionEvent,
    BidDeleted,
    BidDoubled,
    BidPlaced,
    WinnerAnnounced,
)
from notifications.preferences import NotificationKind


@dataclass(frozen=True, slots=True)
class RankedBid:
    """A bid as it ranks: the highest amount first, of equals the one that reached it first."""

    bid_id: UUID
    bidder_id: UUID
    effective_amount: Decimal
    reached_version: int

    @property
    def rank(self) -> tuple[Decimal, int]:
        """Sorts the leading bid first."""
        return (-self.effective_amount, self.reached_version)


@dataclass(frozen=True, slots=True)
class Leading:
    """What was known of the leading bid."""

    bid_id: UUID
    bidder_id: UUID
    effective_amount: Decimal


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell `to`, or without them everybody who takes part except `but`."""

    kind: NotificationKind
    version: int
    amount: Decimal
    to: frozenset[UUID] | None = None
    but: UUID | None = None


EventAtVersion = tuple[int, AuctionEvent]


def notices(
    events: Sequence[EventAtVersion],
    before: Leading | None,
    after: RankedBid | None,
    deleted: Mapping[UUID, RankedBid],
) -> list[Notice]:
    """What events (each with its version) give to tell.

    `before` and `after` are the leading bid at both ends, `deleted` how the bids ranked that were
    deleted in between. Of many changes of the highest bid only the last is told: as OUTBID to
    those who led, and as MAX_BID_CHANGED to the others. Who is in both hears the former.
    """
    told = [notice for version, event in events for notice in _of(version, event)]
    if after and before != Leading(after.bid_id, after.bidder_id, after.effective_amount):
        version, caused_by = _cause(events, after, deleted)
        amount = after.effective_amount
        if outbid := _outbid(events, before, after):
            told.append(Notice(NotificationKind.OUTBID, version, amount, to=outbid))
        told.append(Notice(NotificationKind.MAX_BID_CHANGED, version, amount, but=caused_by))
    return told


def _of(version: int, event: AuctionEvent) -> list[Notice]:
    """What an event alone gives to tell."""
    match event:
        case WinnerAnnounced(bidder_id=winner, amount=amount):
            return [
                Notice(NotificationKind.AUCTION_WON, version, amount, to=frozenset({winner})),
                Notice(NotificationKind.AUCTION_LOST, version, amount, but=winner),
            ]
        case BidDoubled(bidder_id=bidder, effective_amount=amount):
            return [Notice(NotificationKind.BID_DOUBLED, version, amount, to=frozenset({bidder}))]
        case _:
            return []


def _outbid(
    events: Sequence[EventAtVersion], before: Leading | None, after: RankedBid
) -> frozenset[UUID]:
    """Who led since the last round and does not lead any more, unless they took that bid back.

    A bid led for certain if it is higher than all before it. One that came to lead because a
    higher one was deleted, and was outbid in the same second, is not noticed: its bidder hears
    that the highest bid changed. Once the auction is over, nobody is outbid.
    """
    highest = before.effective_amount if before else Decimal(0)
    led = {before.bid_id: before.bidder_id} if before else {}
    for _, event in events:
        match event:
            case BidPlaced(amount=reached) | BidDoubled(effective_amount=reached):
                if reached > highest:
                    highest = reached
                    led[event.bid_id] = event.bidder_id
            case BidDeleted(bid_id=bid_id):
                led.pop(bid_id, None)
            case WinnerAnnounced():
                return frozenset()
            case _:
                continue
    return frozenset(led.values()) - {after.bidder_id}


def _cause(
    events: Sequence[EventAtVersion], after: RankedBid, deleted: Mapping[UUID, RankedBid]
) -> tuple[int, UUID | None]:
    """The last event that made this bid the leading one: it rose, or one above it went."""
    causes: list[tuple[int, UUID]] = []
    for version, event in events:
        match event:
            case BidPlaced(bid_id=bid_id) | BidDoubled(bid_id=bid_id) if bid_id == after.bid_id:
                causes.append((version, event.bidder_id))
            case BidDeleted(bid_id=bid_id) if _outranked(deleted.get(bid_id), after):
                causes.append((version, event.bidder_id))
            case _:
                continue
    return causes[-1] if causes else (events[-1][0] if events else after.reached_version, None)


def _outranked(bid: RankedBid | None, other: RankedBid) -> bool:
    return bid is not None and bid.rank < other.rank


def possibly_outdated(
    events: Sequence[EventAtVersion], before: Leading | None, after: RankedBid | None
) -> set[UUID]:
    """Whom what they were told of the highest bid may not concern any more: those whose own bids
    these events placed, doubled or deleted, and whoever came to lead."""
    users = {
        event.bidder_id
        for _, event in events
        if isinstance(event, BidPlaced | BidDoubled | BidDeleted)
    }
    if after and (before is None or before.bid_id != after.bid_id):
        users.add(after.bidder_id)
    return users
