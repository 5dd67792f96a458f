"""Who is told what: given events and what led before and after, then these notices."""

from decimal import Decimal
from uuid import UUID

from commands.domain.events import AuctionEvent, WinnerAnnounced
from notifications.notices import Leading, Notice, RankedBid, notices
from notifications.preferences import NotificationKind
from tests.domain.scenario import (
    ALICE,
    BOB,
    CREATED,
    DURING,
    FIRST,
    SECOND,
    THIRD,
    deleted,
    doubled,
    placed,
)

CHANGED = NotificationKind.MAX_BID_CHANGED


def told(
    *events: AuctionEvent,
    since: int = 1,
    before: Leading | None = None,
    after: RankedBid | None = None,
    gone: dict[UUID, RankedBid] | None = None,
) -> list[Notice]:
    """The notices of events that begin behind version `since`."""
    return notices(list(enumerate(events, since + 1)), before, after, gone or {})


def test_a_created_auction_is_told_to_nobody() -> None:
    assert told(CREATED, since=0) == []


def test_a_new_highest_bid_is_told_to_all_but_its_bidder() -> None:
    after = RankedBid(SECOND, Decimal("20.00"), 2)
    assert told(
        placed(SECOND, BOB, "20.00"), before=Leading(FIRST, Decimal("10.00")), after=after
    ) == [Notice(CHANGED, 2, Decimal("20.00"), caused_by=BOB)]


def test_a_lower_bid_is_told_to_nobody() -> None:
    after = RankedBid(FIRST, Decimal("10.00"), 1)
    before = Leading(FIRST, Decimal("10.00"))
    assert told(placed(SECOND, BOB, "5.00"), before=before, after=after) == []


def test_of_many_changes_the_last_is_told() -> None:
    after = RankedBid(THIRD, Decimal("30.00"), 3)
    events = (placed(SECOND, BOB, "20.00"), placed(THIRD, ALICE, "30.00"))
    assert told(*events, before=Leading(FIRST, Decimal("10.00")), after=after) == [
        Notice(CHANGED, 3, Decimal("30.00"), caused_by=ALICE)
    ]


def test_when_the_leading_bid_is_deleted_its_bidder_caused_the_change() -> None:
    after = RankedBid(FIRST, Decimal("10.00"), 2)
    gone = {SECOND: RankedBid(SECOND, Decimal("20.00"), 3)}
    before = Leading(SECOND, Decimal("20.00"))
    assert told(deleted(SECOND, BOB), since=3, before=before, after=after, gone=gone) == [
        Notice(CHANGED, 4, Decimal("10.00"), caused_by=BOB)
    ]


def test_a_deleted_lower_bid_caused_nothing() -> None:
    after = RankedBid(THIRD, Decimal("30.00"), 3)
    gone = {FIRST: RankedBid(FIRST, Decimal("10.00"), 2)}
    events = (placed(THIRD, ALICE, "30.00"), deleted(FIRST, BOB))
    before = Leading(SECOND, Decimal("20.00"))
    assert told(*events, since=2, before=before, after=after, gone=gone) == [
        Notice(CHANGED, 3, Decimal("30.00"), caused_by=ALICE)
    ]


def test_when_no_bid_is_left_there_is_nothing_to_tell() -> None:
    gone = {FIRST: RankedBid(FIRST, Decimal("10.00"), 2)}
    before = Leading(FIRST, Decimal("10.00"))
    assert told(deleted(FIRST, ALICE), before=before, gone=gone) == []


def test_a_doubled_bid_is_told_to_its_bidder_and_if_it_leads_now_to_the_others() -> None:
    after = RankedBid(FIRST, Decimal("20.00"), 4)
    assert told(
        doubled(FIRST, ALICE, "20.00"),
        since=3,
        before=Leading(SECOND, Decimal("15.00")),
        after=after,
    ) == [
        Notice(NotificationKind.BID_DOUBLED, 4, Decimal("20.00"), to=ALICE),
        Notice(CHANGED, 4, Decimal("20.00"), caused_by=ALICE),
    ]


def test_a_winner_is_told_what_to_pay() -> None:
    won = WinnerAnnounced(FIRST, ALICE, Decimal("10.00"), Decimal("20.00"), True, DURING)
    after = RankedBid(FIRST, Decimal("20.00"), 3)
    assert told(won, since=4, before=Leading(FIRST, Decimal("20.00")), after=after) == [
        Notice(NotificationKind.AUCTION_WON, 5, Decimal("10.00"), to=ALICE)
    ]
