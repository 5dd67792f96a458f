"""Deciding on maxima: setting and clearing them, and the bids that they place and answer.

At most one maximum bids in an auction: that of whoever leads. Whoever is outbid in spite of it has it no more. Answers
are part of the decision that gives rise to them, so they are recorded with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from commands.domain.admission import not_admitted
from commands.domain.bidders import Bidder
from commands.domain.bids import Bid
from commands.domain.commands import ClearMaximum, SetMaximum
from commands.domain.events import (
    AuctionEvent,
    BidDoubled,
    BidPlaced,
    MaximumEnded,
    MaximumSet,
)
from commands.domain.exposure import over_limit
from commands.domain.maximum import Maxima, Maximum
from commands.domain.openness import not_running
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.rule import ToBeat
from commands.domain.rules.table import least_bid, proxy_bids
from commands.domain.state import Auction

Placed = list[AuctionEvent]


@dataclass(frozen=True, slots=True)
class _Rival:
    """The leading bidder by whose maximum there may be an answer, their leading bid, and how far they go."""

    maximum: Maximum
    leading: Bid
    most: Decimal | None

    @property
    def can_answer(self) -> bool:
        """Whether the maximum is not used up."""
        return self.most is not None and self.most > self.leading.effective_amount

    def bids(self, amount: Decimal, now: datetime, id: UUID) -> BidPlaced:
        """An automatic bid of theirs."""
        return BidPlaced(
            id,
            self.leading.bidder_id,
            amount,
            now,
            number=self.leading.number,
            automatic=True,
        )

    @property
    def ends(self) -> MaximumEnded:
        """They are outbid in spite of it."""
        return MaximumEnded(self.leading.bidder_id, self.leading.number)


@dataclass(frozen=True, slots=True)
class _Setter:
    """Somebody who sets a maximum, how far they go, and what their own highest live bid counts."""

    command: SetMaximum
    most: Decimal
    own: Decimal | None
    now: datetime
    reserve: ReservePrice | None
    number: int | None

    @property
    def bidder(self) -> UUID:
        """The id under which they bid."""
        return self.command.placed_by

    @property
    def sets(self) -> MaximumSet:
        """The event of it."""
        return MaximumSet(self.command.maximum_id, self.bidder, self.command.sealed, self.number)

    def bids_at_least(self, amount: Decimal) -> BidPlaced:
        """An automatic bid of so much; up to the reserve if that is more and they go so far, and never beyond what they go to."""
        if self.reserve and self.reserve.met_by(self.most):
            amount = max(amount, self.reserve.amount)
        return BidPlaced(
            following_id(self.command.maximum_id, "bid"),
            self.bidder,
            min(amount, self.most),
            self.now,
            number=self.number,
            automatic=True,
        )

    def helps_over_reserve(self, leading: Bid, next_step: Decimal) -> Placed:
        """A bid over their own leading one, if by that the reserve is met at last; else none."""
        reserve = self.reserve
        if reserve is None or reserve.met_by(leading.amount) or not reserve.met_by(self.most):
            return []
        return [self.bids_at_least(next_step)] if self.most >= next_step else []


@dataclass(frozen=True, slots=True)
class Proxies:
    """The auction with what bids in it for others: the users there are, and what the maxima are that may matter."""

    auction: Auction
    now: datetime
    bidders: Mapping[UUID, Bidder]
    maxima: Maxima

    def contested(self, placed: BidPlaced) -> Placed:
        """A bid that somebody placed, and what the leading bidder's maximum answers, in their order."""
        rival = self._rival(placed.bidder_id)
        if rival is None:
            return [placed]
        if not rival.can_answer or rival.most is None:
            return [placed, rival.ends]
        answer = following_id(placed.bid_id, "answer")
        if rival.most > placed.amount:
            return [placed, self._answer(rival, rival.most, placed.amount, answer)]
        last = rival.bids(rival.most, self.now, answer)
        # Of equals the one that was there first leads.
        return [last, placed] if rival.most == placed.amount else [last, placed, rival.ends]

    def after_doubling(self, doubled: BidDoubled) -> Placed:
        """What the leading bidder's maximum answers to a bid that counts more than theirs since it was doubled."""
        rival = self._rival(doubled.bidder_id)
        counts = doubled.effective_amount
        if rival is None or counts <= rival.leading.effective_amount:
            return []
        if rival.most is None or rival.most <= counts:
            return [rival.ends]
        id = following_id(doubled.bid_id, "answer to the doubling")
        return [self._answer(rival, rival.most, counts, id)]

    def set(
        self, command: SetMaximum, reserve: ReservePrice | None, number: int | None
    ) -> Placed | Rejection:
        """The maximum, and the bids that follow; KeyError if it is not among what was opened.

        No message tells a maximum.
        """
        auction, leading = self.auction, self.auction.leading_bid
        if refusal := not_admitted(auction, command.bidder_id, self.now, self.bidders):
            return refusal
        if not proxy_bids(auction.rules):
            return NO_PROXY_BIDS
        most, bidder = self.maxima[command.maximum_id], command.placed_by
        own = max((bid.effective_amount for bid in auction.bids.live_of(bidder)), default=None)
        next_step = self._over(leading.effective_amount if leading else None, own)
        over = over_limit(self.bidders[command.bidder_id].exposure, most)
        setter = _Setter(command, most, own, self.now, reserve, number)
        if leading is None or leading.bidder_id != bidder:
            if most < next_step:
                return _too_low("you would have to bid now", next_step)
            return over or [setter.sets, *self._against_rival(setter, next_step)]
        if most < leading.effective_amount:
            return _too_low("your leading bid counts", leading.effective_amount)
        return over or [setter.sets, *setter.helps_over_reserve(leading, next_step)]

    def _against_rival(self, setter: "_Setter", next_step: Decimal) -> Placed:
        """What a new maximum bids, and what the leading bidder's answers."""
        rival, most, bidder = self._rival(setter.bidder), setter.most, setter.bidder
        if rival is None or not rival.can_answer or rival.most is None:
            return [setter.bids_at_least(next_step), *([rival.ends] if rival else [])]
        beaten = MaximumEnded(bidder, setter.number)
        answer = following_id(setter.command.maximum_id, "answer")
        if rival.most > most:
            answered = self._answer(rival, rival.most, most, answer)
            return [setter.bids_at_least(most), answered, beaten]
        last = rival.bids(rival.most, self.now, answer)
        if rival.most == most:
            return [last, setter.bids_at_least(most), beaten]
        return [last, setter.bids_at_least(self._over(rival.most, setter.own)), rival.ends]

    def clear(self, command: ClearMaximum) -> Sequence[AuctionEvent] | Rejection:
        """The end of the bidder's maximum, while the auction runs."""
        own = [each for each in self.auction.maxima if each.bidder_id == command.bidder_id]
        if not own:
            return Rejection(RejectionCode.NO_MAXIMUM, "you have no maximum here, or not any more")
        if refusal := not_running(self.auction, self.now):
            return refusal
        return [MaximumEnded(command.bidder_id, own[0].number)]

    def _rival(self, bidder: UUID) -> _Rival | None:
        """Who leads by a maximum, unless that is the bidder. One that can bid no more has none left."""
        leading = self.auction.leading_bid if self.auction.maxima else None
        if leading is None or leading.bidder_id == bidder:
            return None
        held = [each for each in self.auction.maxima if each.bidder_id == leading.bidder_id]
        if not held:
            return None
        barred = not_admitted(self.auction, leading.bidder_id, self.now, self.bidders)
        return _Rival(held[0], leading, None if barred else self.maxima.get(held[0].id))

    def _answer(self, rival: _Rival, most: Decimal, counts: Decimal, id: UUID) -> BidPlaced:
        """The next step over what counts so much, or all that is left; with that id."""
        amount = min(most, self._over(counts, rival.leading.effective_amount))
        return rival.bids(amount, self.now, id)

    def _over(self, counts: Decimal | None, own: Decimal | None) -> Decimal:
        """The least that somebody has to bid whose own highest counts so much, if what leads counts so much."""
        return least_bid(self.auction.rules, ToBeat(counts, own))


def _too_low(what: str, least: Decimal) -> Rejection:
    return Rejection(
        RejectionCode.MAXIMUM_TOO_LOW, f"a maximum is no lower than what {what}, {least:,}"
    )


NO_PROXY_BIDS = Rejection(RejectionCode.NO_PROXY_BIDS, "no maximum can be set in this auction")


def following_id(cause: UUID, what: str) -> UUID:
    """The id of the automatic bid that so follows from that bid or maximum: of the same time, and else by its hash.

    So a decision needs nothing random for it, and has the same one whenever it is made again.
    """
    chosen = int.from_bytes(sha256(what.encode() + cause.bytes).digest()[:10])
    of_version_7 = (chosen & ~(0xF << 76) & ~(0b11 << 62)) | 7 << 76 | 0b10 << 62
    return UUID(int=(cause.int >> 80 << 80) | of_version_7)
