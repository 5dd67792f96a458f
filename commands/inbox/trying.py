"""Trying rules: what would become of some bids in a made-up auction, decided as real ones are. Nothing is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_OID, UUID, uuid5

from commands.domain.auction import decide
from commands.domain.bidders import Bidder
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    ClearMaximum,
    CreateAuction,
    DeleteBid,
    DoubleBid,
    ForfeitSale,
    LapseOffer,
    PlaceBid,
    PlaceSealedBid,
    SetMaximum,
)
from commands.domain.events import (
    AuctionEvent,
    BidPlaced,
    LotOffered,
    SealedBidPlaced,
)
from commands.domain.hidden import Content
from commands.domain.promoter import Drawn, KnownDraw, Promoter
from commands.domain.rejections import Rejection
from commands.domain.rules.masked import Alias
from commands.domain.rules.rule import InvalidRule
from commands.domain.rules.table import check, hide_amounts, masked, people
from commands.domain.state import replay
from commands.inbox.chosen_rules import Choice
from commands.inbox.invalid import InvalidInput
from commands.inbox.trial_lines import HOUSE, OF_SALES, Step, wrong
from commands.inbox.trial_words import ended, said

AUCTION = uuid5(NAMESPACE_OID, "a made-up auction")
# What does not say when it is done is done at once after the line before; the first so long before the end.
LONG = timedelta(seconds=1800)

People = Mapping[str, Bidder]


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a line, in words, or the rejection; `text` is the line."""

    text: str
    told: str
    rejection: Rejection | None = None

    @property
    def says(self) -> str:
        """In words, for whoever reads it."""
        return self.rejection.sentence if self.rejection else self.told


def try_out(
    choice: Choice,
    steps: Sequence[Step],
    now: datetime,
    ends_at: datetime,
    known: People | None = None,
    *,
    starts_at: datetime | None = None,
) -> list[Became]:
    """What becomes of each line, and of the auction; InvalidInput for a line, or an auction, that can't be.

    It ends after the last line, or before the first one that is about its lot. It is created now, and starts at once or at that time. `known` are the users whose names are in the lines; others are made up.
    """
    cast = _people(steps, known or {})
    create = CreateAuction(AUCTION, "", "", starts_at, ends_at, None, choice.all_rules)
    trial = _Trial(create, choice, now, cast)
    became = list[Became]()
    for step in steps:
        if step.does in OF_SALES and not trial.ended:
            became.append(trial.end())
        became.append(trial.do(step))
    return became if trial.ended else [*became, trial.end()]


def _people(steps: Sequence[Step], known: People) -> dict[str, Bidder]:
    return {
        step.who: known.get(step.who) or Bidder(uuid5(NAMESPACE_OID, step.who))
        for step in steps
        if step.who != HOUSE
    }


