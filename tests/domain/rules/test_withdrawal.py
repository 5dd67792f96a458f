"""Withdrawal: what it keeps bidders from, and what it does not concern."""

from dataclasses import replace
from datetime import timedelta

from commands.domain.auction import decide
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.withdrawal import Withdrawal
from tests.domain.scenario import (
    ALICE,
    CAST,
    CREATED,
    DURING,
    FIRST,
    INSTANT,
    Scenario,
    delete,
    deleted,
    doubled,
    given,
    placed,
    remove,
    removed,
    withdraw,
    withdrawn,
)

MINUTE = timedelta(minutes=1)


def auction(within: int) -> Scenario:
    """One with a bid of Alice's, which can be deleted for so many seconds."""
    created = replace(CREATED, rules=(Withdrawal(within),))
    return given(created, placed(FIRST, ALICE, "10.00"))


def test_what_decides_is_when_the_deletion_was_accepted() -> None:
    last = DURING + MINUTE - INSTANT
    auction(60).when(delete(FIRST, ALICE), at=last).then(deleted(FIRST, ALICE))
    auction(60).when(delete(FIRST, ALICE), at=DURING + MINUTE).refused(RejectionCode.BID_BINDING)
    auction(0).when(delete(FIRST, ALICE), at=DURING).refused(RejectionCode.BID_BINDING)


def test_a_refusal_says_until_when_it_was_possible() -> None:
    for within, message in (
        (60, "this bid could be deleted until 2025-03-01 12:31:00 UTC, and is binding now"),
        (0, "bids in this auction are binding and can't be deleted"),
    ):
        answer = decide(
            delete(FIRST, ALICE), auction(within).auction, now=DURING + MINUTE, bidders=CAST
        )
        assert answer == Rejection(RejectionCode.BID_BINDING, message)


def test_a_doubling_prolongs_nothing() -> None:
    twice = given(*auction(60).events, doubled(FIRST, ALICE, "20.00"))
    twice.when(delete(FIRST, ALICE), at=DURING + MINUTE).refused(RejectionCode.BID_BINDING)


def test_the_house_removes_and_an_account_withdraws_as_ever() -> None:
    later = DURING + 2 * MINUTE
    auction(0).when(remove(FIRST), at=later).then(removed(FIRST, ALICE))
    auction(0).when(withdraw(ALICE, later), at=later).then(withdrawn(FIRST, ALICE, later))
