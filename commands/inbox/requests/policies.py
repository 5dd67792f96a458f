"""Requests to change the promoter's options."""

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from uuid import UUID

from commands.domain.commands import ChangePolicy, WithdrawPolicy
from commands.domain.policies import STREAM as POLICIES_STREAM
from commands.domain.promoter import EXCLUSIONS, LIMITS, WEIGHTS
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests.asking import Caller, submission
from commands.jobs import Submission
from commands.record.codec import encode
from commands.streams import Stream

POLICIES = Stream("policies", POLICIES_STREAM)


def change_policy(
    caller: Caller,
    *,
    auction_id: UUID | None = None,
    chance: Decimal,
    weight: Sequence[str],
    exclude: Sequence[str] = (),
    limit: Sequence[str] = (),
    idempotency_key: str | None = None,
) -> Submission:
    """The command to change the promoter's options; limits are "name:number"; InvalidInput."""
    if not (chance.is_finite() and 0 <= chance <= 100 and chance == round(chance, 2)):
        raise InvalidInput("chance", "a chance is 0 to 100 per cent, with at most two places")
    if not weight:
        raise InvalidInput("weight", "a promoter weighs bids by at least one option")
    _known("weight", weight, WEIGHTS)
    _known("exclude", exclude, EXCLUSIONS)
    _known("limit", [term.partition(":")[0] for term in limit], LIMITS)
    if not all(re.fullmatch(r"[a-z_]+:[0-9]{1,6}", term) for term in limit):
        raise InvalidInput("limit", 'a limit is written "name:number", e.g. per_bidder:1')
    command = ChangePolicy(
        auction_id, round(chance, 2), tuple(weight), tuple(exclude), tuple(limit)
    )
    return submission(caller, POLICIES, command, encode(command), idempotency_key=idempotency_key)


def withdraw_policy(
    caller: Caller, *, auction_id: UUID | None = None, idempotency_key: str | None = None
) -> Submission:
    """The command to remove an auction's policy or, without an auction, the portal's."""
    command = WithdrawPolicy(auction_id)
    return submission(caller, POLICIES, command, encode(command), idempotency_key=idempotency_key)


def _known(name: str, given: Sequence[str], options: Collection[str]) -> None:
    for option in given:
        if option not in options:
            known = ", ".join(options)
            raise InvalidInput(name, f"there is no option {option!r}; there are {known}")
    if len(set(given)) < len(given):
        raise InvalidInput(name, "each option is given once")
