"""Revisions: all that was said of an auction can be changed until somebody bids, and then its description alone."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionEndedUnsold,
    BidPlaced,
)
from commands.domain.rejections import RejectionCode
from commands.domain.revisions import Revision
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.rule import Rule
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.state import replay
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTIONEER,
    BEFORE,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    INSTANT,
    OPENING,
    REASON,
    SECOND,
    deleted,
    given,
    paused,
    place,
    placed,
    removed,
    resumed,
    revise,
    revised,
)

HOUR = timedelta(hours=1)
RULES = (StartingPrice(Decimal("10.00")),)
BID = placed(FIRST, ALICE, "10.00")
SOFT = SoftClose(window=60, extension=60, hard_end=AFTER)


def test_before_its_start_all_of_it_can_be_changed() -> None:
    changes = Revision("A lantern", "", OPENING - HOUR + INSTANT, AFTER, RULES)
    before = Revision("A lamp", "Brass, works", OPENING, CLOSING, ())
    given(CREATED).when(revise(**changes.given), at=BEFORE).then(revised(before, changes))
    auction = replay([CREATED, revised(before, changes)])
    assert (auction.title, auction.description) == ("A lantern", "")
    assert (auction.starts_at, auction.ends_at) == (changes.starts_at, AFTER)
    assert auction.rules == RULES


def test_what_is_not_given_stays_and_what_is_as_before_is_no_change() -> None:
    given(CREATED).when(revise(title="A lamp", description="Broken"), at=DURING).then(
        revised(Revision(description="Brass, works"), Revision(description="Broken"))
    )


def test_a_revision_that_changes_nothing_says_so() -> None:
    same = revise(title="A lamp", ends_at=CLOSING, rules=())
    given(CREATED).when(same).refused(RejectionCode.NOTHING_TO_REVISE)
    given(CREATED, BID).when(same).refused(RejectionCode.NOTHING_TO_REVISE)


@pytest.mark.parametrize(
    "bids",
    [[BID], [BID, deleted(FIRST, ALICE)], [BID, removed(FIRST, ALICE)]],
    ids=["live", "deleted", "removed"],
)
def test_once_there_was_a_bid_only_the_description_can_be_changed(bids: list[BidPlaced]) -> None:
    auction = given(CREATED, *bids)
    auction.when(revise(description="Broken")).then(
        revised(Revision(description="Brass, works"), Revision(description="Broken"))
    )
    for changes in ({"title": "A"}, {"ends_at": AFTER}, {"rules": RULES}):
        auction.when(revise(description="Broken", **changes)).refused(
            RejectionCode.AUCTION_HAS_BIDS
        )


def test_the_refusal_says_what_stays_and_what_can_still_be_changed() -> None:
    answer = given(CREATED, BID).when(revise(title="A", ends_at=AFTER))
    answer.refused(RejectionCode.AUCTION_HAS_BIDS)
    assert "the title and the end can't be changed any more; the description still can" in str(
        answer.said
    )


def test_a_start_that_has_passed_stays() -> None:
    for at in (OPENING, DURING):
        given(CREATED).when(revise(starts_at=OPENING + HOUR), at=at).refused(
            RejectionCode.INVALID_SCHEDULE
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"starts_at": BEFORE - INSTANT},
        {"starts_at": CLOSING},
        {"ends_at": OPENING},
        {"starts_at": AFTER, "ends_at": AFTER},
        {"rules": (replace(SOFT, hard_end=CLOSING),)},
        {"ends_at": AFTER, "rules": (SOFT,)},
    ],
    ids=str,
)
def test_times_that_no_auction_can_have_are_refused(changes: dict[str, object]) -> None:
    given(CREATED).when(revise(**changes), at=BEFORE).refused(RejectionCode.INVALID_SCHEDULE)


def test_an_open_auction_ends_later_or_earlier_but_not_in_the_past() -> None:
    for end in (DURING + INSTANT, AFTER):
        given(CREATED).when(revise(ends_at=end)).then(
            revised(Revision(ends_at=CLOSING), Revision(ends_at=end))
        )
    for end in (DURING, OPENING, OPENING + INSTANT):
        given(CREATED).when(revise(ends_at=end)).refused(RejectionCode.INVALID_SCHEDULE)


def test_bids_go_by_what_was_revised() -> None:
    changed = revised(Revision(ends_at=CLOSING, rules=()), Revision(ends_at=AFTER, rules=RULES))
    auction = given(CREATED, changed)
    auction.when(place(SECOND, ALICE, "9.00")).refused(RejectionCode.BELOW_STARTING_PRICE)
    late = placed(SECOND, ALICE, "10.00", CLOSING)
    auction.when(place(SECOND, ALICE, "10.00"), at=CLOSING).then(late)


def test_rules_name_only_users_who_exist() -> None:
    rules: tuple[Rule, ...] = (OwnLot((ALICE,)),)
    given(CREATED).when(revise(rules=rules), bidders={}).refused(RejectionCode.USER_NOT_FOUND)
    given(CREATED).when(revise(rules=rules)).then(
        revised(Revision(rules=()), Revision(rules=rules))
    )


def test_whether_bids_are_sealed_stays() -> None:
    sealed = replace(CREATED, rules=(Sealed(),))
    given(CREATED).when(revise(rules=(Sealed(),))).refused(RejectionCode.SEALING_STAYS)
    given(sealed).when(revise(rules=RULES)).refused(RejectionCode.SEALING_STAYS)
    second = (Sealed(second_price=True),)
    changed = revised(Revision(rules=(Sealed(),)), Revision(rules=second))
    given(sealed).when(revise(rules=second), at=DURING).then(changed)


def test_times_and_rules_stay_while_time_stands_still() -> None:
    still = given(CREATED, paused())
    for changes in ({"ends_at": AFTER}, {"rules": RULES}):
        still.when(revise(**changes), at=AFTER).refused(RejectionCode.AUCTION_PAUSED)
    still.when(revise(title="A lantern"), at=AFTER).then(
        revised(Revision(title="A lamp"), Revision(title="A lantern"))
    )


def test_a_hard_end_that_is_revised_after_a_pause_is_meant_as_it_is_written() -> None:
    gone_on = (CREATED, paused(), resumed(DURING + HOUR, CLOSING + HOUR))
    rules = (replace(SOFT, hard_end=AFTER + HOUR),)
    changed = revised(Revision(rules=()), Revision(rules=rules))
    given(*gone_on).when(revise(rules=rules), at=DURING + HOUR).then(changed)
    assert replay([*gone_on, changed]).rules == rules


def test_what_is_over_is_not_revised() -> None:
    given().when(revise(title="A")).refused(RejectionCode.AUCTION_NOT_FOUND)
    given(CREATED).when(revise(title="A"), at=CLOSING).refused(RejectionCode.AUCTION_ENDED)
    given(CREATED, AuctionEndedUnsold()).when(revise(title="A")).refused(
        RejectionCode.AUCTION_ENDED
    )
    early = AuctionClosedEarly(DURING, REASON, AUCTIONEER)
    given(CREATED, early).when(revise(description="A")).refused(RejectionCode.AUCTION_ENDED)
    cancelled = AuctionCancelled(REASON, AUCTIONEER)
    given(CREATED, cancelled).when(revise(description="A")).refused(RejectionCode.AUCTION_CANCELLED)
