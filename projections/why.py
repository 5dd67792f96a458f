"""Why an auction ended as it did, as data and in sentences. Pure.

Sentences take the users' names; a deleted user has none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from commands.domain.rules.masked import shown_as
from commands.domain.rules.own_promoter import OWN
from projections.documents import AuctionDocument, BidDocument, Draw, Moment, OfferDocument

Names = Mapping[UUID, str | None]


@dataclass(frozen=True, slots=True)
class LeadChange:
    """An event that changed the lead: the bid that it changed, the one that led after it, and the one before."""

    moment: Moment
    changed: BidDocument
    leading: BidDocument | None
    before: BidDocument | None

    def sentence(self, names: Names) -> str:
        """What happened."""
        who = _owner(self.changed, names)
        match self.moment.kind:
            case "BidDeleted" | "BidRemoved":
                what = f"{capital(who)} leading bid of {_counts(self.changed)} was {_gone(self.changed)}"
                return f"{what}: {self._heir(names)}"
            case "BidRevealed":
                what = f"{capital(who)} sealed bid was of {_counts(self.changed)}"
                return f"{what}, and {self._overtook(names)}"
            case "BidDoubled":
                return f"{doubled(self.moment, self.changed, names)} {self._effect(names)}"
            case _:
                return f"{capital(who)} bid of {_counts(self.changed)} {self._overtook(names)}"

    def _heir(self, names: Names) -> str:
        if self.leading is None:
            return "nobody led any more."
        return f"{_owner(self.leading, names)} bid of {_counts(self.leading)} led."

    def _overtook(self, names: Names) -> str:
        if self.before is None:
            return "led: there was no other."
        if self.before.bidder_id == self.changed.bidder_id:
            return f"overtook their own of {_counts(self.before)}."
        return f"overtook {_owner(self.before, names)} bid of {_counts(self.before)}."

    def _effect(self, names: Names) -> str:
        if self.before is None or self.before.id == self.changed.id:
            return "It led already."
        return f"It {self._overtook(names)}"


@dataclass(frozen=True, slots=True)
class Deletion:
    """A bid that would have ranked before the winning one, and the moment at which it was deleted."""

    moment: Moment
    bid: BidDocument

    def sentence(self, names: Names) -> str:
        """What happened."""
        return (
            f"{capital(_owner(self.bid, names))} {_offer(self.bid)} was {_gone(self.bid)}; "
            "if it were live, it would rank before the bid that won."
        )


@dataclass(frozen=True, slots=True)
class Doubling:
    """A bid that was doubled, and the moment at which it was."""

    moment: Moment
    bid: BidDocument

    def sentence(self, names: Names) -> str:
        """What happened, with the chance that it had."""
        return doubled(self.moment, self.bid, names)


@dataclass(frozen=True, slots=True)
class Why:
    """What decided an auction: how it closed, the first bids at its end, and what made or unmade them."""

    auction: AuctionDocument
    closed: Moment
    last_bid: BidDocument | None
    ranking: Sequence[BidDocument]
    deletions: Sequence[Deletion]
    doublings: Sequence[Doubling]

    def sentence(self, names: Names) -> str:
        """The result, and what it rests on."""
        if self.auction.cancelled:
            return f"Nobody won: the house cancelled the auction. {said(self.auction.cancelled.reason)}"
        if self.last_bid is None:
            return "The auction ended unsold: nobody bid."
        if not self.ranking:
            return "The auction ended unsold: all bids were deleted."
        if self.auction.winner is None:
            return f"The auction ended unsold: {self._too_low(names)}"
        first = self.ranking[0]
        pays = f", and pays {money(first.amount)}" if first.doubled else self._price()
        return f"{called(first, names)} won with {_counts(first)}{pays}: {self._because(names)}"

    def _too_low(self, names: Names) -> str:
        first, reserve = self.ranking[0], self.auction.reserve
        assert reserve, "a live bid wins, but below the reserve"
        bid = f"{_owner(first, names)} leading bid of {money(first.amount)}"
        doubled = f", which counted {_counts(first)}," if first.doubled else ""
        return f"{bid}{doubled} did not meet the reserve, {money(reserve.amount)}."

    def _price(self) -> str:
        """What the winner pays, if that is not what they bid."""
        price = self.auction.winner.price if self.auction.winner else None
        if price is None:
            return ""
        reserve = self.auction.reserve
        if len(self.ranking) > 1 and self.ranking[1].amount == price:
            whose = "what the next bid offers"
        else:
            whose = "the reserve" if reserve and reserve.amount == price else "the starting price"
        return f", and pays {money(price)}, {whose}"

    def _because(self, names: Names) -> str:
        """Against the first bid of somebody else."""
        first, *behind = self.ranking
        theirs = next((bid for bid in behind if bid.bidder_id != first.bidder_id), None)
        if theirs is None:
            all_shown = len(self.ranking) == self.auction.bid_count
            return "nobody else had a live bid." if all_shown else "the next bids were theirs, too."
        bid = f"{_owner(theirs, names)} bid of {_counts(theirs)}"
        if first.effective_amount == theirs.effective_amount:
            return f"it counted as much as {bid}, and did so first."
        return f"the highest of anybody else was {bid}."

    def closing(self, names: Names) -> str:
        """When the auction was closed, against its end and its last bid."""
        if self.auction.cancelled:
            return self._cancelling(names)
        ended = self.auction.ends_at
        closed = f"It was closed {_seconds(ended, self.closed.recorded_at)} after its end."
        if self.auction.closed_early or self.auction.bought:
            closed = f"{self._early()} {closed}"
        elif late := self._moved_by_bids():
            closed = f"Late bids had moved the end by {length(late.total_seconds())}. {closed}"
        if paused := self._paused_for():
            closed = f"The house had paused it for {length(paused.total_seconds())}. {closed}"
        if self.last_bid is None:
            return closed
        before = _seconds(self.last_bid.placed_at, ended)
        bid = f"{_owner(self.last_bid, names)} {_offer(self.last_bid)}"
        return f"The last bid, {bid}, was accepted {before} before the end. {closed}"

    def _moved_by_bids(self) -> timedelta:
        """By how much the end is later than the first one, beside what pauses moved it by."""
        first = self.auction.first_ends_at or self.auction.ends_at
        return self.auction.ends_at - first - self._paused_for()

    def _paused_for(self) -> timedelta:
        return sum((pause.length for pause in self.auction.pauses), timedelta())

    def _early(self) -> str:
        decision, late = self.auction.closed_early, self._moved_by_bids()
        early = (
            f"{length(-late.total_seconds())} early"
            if late < timedelta(0)
            else "early, once bids had moved its end"
        )
        if decision is None:
            return f"A purchase at the buy-now price ended it {early}."
        return f"The house ended it {early}. {said(decision.reason)}"

    def _cancelling(self, names: Names) -> str:
        ended, at = self.auction.ends_at, self.closed.recorded_at
        apart = f"{_seconds(at, ended)} before" if at < ended else f"{_seconds(ended, at)} after"
        cancelled = f"The auction was cancelled {apart} its end."
        if self.last_bid is None:
            return cancelled
        bid = f"{_owner(self.last_bid, names)} {_offer(self.last_bid)}"
        return f"The last bid was {bid}. {cancelled}"

    def place(self, number: int, names: Names) -> str:
        """The bid of that place in the ranking, from 1."""
        bid = self.ranking[number - 1]
        once = f" ({money(bid.amount)}, doubled)" if bid.doubled else ""
        return f"{number}. {called(bid, names)} with {_counts(bid)}{once}"

    def bidders(self) -> Iterator[UUID]:
        """Those whose names the sentences need; nobody who is masked."""
        return (bid.bidder_id for bid in self.bids() if bid.number is None)

    def bids(self) -> Iterator[BidDocument]:
        """The bids that the sentences are about."""
        steps: list[Deletion | Doubling] = [*self.deletions, *self.doublings]
        yield from self.ranking
        yield from (each.bid for each in steps)
        if self.last_bid:
            yield self.last_bid


def bids_of(changes: Sequence[LeadChange]) -> Iterator[BidDocument]:
    """The bids that the sentences of the changes are about."""
    for each in changes:
        yield from (bid for bid in (each.changed, each.leading, each.before) if bid is not None)


def bidders_of(changes: Sequence[LeadChange]) -> set[UUID]:
    """Those whose names the sentences of the changes need; nobody who is masked."""
    return {bid.bidder_id for bid in bids_of(changes) if bid.number is None}


def called(bid: BidDocument | OfferDocument, names: Names) -> str:
    """What sentences call its bidder. Of one who is masked only the house has a name among the names."""
    name = names.get(bid.bidder_id)
    if bid.number is None:
        return name or "a deleted user"
    return f"{shown_as(bid.number)} ({name})" if name else shown_as(bid.number)


def doubled(moment: Moment, bid: BidDocument, names: Names) -> str:
    """That the bid was doubled, in which tick, and with which chance."""
    assert moment.draw, "the moment of a doubling has its draw"
    what = f"The house doubled {_owner(bid, names)} bid of {money(bid.amount)} to {_counts(bid)}"
    return f"{what}{_chance(moment.draw)}."


def _chance(draw: Draw) -> str:
    if not draw.total_weight:
        return ", before draws were committed to"
    return (
        f" in tick {draw.tick}, where it had a weight of {draw.weight:,} out of "
        f"{draw.total_weight:,} ({chance(draw):.1%}) by {_policy(draw)}"
    )


def _policy(draw: Draw) -> str:
    return (
        "the auction's own options"
        if draw.policy_version == OWN
        else f"policy {draw.policy_version}"
    )


def chance(draw: Draw) -> float:
    """The bid's share of the draw, from 0 to 1; 0 if it was not recorded."""
    return draw.weight / draw.total_weight if draw.total_weight else 0.0


def seconds(earlier: datetime, later: datetime) -> float:
    """The seconds between two times."""
    return (later - earlier).total_seconds()


def _offer(bid: BidDocument) -> str:
    return "sealed bid" if bid.hidden else f"bid of {money(bid.amount)}"


def _gone(bid: BidDocument) -> str:
    return f"removed by the house (“{bid.removed.reason}”)" if bid.removed else "deleted"


def said(reason: str) -> str:
    """The house's own words."""
    return f"The reason: “{reason}”"


def _seconds(earlier: datetime, later: datetime) -> str:
    return length(seconds(earlier, later))


def length(whole: float) -> str:
    """That many seconds, in the units that people use."""
    if whole < 60:
        return f"{whole:.1f} s"
    minutes, rest = divmod(round(whole), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def money(amount: Decimal) -> str:
    """An amount, grouped."""
    return f"{amount:,.2f}"


def _counts(bid: BidDocument) -> str:
    return money(bid.effective_amount)


def _owner(bid: BidDocument, names: Names) -> str:
    return called(bid, names) + "’s"  # noqa: RUF001  # an apostrophe


def capital(text: str) -> str:
    """Usernames stay as they are written."""
    return f"A{text[1:]}" if text.startswith("a deleted user") else text
