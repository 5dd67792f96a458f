"""Bans from bidding: the house's mutations, and what a user and the staff read of them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from commands.inbox import requests
from commands.postgres.bans import page_of_bans
from commands.postgres.secret_keys import key_for_user_async
from portal.errors import forbidden
from portal.schema.banned import Ban, opened
from portal.schema.context import PortalInfo
from portal.schema.cursors import After, Connection, First, connection, page_size, place, read_time
from portal.schema.jobs import Job
from portal.schema.submitting import EXPIRES_IN, IDEMPOTENCY_KEY, accepted, how

OF_AUCTION = "The auction that it is about; null means all."


@strawberry.input(description="Whom to ban from bidding, where, how long, and why.")
class BanUserInput:
    user_id: UUID = strawberry.field(description="The user.")
    auction_id: UUID | None = strawberry.field(default=None, description=OF_AUCTION)
    until: datetime | None = strawberry.field(
        default=None, description="Until when, in the future; null means for good."
    )
    reason: str = strawberry.field(
        description="One line of 1 to 500 characters, for the user and the staff. It is erased with the user's account."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="Which ban to lift.")
class LiftBanInput:
    user_id: UUID = strawberry.field(description="The user.")
    auction_id: UUID | None = strawberry.field(default=None, description=OF_AUCTION)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.type
class BanQuery:
    @strawberry.field(
        description="A user's bans, those that are over included, the latest first. Only staff may name another user."
    )
    async def bans(
        self,
        info: PortalInfo,
        user_id: Annotated[
            UUID | None, strawberry.argument(description="The user; null means the reader.")
        ] = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Ban]:
        viewer = await info.context.viewer()
        whose = user_id or viewer.user_id
        if whose != viewer.user_id and not viewer.is_staff:
            raise forbidden("only auctioneers may read the bans of somebody else")
        size, start = page_size(first), place(after, read_time, UUID)
        pool = info.context.runtime.pool
        before = (start[0], start[1]) if start else None
        found = await opened(pool, whose, await page_of_bans(pool, whose, size + 1, before))
        return connection(found, size, lambda ban: ban, lambda ban: (ban.since, ban.id))


@strawberry.type
class BanMutation:
    @strawberry.mutation(
        description=(
            "Ban a user from bidding (staff only), in one auction or in all. Their bids are rejected as BANNED, which says "
            "until when; what they bid before stays (see removeBid). It takes the place of a ban from the same auction, or "
            "from all, that is in force."
        )
    )
    async def ban_user(self, info: PortalInfo, input: BanUserInput) -> Job:
        viewer = await info.context.auctioneer()
        async with info.context.runtime.pool.connection() as connection:
            key = await key_for_user_async(connection, input.user_id)
        submission = requests.ban_user(
            info.context.caller(viewer),
            user_id=input.user_id,
            auction_id=input.auction_id,
            until=input.until,
            reason=input.reason,
            key=key,
            **how(input),
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description="Lift a user's ban (staff only): that from the auction or, without one, that from all."
    )
    async def lift_ban(self, info: PortalInfo, input: LiftBanInput) -> Job:
        viewer = await info.context.auctioneer()
        submission = requests.lift_ban(
            info.context.caller(viewer),
            user_id=input.user_id,
            auction_id=input.auction_id,
            **how(input),
        )
        return await accepted(info.context, submission)
