"""Checking from the log that no bid took its bidder above the limit that they had then.

Of one batch it is looked at what is left after it: within it what is deleted may come before what is placed, in whatever
order they stand in the log. A deletion that was recorded a moment before the bid, by somebody else's batch, may not have
been seen there; so what is summed here is what was summed there, or less.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commands.domain.exposure import ExposureLimit

NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Happened:
    """Something at a position of the log; what one batch recorded has one time, `recorded_at`."""

    position: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Limited(Happened):
    """The user had that limit from then on, or none."""

    limit: ExposureLimit | None


@dataclass(frozen=True, slots=True)
class Placed(Happened):
    """A bid of theirs was placed; an `automatic` one by a maximum, which counted as far as it goes when they set it."""

    auction_id: UUID
    bid_id: UUID
    amount: Decimal
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Ended(Happened):
    """A bid of theirs counted no more; without a bid none in that auction, because it was closed."""

    auction_id: UUID
    bid_id: UUID | None = None


@dataclass(slots=True)
class Sum:
    """The highest amount of the live bids in each auction, and all of these together."""

    live: dict[UUID, dict[UUID, Decimal]] = field(default_factory=dict)
    highest: dict[UUID, Decimal] = field(default_factory=dict)
    total: Decimal = NOTHING

    def add(self, placed: Placed) -> None:
        """Count the bid."""
        self.live.setdefault(placed.auction_id, {})[placed.bid_id] = placed.amount
        before = self.highest.get(placed.auction_id, NOTHING)
        self._set(placed.auction_id, max(before, placed.amount))

    def end(self, ended: Ended) -> None:
        """Count the bid, or the auction, no more."""
        if ended.bid_id is None:
            self.live.pop(ended.auction_id, None)
        elif bids := self.live.get(ended.auction_id):
            bids.pop(ended.bid_id, None)
        left = self.live.get(ended.auction_id, {})
        self._set(ended.auction_id, max(left.values(), default=NOTHING))

    def _set(self, auction_id: UUID, amount: Decimal) -> None:
        self.total += amount - self.highest.get(auction_id, NOTHING)
        self.highest[auction_id] = amount


def over_limit(history: Iterable[Happened]) -> str | None:
    """What is wrong with the first bid that took its bidder above their limit; None if none did."""
    used, limit = Sum(), None
    for together in _batches(history):
        placed = [each for each in together if isinstance(each, Placed) and not each.automatic]
        for each in together:
            match each:
                case Limited():
                    limit = each.limit
                case Placed():
                    used.add(each)
                case Ended():
                    used.end(each)
        if limit and placed and used.total > limit.amount:
            return _problem(placed, used.total, limit.amount)
    return None


def _batches(history: Iterable[Happened]) -> Sequence[Sequence[Happened]]:
    """What was recorded together, each where its last part stands: others may have recorded something in between."""
    batches = defaultdict[datetime, list[Happened]](list)
    for each in sorted(history, key=lambda each: each.position):
        batches[each.recorded_at].append(each)
    return sorted(batches.values(), key=lambda batch: batch[-1].position)


def _problem(placed: Sequence[Placed], total: Decimal, limit: Decimal) -> str:
    bid = placed[-1]
    return (
        f"bid {bid.bid_id} in auction {bid.auction_id} took what the user would pay at most in all open "
        f"auctions to {total}, above their limit of {limit}"
    )
