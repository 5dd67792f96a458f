"""The promoter of an auction: off, or by options of its own."""

from dataclasses import replace
from decimal import Decimal

import pytest

from commands.domain.commands import ChangePolicy, WithdrawPolicy
from commands.domain.events import AuctionEvent, NoDoubling
from commands.domain.policies import Policies
from commands.domain.policies import decide as decide_policy
from commands.domain.promoter import Policy
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.own_promoter import OWN, OwnPromoter
from commands.domain.rules.rule import InvalidRule
from commands.domain.rules.table import DOUBLING, check, promoted, sentences
from commands.handling.draws import left_by
from commands.inbox.chosen_rules import chosen_rules
from commands.inbox.invalid import InvalidInput
from tests.domain.scenario import (
    ALICE,
    AUCTION,
    CREATED,
    FIRST,
    Scenario,
    double,
    doubled,
    drawn,
    given,
    nothing,
    placed,
)

OFF = OwnPromoter(off=True)
HALF = OwnPromoter(
    chance=Decimal("50.00"),
    weight=("by_amount", "newcomers"),
    exclude=("leader",),
    limit=("per_bidder:1",),
)


def auction(rule: OwnPromoter, *events: AuctionEvent) -> Scenario:
    """One with a bid of Alice's."""
    return given(replace(CREATED, rules=(rule,)), placed(FIRST, ALICE, "10.00"), *events)


def test_where_it_is_off_a_tick_that_draws_all_the_same_leaves_nothing() -> None:
    for draw in (drawn(), None):
        auction(OFF).when(double(), draw=draw).refused(RejectionCode.NO_BID_TO_DOUBLE)
    for reason in (NoDoubling.FAILED, NoDoubling.LATE):
        assert left_by(double(), auction(OFF).auction, reason) == ()
    assert not promoted((OFF,))
    assert promoted((HALF,))
    assert promoted(())


def test_a_draw_by_its_own_options_names_them_whatever_it_was_asked_for_by() -> None:
    hit = replace(doubled(FIRST, ALICE, "20.00"), policy_version=OWN)
    for asked in (
        double(),
        replace(double(), policy_version=7),
        replace(double(), policy_version=OWN),
    ):
        auction(HALF).when(asked, draw=drawn()).then(hit)
        none = replace(nothing(NoDoubling.LATE), policy_version=OWN)
        auction(HALF).when(asked, draw=None).then(none)


def test_a_policy_for_it_is_refused_and_one_from_before_can_be_withdrawn() -> None:
    change = ChangePolicy(AUCTION, Decimal("10.00"), ("constant",), (), ())
    answer = decide_policy(change, Policies(), auction_exists=True, fixed=True)
    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.POLICY_FIXED
    withdrawal = decide_policy(WithdrawPolicy(AUCTION), Policies(), auction_exists=True, fixed=True)
    assert withdrawal == []


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (OwnPromoter(off=True, limit=("per_bidder:1",)), "a promoter that is off has no options"),
        (OwnPromoter(chance=Decimal("100.01")), "chance of the promoter: a chance is 0 to 100"),
        (OwnPromoter(chance=Decimal("NaN")), "chance of the promoter: a chance is 0 to 100"),
        (OwnPromoter(weight=()), "weight of the promoter: a promoter weighs bids by at least one"),
        (OwnPromoter(weight=("height",)), "there is no option 'height'; there are constant, "),
        (OwnPromoter(exclude=("leader", "leader")), "each option is given once"),
        (OwnPromoter(limit=("per_bidder",)), 'a limit is written "name:number"'),
        (OwnPromoter(limit=("per_day:1",)), "there is no option 'per_day'"),
    ],
)
def test_what_is_refused(rule: OwnPromoter, why: str) -> None:
    with pytest.raises(InvalidRule, match=why):
        check((rule,))


def test_how_it_is_written() -> None:
    assert chosen_rules(promoter="off") == (OFF,)
    assert chosen_rules(promoter="portal") == ()
    text = "chance=50 weight=by_amount,newcomers exclude=leader limit=per_bidder:1"
    assert chosen_rules(promoter=text) == (HALF,)
    assert chosen_rules(promoter="weight=underdogs") == (OwnPromoter(weight=("underdogs",)),)
    assert HALF.policy == Policy(
        Decimal("50.00"), ("by_amount", "newcomers"), ("leader",), ("per_bidder:1",)
    )
    for text, why in (
        ("on", '\'on\' is no option; write "off", "portal", or options such as chance=50'),
        ("chance=", "'chance=' is no option"),
        ("luck=5", "'luck=5' is no option"),
        ("chance=5 chance=6", "'chance=6' is no option"),
        ("chance=much", "'much' is no chance"),
        ("chance=NaN", "'NaN' is no chance"),
        ("chance=1e999999", "'1e999999' is no chance"),
    ):
        with pytest.raises(InvalidInput, match=why) as refused:
            chosen_rules(promoter=text)
        assert refused.value.field == "promoter"


def test_what_bidders_are_told() -> None:
    assert sentences((OFF,))[1:] == ["The promoter doubles no bid here."]
    assert sentences((HALF,))[1:] == [
        "The promoter draws here by options of its own: the chance of a draw is 50.00 %, and it weighs bids by "
        "by_amount and newcomers, leaving out leader, at most per_bidder:1.",
        DOUBLING,
    ]
