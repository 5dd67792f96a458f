"""Random commands, given to the domain and to a naive implementation of the rules; both must agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import count
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from commands.domain.auction import decide
from commands.domain.bidders import Bidder
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    CancelAuction,
    ClearMaximum,
    CloseAuctionNow,
    DeleteBid,
    DoubleBid,
    ForfeitSale,
    LapseOffer,
    PauseAuction,
    PlaceBid,
    PlaceSealedBid,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
    SetMaximum,
    WithdrawBids,
)
from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionExtended,
    AuctionPaused,
    AuctionResumed,
    AuctionRevised,
    BidDeleted,
    BidDoubled,
    BidPlaced,
    BidRemoved,
    BidRevealed,
    BoughtNow,
    LotOffered,
    MaximumEnded,
    MaximumSet,
    NoDoubling,
    NothingDrawn,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    ReserveMet,
    ReserveMissed,
    ReserveRevealed,
    SaleFailed,
    SaleForfeited,
    SealedBidPlaced,
    WinnerAnnounced,
)
from commands.domain.hidden import Content
from commands.domain.promoter import Draw
from commands.domain.proxies import following_id
from commands.domain.rejections import Rejection
from commands.domain.revisions import Revision
from commands.domain.rules import buy_now as rule_of_buying
from commands.domain.rules.increments import Bracket, Increments
from commands.domain.rules.masked import Masked
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import Rules
from commands.domain.rules.withdrawal import Withdrawal
from commands.domain.state import Auction, evolve
from tests.domain.masks import Wardrobe, known_as
from tests.domain.rules.some_rules import SALT, price_of, proxied_rules, rules_of_auctions
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTION,
    BEFORE,
    BOB,
    CAST,
    CHARLIE,
    CLOSING,
    CREATED,
    DURING,
    INSTANT,
    OPENING,
    drawn,
)
from tests.domain.sealing import content_of, sealed

Said = list[AuctionEvent] | str
NOBODY = UUID("00000000-0000-4000-8000-0000000000ff")
UNKNOWN_BID = UUID("00000000-0000-4000-8000-0000000000fe")
BIDDERS = st.sampled_from([ALICE, BOB, CHARLIE])
DURING_MOSTLY = st.sampled_from(
    [DURING] * 8
    + [DURING + step * timedelta(minutes=10) for step in range(1, 8)]
    + [BEFORE, OPENING - INSTANT, OPENING, CLOSING - INSTANT, CLOSING, AFTER]
)
# Times at which pauses begin and end, and edges of these.
ANY_TIME = st.sampled_from(
    [DURING + step * timedelta(minutes=10) for step in range(9)]
    + [DURING + INSTANT, CLOSING, AFTER]
)
LAST = datetime.max.replace(tzinfo=UTC)
AFTERWARDS = st.sampled_from([DURING, CLOSING, AFTER - INSTANT, AFTER, AFTER + (AFTER - CLOSING)])


def money(cents: int) -> Decimal:
    """Cents as an amount with two places."""
    return Decimal(f"{cents // 100}.{cents % 100:02}")


@cache
def sealed_by(bid_id: UUID, bidder_id: UUID, cents: int) -> PlaceSealedBid:
    """A sealed bid, the same whenever it is asked for: what is sealed is another text each time."""
    return sealed(PlaceBid(AUCTION, bid_id, bidder_id, money(cents)))


@dataclass
class Entry:
    """A line in the book; `turn` says when the bid came to count what it counts."""

    bid_id: UUID
    bidder_id: UUID
    cents: int
    counts: int
    turn: int
    at: datetime
    live: bool = True
    doubled: bool = False
    hidden: bool = False


@dataclass
class Offer:
    """Who is offered the lot, or has it."""

    bid_id: UUID
    bidder_id: UUID
    until: datetime
    accepted: bool = False


class NaiveBook:
    """The rules over a list in the order of placing, searched from end to end every time."""

    def __init__(self, rules: Rules) -> None:
        self.starting_price = 0
        self.over_leader, self.over_own = list[tuple[int, int]](), list[tuple[int, int]]()
        for chosen in rules:
            if isinstance(chosen, StartingPrice):
                self.starting_price = int(chosen.amount * 100)
            if isinstance(chosen, Increments):
                self.over_leader = [_cents(bracket) for bracket in chosen.over_leader]
                self.over_own = [_cents(bracket) for bracket in chosen.over_own]
        self.proxied = any(isinstance(chosen, ProxyBids) for chosen in rules)
        self.maxima = dict[UUID, int]()
        self.sealed = [chosen for chosen in rules if isinstance(chosen, Sealed)]
        self.soft = [chosen for chosen in rules if isinstance(chosen, SoftClose)]
        self.promoters = [chosen for chosen in rules if isinstance(chosen, OwnPromoter)]
        self.buying = [chosen for chosen in rules if isinstance(chosen, rule_of_buying.BuyNow)]
        self.within = [chosen.within for chosen in rules if isinstance(chosen, Withdrawal)]
        self.within += [0] if self.proxied else []
        own = [chosen for chosen in rules if isinstance(chosen, OwnLot)]
        barred = [owner for chosen in own for owner in chosen.owners]
        barred += [CHARLIE for chosen in own if chosen.staff]
        # The book knows bidders by what they bid under.
        self.barred = {id for owner in barred for id in (owner, known_as(owner))}
        self.chances = [chosen for chosen in rules if isinstance(chosen, SecondChance)]
        self.offer: Offer | None = None
        self.had, self.next_ones, self.failed = list[UUID](), 0, False
        self.gone = {NOBODY}
        price = price_of(rules)
        self.reserve, self.met = int(price.amount * 100) if price else 0, False
        self.masks = [chosen for chosen in rules if isinstance(chosen, Masked)]
        self.running_end, self.extensions = CLOSING, 0
        self.since: datetime | None = None
        self.stood_still: list[tuple[datetime, datetime]] = []
        self.text = CREATED.description
        self.entries: list[Entry] = []
        self.closed, self.cancelled, self.early = False, False, False
        self.winning: UUID | None = None
        self.turns = 1
        self.ticks: list[int] = []

    def live(self) -> list[Entry]:
        """The lines that count."""
        return [entry for entry in self.entries if entry.live]

    def leading(self) -> Entry | None:
        """The highest, and of equals the earlier, by sorting everything twice."""
        first_come = sorted(self.live(), key=lambda entry: entry.turn)
        ranked = sorted(first_come, key=lambda entry: entry.counts, reverse=True)
        return ranked[0] if ranked else None

    def place(self, bid_id: UUID, bidder_id: UUID, cents: int, at: datetime) -> Said:
        """A bid, if the auction is open, the bidder exists and outdoes themselves."""
        if self.cancelled:
            return "AUCTION_CANCELLED"
        if at < OPENING:
            return "AUCTION_NOT_STARTED"
        if self.still(at):
            return "AUCTION_PAUSED"
        if self.over(at):
            return "AUCTION_ENDED"
        if bidder_id in self.gone:
            return "USER_NOT_FOUND"
        if bidder_id in self.barred:
            return "OWN_LOT"
        if self.sealed:
            return self._place_sealed(bid_id, bidder_id, cents, at)
        for entry in self.live():
            if entry.bidder_id == bidder_id and entry.counts >= cents:
                return "BID_TOO_LOW"
        if cents < self.starting_price:
            return "BELOW_STARTING_PRICE"
        if not self._enough(cents, self._all_counts(), self._counts_of(bidder_id)):
            return "BELOW_INCREMENT"
        answers = following_id(bid_id, "answer")
        holder, most = self._holder(bidder_id)
        if holder is None or most <= cents:
            last = holder and most and self._put(answers, holder, most, at, automatic=True)
            placed = self._put(bid_id, bidder_id, cents, at)
            said = [last, placed] if last else [placed]
        else:
            placed = self._put(bid_id, bidder_id, cents, at)
            amount = self._next_over(holder)
            said = [placed, self._put(answers, holder, min(most, amount), at, automatic=True)]
        return [*said, *self._extend(said[-1].bid_id, at), *self._end_of_outbid()]

    def _enough(self, cents: int, counts: Sequence[int], own: Sequence[int]) -> bool:
        """By the starting price and the tables."""
        for beaten, table in [(c, self.over_leader) for c in counts] + [
            (c, self.over_own) for c in own
        ]:
            steps = [step for start, step in table if start <= beaten]
            if steps and cents < beaten + steps[-1]:
                return False
        return cents >= self.starting_price

    def _all_counts(self) -> list[int]:
        return [entry.counts for entry in self.live()]

    def _counts_of(self, bidder_id: UUID) -> list[int]:
        return [entry.counts for entry in self.live() if entry.bidder_id == bidder_id]

    def _next_over(self, bidder_id: UUID) -> int:
        """The least that is enough over all bids, by trying all amounts."""
        own, counts = self._counts_of(bidder_id), self._all_counts()
        return next(cents for cents in count(1) if self._enough(cents, counts, own))

    def _put(
        self, id: UUID, bidder_id: UUID, cents: int, at: datetime, *, automatic: bool = False
    ) -> BidPlaced:
        self.turns += 1
        self.entries.append(Entry(id, bidder_id, cents, cents, self.turns, at))
        number = self.number(bidder_id)
        return BidPlaced(id, bidder_id, money(cents), at, number=number, automatic=automatic)

    def _holder(self, but: UUID) -> tuple[UUID | None, int]:
        """Who leads and would go on bidding, and how far."""
        best = self.leading()
        if best is None or best.bidder_id == but or best.bidder_id in self.gone | self.barred:
            return None, 0
        most = self.maxima.get(best.bidder_id, 0)
        return (best.bidder_id, most) if most > best.counts else (None, 0)

    def _end_of_outbid(self) -> list[AuctionEvent]:
        """Whoever does not lead has no maximum any more."""
        best = self.leading()
        outbid = [id for id in self.maxima if best is None or id != best.bidder_id]
        for id in outbid:
            del self.maxima[id]
            self.turns += 1
        return [MaximumEnded(id, self.number(id)) for id in outbid]

    def set_maximum(self, command: SetMaximum, bidder_id: UUID, cents: int, at: datetime) -> Said:
        """A secret that bids, as far as it must, against another's."""
        refused = self.place_refused(bidder_id, at)
        if refused:
            return refused
        if not self.proxied:
            return "NO_PROXY_BIDS"
        best, own = self.leading(), self._counts_of(bidder_id)
        leads = best is not None and best.bidder_id == bidder_id
        if best and leads:
            if cents < best.counts:
                return "MAXIMUM_TOO_LOW"
        elif not self._enough(cents, self._all_counts(), own):
            return "MAXIMUM_TOO_LOW"
        self.turns += 1
        number = self.number(bidder_id)
        if self.masks and number is None:
            number = len({entry.bidder_id for entry in self.entries}) + 1
        said: list[AuctionEvent] = [
            MaximumSet(command.maximum_id, bidder_id, command.sealed, number)
        ]
        holder, most = self._holder(bidder_id)
        self.maxima[bidder_id] = cents
        mine, theirs = (following_id(command.maximum_id, what) for what in ("bid", "answer"))
        reserve = self.reserve if self.reserve <= cents else 0
        bids: list[BidPlaced] = []
        if best and leads:
            wanted = max(self._next_over(bidder_id), reserve)
            if best.cents < self.reserve <= cents and wanted <= cents:
                bids = [self._put(mine, bidder_id, wanted, at, automatic=True)]
        elif holder is None or most < cents:
            if holder:
                bids = [self._put(theirs, holder, most, at, automatic=True)]
            amount = max(reserve, self._next_over(bidder_id))
            bids += [self._put(mine, bidder_id, min(cents, amount), at, automatic=True)]
        elif most == cents:
            bids = [self._put(theirs, holder, most, at, automatic=True)]
            bids += [self._put(mine, bidder_id, cents, at, automatic=True)]
        else:
            bids = [self._put(mine, bidder_id, cents, at, automatic=True)]
            amount = min(most, self._next_over(holder))
            bids += [self._put(theirs, holder, amount, at, automatic=True)]
        moved = self._extend(bids[-1].bid_id, at) if bids else []
        return [*said, *bids, *moved, *self._end_of_outbid()]

    def place_refused(self, bidder_id: UUID, at: datetime) -> str | None:
        """Whatever is bid."""
        if self.cancelled:
            return "AUCTION_CANCELLED"
        if at < OPENING:
            return "AUCTION_NOT_STARTED"
        if self.still(at):
            return "AUCTION_PAUSED"
        if self.over(at):
            return "AUCTION_ENDED"
        if bidder_id in self.gone:
            return "USER_NOT_FOUND"
        return "OWN_LOT" if bidder_id in self.barred else None

    def clear_maximum(self, bidder_id: UUID, at: datetime) -> Said:
        """Taken back; bids stay."""
        if bidder_id not in self.maxima:
            return "NO_MAXIMUM"
        if self.cancelled:
            return "AUCTION_CANCELLED"
        if self.still(at):
            return "AUCTION_PAUSED"
        if self.over(at):
            return "AUCTION_ENDED"
        del self.maxima[bidder_id]
        self.turns += 1
        return [MaximumEnded(bidder_id, self.number(bidder_id))]

    def number(self, bidder_id: UUID) -> int | None:
        """Where bidders are masked: how many had bid when they did so first, counting them in."""
        came = list(dict.fromkeys(entry.bidder_id for entry in self.entries))
        return came.index(bidder_id) + 1 if self.masks and bidder_id in came else None

    def buy(self, bid_id: UUID, bidder_id: UUID, at: datetime) -> Said:
        """A bid of the price that ends it, while nobody has bid, or not enough."""
        if self.cancelled:
            return "AUCTION_CANCELLED"
        if at < OPENING:
            return "AUCTION_NOT_STARTED"
        if self.still(at):
            return "AUCTION_PAUSED"
        if self.over(at):
            return "AUCTION_ENDED"
        if bidder_id in self.gone:
            return "USER_NOT_FOUND"
        if bidder_id in self.barred:
            return "OWN_LOT"
        for chosen in self.buying:
            enough = int(chosen.until * 100) if chosen.until else 0
            if all(entry.counts < enough for entry in self.live()):
                cents = int(chosen.price * 100)
                self.turns += 2
                self.entries.append(Entry(bid_id, bidder_id, cents, cents, self.turns - 1, at))
                self.running_end, self.early = self.running(at), True
                self.maxima.clear()
                number = self.number(bidder_id)
                placed = BidPlaced(bid_id, bidder_id, money(cents), at, None, True, number)
                return [placed, BoughtNow(at, bid_id)]
        return "NOT_FOR_SALE"

    def _place_sealed(self, bid_id: UUID, bidder_id: UUID, cents: int, at: datetime) -> Said:
        if [entry for entry in self.live() if entry.bidder_id == bidder_id]:
            return "ONE_SEALED_BID"
        if cents < self.starting_price:
            return "BELOW_STARTING_PRICE"
        self.turns += 1
        self.entries.append(Entry(bid_id, bidder_id, cents, 0, self.turns, at, hidden=True))
        command = sealed_by(bid_id, bidder_id, cents)
        placed = SealedBidPlaced(bid_id, bidder_id, command.commitment, command.sealed, at)
        return [placed, *self._extend(bid_id, at)]

    def _extend(self, bid_id: UUID, at: datetime) -> list[AuctionEvent]:
        """A later end, if the bid came so late that the soft close has one for it."""
        for soft in self.soft:
            late = (self.running_end - self.running(at)).total_seconds() <= soft.window
            later = self.running_end + timedelta(seconds=soft.extension)
            if soft.hard_end and later > soft.hard_end:
                later = soft.hard_end
            if (
                late
                and later > self.running_end
                and self.extensions != soft.times
                and not self.early
            ):
                self.running_end, self.extensions = later, self.extensions + 1
                self.turns += 1
                return [AuctionExtended(self.end, bid_id, self.extensions)]
        return []

    def delete(self, bid_id: UUID, bidder_id: UUID, at: datetime) -> Said:
        """One's own live bid, until the end."""
        found = [entry for entry in self.entries if entry.bid_id == bid_id]
        if not found:
            return "BID_NOT_FOUND"
        if found[0].bidder_id != bidder_id:
            return "BID_NOT_YOURS"
        if not found[0].live:
            return "BID_ALREADY_DELETED"
        if self.cancelled:
            return "AUCTION_CANCELLED"
        if self.still(at):
            return "AUCTION_PAUSED"
        if self.over(at):
            return "AUCTION_ENDED"
        for seconds in self.within:
            if (self.running(at) - self.running(found[0].at)).total_seconds() >= seconds:
                return "BID_BINDING"
        return self._strike(found)

    def remove(self, bid_id: UUID, at: datetime) -> Said:
        """Anybody's live bid, by the house, until the end."""
        found = [entry for entry in self.entries if entry.bid_id == bid_id]
        if not found:
            return "BID_NOT_FOUND"
        if not found[0].live:
            return "BID_ALREADY_DELETED"
        if self.over(at):
            return self._over()
        [gone] = self._strike(found)
        assert isinstance(gone, BidDeleted)
        return [BidRemoved(gone.bid_id, gone.bidder_id, "A flood", None)]

    def double(self, lot: int, tick: int, at: datetime) -> Said:
        """The one of the bids not doubled yet in whose share of all lots the lot lies."""
        if self.closed:
            return self._over()
        if self.sealed:
            return "NO_BID_TO_DOUBLE"
        row = [entry for entry in self.live() if not entry.doubled]
        if any(own.off for own in self.promoters):
            return "NO_BID_TO_DOUBLE"
        policy = -1 if self.promoters else 0
        if not row or tick in self.ticks or tick < max(self.ticks, default=0):
            return "NO_BID_TO_DOUBLE"
        self.ticks.append(tick)
        if self.over(at):
            self.turns += 1
            return [NothingDrawn(tick, policy, NoDoubling.LATE, len(self.ticks))]
        place = Fraction(lot, 2**128) * len(row)
        [drawn] = [entry for index, entry in enumerate(row) if index <= place < index + 1]
        self.turns += 1
        holder, most = self._holder(drawn.bidder_id)
        drawn.counts, drawn.doubled, drawn.turn = drawn.cents * 2, True, self.turns
        doubled = BidDoubled(
            drawn.bid_id, drawn.bidder_id, money(drawn.counts), tick, policy, 1, len(row), (),
            len(self.ticks),
        )  # fmt: skip
        answers: list[AuctionEvent] = []
        best = self.leading()
        if holder and best and best.bidder_id != holder and most > best.counts:
            id = following_id(drawn.bid_id, "answer to the doubling")
            amount = min(most, self._next_over(holder))
            answers = [self._put(id, holder, amount, at, automatic=True), *self._extend(id, at)]
        return [doubled, *answers, *self._end_of_outbid()]

    def withdraw(self, bidder_id: UUID, deleted_at: datetime, at: datetime) -> Said:
        """All live bids of somebody who was deleted before the end; later, what they are offered."""
        if self.over(deleted_at):
            offer = self.offer
            if offer is None or offer.bidder_id != bidder_id or offer.accepted:
                return []
            declined = OfferDeclined(offer.bid_id, offer.bidder_id, deleted_at)
            return self._pass_on(declined, at)
        mine = [entry for entry in self.live() if entry.bidder_id == bidder_id]
        return self._strike(mine, withdrawn_at=deleted_at)

    def announce(self, at: datetime) -> Said:
        """The end, once it has come, and once."""
        if self.closed:
            return self._over()
        if self.since is not None:
            return "AUCTION_PAUSED"
        if at < self.end:
            return "AUCTION_NOT_ENDED"
        if hidden := [entry for entry in self.live() if entry.hidden]:
            return self._reveal(hidden)
        best = self.leading()
        self.maxima.clear()
        self.closed, self.winning = True, best.bid_id if best else None
        self.turns += 1
        said = list[AuctionEvent]()
        if self.reserve:
            self.turns += 1
            said.append(ReserveRevealed(money(self.reserve), SALT))
        if best is None or best.cents < self.reserve:
            self.winning = None
            return [*said, AuctionEndedUnsold()]
        paid, counts = money(best.cents), money(best.counts)
        number, told = self.number(best.bidder_id), any(each.names_winner for each in self.masks)
        behind = {known_as(user): user for user in (ALICE, BOB, CHARLIE)}
        price = self._price(best)
        return [
            *said,
            WinnerAnnounced(
                best.bid_id, best.bidder_id, paid, counts, best.doubled, best.at, number,
                behind[best.bidder_id] if told else None, price,
            ),
            *self._offer_next(at, price),
        ]  # fmt: skip

    def _offer_next(self, at: datetime, price: Decimal | None = None) -> list[AuctionEvent]:
        """The lot goes to the first in line who had no turn, by walking down all bids."""
        for chance in self.chances:
            self.turns += 1
            self.offer, passed, seen = None, list[UUID](), set[UUID]()
            first_come = sorted(self.live(), key=lambda entry: entry.turn)
            line = sorted(first_come, key=lambda entry: entry.counts, reverse=True)
            for entry in line if self.next_ones < chance.most else []:
                turn = entry.bidder_id not in seen and entry.bidder_id not in self.had
                seen.add(entry.bidder_id)
                if not turn or entry.cents < self.reserve:
                    continue
                if entry.bidder_id in self.gone:
                    passed.append(entry.bidder_id)
                    continue
                won = entry.bid_id == self.winning
                self.had += [*passed, entry.bidder_id]
                self.next_ones += not won
                seconds = chance.confirm_within if won else chance.answer_within
                until = at + timedelta(seconds=seconds)
                self.offer = Offer(entry.bid_id, entry.bidder_id, until)
                paid = price if won and price is not None else money(entry.cents)
                number = self.number(entry.bidder_id)
                return [
                    LotOffered(entry.bid_id, entry.bidder_id, paid, until, tuple(passed), number)
                ]
            self.failed = True
            self.had += passed
            return [SaleFailed(tuple(passed))]
        return []

    def _pass_on(self, event: AuctionEvent, at: datetime) -> list[AuctionEvent]:
        self.turns += 1
        return [event, *self._offer_next(at)]

    def answer(self, bidder_id: UUID, at: datetime, *, accept: bool) -> Said:
        """By the one who is offered the lot, in time."""
        if not self.closed:
            return "AUCTION_NOT_ENDED"
        if self.cancelled:
            return "AUCTION_CANCELLED"
        if bidder_id not in self.had:
            return "NOT_OFFERED"
        offer = self.offer
        if not offer or offer.bidder_id != bidder_id or offer.accepted or at >= offer.until:
            return "OFFER_OVER"
        if not accept:
            return self._pass_on(OfferDeclined(offer.bid_id, bidder_id), at)
        offer.accepted = True
        self.turns += 1
        return [OfferAccepted(offer.bid_id, bidder_id)]

    def lapse(self, bid_id: UUID, at: datetime) -> Said:
        """Once its time is over."""
        offer = self.offer
        if not offer or offer.bid_id != bid_id or offer.accepted:
            return "OFFER_OVER"
        if at < offer.until:
            return "OFFER_OPEN"
        return self._pass_on(OfferLapsed(bid_id, offer.bidder_id), at)

    def forfeit(self, bid_id: UUID, at: datetime) -> Said:
        """By the house, whether they accepted or not."""
        if not self.closed:
            return "AUCTION_NOT_ENDED"
        if self.cancelled:
            return "AUCTION_CANCELLED"
        offer = self.offer
        if not offer or offer.bid_id != bid_id:
            return "NOT_OFFERED"
        return self._pass_on(SaleForfeited(bid_id, offer.bidder_id, "A flood", None), at)

    def followed(self, said: Said) -> Said:
        """What was said, and whether the reserve is met now, if that is new."""
        best = self.leading()
        met = 0 < self.reserve <= (best.cents if best and not best.hidden else 0)
        if isinstance(said, str) or self.closed or met == self.met:
            return said
        self.met, self.turns = met, self.turns + 1
        return [*said, ReserveMet(best.bid_id) if met and best else ReserveMissed()]

    def _reveal(self, entries: Sequence[Entry]) -> list[AuctionEvent]:
        """All that are hidden, one after the other."""
        for entry in entries:
            entry.counts, entry.hidden = entry.cents, False
            self.turns += 1
            entry.turn = self.turns
        return [BidRevealed(e.bid_id, money(e.cents), e.bid_id.hex) for e in entries]

    def _price(self, best: Entry) -> Decimal | None:
        """Another than the bid's own, if the second highest is paid."""
        if not (self.sealed and self.sealed[0].second_price):
            return None
        others = sorted(entry.cents for entry in self.live() if entry is not best)
        paid = max([*others, self.starting_price, self.reserve]) or best.cents
        return money(paid) if paid != best.cents else None

    def cancel(self) -> Said:
        """The house's end, whenever it has not ended yet."""
        if self.closed:
            return self._over()
        self.closed, self.cancelled, self.since = True, True, None
        self.maxima.clear()
        self.turns += 1
        return [AuctionCancelled("A flood", None)]

    def close_now(self, at: datetime) -> Said:
        """An earlier end, while bids count."""
        if self.cancelled:
            return "AUCTION_CANCELLED"
        if at < OPENING:
            return "AUCTION_NOT_STARTED"
        if self.over(at):
            return "AUCTION_ENDED"
        self._go_on(at)
        self.running_end, self.early = self.running(at), True
        self.turns += 1
        return [AuctionClosedEarly(at, "A flood", None)]

    def pause(self, at: datetime) -> Said:
        """The clock stops, while bids count."""
        if self.cancelled:
            return "AUCTION_CANCELLED"
        if at < OPENING:
            return "AUCTION_NOT_STARTED"
        if self.still(at):
            return "AUCTION_PAUSED"
        if self.over(at):
            return "AUCTION_ENDED"
        self.since = at
        self.turns += 1
        return [AuctionPaused(at, "A flood", None)]

    def resume(self, at: datetime) -> Said:
        """The clock goes on."""
        if self.closed:
            return self._over()
        if self.since is None:
            return "AUCTION_ENDED" if self.over(at) else "AUCTION_NOT_PAUSED"
        self._go_on(at)
        self.turns += 1
        return [AuctionResumed(at, self.end, "A flood", None)]

    def revise(self, at: datetime, text: str | None, end: datetime | None) -> Said:
        """Another description at any time, and another end until somebody bids."""
        if self.closed:
            return self._over()
        if self.over(at):
            return "AUCTION_ENDED"
        was = {"description": self.text, "ends_at": self.end}
        now = {"description": text, "ends_at": end}
        changed = {name: new for name, new in now.items() if new and new != was[name]}
        if not changed:
            return "NOTHING_TO_REVISE"
        if "ends_at" in changed and end:
            if self.entries:
                return "AUCTION_HAS_BIDS"
            if self.since:
                return "AUCTION_PAUSED"
            stood = self.end - self.running_end
            hard_ends = [soft.hard_end + stood for soft in self.soft if soft.hard_end]
            if end <= max(at, OPENING) or any(each <= end for each in hard_ends):
                return "INVALID_SCHEDULE"
            self.running_end = end - stood
        self.text = text or self.text
        self.turns += 1
        before = Revision(**{name: was[name] for name in changed})  # type: ignore[arg-type]
        return [AuctionRevised(before, Revision(**changed), None)]  # type: ignore[arg-type]

    def _go_on(self, at: datetime) -> None:
        if self.since is not None:
            self.stood_still.append((self.since, at))
        self.since = None

    @property
    def end(self) -> datetime:
        """By everybody's clock, which goes on in a pause."""
        return self.running_end + sum(
            (until - since for since, until in self.stood_still), timedelta()
        )

    def running(self, at: datetime) -> datetime:
        """What the auction's own clock shows then, which stops in a pause."""
        shown, running = at, [(self.since, LAST)] if self.since else []
        for since, until in [*self.stood_still, *running]:
            if at > since:
                shown -= min(at, until) - since
        return shown

    def still(self, at: datetime) -> bool:
        """Whether the auction's own clock had stopped."""
        stopped = self.since is not None and at >= self.since
        return stopped or any(since <= at < until for since, until in self.stood_still)

    def over(self, at: datetime) -> bool:
        """Whether the auction's own clock showed the end."""
        return self.closed or (not self.still(at) and self.running(at) >= self.running_end)

    def _over(self) -> str:
        return "AUCTION_CANCELLED" if self.cancelled else "AUCTION_ENDED"

    def _strike(
        self, entries: Sequence[Entry], withdrawn_at: datetime | None = None
    ) -> list[AuctionEvent]:
        for entry in entries:
            entry.live = False
            self.maxima.pop(entry.bidder_id, None)
            self.turns += 1
        return [BidDeleted(entry.bid_id, entry.bidder_id, withdrawn_at) for entry in entries]


