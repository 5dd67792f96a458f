"""All rules, in the order in which a bid is asked of them, and what those of an auction say together."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate, repeat, takewhile
from typing import TypeVar
from uuid import UUID

from commands.domain.amounts import LARGEST, SMALLEST
from commands.domain.bidders import Bidder
from commands.domain.pauses import Pause, moved_by
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.increments import HOUSE_TABLE, Increments, Table, step_at
from commands.domain.rules.masked import Masked
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.reserve import Reserve
from commands.domain.rules.rule import Rule, ToBeat
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.withdrawal import Withdrawal

Rules = tuple[Rule, ...]
Chosen = TypeVar("Chosen", bound=Rule)

# By the names that they have in events.
RULES: Mapping[str, type[Rule]] = {
    "starting_price": StartingPrice,
    "increments": Increments,
    "reserve": Reserve,
    "buy_now": BuyNow,
    "proxy_bids": ProxyBids,
    "sealed": Sealed,
    "soft_close": SoftClose,
    "withdrawal": Withdrawal,
    "masked": Masked,
    "promoter": OwnPromoter,
    "own_lot": OwnLot,
    "second_chance": SecondChance,
}
_NAMES = {kind: name for name, kind in RULES.items()}
_ORDER = {kind: place for place, kind in enumerate(RULES.values())}
HIGHER = "A bid is higher than the bidder's own highest"
NEED_NOT_LEAD = f"{HIGHER}, and may be lower than the leading one."
DOUBLING = (
    "The promoter may double a bid: it then ranks with twice the amount that its bidder pays."
)
# So many amounts are offered to a bidder.
OFFERED = 3


def check(rules: Rules) -> None:
    """InvalidRule if the rules can't be chosen so, or not together."""
    for rule in rules:
        rule.check()
    for rule in rules:
        rule.check_beside([other for other in rules if other is not rule])


def name_of(rule: Rule) -> str:
    """The rule's name in events."""
    return _NAMES[type(rule)]


def in_order(rules: Iterable[Rule]) -> Rules:
    """The rules in the order in which a bid is asked of them."""
    return tuple(sorted(rules, key=lambda rule: _ORDER[type(rule)]))


def hide_amounts(rules: Rules) -> bool:
    """Whether amounts are hidden until the auction has ended."""
    return any(rule.hides_amounts for rule in rules)


def paid(rules: Rules, amount: Decimal, others: Iterable[Decimal]) -> Decimal:
    """What the winner pays who bid that amount, when the others are what was to be beaten or met."""
    nothing = ToBeat(None, None)
    least = [lowest for rule in rules if (lowest := rule.least(nothing)) > SMALLEST]
    most = max((*others, *least), default=None)
    for rule in rules:
        amount = rule.paid(amount, most)
    return amount


def refused_unseen(rules: Rules, amount: Decimal) -> Rejection | None:
    """As first_refusal, of an amount that must not be told."""
    nothing = ToBeat(None, None)
    for rule in rules:
        if amount < rule.least(nothing):
            sentence = rule.sentence.removesuffix(".")
            return Rejection(rule.code, f"the amount is lower than a rule allows: {sentence}")
    return None


def need_leader(rules: Rules) -> bool:
    """Whether one of them looks at the leading bid."""
    return any(rule.needs_leader for rule in rules)


def follow_leader(rules: Rules) -> bool:
    """Whether each change of the leading bid matters to one of them."""
    return any(rule.follows_leader for rule in rules)


def chosen(rules: Rules, kind: type[Chosen]) -> Chosen | None:
    """The rule of that kind, if it is one of them."""
    return next((rule for rule in rules if isinstance(rule, kind)), None)


def people(rules: Rules) -> frozenset[UUID]:
    """The users whom the rules name."""
    return frozenset(id for rule in rules for id in rule.people)


def barred(rules: Rules, bidder: Bidder) -> Rejection | None:
    """The answer of a rule that lets the bidder place no bid at all; None if each lets them."""
    why = next((why for rule in rules if (why := rule.bars(bidder))), None)
    return Rejection(RejectionCode.OWN_LOT, why) if why else None


def first_refusal(rules: Rules, amount: Decimal, to_beat: ToBeat) -> Rejection | None:
    """The first rule's answer that refuses the bid; None if all let it be placed."""
    for rule in rules:
        if amount < rule.least(to_beat):
            return Rejection(rule.code, rule.too_low(amount, to_beat))
    return None


def unfit(rules: Rules, ends_at: datetime) -> str | None:
    """Why the rules can't be those of an auction that is to end then; None if they can."""
    return next((why for rule in rules if (why := rule.unfit(ends_at))), None)


