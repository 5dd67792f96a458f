"""Bans: whom they keep from bidding, from when until when, and what takes their place."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from commands.domain.auction import decide
from commands.domain.bans import FOR_GOOD, Ban, last_end
from commands.domain.bidders import Bidder
from commands.domain.commands import BanUser, DeleteUser, LiftBan
from commands.domain.events import BanLifted, UserBanned, UserCreated, UserDeleted, UserEvent
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.user import User, evolve
from commands.domain.user import decide as decide_user
from tests.domain.scenario import (
    AFTER,
    ALICE,
    AUCTION,
    AUCTIONEER,
    BOB,
    CAST,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    INSTANT,
    OPENING,
    SECOND,
    delete,
    deleted,
    given,
    place,
    placed,
)

BAN = UUID("ba000000-0000-4000-8000-000000000001")
OTHER_BAN = UUID("ba000000-0000-4000-8000-000000000002")
ELSEWHERE = UUID("ac000000-0000-4000-8000-00000000000e")
SEALED = "1.sealed"


def user(*events: UserEvent) -> User:
    """Alice after her sign-up and these events."""
    found = evolve(None, UserCreated(ALICE, is_staff=False))
    for event in events:
        found = evolve(found, event)
    return found


def banned(
    since: datetime = DURING,
    until: datetime | None = None,
    auction_id: UUID | None = None,
    ban_id: UUID = BAN,
) -> UserBanned:
    """The event."""
    return UserBanned(ALICE, ban_id, auction_id, since, until, SEALED, AUCTIONEER)


def lifted(at: datetime, auction_id: UUID | None = None) -> BanLifted:
    """The event."""
    return BanLifted(ALICE, auction_id, at, AUCTIONEER)


def bidding(alice: User, at: datetime) -> object:
    """What Alice's bid is told that was accepted then."""
    bidders = {**CAST, ALICE: Bidder(ALICE, bans=alice.bans)}
    answer = decide(place(FIRST, ALICE, "10.00"), given(CREATED).auction, now=at, bidders=bidders)
    return answer.code if isinstance(answer, Rejection) else "placed"


@pytest.mark.parametrize(
    ("events", "at", "told"),
    [
        ([banned(DURING)], DURING - INSTANT, "placed"),
        ([banned(DURING)], DURING, RejectionCode.BANNED),
        ([banned(OPENING, DURING)], DURING - INSTANT, RejectionCode.BANNED),
        ([banned(OPENING, DURING)], DURING, "placed"),
        ([banned(OPENING, auction_id=AUCTION)], DURING, RejectionCode.BANNED),
        ([banned(OPENING, auction_id=ELSEWHERE)], DURING, "placed"),
        # What decides is when the bid was accepted, not whether the ban was lifted since.
        ([banned(OPENING), lifted(DURING)], DURING - INSTANT, RejectionCode.BANNED),
        ([banned(OPENING), lifted(DURING)], DURING, "placed"),
        # Each scope by itself.
        ([banned(OPENING), lifted(DURING, AUCTION)], DURING, RejectionCode.BANNED),
        (
            [
                banned(OPENING),
                banned(OPENING, auction_id=AUCTION, ban_id=OTHER_BAN),
                lifted(DURING),
            ],
            DURING,
            RejectionCode.BANNED,
        ),
        # A later ban takes the place of the earlier one, longer or shorter.
        ([banned(OPENING), banned(OPENING + INSTANT, DURING, ban_id=OTHER_BAN)], DURING, "placed"),
    ],
)
def test_what_decides_is_when_the_bid_was_accepted(
    events: list[UserEvent], at: datetime, told: object
) -> None:
    assert bidding(user(*events), at) == told


def test_a_refusal_says_until_when_and_of_several_bans_the_longest() -> None:
    portal, auction = banned(OPENING, AFTER), banned(OPENING, auction_id=AUCTION, ban_id=OTHER_BAN)
    for events, message in (
        (
            [portal],
            "by a ban of the house you can't bid in any auction until 2025-03-01 14:00:00 UTC",
        ),
        ([auction], "by a ban of the house you can't bid in this auction any more"),
        ([portal, auction], "by a ban of the house you can't bid in this auction any more"),
    ):
        alice = Bidder(ALICE, bans=user(*events).bans)
        answer = decide(
            place(FIRST, ALICE, "10.00"), given(CREATED).auction, now=DURING, bidders={ALICE: alice}
        )
        assert answer == Rejection(RejectionCode.BANNED, message)
        # The words about a person are not in it: rejections are stored.
        assert SEALED not in message


