"""Random rules of auctions, for Hypothesis: none, one, and several that combine."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import accumulate

from hypothesis import strategies as st

from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.increments import NOTHING, Bracket, Increments, Table
from commands.domain.rules.masked import Masked
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.rule import InvalidRule, Rule
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import Rules, check, chosen, in_order
from commands.domain.rules.withdrawal import Withdrawal
from commands.record.sealing import commitment
from tests.domain.scenario import AFTER, CHARLIE, CLOSING, INSTANT

Amounts = st.SearchStrategy[Decimal]
SALT = "0123456789abcdef" * 2


# Of auctions at the fixed times of all scenarios: what is bid half an hour or an instant before the end meets
# them, and ends move to just when something else is asked, or beyond.
SOFT_CLOSES = st.builds(
    SoftClose,
    window=st.sampled_from([1, 1799, 1800, 3600]),
    extension=st.sampled_from([1, 1800, 3600, 7200]),
    times=st.integers(1, 3),
    hard_end=st.sampled_from([None, CLOSING + INSTANT, AFTER, AFTER + INSTANT]),
)

PROMOTERS = st.sampled_from(
    [
        OwnPromoter(off=True),
        OwnPromoter(
            weight=("by_amount", "newcomers"), exclude=("leader",), limit=("per_auction:2",)
        ),
        OwnPromoter(weight=("underdogs",), limit=("per_bidder:1",)),
    ]
)
# Never, and up to just when something else is asked: what is bid at the opening, at half past and before the end.
WITHDRAWALS = st.builds(Withdrawal, st.sampled_from([0, 1, 1799, 1800, 1801, 3600]))

# Charlie alone, as an owner or as one of the house.
OWN_LOTS = st.sampled_from([OwnLot((CHARLIE,)), OwnLot((CHARLIE,), staff=True), OwnLot(staff=True)])
# Up to just when something else is asked, after a closing at the end or an hour later.
SECOND_CHANCES = st.builds(
    SecondChance,
    confirm_within=st.sampled_from([1, 3600, 7200]),
    answer_within=st.sampled_from([1, 3600, 7200]),
    most=st.integers(1, 3),
)


def each_rule(unit: Decimal) -> Mapping[type[Rule], st.SearchStrategy[Rule]]:
    """One of each kind, about amounts of a few units, so that bids of a few units meet them."""
    few = _few(unit)
    return {
        StartingPrice: st.builds(StartingPrice, few),
        Increments: _increments(few),
        Reserve: few.map(reserve_of),
        BuyNow: _buying(unit),
        SoftClose: SOFT_CLOSES,
        Withdrawal: WITHDRAWALS,
        Masked: st.builds(Masked, st.booleans()),
        OwnPromoter: PROMOTERS,
        OwnLot: OWN_LOTS,
        SecondChance: SECOND_CHANCES,
        ProxyBids: st.just(ProxyBids()),
        Sealed: st.builds(Sealed, st.booleans()),
    }


@st.composite
def two_rules(draw: st.DrawFn, one: type[Rule], other: type[Rule], unit: Decimal) -> Rules:
    """One of each of two kinds that go together, with the increments that proxy bids need."""
    each = dict(each_rule(unit))
    kinds = [one, other]
    if ProxyBids in kinds:
        each |= {Increments: _over_the_leader(_few(unit)), Withdrawal: st.just(Withdrawal(0))}
        kinds += [Increments] if Increments not in kinds else []
    if Sealed in kinds:
        each |= {OwnPromoter: st.just(OwnPromoter(off=True))}
    rules = in_order([draw(each[kind]) for kind in kinds])
    check(rules)
    return rules


def go_together(rules: Rules) -> bool:
    """Whether an auction can have these rules."""
    try:
        check(rules)
    except InvalidRule:
        return False
    return True


@st.composite
def rules_of_auctions(draw: st.DrawFn, unit: Decimal) -> Rules:
    """Some rules of different kinds that go together."""
    each = each_rule(unit)
    chosen_apart = (ProxyBids, Sealed)
    some = [
        draw(rule)
        for kind, rule in each.items()
        if kind not in chosen_apart and draw(st.booleans())
    ]
    if any(rule.must_lead for rule in some) and draw(st.booleans()):
        some = [rule for rule in some if not (isinstance(rule, Withdrawal) and rule.within)]
        some.append(ProxyBids())
    if draw(st.integers(0, 3)) == 0:
        some = [
            rule for rule in some if not (rule.shows_amounts or rule.masks or _has_options(rule))
        ]
        some.append(draw(each[Sealed]))
    return in_order(some)


@st.composite
def proxied_rules(draw: st.DrawFn, unit: Decimal) -> Rules:
    """Rules with which bidders can set maxima, and others that meet them."""
    few: Amounts = st.integers(1, 2).map(lambda units: units * unit)
    tables = st.builds(_table, few, st.just([]))
    some: list[Rule] = [draw(st.builds(Increments, tables, st.just(()) | tables)), ProxyBids()]
    others: list[st.SearchStrategy[Rule]] = [
        st.builds(StartingPrice, few),
        st.integers(3, 9).map(lambda units: reserve_of(units * unit)),
        SOFT_CLOSES,
        st.builds(Masked, st.booleans()),
        OWN_LOTS,
    ]
    return in_order([*some, *(draw(rule) for rule in others if draw(st.integers(0, 2)) == 0)])


def _has_options(rule: Rule) -> bool:
    """Whether it is a promoter that draws."""
    return isinstance(rule, OwnPromoter) and not rule.off


def reserve_of(amount: Decimal) -> Reserve:
    """A reserve of that amount. What is sealed is kept here instead: see `price_of`."""
    return Reserve(commitment({"amount": str(amount)}, SALT), sealed=str(amount))


def price_of(rules: Rules) -> ReservePrice | None:
    """The reserve that is hidden in these rules."""
    reserve = chosen(rules, Reserve)
    return ReservePrice(Decimal(reserve.sealed), SALT) if reserve else None


def _buying(unit: Decimal) -> st.SearchStrategy[Rule]:
    """A price above any starting price, and the leading bid counts it soon."""
    prices = st.integers(5, 8).map(lambda units: units * unit)
    until = st.none() | st.integers(1, 4).map(lambda units: units * unit)
    return st.builds(BuyNow, prices, until)


def _few(unit: Decimal) -> Amounts:
    return st.integers(1, 4).map(lambda units: units * unit)


def _increments(few: Amounts) -> st.SearchStrategy[Rule]:
    over_own = st.builds(lambda table: Increments(over_own=table), _tables(few))
    return _over_the_leader(few) | over_own


def _over_the_leader(few: Amounts) -> st.SearchStrategy[Rule]:
    return st.builds(Increments, _tables(few), st.just(()) | _tables(few))


def _tables(few: Amounts) -> st.SearchStrategy[Table]:
    return st.builds(_table, few, st.lists(st.tuples(few, st.just(NOTHING) | few), max_size=2))


def _table(first: Decimal, more: list[tuple[Decimal, Decimal]]) -> Table:
    starts = accumulate((gap for gap, _ in more), initial=NOTHING)
    steps = accumulate((higher for _, higher in more), initial=first)
    return tuple(Bracket(start, step) for start, step in zip(starts, steps, strict=True))
