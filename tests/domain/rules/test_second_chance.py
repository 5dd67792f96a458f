"""A second chance: what can be chosen, what is said of it, and whose turn it is where doublings and deletions matter."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.bans import Ban
from commands.domain.bidders import Bidder
from commands.domain.commands import AnswerOffer, LapseOffer
from commands.domain.events import (
    AuctionCancelled,
    AuctionEvent,
    LotOffered,
    OfferDeclined,
    OfferLapsed,
    SaleFailed,
    WinnerAnnounced,
)
from commands.domain.rejections import RejectionCode
from commands.domain.rules.rule import InvalidRule
from commands.domain.rules.second_chance import LONGEST, SecondChance
from commands.domain.rules.table import check, sentences
from commands.inbox.chosen_rules import chosen_rules
from commands.inbox.invalid import InvalidInput
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTION,
    BEFORE,
    BOB,
    CAST,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    REASON,
    SECOND,
    THIRD,
    Scenario,
    announce,
    deleted,
    doubled,
    given,
    placed,
    withdraw,
)

HOUR = timedelta(hours=1)
CHANCE = SecondChance(confirm_within=3600, answer_within=60, most=3)


def auction(*more: AuctionEvent) -> Scenario:
    """One with a bid of 10 by Alice, one of 15 by Bob, and what else happened."""
    created = replace(CREATED, rules=(CHANCE,))
    bids = placed(FIRST, ALICE, "10.00"), placed(SECOND, BOB, "15.00")
    return given(created, *bids, *more)


def won(bid_id: UUID, bidder_id: UUID, amount: str, counts: str | None = None) -> WinnerAnnounced:
    """The announcement."""
    paid, counted = Decimal(amount), Decimal(counts or amount)
    return WinnerAnnounced(bid_id, bidder_id, paid, counted, counts is not None, DURING)


def test_a_doubled_bid_has_its_turn_by_what_it_counts_and_pays_its_amount() -> None:
    bob, alice = LotOffered(SECOND, BOB, Decimal("15.00"), CLOSING + HOUR), Decimal("10.00")
    lamp = auction(doubled(FIRST, ALICE, "20.00"))
    lamp.when(announce(), at=CLOSING).then(
        won(FIRST, ALICE, "10.00", "20.00"), LotOffered(FIRST, ALICE, alice, CLOSING + HOUR)
    )
    auction().when(announce(), at=CLOSING).then(won(SECOND, BOB, "15.00"), bob)


def test_who_deleted_their_bids_has_no_turn() -> None:
    lamp = auction(deleted(FIRST, ALICE), won(SECOND, BOB, "15.00"))
    offered = given(*lamp.events, LotOffered(SECOND, BOB, Decimal("15.00"), AFTER))
    offered.when(AnswerOffer(AUCTION, BOB, accept=False), at=CLOSING).then(
        OfferDeclined(SECOND, BOB), SaleFailed()
    )


def test_a_deleted_winner_is_passed_over_and_leaves_the_others_their_turns() -> None:
    without_bob = {id: bidder for id, bidder in CAST.items() if id != BOB}
    auction().when(announce(), at=CLOSING, bidders=without_bob).then(
        won(SECOND, BOB, "15.00"),
        LotOffered(FIRST, ALICE, Decimal("10.00"), CLOSING + timedelta(seconds=60), (BOB,)),
    )


def test_an_account_deleted_before_the_end_withdraws_its_bids_and_later_declines() -> None:
    offered = auction(won(SECOND, BOB, "15.00"), LotOffered(SECOND, BOB, Decimal("15.00"), AFTER))
    without_bob = {id: bidder for id, bidder in CAST.items() if id != BOB}
    offered.when(withdraw(BOB, CLOSING), at=CLOSING, bidders=without_bob).then(
        OfferDeclined(SECOND, BOB, withdrawn_at=CLOSING),
        LotOffered(FIRST, ALICE, Decimal("10.00"), CLOSING + timedelta(seconds=60)),
    )
    offered.when(withdraw(ALICE, CLOSING), at=CLOSING).then()


def test_an_offer_lapses_at_its_deadline_and_not_before() -> None:
    offered = auction(won(SECOND, BOB, "15.00"), LotOffered(SECOND, BOB, Decimal("15.00"), AFTER))
    lapse = LapseOffer(AUCTION, SECOND)
    early = AFTER - timedelta(microseconds=1)
    offered.when(lapse, at=early).refused(RejectionCode.OFFER_OPEN)
    offered.when(LapseOffer(AUCTION, FIRST), at=AFTER).refused(RejectionCode.OFFER_OVER)
    offered.when(lapse, at=AFTER).then(
        OfferLapsed(SECOND, BOB),
        LotOffered(FIRST, ALICE, Decimal("10.00"), AFTER + timedelta(seconds=60)),
    )


def test_a_ban_takes_nobodys_turn() -> None:
    banned = Bidder(ALICE, bans=(Ban(FIRST, None, BEFORE, None, "1.sealed", None),))
    offered = auction(won(SECOND, BOB, "15.00"), LotOffered(SECOND, BOB, Decimal("15.00"), AFTER))
    offered.when(
        AnswerOffer(AUCTION, BOB, accept=False), at=CLOSING, bidders={**CAST, ALICE: banned}
    ).then(
        OfferDeclined(SECOND, BOB),
        LotOffered(FIRST, ALICE, Decimal("10.00"), CLOSING + timedelta(seconds=60)),
    )


def test_nobody_is_asked_before_the_end_or_in_a_cancelled_auction() -> None:
    asked = AnswerOffer(AUCTION, ALICE, accept=True)
    auction().when(asked).refused(RejectionCode.AUCTION_NOT_ENDED)
    auction(AuctionCancelled(REASON, None)).when(asked).refused(RejectionCode.AUCTION_CANCELLED)
    plain = given(CREATED, placed(THIRD, ALICE, "10.00"), won(THIRD, ALICE, "10.00"))
    plain.when(asked, at=CLOSING).refused(RejectionCode.NOT_OFFERED)


def test_it_is_told_in_a_sentence() -> None:
    assert sentences(chosen_rules(second_chance="48h/90m/3"))[1] == (
        "The winner confirms the purchase within 48 hours. Else it is offered to the next 3 bidders, one after the "
        "other, for what they bid; each has 90 minutes to accept."
    )
    assert "offered to the next bidder for what they bid" in SecondChance(60, 60, 1).sentence


def test_one_that_can_not_be_read_or_chosen() -> None:
    for text in ("48h", "48h/24h", "48h/24h/x", "soon/24h/3", "48h/24h/3/4"):
        with pytest.raises(InvalidInput) as refused:
            chosen_rules(second_chance=text)
        assert refused.value.field == "second_chance"
    for wrong in (
        SecondChance(0, 60, 1),
        SecondChance(60, LONGEST + 1, 1),
        SecondChance(60, 60, 0),
        SecondChance(60, 60, 21),
    ):
        with pytest.raises(InvalidRule):
            check((wrong,))
