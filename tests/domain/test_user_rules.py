"""Users come, keep their name to themselves, and go once."""

from uuid import UUID

import pytest

from commands.domain.commands import CreateUser, DeleteUser
from commands.domain.events import UserCreated, UserDeleted
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.user import User, decide, evolve
from tests.domain.scenario import ALICE, DURING

ALICE_SIGNED_UP = User(ALICE, version=1, is_staff=False, deleted=False)
ALICE_GONE = User(ALICE, version=2, is_staff=False, deleted=True)


def sign_up(user_id: UUID, *, is_staff: bool = False) -> CreateUser:
    """A sign-up as alice."""
    return CreateUser(user_id, "alice", "alice@example.com", "argon2$hash", is_staff)


@pytest.mark.parametrize("is_staff", [False, True])
def test_a_user_signs_up_and_no_personal_data_enters_the_event(is_staff: bool) -> None:
    answer = decide(sign_up(ALICE, is_staff=is_staff), None, now=DURING, username_taken=False)
    assert answer == [UserCreated(ALICE, is_staff)]


def test_a_taken_name_is_refused() -> None:
    answer = decide(sign_up(ALICE), None, now=DURING, username_taken=True)
    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.USERNAME_TAKEN


def test_a_user_is_deleted() -> None:
    answer = decide(DeleteUser(ALICE), ALICE_SIGNED_UP, now=DURING, username_taken=False)
    assert answer == [UserDeleted(ALICE)]


def test_whoever_has_a_binding_bid_stays() -> None:
    answer = decide(
        DeleteUser(ALICE), ALICE_SIGNED_UP, now=DURING, username_taken=False, bound_in="A viola"
    )
    message = (
        "a bid in the auction “A viola” is binding: the account can be deleted once that is closed"
    )
    assert answer == Rejection(RejectionCode.BID_BINDING, message)


@pytest.mark.parametrize("user", [None, ALICE_GONE], ids=["never there", "gone already"])
def test_a_user_who_is_not_there_cannot_be_deleted(user: User | None) -> None:
    answer = decide(DeleteUser(ALICE), user, now=DURING, username_taken=False)
    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.USER_NOT_FOUND


def test_the_state_follows_the_events() -> None:
    created = evolve(None, UserCreated(ALICE, is_staff=True))
    assert created == User(ALICE, version=1, is_staff=True, deleted=False)
    assert evolve(created, UserDeleted(ALICE)) == User(ALICE, 2, is_staff=True, deleted=True)


def test_a_history_that_begins_with_a_deletion_is_an_error() -> None:
    with pytest.raises(AssertionError):
        evolve(None, UserDeleted(ALICE))
