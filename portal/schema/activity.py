"""The reader's own auctions, by what they are to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from commands.postgres.activity import standings
from notifications.postgres.watches import watched_by
from portal.schema.auctions_shown import auctions_seen
from portal.schema.context import PortalInfo
from portal.schema.cursors import After, Connection, First, connection, exactly, page_size, place
from portal.schema.enums import Standing
from portal.schema.reading import shared_auctions
from portal.schema.types import Auction
from portal.web.runtime import Runtime

# So many of the reader's auctions are looked at first: enough for nearly every page; then so many more at most.
LOOKS = (100, 1_000)


@dataclass(frozen=True, slots=True)
class OwnAuctions:
    """A page of auctions; `rest` is the one after which it goes on if it ended early."""

    ids: Sequence[UUID]
    rest: UUID | None = None


@strawberry.type
class ActivityQuery:
    @strawberry.field(
        description=(
            "The reader's own auctions that stand so to them, those created last first. A page has fewer entries "
            "than `first`, and yet a next page, if very many others lie between."
        )
    )
    async def my_activity(
        self,
        info: PortalInfo,
        standing: Annotated[
            Standing, strawberry.argument(description="What they are to the reader.")
        ],
        first: First = 20,
        after: After = None,
    ) -> Connection[Auction]:
        """Who stands how is read from the rows, which are never behind; the auctions from their documents."""
        context = info.context
        viewer = await context.viewer()
        size, start = page_size(first), place(after, UUID, exactly(standing.value))
        own = await own_auctions(
            context.runtime, viewer.user_id, standing, size + 1, start[0] if start else None
        )
        rest = own.rest if len(own.ids) <= size else None
        found = await shared_auctions(context.runtime, own.ids[:size], context.noting)
        # A document may not be there yet: the page ends behind the last auction all the same.
        last = rest or (own.ids[:size][-1] if own.ids else None)
        return connection(
            await auctions_seen(context, found),
            size,
            lambda auction: auction,
            lambda auction: (auction.id, standing.value),
            more=rest is not None or len(own.ids) > size,
            rest=(last, standing.value) if last else None,
        )


async def own_auctions(
    runtime: Runtime,
    user_id: UUID,
    standing: Standing,
    limit: int,
    before: UUID | None,
    looks: Sequence[int] = LOOKS,
) -> OwnAuctions:
    """At most so many of the user's auctions that stand so, created before that one."""
    if standing is Standing.WATCHING:
        return OwnAuctions(await watched_by(runtime.pool, user_id, before, limit))
    ids: list[UUID] = []
    for look in looks:
        found = await standings(runtime.pool, user_id, before, look)
        ids += [each.auction_id for each in found if each.standing == standing.value]
        if len(ids) >= limit or len(found) < look:
            return OwnAuctions(ids[:limit])
        before = found[-1].auction_id
    return OwnAuctions(ids, before)
