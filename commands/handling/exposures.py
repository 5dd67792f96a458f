"""How much of their limits the users of a batch use who have one, by what is recorded and by what the batch decided so far.

Nothing is reserved: it is the sum over bids that are there, taken in the transaction that records the next one (ADR 0045).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import UUID

from commands.domain.bidders import Bidder
from commands.domain.bids import Bid
from commands.domain.commands import (
    AuctionCommand,
    BuyNow,
    PlaceBid,
    PlaceSealedBid,
    SetMaximum,
)
from commands.domain.events import (
    BidDeleted,
    BidNotRevealed,
    BidPlaced,
    BidRemoved,
    Event,
    MaximumEnded,
    SealedBidPlaced,
)
from commands.domain.exposure import Exposure
from commands.domain.hidden import Opened
from commands.domain.maximum import Maxima
from commands.domain.rejections import Rejection
from commands.domain.state import Auction
from commands.postgres.connections import SyncConnection
from commands.postgres.exposure import Stake, Staked, lock_limits, save_stakes, staked
from commands.postgres.secret_keys import keys_of

# What ends a bid, or a maximum.
ENDED = BidDeleted | BidRemoved | BidNotRevealed | MaximumEnded
BIDDING = PlaceBid | PlaceSealedBid | SetMaximum | BuyNow


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts of one auction, and whether that is told to nobody else: by a sealed bid, or a maximum."""

    amount: Decimal
    sealed: bool


@dataclass(slots=True)
class Used:
    """A user's limit, and what counts for it by auction; there, the ids that they bid under."""

    limit: Decimal
    counted: dict[UUID, Counted] = field(default_factory=dict)
    bidder_ids: dict[UUID, UUID] = field(default_factory=dict)

    def exposure(self, auction_id: UUID) -> Exposure:
        """What a bid in that auction is measured by."""
        used = sum((each.amount for each in self.counted.values()), Decimal("0.00"))
        here = self.counted.get(auction_id)
        told = not any(each.sealed for each in self.counted.values())
        return Exposure(self.limit, used, used - (here.amount if here else 0), told)


class Exposures:
    """Of each user of the batch who has a limit, how much of it is used; of the others nothing is known or asked."""

    def __init__(self, limits: Mapping[UUID, Decimal]) -> None:
        self._used = {user_id: Used(limit) for user_id, limit in limits.items()}
        self._new: list[Stake] = []
        self._over: list[Stake] = []

    @classmethod
    def read(cls, connection: SyncConnection, bidders: Mapping[UUID, Bidder]) -> "Exposures":
        """Those of these users, who are shared already. Two statements: the second sees what the first waited for."""
        limited = [user_id for user_id, bidder in bidders.items() if bidder.limited]
        if not limited:
            return cls({})
        exposures = cls(lock_limits(connection, limited))
        found = staked(connection, limited)
        sealed = {each.user_id for each in found if each.hidden}
        keys = keys_of(connection, sealed)
        for each in found:
            exposures._put(each, keys.get(each.user_id))
        return exposures

    def _put(self, found: Staked, key: bytes | None) -> None:
        if found.closed:
            self._over.append(found.stake)
        elif used := self._used.get(found.user_id):
            used.bidder_ids[found.auction_id] = found.bidder_id
            used.counted[found.auction_id] = Counted(found.counted(key), found.hidden)

    @property
    def any(self) -> bool:
        """Whether a user of the batch has a limit."""
        return bool(self._used)

    def bidding_in(self, auction_id: UUID) -> set[tuple[UUID, UUID]]:
        """Those of the users who have bid in that auction, under the ids that they have there, as pairs with the auction."""
        return {
            (auction_id, used.bidder_ids[auction_id])
            for used in self._used.values()
            if auction_id in used.bidder_ids
        }

    def told(
        self, bidders: Mapping[UUID, Bidder], command: AuctionCommand
    ) -> Mapping[UUID, Bidder]:
        """The bidders, and of the one who bids by the command, what the bid is measured by."""
        if not self._used or not isinstance(command, BIDDING):
            return bidders
        used, bidder = self._used.get(command.bidder_id), bidders.get(command.bidder_id)
        if used is None or bidder is None:
            return bidders
        exposure = used.exposure(command.auction_id)
        return {**bidders, command.bidder_id: replace(bidder, exposure=exposure)}

    def note(
        self,
        command: AuctionCommand,
        answer: Sequence[Event] | Rejection,
        opened: Opened,
        maxima: Maxima,
    ) -> None:
        """Count the bid that the command placed, which is higher than the bidder's others there, or the maximum that it set."""
        if not self._used or not isinstance(command, BIDDING):
            return
        used = self._used.get(command.bidder_id)
        if used is None or isinstance(answer, Rejection):
            return
        stake = Stake(command.bidder_id, command.auction_id, _bidder_id(command))
        if isinstance(command, SetMaximum):
            self._count(used, stake, Counted(maxima[command.maximum_id], sealed=True))
            return
        for event in answer:
            match event:
                case BidPlaced(bid_id=command.bid_id, amount=amount):
                    counted = Counted(amount, sealed=False)
                case SealedBidPlaced(bid_id=bid_id):
                    counted = Counted(opened[bid_id].amount, sealed=True)
                case _:
                    continue
            before = used.counted.get(stake.auction_id)
            if isinstance(command, PlaceBid) and before and before.sealed:
                # By a maximum of theirs, which may be higher.
                counted = max(before, counted, key=lambda each: each.amount)
            self._count(used, stake, counted)

    def _count(self, used: Used, stake: Stake, counted: Counted) -> None:
        if stake.auction_id not in used.bidder_ids:
            self._new.append(stake)
            used.bidder_ids[stake.auction_id] = stake.bidder_id
        used.counted[stake.auction_id] = counted

    def release(self, auction: Auction | None, events: Iterable[Event]) -> None:
        """Count no more what these events closed the auction on, or ended in it; it has each user's highest live bid."""
        if not self._used or auction is None:
            return
        ended = {each.bidder_id for each in events if isinstance(each, ENDED)}
        # Who has one counts by that.
        ended -= {each.bidder_id for each in auction.maxima}
        for used in self._used.values():
            if (before := used.counted.get(auction.id)) is None:
                continue
            bidder_id = used.bidder_ids[auction.id]
            own = auction.bids.live_of(bidder_id)
            if auction.closed or (bidder_id in ended and not own):
                del used.counted[auction.id]
            elif bidder_id in ended and (left := _at_most(own)) is not None:
                used.counted[auction.id] = Counted(min(left, before.amount), sealed=False)

    def save(self, connection: SyncConnection) -> None:
        """Note in which auctions the users have bid for the first time, and forget those that are closed."""
        if self._used:
            save_stakes(connection, self._new, self._over)


def _bidder_id(command: PlaceBid | PlaceSealedBid | SetMaximum | BuyNow) -> UUID:
    """The id under which the command bids."""
    return command.bidder_id if isinstance(command, PlaceSealedBid) else command.placed_by


def _at_most(own: Sequence[Bid]) -> Decimal | None:
    """What no amount of a bidder's live bids is above, given the highest of them; None if that does not say."""
    highest = max(own, key=lambda bid: bid.effective_amount)
    return None if highest.hidden or highest.doubled else highest.amount
