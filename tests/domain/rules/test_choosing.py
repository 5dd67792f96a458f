"""Choosing rules: what is refused, how they are written, and what is offered to bidders by them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.domain.amounts import LARGEST, SMALLEST
from commands.domain.auction import decide
from commands.domain.commands import PlaceBid
from commands.domain.rejections import Rejection
from commands.domain.rules.increments import HOUSE_TABLE, MOST_BRACKETS, Bracket, Increments
from commands.domain.rules.presets import PRESETS
from commands.domain.rules.rule import InvalidRule
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import (
    RULES,
    Rules,
    check,
    deletable_until,
    hide_amounts,
    in_order,
    next_bids,
    promoted,
    sentences,
)
from commands.domain.rules.withdrawal import Withdrawal
from commands.domain.state import evolve
from commands.inbox.choosing.table import PRESETS as EXPLAINED
from commands.inbox.choosing.table import SECTIONS
from commands.inbox.chosen_rules import chosen_rules
from commands.inbox.invalid import InvalidInput
from commands.record.codec import decode_rules, encode_rules
from portal.schema.enums import Preset
from tests.domain.masks import Wardrobe
from tests.domain.rules.some_rules import rules_of_auctions
from tests.domain.scenario import (
    ALICE,
    AUCTION,
    BOB,
    CAST,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    SECOND,
    placed,
)

HARD_END = datetime(2030, 1, 31, 18, tzinfo=UTC)


def table(*lines: tuple[str, str]) -> tuple[Bracket, ...]:
    """Brackets."""
    return tuple(Bracket(Decimal(start), Decimal(step)) for start, step in lines)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Increments(), "increments need a table over the leading bid, or over one's own"),
        (
            Increments(table(("1.00", "1.00"))),
            "a table of increments begins with a bracket from 0.00",
        ),
        (
            Increments(over_own=table(("0.00", "1.00"), ("9.00", "2.00"), ("9.00", "3.00"))),
            "each bracket begins above the one before it: 9.00 after 9.00",
        ),
        (
            Increments(table(("0.00", "2.00"), ("9.00", "1.00"))),
            "steps never get smaller: 1.00 after 2.00",
        ),
        (
            Increments(table(*((f"{n}.00", "1.00") for n in range(MOST_BRACKETS + 1)))),
            f"a table of increments has at most {MOST_BRACKETS} brackets",
        ),
    ],
)
def test_what_is_refused(rule: Increments, why: str) -> None:
    with pytest.raises(InvalidRule) as refused:
        check((rule,))
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tables", "'tables' is no bracket; write \"table\", or brackets such as 0:1, 100:5"),
        ("0:1, 5", "'5' is no bracket; write \"table\", or brackets such as 0:1, 100:5"),
        ("0:x", "'x' is not an amount; write it like 120.00"),
        ("0:0", "an amount lies between 0.01 and 9999999999.99, not 0"),
        ("a:1", "'a' is not an amount; write it like 120.00"),
    ],
)
def test_what_can_not_be_read(text: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        chosen_rules(increments=text)
    assert refused.value.field == "increments"
    assert str(refused.value).endswith(why)


def test_each_rule_has_a_section_in_the_rules_order() -> None:
    assert [section.rule for section in SECTIONS] == list(RULES.values())


def test_what_can_be_read() -> None:
    assert chosen_rules() == ()
    assert chosen_rules(increments="table") == (Increments(HOUSE_TABLE),)
    assert chosen_rules(own_increments=" 0.00 : 1 , 100:2.5", starting_price="10") == (
        StartingPrice(Decimal("10.00")),
        Increments(over_own=table(("0.00", "1.00"), ("100.00", "2.50"))),
    )


@given(rules_of_auctions(SMALLEST))
def test_rules_are_read_as_they_were_written_and_are_in_order(rules: Rules) -> None:
    check(rules)
    assert decode_rules(dict(sorted(encode_rules(rules).items(), reverse=True))) == rules
    assert in_order(reversed(rules)) == rules
    assert set(encode_rules(rules)) <= set(RULES)
    assert all(each.endswith(".") for each in sentences(rules))


@given(
    rules_of_auctions(SMALLEST).filter(lambda rules: not hide_amounts(rules)),
    st.none() | st.decimals("0.01", LARGEST, places=2),
)
def test_what_is_offered_is_accepted_from_anybody_and_leads(
    rules: Rules, leading: Decimal | None
) -> None:
    auction, wardrobe = evolve(None, replace(CREATED, rules=rules)), Wardrobe(rules)
    if leading is not None:
        auction = evolve(auction, placed(FIRST, wardrobe.of(ALICE), str(leading)))
    offered = next_bids(rules, leading)
    assert len(offered) == 3 or (leading or 0) > LARGEST / 2
    for amount in offered:
        for bidder in (ALICE, BOB):
            command = wardrobe.dressed(PlaceBid(AUCTION, SECOND, bidder, amount))
            answer = decide(command, auction, now=DURING, bidders=CAST)
            assert not isinstance(answer, Rejection), answer
            leads = evolve(auction, answer[0]).leading_bid
            assert leads
            assert leads.id == SECOND


def test_offers_are_a_step_apart_and_end_where_amounts_end() -> None:
    assert next_bids((), None) == [Decimal("1.00"), Decimal("2.00"), Decimal("3.00")]
    assert next_bids((), Decimal("18.50")) == [Decimal("19.50"), Decimal("20.50"), Decimal("22.50")]
    rules = chosen_rules(starting_price="30", increments="0:7")
    assert next_bids(rules, None) == [Decimal("30.00"), Decimal("37.00"), Decimal("44.00")]
    assert next_bids(rules, LARGEST - 8) == [LARGEST - 1]
    assert next_bids(rules, LARGEST) == []
    assert next_bids((), LARGEST * 2) == []


def test_a_preset_gives_way_to_what_is_chosen() -> None:
    assert chosen_rules(preset="plain") == ()
    english = chosen_rules(preset="english")
    assert english == (Increments(HOUSE_TABLE), SoftClose(60, 60, 10))
    charity = chosen_rules(preset="charity")
    assert charity == (
        Increments(over_own=HOUSE_TABLE),
        SoftClose(60, 60, 10),
        Withdrawal(0),
    )
    assert chosen_rules(preset="charity", withdrawal="always") == charity[:-1]
    assert sentences(charity)[0].endswith("and may be lower than the leading one.")
    assert chosen_rules(preset="english", soft_close="5m/1m/3", own_increments="0:2") == (
        Increments(HOUSE_TABLE, table(("0.00", "2.00"))),
        SoftClose(300, 60, 3),
    )
    for rules in PRESETS.values():
        check(rules)
    assert {each.value for each in Preset} == set(PRESETS) == set(EXPLAINED)
    with pytest.raises(
        InvalidInput, match="there is no preset 'dutch'; there are plain, english, charity, "
    ):
        chosen_rules(preset="dutch")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("60s/2m/10", SoftClose(60, 120, 10)),
        (" 1h / 60s / 3 / 2030-01-31T18:00:00Z ", SoftClose(3600, 60, 3, HARD_END)),
        ("60s/60s/2030-01-31T18:00:00Z", SoftClose(60, 60, None, HARD_END)),
    ],
)
def test_a_soft_close_can_be_read(text: str, rule: SoftClose) -> None:
    assert chosen_rules(soft_close=text) == (rule,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("60s", "'' is no length of time"),
        ("60/60s/10", "'60' is no length of time"),
        ("60s/60s/soon", "'soon' is neither a number nor a time like 2030-01-31T18:00:00Z"),
        ("60s/60s/2030-01-31T18:00:00", "is neither a number nor a time"),
    ],
)
def test_a_soft_close_that_can_not_be_read(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        chosen_rules(soft_close=text)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("never", (Withdrawal(0),)),
        (" 10m ", (Withdrawal(600),)),
        ("90s", (Withdrawal(90),)),
        ("always", ()),
        ("", ()),
    ],
)
def test_a_withdrawal_can_be_read(text: str, rules: Rules) -> None:
    assert chosen_rules(withdrawal=text) == rules


def test_a_withdrawal_that_can_not_be_read_or_chosen() -> None:
    with pytest.raises(
        InvalidInput, match="'soon' is no length of time; write \"never\""
    ) as refused:
        chosen_rules(withdrawal="soon")
    assert refused.value.field == "withdrawal"
    for seconds in (-1, 30 * 24 * 60 * 60 + 1):
        with pytest.raises(InvalidRule, match=f"0 \\(never\\) to 2,592,000 seconds, not {seconds}"):
            check((Withdrawal(seconds),))


def test_until_when_a_bid_may_be_deleted() -> None:
    for rules, until in (
        ((), CLOSING),
        ((Withdrawal(60),), DURING + timedelta(seconds=60)),
        # The end comes first.
        ((Withdrawal(7200),), CLOSING),
        ((Withdrawal(0),), None),
    ):
        assert deletable_until(rules, DURING, CLOSING, ()) == until


def test_sentences_say_whether_a_bid_must_lead() -> None:
    assert sentences(())[0] == (
        "A bid is higher than the bidder's own highest, and may be lower than the leading one."
    )
    assert sentences(chosen_rules(starting_price="1000", increments="0:1,20:2"))[:-1] == [
        "A bid is higher than the bidder's own highest.",
        "Bids start at 1,000.00.",
        "A bid is higher than the leading one by at least 1.00 from 0.00, 2.00 from 20.00.",
    ]
    assert sentences(chosen_rules(withdrawal="never"))[1] == (
        "Bids are binding: their bidders can't delete them."
    )
    assert sentences(chosen_rules(withdrawal="10m"))[1] == (
        "A bidder can delete a bid within 10 minutes of placing it, and not later."
    )
    own = sentences(chosen_rules(own_increments="0:5"))
    assert own[1] == "A bid is higher than the bidder's own highest by at least 5.00."
    assert "may be lower than the leading one" in own[0]


def test_sealed_bids_can_be_chosen() -> None:
    assert chosen_rules(sealed="first") == chosen_rules(preset="sealed") == (Sealed(),)
    assert chosen_rules(sealed=" second ") == chosen_rules(preset="vickrey") == (Sealed(True),)
    assert chosen_rules(preset="vickrey", sealed="first", starting_price="5") == (
        StartingPrice(Decimal("5.00")),
        Sealed(),
    )
    assert chosen_rules(preset="vickrey", sealed="no") == ()
    with pytest.raises(InvalidInput, match="'third' is not known"):
        chosen_rules(sealed="third")


def test_sealed_bids_go_with_what_shows_no_amount() -> None:
    check(chosen_rules(sealed="second", starting_price="5", soft_close="60s/60s/10"))
    for others in ({"increments": "table"}, {"own_increments": "0:1"}, {"preset": "english"}):
        with pytest.raises(InvalidRule) as refused:
            check(chosen_rules(sealed="first", **others))
        assert str(refused.value) == (
            "increments can't be chosen with sealed bids: nobody knows what others bid until the end"
        )


def test_of_sealed_bids_no_amount_is_offered_but_the_starting_price() -> None:
    assert next_bids((Sealed(),), None) == []
    rules = chosen_rules(sealed="first", starting_price="30")
    assert next_bids(rules, None) == next_bids(rules, Decimal("99.00")) == [Decimal("30.00")]


def test_sealed_bids_are_told_of_in_plain_english() -> None:
    told = sentences(chosen_rules(sealed="second", starting_price="30"))
    assert told == [
        "Bids start at 30.00.",
        "Amounts are hidden until the end, when all are revealed. Each bidder has one live bid. Whoever bid "
        "highest wins and pays the second highest amount, but no less than a starting price or a reserve; of "
        "equals, who bid first.",
    ]
    assert "wins and pays their amount" in sentences((Sealed(),))[0]
    assert not promoted((Sealed(),))
