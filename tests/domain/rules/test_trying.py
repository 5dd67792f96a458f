"""Trying rules on bids that are written down: what is read, what can't be done, and how it ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.domain.rules.reserve import Reserve
from commands.domain.rules.table import Rules
from commands.inbox.chosen_rules import Choice, choose
from commands.inbox.invalid import InvalidInput
from commands.inbox.trial_lines import MOST_LINES, read_steps
from commands.inbox.trying import try_out
from tests.domain.rules.some_rules import price_of, rules_of_auctions
from tests.domain.scenario import ALICE, CAST, CLOSING, OPENING


def told(lines: str, **chosen: str) -> list[str]:
    """What becomes of each line, and of the auction."""
    return [each.told for each in try_out(choose(**chosen), read_steps(lines), OPENING, CLOSING)]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("alice", "line 1: 'alice' can't be read; write a line like “alice 10.00”"),
        ("\nalice 10 , soon", "line 2: 'alice 10 , soon' can't be read"),
        ("alice 0", "line 1: an amount lies between"),
        ("alice 1.234", "line 1: "),
        ("alice deletes 10", "line 1: alice has placed no bid of 10.00"),
        ("alice 10\nbob deletes 10", "line 2: bob has placed no bid of 10.00"),
        ("alice 10\nalice 9\nalice deletes 9", "line 3: alice has placed no bid of 9.00"),
        ("alice 10, 5 s later", "line 1: “later” says how long after its bid"),
        ("alice confirms, 5 s before the end", "line 1: the lot is offered after the end"),
        ("alice 10\nbob does not answer", "line 2: the lot is not offered to bob"),
        ("bob takes it back", "line 1: 'bob takes it back' can't be read"),
        ("the house declines", "line 1: 'the house declines' can't be read"),
        (
            "alice 10, 5 s before the end\nbob 20, 6 s before the end",
            "line 2: it would be earlier than the line before it",
        ),
        ("alice 10\n" * (MOST_LINES + 1), "at most 50 lines are tried, not 51"),
    ],
)
def test_what_can_not_be_tried_is_named_by_its_line(lines: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        told(lines)
    assert refused.value.field == "bids"
    assert str(refused.value).startswith(why)


def test_a_line_says_how_long_before_the_end_or_comes_at_once() -> None:
    assert told("alice 11, 1 h before the end\nalice 12\nalice 13, 0s before the end")[:3] == [
        "leads",
        "leads",
        "AUCTION_ENDED",
    ]
    assert told("alice 11, 61 m before the end\nalice 11")[:2] == ["AUCTION_NOT_STARTED"] * 2
    assert told("alice 11, 999999h before the end")[0] == "AUCTION_NOT_STARTED"


def test_as_many_lines_as_there_may_be() -> None:
    lines = "\n\n".join(f"alice {number}.00" for number in range(1, MOST_LINES + 1))
    assert told(lines) == ["leads"] * MOST_LINES + ["alice wins and pays 50.00"]


@pytest.mark.parametrize(
    ("lines", "chosen", "ends"),
    [
        ("", {}, "nobody wins: there is no live bid"),
        ("alice 10\nalice deletes 10", {}, "nobody wins: there is no live bid"),
        ("alice 10\nbob 9", {}, "alice wins and pays 10.00"),
        ("alice 10\nbob 9\nbob 9 is doubled", {}, "bob wins and pays 9.00"),
        ("alice 10", {"reserve": "11"}, "nobody wins: the reserve is not met"),
        ("alice 10\nbob 11", {"reserve": "11"}, "bob wins and pays 11.00"),
        ("alice buys\nbob 900", {"buy_now": "500"}, "alice wins and pays 500.00"),
        ("alice 10\nbob 11", {"masked": "always"}, "bob wins and pays 11.00"),
        ("alice 10\nbob 11", {"masked": "until-close"}, "bob wins and pays 11.00"),
        ("alice 10, 0 s before the end", {}, "nobody wins: there is no live bid"),
    ],
)
def test_how_it_ends(lines: str, chosen: dict[str, str], ends: str) -> None:
    assert told(lines, **chosen)[-1] == ends


@pytest.mark.parametrize(
    ("lines", "became"),
    [
        ("alice confirms", ["nobody wins: there is no live bid", "NOT_OFFERED"]),
        ("the house takes it back", ["nobody wins: there is no live bid", "NOT_OFFERED"]),
        (
            "alice 10\nalice accepts\nalice accepts\nbob 20",
            [
                "leads",
                "alice wins, and has 2 hours to confirm the purchase for 10.00",
                "alice buys it for 10.00",
                "OFFER_OVER",
                "AUCTION_ENDED",
            ],
        ),
        (
            "alice 10\nalice declines, 2 h later",
            [
                "leads",
                "alice wins, and has 2 hours to confirm the purchase for 10.00",
                "OFFER_OVER",
            ],
        ),
    ],
)
def test_what_is_done_with_the_lot_comes_after_the_end(lines: str, became: list[str]) -> None:
    assert told(lines, second_chance="2h/90s/2") == became


def test_without_a_second_chance_nobody_is_asked() -> None:
    assert told("alice 10\nalice confirms\nthe house takes it back") == [
        "leads",
        "alice wins and pays 10.00",
        "NOT_OFFERED",
        "NOT_OFFERED",
    ]


def test_users_of_that_name_are_who_they_are() -> None:
    steps = read_steps("alice 10.00\nbob 5.00")
    choice = choose(own_lot=str(ALICE))
    made_up = try_out(choice, steps, OPENING, CLOSING)
    known = try_out(choice, steps, OPENING, CLOSING, {"alice": CAST[ALICE]})
    assert [each.told for each in made_up[:2]] == ["leads", "placed"]
    assert [each.told for each in known[:2]] == ["OWN_LOT", "leads"]


def test_what_no_auction_could_be_is_refused_as_ever() -> None:
    for chosen, ends_at, field, why in (
        ({"soft_close": "60s/60s"}, CLOSING, "rules", "a soft close moves the end so many times"),
        ({}, OPENING - timedelta(seconds=1), "ends_at", "it would start at"),
    ):
        with pytest.raises(InvalidInput, match=why) as refused:
            try_out(choose(**chosen), (), OPENING, ends_at)
        assert refused.value.field == field


EDGES = st.sampled_from(
    [
        datetime(1, 1, 1, tzinfo=UTC),
        OPENING,
        CLOSING,
        datetime(9999, 12, 31, 23, 50, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ]
)
WHEN = st.sampled_from(
    [
        "",
        "",
        "",
        ", 1799 s before the end",
        ", 0 s before the end",
        ", 5 s later",
        ", 999999 h later",
    ]
)
WITH_THE_LOT = st.sampled_from(
    ["accepts", "declines", "does not answer", "declines, 1 h later", "accepts, 999999 h later"]
)
NAMES = st.sampled_from(["alice", "bob", "carol"])
DONE = st.sampled_from(["1", "2", "3.00", "9999999999.99", "deletes 1", "deletes 2", "buys"])
BIDS = st.builds("{} {}{}{}".format, NAMES, DONE, st.sampled_from(["", " is doubled"]), WHEN)
ANSWERS = st.builds("{} {}".format, NAMES, WITH_THE_LOT)
LINES = BIDS | BIDS | ANSWERS | st.just("the house takes it back")


@given(
    rules=rules_of_auctions(Decimal("1.00")),
    lines=st.lists(LINES, max_size=10),
    times=st.just((None, CLOSING)) | st.tuples(st.none() | EDGES, EDGES),
)
def test_whatever_is_written_there_is_an_answer(
    rules: Rules, lines: list[str], times: tuple[datetime | None, datetime]
) -> None:
    starts_at, ends_at = times
    choice = Choice(tuple(r for r in rules if not isinstance(r, Reserve)), price_of(rules))
    wrong = list[str]()
    for count in range(len(lines) + 1):
        try:
            became = try_out(
                choice, read_steps("\n".join(lines[:count])), OPENING, ends_at, starts_at=starts_at
            )
        except InvalidInput as refused:
            wrong.append(refused.field)
            break
        assert len(became) == count + 1
        assert all(each.says for each in became)
    assert set(wrong) <= {"bids", "ends_at"}