def _cents(bracket: Bracket) -> tuple[int, int]:
    return int(bracket.start * 100), int(bracket.step * 100)


class AuctionMachine(RuleBasedStateMachine):
    """Asks both the same, in any order and at any moment, and compares what they say and where they stand."""

    bids = Bundle("bids")

    def __init__(self) -> None:
        super().__init__()
        self.open_with(())
        self.owners: dict[UUID, UUID] = {}
        self.contents: dict[UUID, Content] = {}
        self.secrets: dict[UUID, Decimal] = {}

    def open_with(self, rules: Rules) -> None:
        """A new auction with these rules beside the plain ones."""
        self.book, self.wardrobe = NaiveBook(rules), Wardrobe(rules)
        self.auction: Auction = evolve(None, replace(CREATED, rules=rules))
        self.time_changed = BEFORE

    def ask(
        self, command: AuctionCommand, at: datetime, expected: Said, draw: Draw | None = None
    ) -> None:
        """The domain says what the book says, and moves on by its events."""
        people = {**CAST, CHARLIE: Bidder(CHARLIE, is_staff=True)}
        people = {id: bidder for id, bidder in people.items() if id not in self.book.gone}
        price, expected = price_of(self.auction.rules), self.book.followed(expected)
        behind = self.wardrobe.behind(people)
        command = self.wardrobe.dressed(command)
        answer = decide(
            command,
            self.auction,
            now=at,
            bidders=self.wardrobe.known(people),
            draw=draw,
            reserve=price,
            behind=behind,
            opened=self.contents,
            maxima=self.secrets,
        )
        if isinstance(answer, Rejection):
            assert answer.code.value == expected
            return
        assert list(answer) == expected
        self.wardrobe.saw(answer)
        for event in answer:
            self.auction = evolve(self.auction, event)

    @rule(target=bids, bidder=BIDDERS, cents=st.integers(1, 8))
    def place_during(self, bidder: UUID, cents: int) -> UUID:
        """A rule of its own, so that there is always something to rank."""
        return self._place(bidder, cents, DURING)

    @rule(target=bids, bidder=BIDDERS, cents=st.integers(1, 8), at=DURING_MOSTLY)
    def place(self, bidder: UUID, cents: int, at: datetime) -> UUID:
        """Few amounts, so that ties and bids too low are common; a refused bid's id stays unknown."""
        return self._place(bidder, cents, at)

    def _place(self, bidder: UUID, cents: int, at: datetime) -> UUID:
        bid_id = UUID(int=len(self.owners) + 1)
        self.owners[bid_id] = bidder
        said = self.book.place(bid_id, self.wardrobe.of(bidder), cents, at)
        self.ask(self._bid(bid_id, bidder, cents), at, said)
        return bid_id

    @rule(target=bids, bidder=BIDDERS, at=DURING_MOSTLY)
    def buy(self, bidder: UUID, at: datetime) -> UUID:
        """Whether it is for sale or not."""
        bid_id = UUID(int=len(self.owners) + 1)
        self.owners[bid_id] = bidder
        command, known = BuyNow(AUCTION, bid_id, bidder), self.wardrobe.of(bidder)
        self.ask_in_order(command, at, lambda at: self.book.buy(bid_id, known, at))
        return bid_id

    def _bid(self, bid_id: UUID, bidder: UUID, cents: int) -> PlaceBid | PlaceSealedBid:
        bid = PlaceBid(AUCTION, bid_id, bidder, money(cents))
        if not self.book.sealed:
            return bid
        self.contents[bid_id] = content_of(bid)
        return sealed_by(bid_id, bidder, cents)

    @rule(bidder=BIDDERS, at=DURING_MOSTLY)
    def place_openly(self, bidder: UUID, at: datetime) -> None:
        """Where bids are sealed no other is placed; elsewhere a bid like any other."""
        if self.book.sealed:
            command = PlaceBid(AUCTION, UNKNOWN_BID, bidder, money(100))
            answer = decide(command, self.auction, now=at, bidders={bidder: Bidder(bidder)})
            assert isinstance(answer, Rejection)
            ended = {"AUCTION_CANCELLED", "AUCTION_NOT_STARTED", "AUCTION_PAUSED", "AUCTION_ENDED"}
            assert answer.code.value in ended | {"BID_NOT_SEALED", "OWN_LOT"}

    @rule(at=DURING_MOSTLY)
    def place_as_nobody(self, at: datetime) -> None:
        """Somebody who was deleted meanwhile."""
        command = self._bid(UNKNOWN_BID, NOBODY, 100)
        self.ask(command, at, self.book.place(UNKNOWN_BID, NOBODY, 100, at))

    @rule(bid_id=bids, at=DURING_MOSTLY)
    def delete_own(self, bid_id: UUID, at: datetime) -> None:
        """By its bidder; it may be deleted already, or have been refused."""
        self._delete(bid_id, self.owners[bid_id], at)

    @rule(bid_id=bids, bidder=BIDDERS, at=DURING_MOSTLY)
    def delete_anybodys(self, bid_id: UUID, bidder: UUID, at: datetime) -> None:
        """By whoever."""
        self._delete(bid_id, bidder, at)

    @rule(bidder=BIDDERS, at=DURING_MOSTLY)
    def delete_unknown(self, bidder: UUID, at: datetime) -> None:
        """A bid that never was."""
        self._delete(UNKNOWN_BID, bidder, at)

    def _delete(self, bid_id: UUID, bidder: UUID, at: datetime) -> None:
        command = DeleteBid(AUCTION, bid_id, bidder)
        self.ask(command, at, self.book.delete(bid_id, self.wardrobe.of(bidder), at))

    @rule(lot=st.integers(0, 2**128 - 1), tick=st.integers(1, 99), at=DURING_MOSTLY)
    def double(self, lot: int, tick: int, at: datetime) -> None:
        """The promoter's draw."""
        said = self.book.double(lot, tick, at)
        self.ask(DoubleBid(AUCTION, tick, 0), at, said, draw=drawn(lot))

    @rule(bidder=BIDDERS, deleted_at=DURING_MOSTLY, at=DURING_MOSTLY)
    def withdraw(self, bidder: UUID, deleted_at: datetime, at: datetime) -> None:
        """What follows on a user's deletion; it may be handled long after."""
        command = WithdrawBids(AUCTION, bidder, deleted_at)
        self.ask(command, at, self.book.withdraw(self.wardrobe.of(bidder), deleted_at, at))

    @rule(at=DURING_MOSTLY)
    def announce(self, at: datetime) -> None:
        """The closing, mostly too early."""
        self.ask(AnnounceWinner(AUCTION), at, self.book.announce(at))

    @rule(bid_id=bids, at=DURING_MOSTLY)
    def remove(self, bid_id: UUID, at: datetime) -> None:
        """By the house."""
        self.ask(RemoveBid(AUCTION, bid_id, "A flood", None), at, self.book.remove(bid_id, at))

    @rule(at=DURING_MOSTLY, seldom=st.integers(0, 3))
    def cancel(self, at: datetime, seldom: int) -> None:
        """By the house; seldom, so that other things happen, too."""
        if seldom == 0:
            self.ask(CancelAuction(AUCTION, "A flood", None), at, self.book.cancel())

    @rule(at=DURING_MOSTLY, seldom=st.integers(0, 3))
    def close_now(self, at: datetime, seldom: int) -> None:
        """By the house; what is accepted at other moments comes before and after."""
        if seldom == 0:
            command = CloseAuctionNow(AUCTION, "A flood", None)
            self.ask_in_order(command, at, self.book.close_now)

    @rule(at=ANY_TIME)
    def pause(self, at: datetime) -> None:
        """By the house."""
        self.ask_in_order(PauseAuction(AUCTION, "A flood", None), at, self.book.pause)

    @rule(at=ANY_TIME)
    def resume(self, at: datetime) -> None:
        """By the house."""
        self.ask_in_order(ResumeAuction(AUCTION, "A flood", None), at, self.book.resume)

    @rule(
        at=ANY_TIME,
        text=st.sampled_from([None, "Brass", "Brass, works"]),
        end=st.sampled_from([None, CLOSING, CLOSING + INSTANT, AFTER, DURING]),
    )
    def revise(self, at: datetime, text: str | None, end: datetime | None) -> None:
        """By the house."""
        command = ReviseAuction(AUCTION, Revision(description=text, ends_at=end), None)
        self.ask_in_order(command, at, lambda at: self.book.revise(at, text, end))

    def ask_in_order(
        self, command: AuctionCommand, at: datetime, said: Callable[[datetime], Said]
    ) -> None:
        """What changes time itself is never decided after what was accepted later."""
        if at >= self.time_changed:
            self.time_changed = at
            self.ask(command, at, said(at))

    @invariant()
    def the_same_bid_leads(self) -> None:
        """Highest effective amount; of equals, the one that reached it first."""
        leading, expected = self.auction.leading_bid, self.book.leading()
        assert (leading and leading.id) == (expected and expected.bid_id)

    @invariant()
    def the_same_bids_are_live(self) -> None:
        """Placed in the same order, with the same amounts, counting the same since the same event."""
        live = [
            Entry(
                bid.id,
                bid.bidder_id,
                int(bid.amount * 100),
                int(bid.effective_amount * 100),
                bid.reached_version,
                bid.placed_at,
                doubled=bid.doubled,
                hidden=bid.hidden,
            )
            for bid in sorted(self.auction.bids.live(), key=lambda bid: bid.placed_version)
        ]
        assert live == [
            replace(entry, cents=0) if entry.hidden else entry for entry in self.book.live()
        ]

    @invariant()
    def the_same_end(self) -> None:
        """Closed or not, with the same winner, after as many events."""
        assert (self.auction.closed, self.auction.winning_bid_id, self.auction.version) == (
            self.book.closed,
            self.book.winning,
            self.book.turns,
        )
        assert (self.auction.ends_at, self.auction.extensions, self.auction.cancelled) == (
            self.book.end,
            self.book.extensions,
            self.book.cancelled,
        )
        assert self.auction.reserve_met == self.book.met
        held = [(each.bidder_id, self.secrets[each.id]) for each in self.auction.maxima]
        assert held == [(id, money(cents)) for id, cents in self.book.maxima.items()]
        assert len(held) <= 1
        assert (self.auction.paused_at, len(self.auction.pauses)) == (
            self.book.since,
            len(self.book.stood_still),
        )
        sale, offer = self.auction.sale, self.book.offer
        assert (sale.until if sale else None) == (
            offer.until if offer and not offer.accepted else None
        )
        assert (sale is not None and sale.state == "FAILED") == self.book.failed


