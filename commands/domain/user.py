"""The user: a decider (decide, evolve) over its commands and events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from commands.domain.bans import Ban, Bans, ended, last_end
from commands.domain.commands import (
    BanUser,
    CreateUser,
    DeleteUser,
    LiftBan,
    LiftExposureLimit,
    LimitExposure,
    UserCommand,
)
from commands.domain.events import (
    BanLifted,
    ExposureLimited,
    ExposureLimitLifted,
    UserBanned,
    UserCreated,
    UserDeleted,
    UserEvent,
)
from commands.domain.exposure import ExposureLimit
from commands.domain.rejections import Rejection, RejectionCode, readable


@dataclass(frozen=True, slots=True)
class User:
    """A user as known from their events: without name and address.

    From `banned_until` on none of their bans holds; None without bans.
    """

    id: UUID
    version: int
    is_staff: bool
    deleted: bool
    banned_until: datetime | None = None
    bans: Bans = ()
    exposure_limit: ExposureLimit | None = None


NOT_THERE = Rejection(RejectionCode.USER_NOT_FOUND, "there is no such user")


def decide(
    command: UserCommand,
    user: User | None,
    *,
    now: datetime,
    username_taken: bool,
    auction_exists: bool = True,
    bound_in: str | None = None,
) -> Sequence[UserEvent] | Rejection:
    """The events the command causes, or the rejection.

    `now` is when the portal accepted the command, `auction_exists` about the one that it names. `bound_in` is, of
    users who delete themselves, the title of an auction in which a bid of theirs is binding.
    """
    match command:
        case CreateUser():
            if username_taken:
                return Rejection(RejectionCode.USERNAME_TAKEN, "this username is taken")
            return [UserCreated(command.user_id, command.is_staff)]
        case DeleteUser():
            return _delete(command, bound_in) if _there(user) else NOT_THERE
        case BanUser():
            return _ban(command, now, auction_exists) if _there(user) else NOT_THERE
        case LiftBan():
            return _lift(command, user, now) if user and _there(user) else NOT_THERE
        case LimitExposure():
            return [_limited(command, now)] if _there(user) else NOT_THERE
        case LiftExposureLimit():
            return _lift_limit(command, user, now) if user and _there(user) else NOT_THERE
        case _:
            assert_never(command)


def _there(user: User | None) -> bool:
    return user is not None and not user.deleted


def _delete(command: DeleteUser, bound_in: str | None) -> Sequence[UserEvent] | Rejection:
    if bound_in is not None:
        return Rejection(
            RejectionCode.BID_BINDING,
            f"a bid in the auction “{bound_in}” is binding: the account can be deleted once that is closed",
        )
    return [UserDeleted(command.user_id)]


def _ban(command: BanUser, now: datetime, auction_exists: bool) -> Sequence[UserEvent] | Rejection:
    if command.auction_id and not auction_exists:
        return Rejection(RejectionCode.AUCTION_NOT_FOUND, "there is no such auction")
    if command.until and command.until <= now:
        return Rejection(
            RejectionCode.INVALID_SCHEDULE,
            f"it would be over already, at {readable(command.until)}",
        )
    return [
        UserBanned(
            user_id=command.user_id,
            ban_id=command.ban_id,
            auction_id=command.auction_id,
            since=now,
            until=command.until,
            reason=command.reason,
            banned_by=command.banned_by,
        )
    ]


def _lift(command: LiftBan, user: User, now: datetime) -> Sequence[UserEvent] | Rejection:
    if not any(ban.auction_id == command.auction_id and ban.holds(now) for ban in user.bans):
        where = "this auction" if command.auction_id else "the portal"
        return Rejection(RejectionCode.NOT_BANNED, f"the user is not banned from {where}")
    return [BanLifted(command.user_id, command.auction_id, now, command.lifted_by)]


def _limited(command: LimitExposure, now: datetime) -> ExposureLimited:
    return ExposureLimited(
        user_id=command.user_id,
        limit_id=command.limit_id,
        amount=command.amount,
        since=now,
        reason=command.reason,
        limited_by=command.limited_by,
    )


def _lift_limit(
    command: LiftExposureLimit, user: User, now: datetime
) -> Sequence[UserEvent] | Rejection:
    if user.exposure_limit is None:
        return Rejection(RejectionCode.NOT_LIMITED, "the user has no limit on their exposure")
    return [ExposureLimitLifted(command.user_id, now, command.lifted_by)]


def evolve(user: User | None, event: UserEvent) -> User:
    """The user after the event."""
    match event:
        case UserCreated():
            return User(event.user_id, version=1, is_staff=event.is_staff, deleted=False)
        case UserDeleted():
            assert user is not None, "a user is created before they are deleted"
            return User(user.id, user.version + 1, user.is_staff, deleted=True)
        case UserBanned() | BanLifted():
            assert user is not None, "a user is created before anything else happens to them"
            bans = bans_after(user.bans, event)
            return replace(user, version=user.version + 1, bans=bans, banned_until=last_end(bans))
        case ExposureLimited() | ExposureLimitLifted():
            assert user is not None, "a user is created before anything else happens to them"
            limit = limit_after(event)
            return replace(user, version=user.version + 1, exposure_limit=limit)
        case _:
            assert_never(event)


def bans_after(bans: Bans, event: UserBanned | BanLifted) -> Bans:
    """The bans after the event. A new one takes the place of one that is in force in the same auction, or portal."""
    if isinstance(event, BanLifted):
        return ended(bans, event.auction_id, event.lifted_at)
    new = Ban(
        id=event.ban_id,
        auction_id=event.auction_id,
        since=event.since,
        until=event.until,
        reason=event.reason,
        banned_by=event.banned_by,
    )
    return (*ended(bans, event.auction_id, event.since), new)


def limit_after(event: ExposureLimited | ExposureLimitLifted) -> ExposureLimit | None:
    """The limit on the user's exposure after the event; None without one."""
    if isinstance(event, ExposureLimitLifted):
        return None
    return ExposureLimit(event.limit_id, event.amount, event.since, event.reason, event.limited_by)