def moved_end(rules: Rules, ends_at: datetime, extensions: int, now: datetime) -> datetime | None:
    """When an auction ends after a bid accepted at `now`, if not at `ends_at` any more."""
    return next((end for rule in rules if (end := rule.moved_end(ends_at, extensions, now))), None)


def binding_from(rules: Rules, placed_at: datetime) -> datetime | None:
    """From when on its bidder can't delete a bid placed then; None if they can until the auction ends."""
    found = [at for rule in rules if (at := rule.binding_from(placed_at)) is not None]
    return min(found, default=None)


def deletable_until(
    rules: Rules, placed_at: datetime, ends_at: datetime, pauses: Iterable[Pause]
) -> datetime | None:
    """Before when its bidder may delete a bid placed then, in an auction that ends then; None if they never may.

    The pauses are those that are over: each has moved that moment.
    """
    until = binding_from(rules, placed_at)
    until = until and moved_by(pauses, placed_at, until)
    if until is None or until >= ends_at:
        return ends_at
    return until if until > placed_at else None


def buy_now(rules: Rules) -> BuyNow | None:
    """The rule by which the auction can be bought at once; None without one."""
    return next((rule for rule in rules if isinstance(rule, BuyNow)), None)


def proxy_bids(rules: Rules) -> bool:
    """Whether bidders can set a maximum."""
    return any(isinstance(rule, ProxyBids) for rule in rules)


def least_bid(rules: Rules, to_beat: ToBeat) -> Decimal:
    """The lowest amount that all of them let be bid."""
    return max((rule.least(to_beat) for rule in rules), default=SMALLEST)


def buy_now_price(rules: Rules, leading: Decimal | None) -> Decimal | None:
    """For what it can be bought at once while the leading bid counts that much; None if it can't."""
    rule = buy_now(rules)
    return rule.price if rule and rule.offered(leading) else None


def later(rules: Rules, by: timedelta) -> Rules:
    """The rules once the auction was paused for so long."""
    return tuple(rule.later(by) for rule in rules)


def own_promoter(rules: Rules) -> OwnPromoter | None:
    """What the auction's draws follow instead of the portal's policies; None if they follow these."""
    return chosen(rules, OwnPromoter)


def promoted(rules: Rules) -> bool:
    """Whether ticks draw in the auction."""
    return all(rule.draws for rule in rules) and not ((own := own_promoter(rules)) and own.off)


def next_bids(rules: Rules, leading: Decimal | None) -> Sequence[Decimal]:
    """Amounts to offer, a step apart, when the leading bid counts that much; fewer where amounts end.

    Where amounts are hidden only the lowest, if a rule says which it is: nothing more is known.

    Each would be accepted from anybody, and would lead: nobody's own bid counts more than the leading one,
    and steps never get smaller.
    """
    table, to_beat = _steps(rules), ToBeat(leading, leading)
    first = max(
        _above(leading or Decimal(0), table), *(rule.least(to_beat) for rule in rules), SMALLEST
    )
    if hide_amounts(rules):
        lowest = max(rule.least(ToBeat(None, None)) for rule in rules)
        return [lowest] if lowest > SMALLEST else []
    amounts = accumulate(repeat(table, OFFERED - 1), _above, initial=first)
    return list(takewhile(lambda amount: amount <= LARGEST, amounts))


def masked(rules: Rules) -> bool:
    """Whether bids are placed under aliases."""
    return any(rule.masks for rule in rules)


def shows_winner(rules: Rules) -> bool:
    """Whether the name behind the alias that won is told at the close."""
    return any(rule.shows_winner for rule in rules)


def must_lead(rules: Rules) -> bool:
    """Whether one of them lets no bid be placed that would not lead."""
    return any(rule.must_lead for rule in rules)


def sentences(rules: Rules) -> Sequence[str]:
    """What an auction with these rules goes by, in plain English, for bidders."""
    if hide_amounts(rules):
        return [rule.sentence for rule in rules]
    higher = f"{HIGHER}." if must_lead(rules) else NEED_NOT_LEAD
    doubling = [DOUBLING] if promoted(rules) else []
    return [higher, *(rule.sentence for rule in rules), *doubling]


def _above(amount: Decimal, table: Table) -> Decimal:
    return amount + step_at(table, amount)


def _steps(rules: Rules) -> Table:
    """What the offers are apart: the auction's own increments, or else the house's table."""
    tables = [rule.over_leader or rule.over_own for rule in rules if isinstance(rule, Increments)]
    return tables[0] if tables else HOUSE_TABLE
