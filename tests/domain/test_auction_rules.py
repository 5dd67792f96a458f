"""What auctioneers and bidders may do: create an auction, place bids, take them back."""

from datetime import datetime

import pytest

from commands.domain.bidders import Bidder
from commands.domain.commands import AuctionCommand, CreateAuction
from commands.domain.events import AuctionCreated, AuctionEndedUnsold, AuctionEvent, WinnerAnnounced
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.state import replay
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTION,
    AUCTIONEER,
    BEFORE,
    BOB,
    CHARLIE,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    INSTANT,
    OPENING,
    SECOND,
    THIRD,
    announce,
    delete,
    deleted,
    double,
    doubled,
    given,
    place,
    placed,
    withdraw,
)


def create(starts_at: datetime | None, ends_at: datetime) -> CreateAuction:
    """A new auction."""
    return CreateAuction(AUCTION, "A lamp", "Brass, works", starts_at, ends_at, AUCTIONEER)


def created(starts_at: datetime, ends_at: datetime = CLOSING) -> AuctionCreated:
    """The event of a new auction."""
    return AuctionCreated(AUCTION, "A lamp", "Brass, works", starts_at, ends_at, AUCTIONEER)


def sold_to_alice(amount: str = "10.00") -> WinnerAnnounced:
    """The end of an auction in which Alice's first bid led."""
    bid = placed(FIRST, ALICE, amount)
    return WinnerAnnounced(FIRST, ALICE, bid.amount, bid.amount, False, bid.placed_at)


def test_an_auction_can_start_later() -> None:
    given().when(create(OPENING, CLOSING), at=BEFORE).then(created(OPENING))


def test_an_auction_without_a_start_starts_when_it_was_accepted() -> None:
    given().when(create(None, CLOSING), at=BEFORE).then(created(BEFORE))


def test_an_auction_can_start_this_very_moment() -> None:
    given().when(create(OPENING, CLOSING), at=OPENING).then(created(OPENING))


def test_an_auction_can_be_an_instant_long() -> None:
    given().when(create(OPENING, OPENING + INSTANT), at=BEFORE).then(
        created(OPENING, OPENING + INSTANT)
    )


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "now"),
    [
        pytest.param(OPENING, CLOSING, OPENING + INSTANT, id="starts in the past"),
        pytest.param(OPENING, OPENING - INSTANT, BEFORE, id="ends before it starts"),
        pytest.param(OPENING, OPENING, BEFORE, id="ends as it starts"),
        pytest.param(None, CLOSING, CLOSING, id="starts now, ends now"),
        pytest.param(None, CLOSING, AFTER, id="starts now, has ended"),
    ],
)
def test_an_auction_starts_now_or_later_and_ends_after_that(
    starts_at: datetime | None, ends_at: datetime, now: datetime
) -> None:
    given().when(create(starts_at, ends_at), at=now).refused(RejectionCode.INVALID_SCHEDULE)


@pytest.mark.parametrize(
    "command",
    [place(FIRST, ALICE, "10.00"), delete(FIRST, ALICE), double(), announce(), withdraw(ALICE)],
    ids=lambda command: type(command).__name__,
)
def test_nothing_else_can_be_asked_of_an_auction_that_does_not_exist(
    command: AuctionCommand,
) -> None:
    given().when(command, at=DURING).refused(RejectionCode.AUCTION_NOT_FOUND)


@pytest.mark.parametrize("at", [OPENING, DURING, CLOSING - INSTANT])
def test_bids_count_from_the_start_until_the_end(at: datetime) -> None:
    given(CREATED).when(place(FIRST, ALICE, "10.00"), at=at).then(
        placed(FIRST, ALICE, "10.00", at=at)
    )


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (BEFORE, RejectionCode.AUCTION_NOT_STARTED),
        (OPENING - INSTANT, RejectionCode.AUCTION_NOT_STARTED),
        (CLOSING, RejectionCode.AUCTION_ENDED),
        (AFTER, RejectionCode.AUCTION_ENDED),
    ],
)
def test_bids_before_the_start_or_from_the_end_on_are_refused(
    at: datetime, code: RejectionCode
) -> None:
    given(CREATED).when(place(FIRST, ALICE, "10.00"), at=at).refused(code)


@pytest.mark.parametrize("at", [DURING, CLOSING, AFTER])
def test_a_closed_auction_takes_no_bids_whatever_the_time(at: datetime) -> None:
    given(CREATED, AuctionEndedUnsold()).when(place(FIRST, ALICE, "10.00"), at=at).refused(
        RejectionCode.AUCTION_ENDED
    )
    given(CREATED, placed(FIRST, ALICE, "10.00"), sold_to_alice()).when(
        place(SECOND, BOB, "20.00"), at=at
    ).refused(RejectionCode.AUCTION_ENDED)


def test_a_bidder_must_exist() -> None:
    given(CREATED).when(place(FIRST, ALICE, "10.00"), bidders={BOB: Bidder(BOB)}).refused(
        RejectionCode.USER_NOT_FOUND
    )


@pytest.mark.parametrize("amount", ["0.01", "9.99", "10.00", "10.01"])
def test_a_bid_may_be_lower_than_or_equal_to_the_leading_bid_of_somebody_else(amount: str) -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00")).when(place(SECOND, BOB, amount)).then(
        placed(SECOND, BOB, amount)
    )


