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
    effective_amount: Decimal


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell `to`, or without them everybody who takes part but `caused_by`."""

    kind: NotificationKind
    version: int
    amount: Decimal
    to: UUID | None = None
    caused_by: UUID | None = None


EventAtVersion = tuple[int, AuctionEvent]


def notices(
    events: Sequence[EventAtVersion],
    before: Leading | None,
    after: RankedBid | None,
    deleted: Mapping[UUID, RankedBid],
) -> list[Notice]:
    """What events (each with its version) give to tell.

    `before` and `after` are the leading bid at both ends, `deleted` how the bids ranked that were
    deleted in between. Of many changes of the highest bid only the last is told.
    """
    told = [notice for version, event in events if (notice := _personal(version, event))]
    if after and before != Leading(after.bid_id, after.effective_amount):
        version, caused_by = _cause(events, after, deleted)
        told.append(
            Notice(
                NotificationKind.MAX_BID_CHANGED,
                version,
                after.effective_amount,
                caused_by=caused_by,
            )
        )
    return told


def _personal(version: int, event: AuctionEvent) -> Notice | None:
    match event:
        case WinnerAnnounced():
            kind = NotificationKind.AUCTION_WON
            return Notice(kind, version, event.amount, to=event.bidder_id)
        case BidDoubled():
            kind = NotificationKind.BID_DOUBLED
            return Notice(kind, version, event.effective_amount, to=event.bidder_id)
        case _:
            return None


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
