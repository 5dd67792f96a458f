"""Rules that need no bidder's command: which bid leads, the promoter's draw, the winner, and withdrawn bids."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from commands.domain.auction import decide
from commands.domain.bids import Bids
from commands.domain.events import AuctionEndedUnsold, AuctionEvent, NoDoubling, WinnerAnnounced
from commands.domain.promoter import HALF_VALUES, Draw, Drawn, KnownDraw, Promoter
from commands.domain.rejections import RejectionCode
from commands.domain.state import replay
from tests.domain.scenario import (
    AFTER,
    ALICE,
    BEFORE,
    BOB,
    CHARLIE,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    FOURTH,
    INSTANT,
    PLAIN,
    SECOND,
    THIRD,
    announce,
    deleted,
    double,
    doubled,
    drawn,
    given,
    nothing,
    placed,
    withdraw,
    withdrawn,
)

THREE_BIDS = (
    CREATED,
    placed(FIRST, ALICE, "10.00"),
    placed(SECOND, BOB, "30.00"),
    placed(THIRD, CHARLIE, "20.00"),
)
SOLD_TO_BOB = WinnerAnnounced(SECOND, BOB, Decimal("30.00"), Decimal("30.00"), False, DURING)


def test_without_bids_none_leads() -> None:
    given(CREATED).leads(None)


def test_the_highest_bid_leads() -> None:
    given(*THREE_BIDS).leads(SECOND)


def test_amounts_rank_as_numbers_not_as_text() -> None:
    given(CREATED, placed(FIRST, ALICE, "9.00"), placed(SECOND, BOB, "10.00")).leads(SECOND)


def test_when_the_leading_bid_is_deleted_the_next_highest_leads() -> None:
    given(*THREE_BIDS, deleted(SECOND, BOB)).leads(THIRD)


def test_when_every_bid_is_deleted_none_leads() -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00"), deleted(FIRST, ALICE)).leads(None)


def test_of_equal_bids_the_first_leads() -> None:
    given(CREATED, placed(FIRST, ALICE, "10.00"), placed(SECOND, BOB, "10.00")).leads(FIRST)


def test_a_doubled_bid_leads_over_a_bid_below_twice_its_amount() -> None:
    given(*THREE_BIDS, doubled(THIRD, CHARLIE, "40.00")).leads(THIRD)


def test_a_doubled_bid_reaches_its_amount_at_the_doubling_not_when_it_was_placed() -> None:
    history = (CREATED, placed(FIRST, ALICE, "10.00"), placed(SECOND, BOB, "20.00"))
    given(*history, doubled(FIRST, ALICE, "20.00")).leads(SECOND)


def test_a_bid_equal_to_a_bid_that_was_doubled_before_it_does_not_lead() -> None:
    history = (CREATED, placed(FIRST, ALICE, "10.00"), doubled(FIRST, ALICE, "20.00"))
    given(*history, placed(SECOND, BOB, "20.00")).leads(FIRST)


def test_what_was_not_open_at_the_cut_off_has_no_draw() -> None:
    none = KnownDraw(0, PLAIN, bytes(32), any_bids=False)
    given(*THREE_BIDS).when(double(), draw=none).refused(RejectionCode.NO_BID_TO_DOUBLE)


@pytest.mark.parametrize("draw", [drawn(), None], ids=["in time", "too late"])
def test_nothing_is_doubled_in_a_closed_auction(draw: Draw | None) -> None:
    given(*THREE_BIDS, SOLD_TO_BOB).when(double(), draw=draw).refused(RejectionCode.AUCTION_ENDED)


@pytest.mark.parametrize("tick", [2, 3])
@pytest.mark.parametrize("draw", [drawn(), None], ids=["in time", "too late"])
def test_a_tick_draws_once_and_after_those_before_it(tick: int, draw: Draw | None) -> None:
    for last in (doubled(FIRST, ALICE, "20.00", 3), nothing(NoDoubling.FAILED, 3)):
        again = given(*THREE_BIDS, last).when(double(tick), draw=draw)
        again.refused(RejectionCode.NO_BID_TO_DOUBLE)


@pytest.mark.parametrize("at", [CLOSING, AFTER])
def test_a_draw_that_comes_after_the_end_doubles_nothing(at: datetime) -> None:
    given(*THREE_BIDS).when(double(), at=at, draw=drawn()).then(nothing(NoDoubling.LATE))


def test_draws_are_numbered_whatever_comes_of_them() -> None:
    late = nothing(NoDoubling.LATE, 2, draw=2)
    history: list[AuctionEvent] = [*THREE_BIDS, doubled(FIRST, ALICE, "20.00"), late]
    given(*history).when(double(5), draw=drawn()).then(
        doubled(SECOND, BOB, "60.00", 5, of=2, draw=3)
    )
    given(*history).when(double(5), draw=None).then(nothing(NoDoubling.LATE, 5, draw=3))


def test_by_chance_there_is_none() -> None:
    never = Promoter(chance=Decimal("0.00"))
    given(*THREE_BIDS).when(double(), draw=drawn(promoter=never)).then(nothing(NoDoubling.CHANCE))


def test_the_policy_may_exclude_every_bid_and_the_event_says_who_was_staff() -> None:
    nobody = Promoter(exclude=lambda bid, among: True)
    given(*THREE_BIDS).when(double(), draw=drawn(promoter=nobody, staff=[BOB])).then(
        replace(nothing(NoDoubling.NOBODY), staff=(BOB,))
    )


@pytest.mark.parametrize(
    "since", [deleted(SECOND, BOB), doubled(SECOND, BOB, "60.00")], ids=["deleted", "doubled"]
)
def test_a_bid_that_is_gone_since_the_cut_off_keeps_its_place_and_is_not_doubled(
    since: AuctionEvent,
) -> None:
    then = replay(THREE_BIDS).bids[SECOND]
    hit = KnownDraw(0, PLAIN, bytes(32), hit=Drawn(then, 1, 3))
    draws = 1 if since == doubled(SECOND, BOB, "60.00") else 0
    given(*THREE_BIDS, since).when(double(2), draw=hit).then(
        replace(nothing(NoDoubling.GONE, 2, draw=draws + 1), bid_id=SECOND)
    )


@pytest.mark.parametrize(
    "bids",
    [
        pytest.param([], id="no bids"),
        pytest.param([placed(FIRST, ALICE, "1.00"), deleted(FIRST, ALICE)], id="only deleted"),
        pytest.param(
            [placed(FIRST, ALICE, "1.00"), doubled(FIRST, ALICE, "2.00")], id="only doubled"
        ),
    ],
)
def test_without_a_live_undoubled_bid_nothing_is_doubled(bids: list[AuctionEvent]) -> None:
    given(CREATED, *bids).when(double(), draw=drawn()).refused(RejectionCode.NO_BID_TO_DOUBLE)


@pytest.mark.parametrize("lot", [0, HALF_VALUES // 2, HALF_VALUES - 1])
def test_only_live_undoubled_bids_are_drawn(lot: int) -> None:
    history = (*THREE_BIDS, deleted(FIRST, ALICE), doubled(SECOND, BOB, "60.00"))
    given(*history).when(double(2), draw=drawn(lot)).then(
        doubled(THIRD, CHARLIE, "40.00", 2, draw=2)
    )


def test_the_amount_stays_and_the_effective_amount_becomes_twice_it() -> None:
    history = (CREATED, placed(FIRST, ALICE, "0.01"))
    given(*history).when(double(7), draw=drawn()).then(doubled(FIRST, ALICE, "0.02", tick=7))
    bid = replay([*history, doubled(FIRST, ALICE, "0.02", tick=7)]).bids[FIRST]
    assert (bid.amount, bid.effective_amount) == (Decimal("0.01"), Decimal("0.02"))
    assert bid.doubled


@pytest.mark.parametrize(
    ("lot", "expected"),
    [
        pytest.param(0, doubled(FIRST, ALICE, "20.00", of=3), id="first of all lots"),
        pytest.param(HALF_VALUES // 3, doubled(FIRST, ALICE, "20.00", of=3), id="last of a third"),
        pytest.param(
            HALF_VALUES // 3 + 1, doubled(SECOND, BOB, "60.00", of=3), id="first of the next"
        ),
        pytest.param(
            HALF_VALUES * 2 // 3, doubled(SECOND, BOB, "60.00", of=3), id="last of the next"
        ),
        pytest.param(
            HALF_VALUES * 2 // 3 + 1, doubled(THIRD, CHARLIE, "40.00", of=3), id="first of the last"
        ),
        pytest.param(
            HALF_VALUES - 1, doubled(THIRD, CHARLIE, "40.00", of=3), id="last of all lots"
        ),
    ],
)
def test_the_lots_share_of_all_lots_picks_the_bid(lot: int, expected: AuctionEvent) -> None:
    given(*THREE_BIDS).when(double(), draw=drawn(lot)).then(expected)


@pytest.mark.parametrize("lot", [0, HALF_VALUES // 2, HALF_VALUES - 1])
def test_the_draw_does_not_depend_on_the_order_in_which_the_bids_were_read(lot: int) -> None:
    auction = replay(THREE_BIDS)
    shuffled = replace(auction, bids=Bids(auction.bids[id_] for id_ in (THIRD, FIRST, SECOND)))
    said = [
        decide(double(), read, now=DURING, bidders={}, draw=drawn(lot))
        for read in (auction, shuffled)
    ]
    assert said[0] == said[1]


def test_without_the_ticks_secret_being_secret_nothing_is_drawn() -> None:
    given(*THREE_BIDS).when(double(), draw=None).then(nothing(NoDoubling.LATE))


@pytest.mark.parametrize("at", [BEFORE, DURING, CLOSING - INSTANT])
def test_no_winner_is_announced_before_the_end(at: datetime) -> None:
    given(*THREE_BIDS).when(announce(), at=at).refused(RejectionCode.AUCTION_NOT_ENDED)


@pytest.mark.parametrize("at", [CLOSING, AFTER])
def test_the_leading_bid_wins(at: datetime) -> None:
    given(*THREE_BIDS).when(announce(), at=at).then(SOLD_TO_BOB)


def test_a_doubled_bid_wins_with_its_effective_amount_and_pays_its_amount() -> None:
    given(*THREE_BIDS, doubled(THIRD, CHARLIE, "40.00")).when(announce(), at=CLOSING).then(
        WinnerAnnounced(THIRD, CHARLIE, Decimal("20.00"), Decimal("40.00"), True, DURING)
    )


@pytest.mark.parametrize(
    "bids", [[], [placed(FIRST, ALICE, "10.00"), deleted(FIRST, ALICE)]], ids=["no bids", "deleted"]
)
def test_an_auction_without_live_bids_ends_unsold(bids: list[AuctionEvent]) -> None:
    given(CREATED, *bids).when(announce(), at=CLOSING).then(AuctionEndedUnsold())


@pytest.mark.parametrize(
    "history", [(*THREE_BIDS, SOLD_TO_BOB), (CREATED, AuctionEndedUnsold())], ids=["sold", "unsold"]
)
def test_a_winner_is_announced_once(history: tuple[AuctionEvent, ...]) -> None:
    given(*history).when(announce(), at=AFTER).refused(RejectionCode.AUCTION_ENDED)


def test_the_announced_bid_stays_the_winner() -> None:
    sold, unsold = replay([*THREE_BIDS, SOLD_TO_BOB]), replay([CREATED, AuctionEndedUnsold()])
    assert (sold.closed, sold.winning_bid_id) == (True, SECOND)
    assert (unsold.closed, unsold.winning_bid_id) == (True, None)


def test_exactly_the_deleted_users_live_bids_are_withdrawn_in_the_order_placed() -> None:
    history = (
        *THREE_BIDS,
        placed(FOURTH, ALICE, "11.00"),
        doubled(FIRST, ALICE, "20.00"),
    )
    given(*history).when(withdraw(ALICE)).then(withdrawn(FIRST, ALICE), withdrawn(FOURTH, ALICE))
    given(*history, deleted(FIRST, ALICE)).when(withdraw(ALICE)).then(withdrawn(FOURTH, ALICE))


def test_bids_are_withdrawn_in_the_order_placed_however_they_were_read() -> None:
    auction = replay([CREATED, placed(FIRST, ALICE, "1.00"), placed(SECOND, ALICE, "2.00")])
    backwards = replace(auction, bids=Bids(auction.bids[id_] for id_ in (SECOND, FIRST)))
    answer = decide(withdraw(ALICE), backwards, now=DURING, bidders={})
    assert answer == [withdrawn(FIRST, ALICE), withdrawn(SECOND, ALICE)]


@pytest.mark.parametrize("at", [DURING, CLOSING, AFTER])
def test_a_deletion_accepted_before_the_end_withdraws_whenever_it_is_handled(at: datetime) -> None:
    given(*THREE_BIDS).when(withdraw(BOB, deleted_at=CLOSING - INSTANT), at=at).then(
        withdrawn(SECOND, BOB, CLOSING - INSTANT)
    )


@pytest.mark.parametrize("deleted_at", [CLOSING, AFTER])
def test_a_deletion_accepted_after_the_end_withdraws_nothing(deleted_at: datetime) -> None:
    given(*THREE_BIDS).when(withdraw(BOB, deleted_at=deleted_at), at=AFTER).then()


def test_nothing_is_withdrawn_from_a_closed_auction() -> None:
    given(*THREE_BIDS, SOLD_TO_BOB).when(withdraw(BOB, deleted_at=DURING), at=AFTER).then()


def test_a_user_without_live_bids_has_nothing_to_withdraw() -> None:
    given(CREATED, placed(FIRST, BOB, "1.00")).when(withdraw(ALICE)).then()
