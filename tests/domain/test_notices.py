"""Who is notified of what: given events and what led before and after them, then these notices."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from commands.domain.events import (
    AuctionCancelled,
    AuctionEvent,
    LotOffered,
    OfferDeclined,
    OfferLapsed,
    SaleFailed,
    WinnerAnnounced,
)
from notifications.notices import (
    EventAtVersion,
    Leading,
    Notice,
    RankedBid,
    notices,
    possibly_outdated,
)
from notifications.preferences import NotificationKind
from tests.domain.scenario import (
    ALICE,
    BOB,
    CREATED,
    DURING,
    FIRST,
    REASON,
    SECOND,
    THIRD,
    deleted,
    doubled,
    placed,
    removed,
)

CAROL = UUID(int=0xCA)
CHANGED, OUTBID = NotificationKind.MAX_BID_CHANGED, NotificationKind.OUTBID
TEN, FIFTEEN, TWENTY, THIRTY = (Decimal(f"{n}.00") for n in (10, 15, 20, 30))
# Alice's first bid led with 10.00 when bidders were notified last.
ALICE_LED = Leading(FIRST, ALICE, TEN)
WON = WinnerAnnounced(FIRST, ALICE, TEN, TWENTY, True, DURING)


def notices_of(
    *events: AuctionEvent,
    since: int = 1,
    before: Leading | None = None,
    after: RankedBid | None = None,
    gone: dict[UUID, RankedBid] | None = None,
    won: UUID | None = None,
) -> list[Notice]:
    """The notices of events that begin behind version `since`."""
    return notices(list(enumerate(events, since + 1)), before, after, gone or {}, won)


def to(*users: UUID) -> frozenset[UUID]:
    return frozenset(users)


def test_a_created_auction_notifies_nobody() -> None:
    assert notices_of(CREATED, since=0) == []


def test_the_first_bid_notifies_all_but_its_bidder() -> None:
    after = RankedBid(FIRST, ALICE, TEN, 2)
    assert notices_of(placed(FIRST, ALICE, "10.00"), after=after) == [
        Notice(CHANGED, 2, TEN, but=ALICE)
    ]


def test_who_led_gets_outbid_and_the_others_max_bid_changed() -> None:
    after = RankedBid(SECOND, BOB, TWENTY, 2)
    assert notices_of(placed(SECOND, BOB, "20.00"), before=ALICE_LED, after=after) == [
        Notice(OUTBID, 2, TWENTY, to=to(ALICE)),
        Notice(CHANGED, 2, TWENTY, but=BOB),
    ]


def test_a_lower_bid_notifies_nobody() -> None:
    after = RankedBid(FIRST, ALICE, TEN, 1)
    assert notices_of(placed(SECOND, BOB, "5.00"), before=ALICE_LED, after=after) == []


def test_who_raises_the_own_leading_bid_outbids_nobody() -> None:
    after = RankedBid(SECOND, ALICE, TWENTY, 2)
    assert notices_of(placed(SECOND, ALICE, "20.00"), before=ALICE_LED, after=after) == [
        Notice(CHANGED, 2, TWENTY, but=ALICE)
    ]


def test_of_many_changes_the_last_is_notified_also_to_who_led_in_between() -> None:
    events = (placed(SECOND, BOB, "20.00"), placed(THIRD, CAROL, "30.00"))
    after = RankedBid(THIRD, CAROL, THIRTY, 3)
    assert notices_of(*events, before=ALICE_LED, after=after) == [
        Notice(OUTBID, 3, THIRTY, to=to(ALICE, BOB)),
        Notice(CHANGED, 3, THIRTY, but=CAROL),
    ]


def test_what_made_a_bid_lead_in_an_earlier_run_is_taken_for_its_bidders_doing() -> None:
    leads = RankedBid(SECOND, BOB, TWENTY, 3)
    lower = placed(THIRD, CAROL, "10.00")
    before = replace(ALICE_LED, deleted=True)
    assert notices_of(lower, since=3, before=before, after=leads) == [
        Notice(NotificationKind.MAX_BID_CHANGED, 4, TWENTY, but=BOB)
    ], "and who took back the bid that led is not outbid"


def test_who_takes_the_lead_back_at_once_was_not_outbid() -> None:
    events = (placed(SECOND, BOB, "20.00"), placed(THIRD, ALICE, "30.00"))
    after = RankedBid(THIRD, ALICE, THIRTY, 3)
    assert notices_of(*events, before=ALICE_LED, after=after) == [
        Notice(OUTBID, 3, THIRTY, to=to(BOB)),
        Notice(CHANGED, 3, THIRTY, but=ALICE),
    ]


def test_a_bid_that_was_taken_back_was_not_outbid() -> None:
    events = (placed(SECOND, BOB, "20.00"), deleted(FIRST, ALICE))
    gone = {FIRST: RankedBid(FIRST, ALICE, TEN, 1)}
    after = RankedBid(SECOND, BOB, TWENTY, 2)
    assert notices_of(*events, before=ALICE_LED, after=after, gone=gone) == [
        Notice(CHANGED, 2, TWENTY, but=BOB)
    ]


def test_when_the_leading_bid_is_deleted_its_bidder_caused_the_change() -> None:
    after = RankedBid(FIRST, ALICE, TEN, 2)
    gone = {SECOND: RankedBid(SECOND, BOB, TWENTY, 3)}
    before = Leading(SECOND, BOB, TWENTY)
    assert notices_of(deleted(SECOND, BOB), since=3, before=before, after=after, gone=gone) == [
        Notice(CHANGED, 4, TEN, but=BOB)
    ]


def test_a_deleted_lower_bid_caused_nothing() -> None:
    after = RankedBid(THIRD, ALICE, THIRTY, 3)
    gone = {FIRST: RankedBid(FIRST, BOB, TEN, 2)}
    events = (placed(THIRD, ALICE, "30.00"), deleted(FIRST, BOB))
    before = Leading(SECOND, CAROL, TWENTY)
    assert notices_of(*events, since=2, before=before, after=after, gone=gone) == [
        Notice(OUTBID, 3, THIRTY, to=to(CAROL)),
        Notice(CHANGED, 3, THIRTY, but=ALICE),
    ]


def test_when_no_bid_is_left_nobody_is_notified() -> None:
    gone = {FIRST: RankedBid(FIRST, ALICE, TEN, 2)}
    assert notices_of(deleted(FIRST, ALICE), before=ALICE_LED, gone=gone) == []


def test_a_doubled_bid_that_leads_now_notifies_its_bidder_the_outbid_and_the_others() -> None:
    before = Leading(SECOND, BOB, FIFTEEN)
    after = RankedBid(FIRST, ALICE, TWENTY, 4)
    assert notices_of(doubled(FIRST, ALICE, "20.00"), since=3, before=before, after=after) == [
        Notice(NotificationKind.BID_DOUBLED, 4, TWENTY, to=to(ALICE)),
        Notice(OUTBID, 4, TWENTY, to=to(BOB)),
        Notice(CHANGED, 4, TWENTY, but=ALICE),
    ]


def test_a_doubled_bid_that_does_not_lead_notifies_its_bidder_alone() -> None:
    after = RankedBid(SECOND, BOB, THIRTY, 3)
    before = Leading(SECOND, BOB, THIRTY)
    assert notices_of(doubled(FIRST, ALICE, "20.00"), since=3, before=before, after=after) == [
        Notice(NotificationKind.BID_DOUBLED, 4, TWENTY, to=to(ALICE))
    ]


def test_the_winner_and_the_others_are_notified_of_the_price() -> None:
    after = RankedBid(FIRST, ALICE, TWENTY, 3)
    assert notices_of(WON, since=4, before=Leading(FIRST, ALICE, TWENTY), after=after) == [
        Notice(NotificationKind.AUCTION_WON, 5, TEN, to=to(ALICE)),
        Notice(NotificationKind.AUCTION_LOST, 5, TEN, but=ALICE),
    ]


def test_of_a_second_chance_the_winner_is_told_once_and_the_others_when_it_is_their_turn() -> None:
    after = RankedBid(FIRST, ALICE, TWENTY, 3)
    led = Leading(FIRST, ALICE, TWENTY)
    theirs = LotOffered(FIRST, ALICE, TEN, DURING)
    assert notices_of(WON, theirs, since=4, before=led, after=after, won=FIRST) == [
        Notice(NotificationKind.AUCTION_WON, 5, TEN, to=to(ALICE)),
        Notice(NotificationKind.AUCTION_LOST, 5, TEN, but=ALICE),
    ]
    # Also in a run that begins between the two.
    assert notices_of(theirs, since=5, before=led, after=after, won=FIRST) == []
    lapsed, next_one = OfferLapsed(FIRST, ALICE), LotOffered(SECOND, BOB, FIFTEEN, DURING)
    assert notices_of(lapsed, next_one, since=6, before=led, after=after, won=FIRST) == [
        Notice(NotificationKind.LOT_LOST, 7, None, to=to(ALICE)),
        Notice(NotificationKind.LOT_OFFERED, 8, FIFTEEN, to=to(BOB)),
    ]
    declined = OfferDeclined(SECOND, BOB), SaleFailed()
    assert notices_of(*declined, since=8, before=led, after=after, won=FIRST) == []


def test_once_the_auction_is_over_nobody_is_outbid() -> None:
    after = RankedBid(FIRST, ALICE, TWENTY, 2)
    before = Leading(SECOND, BOB, FIFTEEN)
    kinds = [notice.kind for notice in notices_of(placed(FIRST, ALICE, "20.00"), WON, before=before, after=after)]  # fmt: skip
    assert OUTBID not in kinds
    assert NotificationKind.AUCTION_LOST in kinds


def test_whose_bid_the_house_removed_is_told_so_and_the_others_of_the_highest_bid() -> None:
    gone = {SECOND: RankedBid(SECOND, BOB, TWENTY, 3)}
    before, after = Leading(SECOND, BOB, TWENTY, deleted=True), RankedBid(FIRST, ALICE, TEN, 2)
    told = notices_of(removed(SECOND, BOB), since=3, before=before, after=after, gone=gone)
    assert told == [
        Notice(NotificationKind.BID_REMOVED, 4, TWENTY, to=to(BOB)),
        Notice(CHANGED, 4, TEN, but=BOB),
    ]


def test_all_with_live_bids_are_told_of_a_cancellation_and_nobody_is_outbid() -> None:
    after = RankedBid(SECOND, BOB, TWENTY, 2)
    events = (placed(SECOND, BOB, "20.00"), AuctionCancelled(REASON, None))
    told = notices_of(*events, before=ALICE_LED, after=after)
    assert told[0] == Notice(NotificationKind.AUCTION_CANCELLED, 3, None)
    assert OUTBID not in [notice.kind for notice in told]


def test_what_ones_own_bids_did_overtakes_earlier_notifications() -> None:
    events: list[EventAtVersion] = [
        (2, placed(SECOND, BOB, "20.00")),
        (3, deleted(THIRD, CAROL)),
    ]
    leads = RankedBid(FIRST, ALICE, THIRTY, 1)
    assert possibly_outdated(events, Leading(FIRST, ALICE, THIRTY), leads) == {BOB, CAROL}
    assert possibly_outdated(events, Leading(THIRD, CAROL, THIRTY), leads) == {BOB, CAROL, ALICE}
