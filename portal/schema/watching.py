"""Watching auctions: what a user does about their own list, answered in place."""

from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry

from notifications.postgres.watches import MOST_WATCHED, unwatch, watch
from portal.errors import bad_input
from portal.schema.context import PortalInfo
from portal.schema.reading import known_auction
from portal.schema.types import Auction, named_in

AuctionId: TypeAlias = Annotated[UUID, strawberry.argument(description="The auction's id.")]


@strawberry.type
class WatchingMutation:
    @strawberry.mutation(
        description=(
            "Watch an auction: the reader is notified some minutes before it ends (ENDING_SOON). NOT_FOUND if "
            "there is none of that id, BAD_USER_INPUT if it has ended, or if the reader watches 1,000 already."
        )
    )
    async def watch_auction(self, info: PortalInfo, id: AuctionId) -> Auction:
        viewer = await info.context.viewer()
        found = await _auction(info, id)
        if not await watch(info.context.runtime.pool, viewer.user_id, id):
            raise bad_input(
                "id", f"the auction has ended, or {MOST_WATCHED:,} others are watched already"
            )
        return found

    @strawberry.mutation(
        description="Watch an auction no more, whether it was watched or not. NOT_FOUND if there is none of that id."
    )
    async def unwatch_auction(self, info: PortalInfo, id: AuctionId) -> Auction:
        viewer = await info.context.viewer()
        found = await _auction(info, id)
        await unwatch(info.context.runtime.pool, viewer.user_id, id)
        return found


async def _auction(info: PortalInfo, id: UUID) -> Auction:
    document = await known_auction(info.context.runtime, id)
    names = await info.context.names_of(named_in([document]))
    return Auction.of(document, names, info.context.runtime.clock.now())
