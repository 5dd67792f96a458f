"""What the house can do to an auction beside creating and closing it: cancel it, close it now, and remove a bid."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from commands.domain.commands import AuctionCommand
from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionEndedUnsold,
    NoDoubling,
    WinnerAnnounced,
)
from commands.domain.promoter import Draw
from commands.domain.rejections import RejectionCode
from commands.domain.rules.soft_close import SoftClose
from commands.domain.state import replay
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTIONEER,
    BEFORE,
    BOB,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    INSTANT,
    OPENING,
    REASON,
    SECOND,
    THIRD,
    announce,
    cancel,
    close_now,
    delete,
    deleted,
    double,
    doubled,
    drawn,
    given,
    nothing,
    place,
    placed,
    remove,
    removed,
    withdraw,
)

CANCELLED = AuctionCancelled(REASON, AUCTIONEER)
BIDS = (CREATED, placed(FIRST, ALICE, "10.00"), placed(SECOND, BOB, "30.00"))


@pytest.mark.parametrize("at", [BEFORE, DURING, CLOSING, AFTER])
def test_an_auction_is_cancelled_at_any_time_until_it_is_closed(at: datetime) -> None:
    given(CREATED).when(cancel(), at=at).then(CANCELLED)
    given(*BIDS).when(cancel(), at=at).then(CANCELLED)


def test_a_cancelled_auction_is_closed_and_nobody_won() -> None:
    auction = replay([*BIDS, CANCELLED])
    assert (auction.closed, auction.cancelled_because, auction.winning_bid_id) == (
        True,
        REASON,
        None,
    )


def test_what_is_not_there_can_not_be_cancelled() -> None:
    given().when(cancel()).refused(RejectionCode.AUCTION_NOT_FOUND)


def test_an_auction_is_cancelled_once_and_not_after_its_close() -> None:
    given(*BIDS, CANCELLED).when(cancel()).refused(RejectionCode.AUCTION_CANCELLED)
    given(CREATED, AuctionEndedUnsold()).when(cancel()).refused(RejectionCode.AUCTION_ENDED)


@pytest.mark.parametrize("at", [BEFORE, DURING, AFTER])
@pytest.mark.parametrize(
    "command",
    [place(FIRST, ALICE, "90.00"), delete(SECOND, BOB), announce()],
    ids=["a bid", "a deletion", "the close"],
)
def test_nothing_happens_to_a_cancelled_auction(command: AuctionCommand, at: datetime) -> None:
    given(*BIDS, CANCELLED).when(command, at=at).refused(RejectionCode.AUCTION_CANCELLED)


@pytest.mark.parametrize("draw", [drawn(), None], ids=["in time", "too late"])
def test_the_promoter_leaves_a_cancelled_auction_alone(draw: Draw | None) -> None:
    given(*BIDS, CANCELLED).when(double(), draw=draw).refused(RejectionCode.AUCTION_CANCELLED)


def test_nothing_is_withdrawn_from_a_cancelled_auction() -> None:
    given(*BIDS, CANCELLED).when(withdraw(ALICE)).then()


EARLY = AuctionClosedEarly(DURING, REASON, AUCTIONEER)


@pytest.mark.parametrize("at", [OPENING, DURING, CLOSING - INSTANT])
def test_an_open_auction_ends_at_the_moment_at_which_that_was_accepted(at: datetime) -> None:
    given(*BIDS).when(close_now(), at=at).then(AuctionClosedEarly(at, REASON, AUCTIONEER))


def test_only_an_open_auction_is_closed_early() -> None:
    given().when(close_now()).refused(RejectionCode.AUCTION_NOT_FOUND)
    given(*BIDS).when(close_now(), at=BEFORE).refused(RejectionCode.AUCTION_NOT_STARTED)
    given(*BIDS).when(close_now(), at=CLOSING).refused(RejectionCode.AUCTION_ENDED)
    given(*BIDS, EARLY).when(close_now(), at=DURING).refused(RejectionCode.AUCTION_ENDED)
    given(*BIDS, CANCELLED).when(close_now()).refused(RejectionCode.AUCTION_CANCELLED)


def test_what_is_accepted_before_counts_and_what_comes_after_does_not() -> None:
    early = given(*BIDS, EARLY)
    third = placed(THIRD, ALICE, "40.00", DURING - INSTANT)
    early.when(place(THIRD, ALICE, "40.00"), at=DURING - INSTANT).then(third)
    for command in (place(THIRD, ALICE, "40.00"), delete(SECOND, BOB)):
        early.when(command, at=DURING).refused(RejectionCode.AUCTION_ENDED)
    early.when(announce(), at=DURING - INSTANT).refused(RejectionCode.AUCTION_NOT_ENDED)
    thirty = Decimal("30.00")
    early.when(announce(), at=DURING).then(
        WinnerAnnounced(SECOND, BOB, thirty, thirty, False, DURING)
    )
    early.when(withdraw(ALICE, DURING), at=AFTER).then()
    early.when(double(), at=DURING, draw=drawn()).then(nothing(NoDoubling.LATE))


def test_after_an_early_close_a_soft_close_moves_nothing_any_more() -> None:
    soft = replace(CREATED, rules=(SoftClose(window=3600, extension=60, times=9),))
    late = place(THIRD, ALICE, "40.00")
    before = DURING - INSTANT
    # Accepted before, and decided after it: it had failed, and was re-driven.
    given(soft, *BIDS[1:], EARLY).when(late, at=before).then(placed(THIRD, ALICE, "40.00", before))


def test_an_auction_that_was_closed_early_can_be_cancelled_until_its_winner_is_announced() -> None:
    given(*BIDS, EARLY).when(cancel(), at=AFTER).then(CANCELLED)


def test_the_house_removes_anybodys_live_bid_and_the_next_one_leads() -> None:
    given(*BIDS).when(remove(SECOND), at=CLOSING - INSTANT).then(removed(SECOND, BOB))
    given(*BIDS, removed(SECOND, BOB)).leads(FIRST)


def test_a_removed_bid_is_a_deleted_one() -> None:
    gone = given(*BIDS, removed(SECOND, BOB))
    gone.when(remove(SECOND)).refused(RejectionCode.BID_ALREADY_DELETED)
    gone.when(delete(SECOND, BOB)).refused(RejectionCode.BID_ALREADY_DELETED)
    gone.when(withdraw(BOB)).then()
    gone.when(place(THIRD, BOB, "20.00")).then(placed(THIRD, BOB, "20.00"))
    gone.when(double(), draw=drawn(2**127)).then(doubled(FIRST, ALICE, "20.00"))


def test_only_a_live_bid_that_is_there_is_removed_and_only_until_the_end() -> None:
    given().when(remove(FIRST)).refused(RejectionCode.AUCTION_NOT_FOUND)
    given(*BIDS).when(remove(THIRD)).refused(RejectionCode.BID_NOT_FOUND)
    given(*BIDS, deleted(FIRST, ALICE)).when(remove(FIRST)).refused(
        RejectionCode.BID_ALREADY_DELETED
    )
    given(*BIDS).when(remove(FIRST), at=CLOSING).refused(RejectionCode.AUCTION_ENDED)
    given(*BIDS, CANCELLED).when(remove(FIRST)).refused(RejectionCode.AUCTION_CANCELLED)
