"""The limit on a user's exposure: what a bid is measured by, and how the house sets, changes and lifts it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.bidders import Bidder
from commands.domain.commands import DeleteUser, LiftExposureLimit, LimitExposure
from commands.domain.events import (
    ExposureLimited,
    ExposureLimitLifted,
    UserCreated,
    UserDeleted,
    UserEvent,
)
from commands.domain.exposure import Exposure, ExposureLimit
from commands.domain.hidden import Content
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.sealed import Sealed
from commands.domain.user import User, decide, evolve
from tests.domain.scenario import (
    ALICE,
    AUCTIONEER,
    BOB,
    CAST,
    CREATED,
    DURING,
    FIRST,
    OPENING,
    SECOND,
    buy,
    given,
    place,
    placed,
)
from tests.domain.sealing import sealed

LIMIT = UUID("11300000-0000-4000-8000-000000000001")
OTHER = UUID("11300000-0000-4000-8000-000000000002")
SEALED = "1.sealed"
HUNDRED = Decimal("100.00")


def limited(limit_id: UUID = LIMIT, amount: Decimal = HUNDRED) -> ExposureLimited:
    """The event."""
    return ExposureLimited(ALICE, limit_id, amount, DURING, SEALED, AUCTIONEER)


def user(*events: UserEvent) -> User:
    """Alice after her sign-up and these events."""
    found = evolve(None, UserCreated(ALICE, is_staff=False))
    for event in events:
        found = evolve(found, event)
    return found


def bidders(
    limit: str, elsewhere: str, here: str = "0", told: bool = True
) -> Mapping[UUID, Bidder]:
    """All, of whom Alice uses so much of her limit in other auctions, and so much in this one."""
    used = Decimal(elsewhere) + Decimal(here)
    exposure = Exposure(Decimal(limit), used, Decimal(elsewhere), told)
    return {**CAST, ALICE: Bidder(ALICE, limited=True, exposure=exposure)}


@pytest.mark.parametrize(
    ("elsewhere", "amount", "is_placed"),
    [
        ("0.00", "100.00", True),
        ("0.00", "100.01", False),
        ("60.00", "40.00", True),
        ("60.00", "40.01", False),
        # The limit was lowered since.
        ("120.00", "20.00", False),
    ],
)
def test_a_bid_may_reach_the_limit_and_not_exceed_it(
    elsewhere: str, amount: str, is_placed: bool
) -> None:
    auction = given(CREATED, placed(FIRST, ALICE, "10.00"))
    answer = auction.when(
        place(SECOND, ALICE, amount), bidders=bidders("100.00", elsewhere, "10.00")
    )
    if is_placed:
        answer.then(placed(SECOND, ALICE, amount))
    else:
        answer.refused(RejectionCode.OVER_LIMIT)


@pytest.mark.parametrize(
    ("elsewhere", "here", "told", "message"),
    [
        ("1234.00", "10.00", True, ": 1,244.00 of it is used, and here you can bid 66.00 at most"),
        ("1300.00", "0", True, ": 1,300.00 of it is used, and here nothing is left of it"),
        ("1500.00", "0", True, ": 1,500.00 of it is used, and here nothing is left of it"),
        (
            "1234.00",
            "10.00",
            False,
            "; your account tells how much of it is used, because a sealed bid is part of that",
        ),
    ],
)
def test_the_bidder_is_told_the_limit_and_what_is_left_but_nothing_of_sealed_bids(
    elsewhere: str, here: str, told: bool, message: str
) -> None:
    answer = given(CREATED).when(
        place(SECOND, ALICE, "500.00"), bidders=bidders("1300.00", elsewhere, here, told)
    )
    assert answer.said == Rejection(
        RejectionCode.OVER_LIMIT,
        f"it would take you above your limit of 1,300.00 for all open auctions together{message}",
    )


def test_others_are_measured_by_nothing() -> None:
    answer = given(CREATED).when(place(SECOND, BOB, "500.00"), bidders=bidders("1.00", "1.00"))
    answer.then(placed(SECOND, BOB, "500.00"))


def test_a_purchase_counts_its_price() -> None:
    auction = given(replace(CREATED, rules=(BuyNow(HUNDRED),)))
    asked = buy(SECOND, ALICE)
    auction.when(asked, bidders=bidders("100.00", "0.01")).refused(RejectionCode.OVER_LIMIT)
    assert not isinstance(auction.when(asked, bidders=bidders("100.00", "0.00")).said, Rejection)


def test_a_sealed_bid_counts_what_it_holds_and_its_refusal_does_not_tell_that() -> None:
    auction = given(replace(CREATED, rules=(Sealed(),)))
    asked = sealed(place(SECOND, ALICE, "77.77"))
    opened = {SECOND: Content(Decimal("77.77"), "00")}
    answer = auction.when(asked, bidders=bidders("100.00", "22.24"), opened=opened)
    answer.refused(RejectionCode.OVER_LIMIT)
    assert isinstance(answer.said, Rejection)
    assert "77.77" not in answer.said.message
    placed = auction.when(asked, bidders=bidders("100.00", "22.23"), opened=opened)
    assert not isinstance(placed.said, Rejection)


def test_the_house_sets_changes_and_lifts_a_limit() -> None:
    command = LimitExposure(ALICE, LIMIT, HUNDRED, SEALED, AUCTIONEER)
    assert decide(command, user(), now=DURING, username_taken=False) == [limited()]
    held = user(limited(), limited(OTHER, Decimal("50.00")))
    assert held.exposure_limit == ExposureLimit(OTHER, Decimal("50.00"), DURING, SEALED, AUCTIONEER)
    lift = LiftExposureLimit(ALICE, AUCTIONEER)
    lifted = ExposureLimitLifted(ALICE, OPENING, AUCTIONEER)
    assert decide(lift, held, now=OPENING, username_taken=False) == [lifted]
    assert evolve(held, lifted) == replace(user(), version=4)


@pytest.mark.parametrize(
    ("command", "before", "code"),
    [
        (
            LimitExposure(ALICE, LIMIT, HUNDRED, SEALED, None),
            None,
            RejectionCode.USER_NOT_FOUND,
        ),
        (
            LimitExposure(ALICE, LIMIT, HUNDRED, SEALED, None),
            user(UserDeleted(ALICE)),
            RejectionCode.USER_NOT_FOUND,
        ),
        (LiftExposureLimit(ALICE, None), None, RejectionCode.USER_NOT_FOUND),
        (LiftExposureLimit(ALICE, None), user(), RejectionCode.NOT_LIMITED),
        (
            LiftExposureLimit(ALICE, None),
            user(limited(), ExposureLimitLifted(ALICE, DURING, None)),
            RejectionCode.NOT_LIMITED,
        ),
    ],
)
def test_what_is_refused(
    command: LimitExposure | LiftExposureLimit, before: User | None, code: RejectionCode
) -> None:
    answer = decide(command, before, now=DURING, username_taken=False)
    assert isinstance(answer, Rejection)
    assert answer.code is code


def test_a_user_with_a_limit_can_be_deleted_and_nothing_of_it_is_left() -> None:
    held = user(limited())
    assert decide(DeleteUser(ALICE), held, now=DURING, username_taken=False) == [UserDeleted(ALICE)]
    assert evolve(held, UserDeleted(ALICE)) == User(ALICE, 3, is_staff=False, deleted=True)
