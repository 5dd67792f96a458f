"""A bid, and the bids of an auction."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Bid:
    """A bid; reached_version is the auction's version at which it reached its effective amount.

    deleted_version is the one at which it was deleted; rows from before that was kept have none. In a masked
    auction bidder_id is an alias, and `number` its number. A sealed bid has a commitment, and until it is
    revealed hidden amounts.
    """

    id: UUID
    bidder_id: UUID
    amount: Decimal
    effective_amount: Decimal
    placed_at: datetime
    placed_version: int
    reached_version: int
    doubled: bool = False
    deleted: bool = False
    deleted_version: int | None = field(default=None, compare=False)
    number: int | None = None
    commitment: str | None = None
    hidden: bool = False

    @property
    def rank(self) -> tuple[Decimal, int]:
        """Sorts the leading bid first: highest effective amount; of equals, the one that reached it first."""
        return (-self.effective_amount, self.reached_version)


class Bids(Mapping[UUID, Bid]):
    """Bids by their ids, a bidder's live ones without a walk over all, and the leading one; never changed."""

    __slots__ = ("_by_id", "_leading", "_live")

    def __init__(self, bids: Iterable[Bid] = ()) -> None:
        self._by_id: dict[UUID, Bid] = {}
        self._live: dict[UUID, tuple[Bid, ...]] = {}
        # None until it is asked for; then with the one bid, or without any.
        self._leading: tuple[Bid, ...] | None = None
        self._put(bids)

    def __getitem__(self, bid_id: UUID) -> Bid:
        return self._by_id[bid_id]

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def with_(self, changed: Iterable[Bid]) -> "Bids":
        """These bids, with the changed ones as they are now."""
        bids = Bids.__new__(Bids)
        bids._by_id, bids._live = dict(self._by_id), dict(self._live)
        changed = list(changed)
        bids._leading = self._leading_after(changed)
        bids._put(changed)
        return bids

    def live(self) -> Iterator[Bid]:
        """The bids that count, in no particular order."""
        return (bid for bids in self._live.values() for bid in bids)

    def leading(self) -> Bid | None:
        """The bid that ranks first; once it was asked for, bids placed later don't need a walk over all."""
        if self._leading is None:
            self._leading = _first(self.live())
        return self._leading[0] if self._leading else None

    def live_of(self, bidder_id: UUID) -> tuple[Bid, ...]:
        """One bidder's live bids, in no particular order."""
        return self._live.get(bidder_id, ())

    def _leading_after(self, changed: Iterable[Bid]) -> tuple[Bid, ...] | None:
        """The leading bid with those changed, if that is known without a walk over all."""
        if self._leading is None:
            return None
        by_id = {bid.id: bid for bid in changed}
        if any(bid.id in by_id for bid in self._leading):
            return None
        return _first([*self._leading, *(bid for bid in by_id.values() if not bid.deleted)])

    def _put(self, bids: Iterable[Bid]) -> None:
        live = dict[UUID, dict[UUID, Bid]]()
        for bid in bids:
            own = live.get(bid.bidder_id)
            if own is None:
                own = {other.id: other for other in self._live.get(bid.bidder_id, ())}
                live[bid.bidder_id] = own
            self._by_id[bid.id] = bid
            if bid.deleted:
                own.pop(bid.id, None)
            else:
                own[bid.id] = bid
        self._live.update({bidder_id: tuple(own.values()) for bidder_id, own in live.items()})


def _first(live: Iterable[Bid]) -> tuple[Bid, ...]:
    first = min(live, key=lambda bid: bid.rank, default=None)
    return (first,) if first else ()
