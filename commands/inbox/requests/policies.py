"""Requests to change the promoter's options."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from commands.domain.commands import ChangePolicy, WithdrawPolicy
from commands.domain.policies import STREAM as POLICIES_STREAM
from commands.domain.promoter import Policy
from commands.domain.rules.own_promoter import problems
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
    for name, why in problems(Policy(chance, tuple(weight), tuple(exclude), tuple(limit))):
        raise InvalidInput(name, why)
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