@pytest.mark.parametrize("amount", ["0.01", "9.99", "10.00"])
def test_a_bid_not_above_ones_own_highest_is_refused(amount: str) -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00"), placed(SECOND, BOB, "5.00")).when(
        place(THIRD, ALICE, amount)
    ).refused(RejectionCode.BID_TOO_LOW)


def test_a_refusal_says_by_what_in_amounts_that_can_be_read() -> None:
    refused = given(CREATED, placed(FIRST, ALICE, "1234567.89")).when(
        place(SECOND, ALICE, "12345.00")
    )
    refused.refused(RejectionCode.BID_TOO_LOW)
    assert isinstance(refused.said, Rejection)
    assert refused.said.message == (
        "12,345.00 is not higher than your own highest live bid, which counts 1,234,567.89"
    )


def test_a_bid_one_cent_above_ones_own_highest_counts_beside_it() -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00")).when(place(SECOND, ALICE, "10.01")).then(
        placed(SECOND, ALICE, "10.01")
    )


DOUBLED_TO_20 = (CREATED, placed(FIRST, ALICE, "10.00"), doubled(FIRST, ALICE, "20.00"))


@pytest.mark.parametrize("amount", ["10.01", "19.99", "20.00"])
def test_ones_own_doubled_bid_counts_double(amount: str) -> None:
    given(*DOUBLED_TO_20).when(place(SECOND, ALICE, amount)).refused(RejectionCode.BID_TOO_LOW)


def test_a_bid_above_ones_own_doubled_bid_is_accepted() -> None:
    given(*DOUBLED_TO_20).when(place(SECOND, ALICE, "20.01")).then(placed(SECOND, ALICE, "20.01"))


def test_an_older_doubled_bid_can_be_ones_own_highest() -> None:
    history = (
        CREATED,
        placed(FIRST, ALICE, "10.00"),
        placed(SECOND, ALICE, "12.00"),
        doubled(FIRST, ALICE, "20.00"),
    )
    given(*history).when(place(THIRD, ALICE, "13.00")).refused(RejectionCode.BID_TOO_LOW)


def test_ones_own_deleted_bid_counts_no_longer() -> None:
    history = (CREATED, placed(FIRST, ALICE, "10.00"), deleted(FIRST, ALICE))
    given(*history).when(place(SECOND, ALICE, "5.00")).then(placed(SECOND, ALICE, "5.00"))


def test_ones_own_highest_live_bid_counts_when_a_higher_one_was_deleted() -> None:
    history = (
        CREATED,
        placed(FIRST, ALICE, "10.00"),
        placed(SECOND, ALICE, "12.00"),
        deleted(SECOND, ALICE),
    )
    given(*history).when(place(THIRD, ALICE, "10.00")).refused(RejectionCode.BID_TOO_LOW)
    given(*history).when(place(THIRD, ALICE, "10.01")).then(placed(THIRD, ALICE, "10.01"))


@pytest.mark.parametrize("at", [DURING, CLOSING - INSTANT])
def test_a_bidder_takes_their_bid_back_until_the_end(at: datetime) -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00")).when(delete(FIRST, ALICE), at=at).then(
        deleted(FIRST, ALICE)
    )


def test_a_doubled_bid_can_be_taken_back() -> None:
    given(*DOUBLED_TO_20).when(delete(FIRST, ALICE)).then(deleted(FIRST, ALICE))


def test_a_bid_that_is_not_there_cannot_be_deleted() -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00")).when(delete(SECOND, ALICE)).refused(
        RejectionCode.BID_NOT_FOUND
    )


def test_only_its_bidder_deletes_a_bid() -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00")).when(delete(FIRST, BOB)).refused(
        RejectionCode.BID_NOT_YOURS
    )


def test_a_bid_is_deleted_once() -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00"), deleted(FIRST, ALICE)).when(
        delete(FIRST, ALICE)
    ).refused(RejectionCode.BID_ALREADY_DELETED)


@pytest.mark.parametrize("at", [CLOSING, AFTER])
def test_no_bid_is_deleted_from_the_end_on(at: datetime) -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00")).when(delete(FIRST, ALICE), at=at).refused(
        RejectionCode.AUCTION_ENDED
    )


def test_no_bid_is_deleted_from_a_closed_auction() -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00"), sold_to_alice()).when(
        delete(FIRST, ALICE)
    ).refused(RejectionCode.AUCTION_ENDED)


@pytest.mark.parametrize(
    ("events", "error"),
    [
        pytest.param([], AssertionError, id="nothing happened"),
        pytest.param([placed(FIRST, ALICE, "1.00")], AssertionError, id="not created"),
        pytest.param([CREATED, CREATED], AssertionError, id="created twice"),
        pytest.param([CREATED, deleted(FIRST, ALICE)], KeyError, id="deleted, never placed"),
        pytest.param([CREATED, doubled(FIRST, CHARLIE, "2")], KeyError, id="doubled, never placed"),
    ],
)
def test_a_history_that_breaks_its_own_order_is_an_error(
    events: list[AuctionEvent], error: type[Exception]
) -> None:
    with pytest.raises(error):
        replay(events)
