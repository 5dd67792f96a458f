"""The limit on a user's exposure: the house's mutations, and what the user and the staff read of it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from commands.inbox import requests
from commands.postgres.exposure import limit_async, staked_async
from commands.postgres.secret_keys import key_for_user_async, key_of_async
from commands.record.reasons import opened_reason
from portal.errors import forbidden
from portal.schema.context import Context, PortalInfo
from portal.schema.jobs import Job
from portal.schema.submitting import EXPIRES_IN, IDEMPOTENCY_KEY, accepted, how

NOTHING = Decimal("0.00")


@strawberry.input(description="Whose exposure to limit, to how much, and why.")
class LimitExposureInput:
    user_id: UUID = strawberry.field(description="The user.")
    amount: Decimal = strawberry.field(
        description="What they may bid at most in all open auctions together, from 0.01 to 9999999999.99."
    )
    reason: str = strawberry.field(
        description="One line of 1 to 500 characters, for the user and the staff. It is erased with the user's account."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="Whose limit to lift.")
class LiftExposureLimitInput:
    user_id: UUID = strawberry.field(description="The user.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.type(
    description=(
        "The limit on what a user would pay at most in all open auctions together: in each by the highest amount of their "
        "live bids. Only the user and the staff can read it."
    )
)
class ExposureLimit:
    amount: Decimal = strawberry.field(
        description="No bid is placed that takes the sum above this."
    )
    used: Decimal = strawberry.field(
        description="The sum now. It is above `amount` if that was lowered since: what was bid stays."
    )
    sealed_bids: int = strawberry.field(
        description=(
            "How many sealed bids are not part of `used`, because only their bidder is told what they hold; 0 in what the "
            "bidder reads."
        )
    )
    since: datetime = strawberry.field(description="Since when it is this one.")
    reason: str | None = strawberry.field(
        description=(
            "The house's words to the user; null if they can't be read any more, as in a portal that was made of a record."
        )
    )
    counted: strawberry.Private[dict[UUID, Decimal]]

    @strawberry.field(
        description="How much can still be bid in that auction, where a bid takes the place of lower ones; 0.00 if nothing."
    )
    def available(
        self,
        auction_id: Annotated[
            UUID | None,
            strawberry.argument(description="The auction; null means one without a bid of theirs."),
        ] = None,
    ) -> Decimal:
        """Whatever else its rules ask for."""
        here = self.counted.get(auction_id, NOTHING) if auction_id else NOTHING
        return max(self.amount - (self.used - here), NOTHING)


async def exposure_limit_of(
    context: Context, user_id: UUID, *, by_bidder: bool
) -> ExposureLimit | None:
    """The user's limit and what is used of it, with what their sealed bids hold only for the bidder; None without one."""
    pool = context.runtime.pool
    if (limit := await limit_async(pool, user_id)) is None:
        return None
    found = await staked_async(pool, user_id)
    async with pool.connection() as connection:
        key = await key_of_async(connection, user_id)
    told = [each for each in found if by_bidder or not each.sealed]
    # How far a maximum goes only its bidder is told; for the house what it has bid counts.
    counted = {each.auction_id: each.counted(key) if by_bidder else each.amount for each in told}
    return ExposureLimit(
        amount=limit.amount,
        used=sum(counted.values(), NOTHING),
        sealed_bids=len(found) - len(told),
        since=limit.since,
        reason=opened_reason(key, limit.reason, user_id, limit.id),
        counted=counted,
    )


@strawberry.type
class ExposureQuery:
    @strawberry.field(
        description=(
            "The limit on what a user would pay at most in all open auctions together, and how much of it is used; null "
            "without one. Only staff may name another user."
        )
    )
    async def exposure_limit(
        self,
        info: PortalInfo,
        user_id: Annotated[
            UUID | None, strawberry.argument(description="The user; null means the reader.")
        ] = None,
    ) -> ExposureLimit | None:
        viewer = await info.context.viewer()
        whose = user_id or viewer.user_id
        if whose != viewer.user_id and not viewer.is_staff:
            raise forbidden("only auctioneers may read the limit of somebody else")
        return await exposure_limit_of(info.context, whose, by_bidder=whose == viewer.user_id)


@strawberry.type
class ExposureMutation:
    @strawberry.mutation(
        description=(
            "Limit what a user would pay at most in all open auctions together (staff only), or change that limit. Bids that "
            "would take them above it are rejected as OVER_LIMIT; what they bid before counts, and stays."
        )
    )
    async def limit_exposure(self, info: PortalInfo, input: LimitExposureInput) -> Job:
        viewer = await info.context.auctioneer()
        async with info.context.runtime.pool.connection() as connection:
            key = await key_for_user_async(connection, input.user_id)
        submission = requests.limit_exposure(
            info.context.caller(viewer),
            user_id=input.user_id,
            amount_text=str(input.amount),
            reason=input.reason,
            key=key,
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(description="Lift the limit on a user's exposure (staff only).")
    async def lift_exposure_limit(self, info: PortalInfo, input: LiftExposureLimitInput) -> Job:
        viewer = await info.context.auctioneer()
        submission = requests.lift_exposure_limit(
            info.context.caller(viewer), user_id=input.user_id, **how(input)
        )
        return await accepted(info.context, submission)