def test_what_was_bid_before_stays_and_can_be_deleted() -> None:
    auction = given(CREATED, placed(FIRST, ALICE, "10.00"))
    auction.leads(FIRST)
    bidders = {ALICE: Bidder(ALICE, bans=user(banned()).bans), BOB: Bidder(BOB)}
    auction.when(delete(FIRST, ALICE), bidders=bidders).then(deleted(FIRST, ALICE))
    auction.when(place(SECOND, ALICE, "20.00"), bidders=bidders).refused(RejectionCode.BANNED)


def test_the_house_bans_and_lifts() -> None:
    command = BanUser(ALICE, BAN, CLOSING, SEALED, AUCTIONEER, AUCTION)
    assert decide_user(command, user(), now=DURING, username_taken=False) == [
        banned(DURING, CLOSING, AUCTION)
    ]
    lift = LiftBan(ALICE, AUCTIONEER, AUCTION)
    held = user(banned(OPENING, CLOSING, AUCTION))
    assert decide_user(lift, held, now=DURING, username_taken=False) == [lifted(DURING, AUCTION)]


@pytest.mark.parametrize(
    ("command", "before", "auction_exists", "code"),
    [
        (BanUser(ALICE, BAN, None, SEALED, None), None, True, RejectionCode.USER_NOT_FOUND),
        (
            BanUser(ALICE, BAN, None, SEALED, None),
            user(UserDeleted(ALICE)),
            True,
            RejectionCode.USER_NOT_FOUND,
        ),
        (
            BanUser(ALICE, BAN, None, SEALED, None, AUCTION),
            user(),
            False,
            RejectionCode.AUCTION_NOT_FOUND,
        ),
        (BanUser(ALICE, BAN, DURING, SEALED, None), user(), True, RejectionCode.INVALID_SCHEDULE),
        (LiftBan(ALICE, None), None, True, RejectionCode.USER_NOT_FOUND),
        (LiftBan(ALICE, None), user(), True, RejectionCode.NOT_BANNED),
        (LiftBan(ALICE, None), user(banned(OPENING, DURING)), True, RejectionCode.NOT_BANNED),
        (LiftBan(ALICE, None, AUCTION), user(banned(OPENING)), True, RejectionCode.NOT_BANNED),
        (
            LiftBan(ALICE, None),
            user(banned(OPENING), lifted(DURING - INSTANT)),
            True,
            RejectionCode.NOT_BANNED,
        ),
    ],
)
def test_what_is_refused(
    command: BanUser | LiftBan, before: User | None, auction_exists: bool, code: RejectionCode
) -> None:
    answer = decide_user(
        command, before, now=DURING, username_taken=False, auction_exists=auction_exists
    )
    assert isinstance(answer, Rejection)
    assert answer.code is code


def test_the_state_knows_until_when_to_look() -> None:
    assert user().banned_until is None
    assert user(banned(OPENING, CLOSING)).banned_until == CLOSING
    assert user(banned(OPENING)).banned_until == FOR_GOOD
    assert user(banned(OPENING), lifted(DURING)).banned_until == DURING
    both = user(banned(OPENING, CLOSING), banned(OPENING, AFTER, AUCTION, OTHER_BAN))
    assert both.banned_until == AFTER
    assert last_end(()) is None


def test_a_banned_user_can_be_deleted_and_nothing_of_the_ban_is_left() -> None:
    held = user(banned(OPENING))
    assert decide_user(DeleteUser(ALICE), held, now=DURING, username_taken=False) == [
        UserDeleted(ALICE)
    ]
    assert evolve(held, UserDeleted(ALICE)) == User(ALICE, 3, is_staff=False, deleted=True)


def test_a_replaced_ban_ended_when_the_new_one_began() -> None:
    later = DURING + timedelta(minutes=1)
    first, second = user(banned(DURING), banned(later, CLOSING, ban_id=OTHER_BAN)).bans
    assert first == Ban(BAN, None, DURING, None, SEALED, AUCTIONEER, ended_at=later)
    assert second == Ban(OTHER_BAN, None, later, CLOSING, SEALED, AUCTIONEER)
    assert replace(second, ended_at=later).end == later