class _Trial:
    """The auction while it is tried."""

    def __init__(
        self, create: CreateAuction, choice: Choice, now: datetime, cast: Mapping[str, Bidder]
    ) -> None:
        self._reserve, self._rules = choice.reserve, choice.all_rules
        self._ids = {name: bidder.user_id or AUCTION for name, bidder in cast.items()}
        self._bidders = {self._ids[name]: bidder for name, bidder in cast.items()}
        # Whose turn it is to be offered the lot is decided by aliases, if there are some.
        self._bidders |= {self._alias(self._ids[name]): each for name, each in cast.items()}
        # Whom a rule names is there, whether they bid or not.
        for user_id in people(self._rules):
            self._bidders.setdefault(user_id, Bidder(user_id))
        self._numbers: dict[UUID, int] = {}
        self._bids: dict[tuple[str, Decimal], UUID] = {}
        self._opened: dict[UUID, Content] = {}
        self._maxima: dict[UUID, Decimal] = {}
        try:
            check(self._rules)
        except InvalidRule as error:
            raise InvalidInput("rules", str(error)) from error
        created = decide(create, None, now=now, bidders=self._bidders)
        if isinstance(created, Rejection):
            raise InvalidInput("ends_at", created.message)
        self._auction = replay(created)
        ends_at = self._auction.ends_at
        self._now = ends_at - min(LONG, ends_at - self._auction.starts_at)
        self._begun = False
        # When the lot was offered last.
        self._offered_at = ends_at

    @property
    def ended(self) -> bool:
        """Whether the auction is closed."""
        return self._auction.closed

    def do(self, step: Step) -> Became:
        """Do what the line says, at its time."""
        before, self._now = self._auction, self._time(step)
        self._begun = True
        answer = decide(
            self._command(step),
            before,
            now=self._now,
            bidders=self._bidders,
            draw=self._draw(step),
            reserve=self._reserve,
            opened=self._opened,
            maxima=self._maxima,
        )
        if isinstance(answer, Rejection):
            return Became(step.text, answer.code.value, answer)
        self._auction = replay(answer, before)
        self._remember(step, answer)
        return Became(step.text, "; ".join(said(before, self._auction, answer, self._name)))

    def end(self) -> Became:
        """The auction ends: who wins, and what they pay."""
        self._now, self._begun = max(self._auction.ends_at, self._now), True
        behind = {self._alias(user_id): user_id for user_id in self._ids.values()}
        events: Sequence[AuctionEvent] = ()
        # Sealed bids are revealed first.
        while not self._auction.closed:
            answer = decide(
                AnnounceWinner(AUCTION),
                self._auction,
                now=self._now,
                bidders=self._bidders,
                reserve=self._reserve,
                behind=behind,
                opened=self._opened,
            )
            assert not isinstance(answer, Rejection), answer.message
            events, self._auction = answer, replay(answer, self._auction)
        self._offered_at = self._now
        return Became("the end", ended(self._auction, events, self._name))

    def _time(self, step: Step) -> datetime:
        try:
            at = self._now
            if step.before is not None:
                at = self._auction.ends_at - step.before
            if step.later is not None:
                at = self._since(step) + step.later
            if step.does == "does not answer":
                at = max(at, self._until(step))
        except OverflowError as error:
            raise wrong(step.number, "there is no such time") from error
        # The first line may be of any time, also from before the start.
        if self._begun and at < self._now:
            raise wrong(step.number, "it would be earlier than the line before it")
        return at

    def _since(self, step: Step) -> datetime:
        """From when on “later” counts."""
        if step.does not in OF_SALES:
            return self._auction.bids[self._named(step)].placed_at
        return self._offered_at

    def _until(self, step: Step) -> datetime:
        """Until when somebody can answer who does not."""
        sale = self._auction.sale
        if sale and sale.until and sale.bidder_id == self._alias(self._ids[step.who]):
            return sale.until
        raise wrong(step.number, f"the lot is not offered to {step.who}")

    def _command(self, step: Step) -> AuctionCommand:
        if step.does in OF_SALES:
            return self._about_the_lot(step)
        user_id, bid_id = self._ids[step.who], UUID(int=step.number)
        alias = Alias(self._alias(user_id), self._numbers.get(self._alias(user_id)))
        shown = alias if masked(self._rules) else None
        match step.does:
            case "deletes":
                return DeleteBid(AUCTION, self._named(step), self._alias(user_id))
            case "is doubled":
                return DoubleBid(AUCTION, step.number, 0)
            case "sets a maximum":
                assert step.amount is not None, "a maximum has an amount"
                self._maxima[bid_id] = step.amount
                return SetMaximum(AUCTION, bid_id, user_id, "", alias=shown)
            case "clears it":
                return ClearMaximum(AUCTION, self._alias(user_id))
            case "buys":
                return BuyNow(AUCTION, bid_id, user_id, alias=shown)
            case _:
                assert step.amount is not None, "a bid has an amount"
                if hide_amounts(self._rules):
                    content = self._opened[bid_id] = Content(step.amount, f"{step.number:032x}")
                    return PlaceSealedBid(AUCTION, bid_id, user_id, content.commitment, "")
                return PlaceBid(AUCTION, bid_id, user_id, step.amount, alias=shown)

    def _about_the_lot(self, step: Step) -> AuctionCommand:
        sale = self._auction.sale
        held = sale.bid_id if sale and sale.bid_id else AUCTION
        match step.does:
            case "does not answer":
                return LapseOffer(AUCTION, held)
            case "takes it back":
                return ForfeitSale(AUCTION, held, "It is tried.", None)
            case answer:
                bidder_id = self._alias(self._ids[step.who])
                return AnswerOffer(AUCTION, bidder_id, accept=answer == "accepts")

    def _draw(self, step: Step) -> KnownDraw | None:
        if step.does != "is doubled":
            return None
        hit = Drawn(self._auction.bids[self._named(step)], 1, 1)
        return KnownDraw(0, Promoter(), bytes(32), hit=hit)

    def _named(self, step: Step) -> UUID:
        assert step.amount is not None, "it names a bid"
        if found := self._bids.get((step.who, step.amount)):
            return found
        raise wrong(step.number, f"{step.who} has placed no bid of {step.amount:,}")

    def _remember(self, step: Step, events: Sequence[AuctionEvent]) -> None:
        for event in events:
            if isinstance(event, LotOffered):
                self._offered_at = self._now
            if isinstance(event, BidPlaced):
                self._bids[self._name(event.bidder_id), event.amount] = event.bid_id
                if event.number:
                    self._numbers[event.bidder_id] = event.number
            if isinstance(event, SealedBidPlaced) and step.amount is not None:
                self._bids[step.who, step.amount] = event.bid_id

    def _alias(self, user_id: UUID) -> UUID:
        return uuid5(user_id, "alias") if masked(self._rules) else user_id

    def _name(self, bidder_id: UUID) -> str:
        return next(n for n, user_id in self._ids.items() if self._alias(user_id) == bidder_id)
