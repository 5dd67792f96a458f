"""Requests of auctioneers to ban a user from bidding, and to lift a ban."""

from datetime import datetime
from typing import Any, Unpack
from uuid import UUID

from django.utils.crypto import salted_hmac

from commands.domain.bans import FOR_GOOD
from commands.domain.commands import BanUser, LiftBan
from commands.ids import new_id
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests.asking import Caller, How, submission
from commands.inbox.requests.house import LONGEST_REASON
from commands.inbox.text import checked_text
from commands.jobs import Submission
from commands.record.reasons import sealed_reason
from commands.record.sealing import new_key
from commands.streams import Stream


def ban_user(
    caller: Caller,
    *,
    user_id: UUID,
    reason: str,
    key: bytes | None,
    auction_id: UUID | None = None,
    until: datetime | None = None,
    **how: Unpack[How],
) -> Submission:
    """The command to ban a user from an auction or, without one, from the portal; without `until` for good. InvalidInput.

    `key` is the user's, with which the reason is sealed; None if there is no such user, as the job will say.
    """
    reason = checked_text("reason", reason, LONGEST_REASON)
    if until is not None and until.tzinfo is None:
        raise InvalidInput("until", "a time needs its zone, e.g. 2030-01-31T18:00:00Z")
    if until is not None and until >= FOR_GOOD:
        raise InvalidInput("until", "a ban ends before the year 9999, or is for good")
    ban_id = new_id()
    sealed = sealed_reason(key or new_key(), reason, user_id, ban_id)
    content: dict[str, Any] = {
        "banned": str(user_id),
        "until": until and until.isoformat(),
        # Of no use for finding the reason.
        "reason": salted_hmac("bans", reason, algorithm="sha256").hexdigest(),
    }
    return submission(
        caller,
        Stream("user", user_id),
        BanUser(user_id, ban_id, until, sealed, caller.user_id, auction_id),
        content | _of(auction_id),
        **how,
    )


def lift_ban(
    caller: Caller, *, user_id: UUID, auction_id: UUID | None = None, **how: Unpack[How]
) -> Submission:
    """The command to lift a user's ban from an auction or, without one, from the portal."""
    return submission(
        caller,
        Stream("user", user_id),
        LiftBan(user_id, caller.user_id, auction_id),
        {"lifted": str(user_id)} | _of(auction_id),
        **how,
    )


def _of(auction_id: UUID | None) -> dict[str, Any]:
    return {"auction_id": str(auction_id)} if auction_id else {}
