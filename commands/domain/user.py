"""The user: a decider (decide, evolve) over its commands and events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from commands.domain.commands import CreateUser, DeleteUser, UserCommand
from commands.domain.events import UserCreated, UserDeleted, UserEvent
from commands.domain.rejections import Rejection, RejectionCode


@dataclass(frozen=True, slots=True)
class User:
    """A user as known from their events: without name and address."""

    id: UUID
    version: int
    is_staff: bool
    deleted: bool


def decide(
    command: UserCommand, user: User | None, *, username_taken: bool
) -> Sequence[UserEvent] | Rejection:
    """The events the command causes, or the rejection."""
    match command:
        case CreateUser():
            if username_taken:
                return Rejection(RejectionCode.USERNAME_TAKEN, "this username is taken")
            return [UserCreated(command.user_id, command.is_staff)]
        case DeleteUser():
            if user is None or user.deleted:
                return Rejection(RejectionCode.USER_NOT_FOUND, "there is no such user")
            return [UserDeleted(command.user_id)]
        case _:
            assert_never(command)


def evolve(user: User | None, event: UserEvent) -> User:
    """The user after the event."""
    match event:
        case UserCreated():
            return User(event.user_id, version=1, is_staff=event.is_staff, deleted=False)
        case UserDeleted():
            assert user is not None, "a user is created before they are deleted"
            return replace(user, version=user.version + 1, deleted=True)
        case _:
            assert_never(event)
