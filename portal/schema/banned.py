"""Bans as their user and the staff read them, with their reasons."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import strawberry

from commands.domain import bans
from commands.postgres.connections import AsyncPool
from commands.postgres.secret_keys import key_of_async
from commands.record.reasons import opened_reason


@strawberry.type(description="A ban: its user can place no bids that are accepted while it holds.")
class Ban:
    id: UUID = strawberry.field(description="The ban's id.")
    auction_id: UUID | None = strawberry.field(
        description="The auction in which it holds; null means in all."
    )
    since: datetime = strawberry.field(
        description="It holds for bids that are accepted at this moment or later,"
    )
    until: datetime | None = strawberry.field(
        description="and before this one; null means for good."
    )
    ended_at: datetime | None = strawberry.field(
        description="When the house lifted it, or another took its place; else null."
    )
    reason: str | None = strawberry.field(
        description=(
            "The house's words to the user; null if they can't be read any more, as in a portal that was made of a record."
        )
    )


async def opened(pool: AsyncPool, user_id: UUID, found: Iterable[bans.Ban]) -> list[Ban]:
    """The user's bans in the API's form, with their reasons."""
    async with pool.connection() as connection:
        key = await key_of_async(connection, user_id)
    return [
        Ban(
            id=ban.id,
            auction_id=ban.auction_id,
            since=ban.since,
            until=ban.until,
            ended_at=ban.ended_at,
            reason=opened_reason(key, ban.reason, user_id, ban.id),
        )
        for ban in found
    ]