class RuledMachine(AuctionMachine):
    """The same in an auction that has rules beside the plain ones: one, or several that combine."""

    @initialize(rules=rules_of_auctions(money(1)))
    def choose(self, rules: Rules) -> None:
        """Before anything else."""
        self.open_with(rules)

    @rule(bidder=BIDDERS, at=AFTERWARDS, accept=st.booleans())
    def answer(self, bidder: UUID, at: datetime, accept: bool) -> None:
        """By whoever, whether they are asked or not."""
        command = AnswerOffer(AUCTION, bidder, accept)
        self.ask(command, at, self.book.answer(self.wardrobe.of(bidder), at, accept=accept))

    @rule(bidder=BIDDERS, cents=st.integers(1, 12), at=DURING_MOSTLY)
    def set_at_any_time(self, bidder: UUID, cents: int, at: datetime) -> None:
        """By whoever, whether that is possible or not."""
        self.set_maximum(bidder, cents, at)

    def set_maximum(self, bidder: UUID, cents: int, at: datetime) -> None:
        """A new one each time."""
        id, known = UUID(int=1_000_000 + len(self.secrets)), self.wardrobe.of(bidder)
        self.secrets[id] = money(cents)
        command = SetMaximum(AUCTION, id, bidder, "sealed")
        self.ask(command, at, self.book.set_maximum(command, known, cents, at))

    @rule(bidder=BIDDERS, at=DURING_MOSTLY)
    def clear_maximum(self, bidder: UUID, at: datetime) -> None:
        """Whether they have one or not."""
        said = self.book.clear_maximum(self.wardrobe.of(bidder), at)
        self.ask(ClearMaximum(AUCTION, bidder), at, said)

    @rule(bid_id=AuctionMachine.bids, at=AFTERWARDS)
    def lapse(self, bid_id: UUID, at: datetime) -> None:
        """Of whatever bid."""
        self.ask(LapseOffer(AUCTION, bid_id), at, self.book.lapse(bid_id, at))

    @rule(at=AFTERWARDS, lapses=st.booleans())
    def pass_on(self, at: datetime, lapses: bool) -> None:
        """Of the bid that has its turn."""
        bid_id = self.book.offer.bid_id if self.book.offer else UNKNOWN_BID
        if lapses:
            self.ask(LapseOffer(AUCTION, bid_id), at, self.book.lapse(bid_id, at))
        else:
            command = ForfeitSale(AUCTION, bid_id, "A flood", None)
            self.ask(command, at, self.book.forfeit(bid_id, at))

    @rule(bid_id=AuctionMachine.bids, at=AFTERWARDS)
    def forfeit(self, bid_id: UUID, at: datetime) -> None:
        """Of whatever bid, by the house."""
        command = ForfeitSale(AUCTION, bid_id, "A flood", None)
        self.ask(command, at, self.book.forfeit(bid_id, at))

    @rule(bidder=BIDDERS, seldom=st.integers(0, 5))
    def erase(self, bidder: UUID, seldom: int) -> None:
        """Their account is deleted: they bid no more, and are passed over."""
        if seldom == 0:
            # The book knows bidders by what they bid under.
            self.book.gone |= {bidder, self.wardrobe.of(bidder)}


class ProxiedMachine(RuledMachine):
    """The same in an auction in which maxima bid, so that they meet."""

    @initialize(rules=proxied_rules(money(1)))
    def choose(self, rules: Rules) -> None:
        """Before anything else."""
        self.open_with(rules)

    @rule(bidder=BIDDERS, cents=st.integers(1, 12))
    def set_during(self, bidder: UUID, cents: int) -> None:
        """Mostly so that it is in time."""
        self.set_maximum(bidder, cents, DURING)


TestMaximaAgainstTheBook = ProxiedMachine.TestCase
TestMaximaAgainstTheBook.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None
)
TestRulesAgainstTheBook = RuledMachine.TestCase
TestRulesAgainstTheBook.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestAuctionAgainstTheBook = AuctionMachine.TestCase
TestAuctionAgainstTheBook.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None
)
