"""The state rows of an auction, compared with its events while these are replayed."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from uuid import UUID

from commands.domain.bids import Bid
from commands.domain.events import (
    AuctionEvent,
    BidDeleted,
    BidDoubled,
    BidNotRevealed,
    BidPlaced,
    BidRemoved,
    BidRevealed,
    SealedBidPlaced,
)
from commands.postgres.connections import SyncConnection
from commands.postgres.state_rows import auction_row, bid_rows, count_bid_rows
from commands.record.standing import NotKept, Standing
from commands.streams import RecordedEvent
from projections.upkeep.findings import compared_rows
from projections.upkeep.one_moment import PAGE

Changes = BidDeleted | BidRemoved | BidDoubled | BidRevealed | BidNotRevealed


class StateRows:
    """Replays an auction's events; its rows say which bids change later, and must be right in that, too."""

    def __init__(self, connection: SyncConnection, auction_id: UUID) -> None:
        self.standing = Standing()
        # What differs, as far as it was found.
        self.problems: list[str] = []
        self._connection, self._id = connection, auction_id
        self._placed = 0
        self._rows: dict[UUID, Bid] = {}

    def look_up(self, page: Sequence[RecordedEvent]) -> None:
        """Read the rows of the bids that these events place."""
        placed = BidPlaced | SealedBidPlaced
        ids = [item.event.bid_id for item in page if isinstance(item.event, placed)]
        self._placed += len(ids)
        self._rows = dict(bid_rows(self._connection, self._id, ids))

    def stays(self, event: AuctionEvent) -> bool:
        """Whether the event places a bid that is never deleted or doubled, as its row says."""
        row = self._rows.get(event.bid_id) if isinstance(event, BidPlaced) else None
        return row is not None and not row.deleted and not row.doubled

    def apply(self, event: AuctionEvent) -> None:
        """The event happened."""
        stays = self.stays(event)
        try:
            bid = self.standing.apply(event, stays=stays)
        except NotKept:
            assert isinstance(event, Changes)
            self.problems += self._unmarked(event)
            return
        if stays and bid:
            self.problems += _compared(bid, self._rows[bid.id])

    def _unmarked(self, event: Changes) -> list[str]:
        """The event changes a bid that was never placed, or whose row does not know of it."""
        if not bid_rows(self._connection, self._id, [event.bid_id]):
            return [f"the events can't be replayed: there is no bid {event.bid_id}"]
        what = "doubled" if isinstance(event, BidDoubled) else "deleted"
        told = f"bid {event.bid_id}: {what} should be True, is False"
        return [f"the state row differs from the replayed events: {told}"]

    def finish(self) -> None:
        """Compare what is left once all events are replayed."""
        for ids in in_batches(self.standing.changing):
            rows = bid_rows(self._connection, self._id, ids)
            for id in ids:
                self.problems += _compared(self.standing.changing[id], rows.get(id))
        self.problems += compared_rows(
            "", self.standing.auction, auction_row(self._connection, self._id)
        )
        count = count_bid_rows(self._connection, self._id)
        if count > self._placed:
            more = f"{count} bids have rows, {self._placed} were placed"
            self.problems.append(f"the state row differs from the replayed events: {more}")


def _compared(bid: Bid, row: Bid | None) -> list[str]:
    return compared_rows(f"bid {bid.id}: ", bid, row)


def in_batches(ids: Collection[UUID]) -> Iterator[list[UUID]]:
    """The ids, so many at a time as a page has events."""
    left = iter(ids)
    while batch := list(islice(left, PAGE)):
        yield batch
