"""Pauses: time stands still in an auction until the house has it go on; what decides is when each was accepted."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionEndedUnsold,
    AuctionExtended,
    NoDoubling,
    WinnerAnnounced,
)
from commands.domain.rejections import RejectionCode
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.table import sentences
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
    double,
    doubled,
    drawn,
    given,
    nothing,
    pause,
    paused,
    place,
    placed,
    remove,
    removed,
    resume,
    resumed,
    withdraw,
    withdrawn,
)
from tests.domain.sealing import sealed as sealed_bid

HOUR = timedelta(hours=1)
TEN = timedelta(minutes=10)
BIDS = (CREATED, placed(FIRST, ALICE, "10.00"), placed(SECOND, BOB, "30.00"))
PAUSED = (*BIDS, paused(DURING))
# Paused for two hours, in which the end passed that it had before.
LATER = CLOSING + 2 * HOUR
GONE_ON = (*PAUSED, resumed(DURING + 2 * HOUR, LATER))


@pytest.mark.parametrize("at", [OPENING, DURING, CLOSING - INSTANT])
def test_an_open_auction_is_paused_from_the_moment_at_which_that_was_accepted(at: datetime) -> None:
    given(*BIDS).when(pause(), at=at).then(paused(at))


def test_only_an_open_auction_is_paused_and_once() -> None:
    given().when(pause()).refused(RejectionCode.AUCTION_NOT_FOUND)
    given(*BIDS).when(pause(), at=BEFORE).refused(RejectionCode.AUCTION_NOT_STARTED)
    given(*BIDS).when(pause(), at=CLOSING).refused(RejectionCode.AUCTION_ENDED)
    given(*PAUSED).when(pause(), at=AFTER).refused(RejectionCode.AUCTION_PAUSED)
    cancelled = AuctionCancelled(REASON, AUCTIONEER)
    given(*BIDS, cancelled).when(pause()).refused(RejectionCode.AUCTION_CANCELLED)
    given(*PAUSED, cancelled).when(pause()).refused(RejectionCode.AUCTION_CANCELLED)


@pytest.mark.parametrize("at", [DURING, CLOSING, AFTER])
def test_in_a_pause_no_bid_is_placed_or_deleted_by_its_bidder(at: datetime) -> None:
    for command in (place(THIRD, ALICE, "40.00"), delete(SECOND, BOB)):
        given(*PAUSED).when(command, at=at).refused(RejectionCode.AUCTION_PAUSED)
    sealed = replace(CREATED, rules=(Sealed(),))
    bid = sealed_bid(place(THIRD, ALICE, "40.00"))
    given(sealed, paused(DURING)).when(bid, at=at).refused(RejectionCode.AUCTION_PAUSED)


def test_what_was_accepted_before_a_pause_counts_whenever_it_is_decided() -> None:
    before = DURING - INSTANT
    third = placed(THIRD, ALICE, "40.00", before)
    for scenario in (given(*PAUSED), given(*GONE_ON)):
        scenario.when(place(THIRD, ALICE, "40.00"), at=before).then(third)
        scenario.when(withdraw(ALICE, before), at=AFTER).then(withdrawn(FIRST, ALICE, before))


def test_what_was_accepted_in_a_pause_is_refused_whenever_it_is_decided() -> None:
    for at in (DURING, DURING + HOUR, DURING + 2 * HOUR - INSTANT):
        given(*GONE_ON).when(place(THIRD, ALICE, "40.00"), at=at).refused(
            RejectionCode.AUCTION_PAUSED
        )
    at = DURING + 2 * HOUR
    given(*GONE_ON).when(place(THIRD, ALICE, "40.00"), at=at).then(
        placed(THIRD, ALICE, "40.00", at)
    )


def test_the_end_moves_by_the_length_of_the_pause() -> None:
    given(*PAUSED).when(resume(), at=DURING + 2 * HOUR).then(resumed(DURING + 2 * HOUR, LATER))
    given(*PAUSED).when(resume(), at=DURING).then(resumed(DURING, CLOSING))
    gone_on = given(*GONE_ON)
    gone_on.when(place(THIRD, ALICE, "40.00"), at=LATER - INSTANT).then(
        placed(THIRD, ALICE, "40.00", LATER - INSTANT)
    )
    gone_on.when(place(THIRD, ALICE, "40.00"), at=LATER).refused(RejectionCode.AUCTION_ENDED)


def test_only_a_paused_auction_is_resumed() -> None:
    given().when(resume()).refused(RejectionCode.AUCTION_NOT_FOUND)
    given(*BIDS).when(resume()).refused(RejectionCode.AUCTION_NOT_PAUSED)
    given(*BIDS).when(resume(), at=CLOSING).refused(RejectionCode.AUCTION_ENDED)
    given(*GONE_ON).when(resume(), at=AFTER).refused(RejectionCode.AUCTION_NOT_PAUSED)
    given(*PAUSED, AuctionCancelled(REASON, AUCTIONEER)).when(resume()).refused(
        RejectionCode.AUCTION_CANCELLED
    )
    given(CREATED, AuctionEndedUnsold()).when(resume()).refused(RejectionCode.AUCTION_ENDED)


def test_time_stands_still_in_each_of_several_pauses() -> None:
    first = (*BIDS, paused(DURING), resumed(DURING + TEN, CLOSING + TEN))
    again = given(*first, paused(DURING + 2 * TEN))
    at = DURING + 5 * TEN
    again.when(resume(), at=at).then(resumed(at, CLOSING + 4 * TEN))
    both = given(*first, paused(DURING + 2 * TEN), resumed(at, CLOSING + 4 * TEN))
    for moment in (DURING, DURING + TEN - INSTANT, DURING + 2 * TEN, at - INSTANT):
        both.when(place(THIRD, ALICE, "40.00"), at=moment).refused(RejectionCode.AUCTION_PAUSED)
    for moment in (DURING - INSTANT, DURING + TEN, at, CLOSING + 4 * TEN - INSTANT):
        both.when(place(THIRD, ALICE, "40.00"), at=moment).then(
            placed(THIRD, ALICE, "40.00", moment)
        )


@pytest.mark.parametrize("at", [DURING, CLOSING, AFTER])
def test_no_winner_is_announced_in_a_pause(at: datetime) -> None:
    given(*PAUSED).when(announce(), at=at).refused(RejectionCode.AUCTION_PAUSED)


def test_the_winner_is_announced_at_the_end_that_the_pause_has_moved() -> None:
    given(*GONE_ON).when(announce(), at=LATER - INSTANT).refused(RejectionCode.AUCTION_NOT_ENDED)
    thirty = Decimal("30.00")
    given(*GONE_ON).when(announce(), at=LATER).then(
        WinnerAnnounced(SECOND, BOB, thirty, thirty, False, DURING)
    )


@pytest.mark.parametrize("at", [DURING, AFTER])
def test_in_a_pause_the_house_cancels_closes_and_removes_bids(at: datetime) -> None:
    given(*PAUSED).when(cancel(), at=at).then(AuctionCancelled(REASON, AUCTIONEER))
    given(*PAUSED).when(close_now(), at=at).then(AuctionClosedEarly(at, REASON, AUCTIONEER))
    given(*PAUSED).when(remove(SECOND), at=at).then(removed(SECOND, BOB))


def test_an_auction_that_is_closed_in_a_pause_ends_at_that_moment() -> None:
    closed = given(*PAUSED, AuctionClosedEarly(AFTER, REASON, AUCTIONEER))
    bid = place(THIRD, ALICE, "40.00")
    closed.when(bid, at=DURING - INSTANT).then(placed(THIRD, ALICE, "40.00", DURING - INSTANT))
    closed.when(bid, at=AFTER - INSTANT).refused(RejectionCode.AUCTION_PAUSED)
    closed.when(bid, at=AFTER).refused(RejectionCode.AUCTION_ENDED)
    closed.when(resume(), at=AFTER).refused(RejectionCode.AUCTION_ENDED)
    closed.when(withdraw(ALICE, AFTER - INSTANT), at=AFTER).then(
        withdrawn(FIRST, ALICE, AFTER - INSTANT)
    )
    closed.when(withdraw(ALICE, AFTER), at=AFTER).then()
    thirty = Decimal("30.00")
    closed.when(announce(), at=AFTER).then(
        WinnerAnnounced(SECOND, BOB, thirty, thirty, False, DURING)
    )


@pytest.mark.parametrize("at", [DURING, AFTER])
def test_bids_of_a_user_who_is_deleted_in_a_pause_are_withdrawn(at: datetime) -> None:
    given(*PAUSED).when(withdraw(ALICE, at), at=AFTER).then(withdrawn(FIRST, ALICE, at))


def test_a_draw_of_before_a_pause_is_made_in_it() -> None:
    # The house knows what the draw gives once its cut-off has come: so no pause can keep it back.
    given(*PAUSED).when(double(), at=AFTER, draw=drawn()).then(doubled(FIRST, ALICE, "20.00", of=2))
    given(*PAUSED).when(double(), at=AFTER, draw=None).then(nothing(NoDoubling.LATE))


SOFT = SoftClose(window=600, extension=600, hard_end=CLOSING + TEN + TEN)


def test_a_soft_close_looks_at_the_auctions_own_time() -> None:
    created = replace(CREATED, rules=(SOFT,))
    late = CLOSING - timedelta(minutes=5)
    gone_on = given(created, paused(late), resumed(late + HOUR, CLOSING + HOUR))
    for at, end in ((late - INSTANT, CLOSING + HOUR + TEN), (late + HOUR, CLOSING + HOUR + TEN)):
        gone_on.when(place(FIRST, ALICE, "10.00"), at=at).then(
            placed(FIRST, ALICE, "10.00", at), AuctionExtended(end, FIRST, 1)
        )
    early = given(created, paused(DURING), resumed(DURING + HOUR, CLOSING + HOUR))
    early.when(place(FIRST, ALICE, "10.00"), at=DURING - INSTANT).then(
        placed(FIRST, ALICE, "10.00", DURING - INSTANT)
    )


def test_a_hard_end_moves_by_the_length_of_the_pause_and_bidders_are_told_of_the_moved_one() -> (
    None
):
    created = replace(CREATED, rules=(SOFT,))
    auction = replay([created, paused(DURING), resumed(DURING + HOUR, CLOSING + HOUR)])
    assert auction.rules == (replace(SOFT, hard_end=CLOSING + HOUR + TEN + TEN),)
    assert "until 2025-03-01 14:20:00 UTC at the latest" in sentences(auction.rules)[1]
    assert created.rules == (SOFT,)


def test_an_end_in_the_last_year_there_is_stays_within_it() -> None:
    last = datetime(9999, 12, 31, 23, 59, tzinfo=CLOSING.tzinfo)
    created = replace(CREATED, ends_at=last)
    given(created, paused()).when(resume(), at=AFTER).then(
        resumed(AFTER, datetime.max.replace(tzinfo=CLOSING.tzinfo))
    )
