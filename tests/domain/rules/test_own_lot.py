"""Own lot: who can't bid, and what is said of it."""

from dataclasses import replace

import pytest

from commands.domain.auction import decide
from commands.domain.bidders import Bidder
from commands.domain.commands import CreateAuction
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.own_lot import MOST_OWNERS, OwnLot
from commands.domain.rules.rule import InvalidRule
from commands.domain.rules.table import check, sentences
from commands.ids import new_id
from commands.inbox.chosen_rules import chosen_rules
from commands.inbox.invalid import InvalidInput
from tests.domain.scenario import (
    ALICE,
    AUCTION,
    BEFORE,
    BOB,
    CAST,
    CHARLIE,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    OPENING,
    given,
    place,
    placed,
)

PEOPLE = {**CAST, CHARLIE: Bidder(CHARLIE, is_staff=True)}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (OwnLot((ALICE,)), {ALICE: "this is your own lot"}),
        (OwnLot((ALICE, BOB)), {ALICE: "this is your own lot", BOB: "this is your own lot"}),
        (OwnLot(staff=True), {CHARLIE: "the house's own people can't bid in this auction"}),
        (
            OwnLot((ALICE, CHARLIE), staff=True),
            {ALICE: "this is your own lot", CHARLIE: "this is your own lot"},
        ),
    ],
)
def test_who_can_not_bid(rule: OwnLot, why: dict[object, str]) -> None:
    auction = given(replace(CREATED, rules=(rule,))).auction
    for bidder in (ALICE, BOB, CHARLIE):
        answer = decide(place(FIRST, bidder, "0.01"), auction, now=DURING, bidders=PEOPLE)
        if bidder in why:
            assert answer == Rejection(RejectionCode.OWN_LOT, why[bidder])
        else:
            assert answer == [placed(FIRST, bidder, "0.01")]


def test_owners_exist_when_the_auction_is_created() -> None:
    stranger = new_id()
    for owners, known in (((ALICE, BOB), True), ((ALICE, stranger), False)):
        command = CreateAuction(
            AUCTION, "A lamp", "", OPENING, CLOSING, None, (OwnLot(owners, staff=True),)
        )
        answer = decide(command, None, now=BEFORE, bidders=CAST)
        if known:
            assert not isinstance(answer, Rejection)
        else:
            assert answer == Rejection(RejectionCode.USER_NOT_FOUND, f"there is no user {stranger}")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (OwnLot(), "an own lot names owners, or the house's staff"),
        (OwnLot((ALICE, ALICE)), "each owner is named once"),
        (
            OwnLot(tuple(new_id() for _ in range(MOST_OWNERS + 1))),
            f"a lot has at most {MOST_OWNERS} owners",
        ),
    ],
)
def test_what_is_refused(rule: OwnLot, why: str) -> None:
    with pytest.raises(InvalidRule) as refused:
        check((rule,))
    assert str(refused.value) == why


def test_what_can_be_read() -> None:
    assert chosen_rules(own_lot=f" {ALICE} , {BOB},staff") == (OwnLot((ALICE, BOB), staff=True),)
    assert chosen_rules(own_lot="staff") == (OwnLot(staff=True),)
    assert chosen_rules(own_lot=" ") == ()
    for text, wrong in (("alice", "'alice'"), (f"{ALICE},", "''")):
        with pytest.raises(InvalidInput, match=f"{wrong} is no user's id; write ids") as refused:
            chosen_rules(own_lot=text)
        assert refused.value.field == "own_lot"


def test_the_sentence_names_nobody() -> None:
    for rule, sentence in (
        (OwnLot((ALICE,)), "Whoever sells or consigns the lot can't bid."),
        (OwnLot(staff=True), "The house's own people can't bid."),
        (
            OwnLot((ALICE,), staff=True),
            "Whoever sells or consigns the lot and the house's own people can't bid.",
        ),
    ):
        assert sentences((rule,))[1] == sentence
