"""Requests of auctioneers to limit a user's exposure, and to lift the limit."""

from decimal import Decimal
from typing import Unpack
from uuid import UUID

from django.utils.crypto import salted_hmac

from commands.domain import amounts
from commands.domain.commands import LiftExposureLimit, LimitExposure
from commands.ids import new_id
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests.asking import Caller, How, submission
from commands.inbox.requests.house import LONGEST_REASON
from commands.inbox.text import checked_text
from commands.jobs import Submission
from commands.record.reasons import sealed_reason
from commands.record.sealing import new_key
from commands.streams import Stream


def limit_exposure(
    caller: Caller,
    *,
    user_id: UUID,
    amount_text: str,
    reason: str,
    key: bytes | None,
    **how: Unpack[How],
) -> Submission:
    """The command to limit what a user would pay at most in all open auctions together, or to change that limit. InvalidInput.

    `key` is the user's, with which the reason is sealed; None if there is no such user, as the job will say.
    """
    amount = _amount(amount_text)
    reason = checked_text("reason", reason, LONGEST_REASON)
    limit_id = new_id()
    sealed = sealed_reason(key or new_key(), reason, user_id, limit_id)
    content = {
        "limited": str(user_id),
        "amount": str(amount),
        # Of no use for finding the reason.
        "reason": salted_hmac("limits", reason, algorithm="sha256").hexdigest(),
    }
    command = LimitExposure(user_id, limit_id, amount, sealed, caller.user_id)
    return submission(caller, Stream("user", user_id), command, content, **how)


def lift_exposure_limit(caller: Caller, *, user_id: UUID, **how: Unpack[How]) -> Submission:
    """The command to lift the limit on a user's exposure."""
    command = LiftExposureLimit(user_id, caller.user_id)
    content = {"limit_lifted": str(user_id)}
    return submission(caller, Stream("user", user_id), command, content, **how)


def _amount(text: str) -> Decimal:
    try:
        return amounts.amount(text)
    except amounts.InvalidAmount as error:
        raise InvalidInput("amount", str(error)) from error
