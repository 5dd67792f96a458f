"""Every combination of two rules, compared with the naive book; and which two can't be chosen together."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis.stateful import initialize, run_state_machine_as_test

from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.increments import Increments
from commands.domain.rules.masked import Masked
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.rule import Rule
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.table import RULES, Rules, in_order
from tests.domain.rules.some_rules import each_rule, go_together, two_rules
from tests.domain.test_auction_machine import ProxiedMachine, RuledMachine, money

UNIT = money(1)
# Bidders must know what others bid, or bid again.
NOT_SEALED: list[type[Rule]] = [Increments, BuyNow, ProxyBids, Masked]
PAIRS = [
    pytest.param(one, other, id=f"{one.__name__} and {other.__name__}")
    for one, other in combinations(RULES.values(), 2)
    if not (Sealed in (one, other) and not {one, other}.isdisjoint(NOT_SEALED))
]


def test_each_rule_is_met() -> None:
    assert each_rule(UNIT).keys() == set(RULES.values())


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_rules_do_together_what_the_book_says(one: type[Rule], other: type[Rule]) -> None:
    machine: type[RuledMachine] = ProxiedMachine if ProxyBids in (one, other) else RuledMachine

    class Paired(machine):  # type: ignore[valid-type, misc]
        """In an auction with these two."""

        @initialize(rules=two_rules(one, other, UNIT))
        def choose(self, rules: Rules) -> None:
            """Before anything else."""
            self.open_with(rules)

    few = settings(max_examples=8, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Paired, settings=few)


@pytest.mark.parametrize("other", NOT_SEALED, ids=lambda kind: kind.__name__)
def test_two_that_can_not_be_chosen_together_are_refused(other: type[Rule]) -> None:
    each = each_rule(UNIT)

    @given(each[Sealed], each[other])
    @settings(max_examples=5)
    def refused(sealed: Rule, rule: Rule) -> None:
        assert not go_together(in_order([sealed, rule]))

    refused()
