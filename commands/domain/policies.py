"""The promoter's policies: one for the whole portal, and others for single auctions.

All are one stream; a policy's version is the stream's version after it, which each draw records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never
from uuid import UUID

from commands.domain.commands import ChangePolicy, PolicyCommand, WithdrawPolicy
from commands.domain.events import PolicyChanged, PolicyEvent, PolicyWithdrawn
from commands.domain.promoter import Policy
from commands.domain.rejections import Rejection, RejectionCode

# The one stream.
STREAM = UUID("00000000-0000-7000-8000-0000000000ac")
# The policy before the first change: a draw in every tick, with equal weights.
FIRST = Policy()


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies after `version` changes; in_force maps auctions to policies, and None to the portal's."""

    version: int = 0
    in_force: Mapping[UUID | None, tuple[int, Policy]] = field(default_factory=dict)

    def of(self, auction_id: UUID | None) -> tuple[int, Policy]:
        """The policy that applies to the auction, and its version; 0 before the first change."""
        portal_wide = self.in_force.get(None, (0, FIRST))
        return self.in_force.get(auction_id, portal_wide)


def decide(
    command: PolicyCommand, policies: Policies, *, auction_exists: bool, fixed: bool = False
) -> Sequence[PolicyEvent] | Rejection:
    """The events the command causes, or the rejection; `fixed`: the auction's rules say what its draws follow."""
    if command.auction_id and not auction_exists:
        return Rejection(RejectionCode.AUCTION_NOT_FOUND, "there is no such auction")
    match command:
        case ChangePolicy() if fixed:
            return Rejection(
                RejectionCode.POLICY_FIXED, "this auction's own rules say what its draws follow"
            )
        case ChangePolicy():
            return [
                PolicyChanged(
                    auction_id=command.auction_id,
                    chance=command.chance,
                    weight=command.weight,
                    exclude=command.exclude,
                    limit=command.limit,
                )
            ]
        case WithdrawPolicy():
            # A policy that is not there needs no event.
            return (
                [PolicyWithdrawn(command.auction_id)]
                if command.auction_id in policies.in_force
                else []
            )
        case _:
            assert_never(command)


def evolve(policies: Policies, event: PolicyEvent) -> Policies:
    """The policies after the event."""
    version, in_force = policies.version + 1, dict(policies.in_force)
    match event:
        case PolicyChanged():
            policy = Policy(event.chance, event.weight, event.exclude, event.limit)
            in_force[event.auction_id] = (version, policy)
        case PolicyWithdrawn():
            in_force.pop(event.auction_id, None)
        case _:
            assert_never(event)
    return replace(policies, version=version, in_force=in_force)
