"""Aliases of masked auctions: the reader's own, and for the house who is behind each."""

from uuid import UUID

import strawberry

from commands.domain.rules.masked import shown_as
from commands.domain.rules.table import masked
from commands.postgres.aliases import KnownAlias, aliases_in_auction, own_aliases
from portal.schema.bids import Bidder
from portal.schema.context import Context, PortalInfo
from portal.schema.cursors import (
    PLACE_IN_ALIASES,
    PLACE_IN_OWN_ALIASES,
    After,
    Connection,
    First,
    connection,
    page_size,
    place,
)
from portal.schema.reading import Names
from projections.documents import AuctionDocument


@strawberry.type(
    description="Somebody in a masked auction; shown to themselves, and to auctioneers."
)
class Alias:
    auction_id: UUID = strawberry.field(description="The masked auction.")
    bidder: Bidder = strawberry.field(description="Them, as others see them.")
    user_id: UUID | None = strawberry.field(
        description="The user's id; null once they were deleted, or if the portal's record came without its people."
    )
    username: str | None = strawberry.field(description="The user's name; null if userId is.")

    @classmethod
    def of(cls, alias: KnownAlias, names: Names) -> "Alias":
        """In the API's form."""
        return cls(
            auction_id=alias.auction_id,
            bidder=Bidder(id=alias.id, name=shown_as(alias.number), username=None),
            user_id=alias.user_id,
            username=names.get(alias.user_id) if alias.user_id else None,
        )


async def own_id(context: Context, auction: AuctionDocument, user_id: UUID) -> UUID | None:
    """The id under which the user bids in the auction; None if it is masked, and they have no bid in it."""
    if not masked(auction.rules):
        return user_id
    alias = await context.runtime.aliases.ask((auction.id, user_id))
    return alias.id if alias else None


async def own_bidder(context: Context, auction: AuctionDocument, user_id: UUID) -> Bidder | None:
    """The user as a bidder in the auction, as others see them; None if they have no bid in it and it is masked."""
    if not masked(auction.rules):
        name = (await context.names_of({user_id})).get(user_id)
        return Bidder.of(user_id, None, {user_id: name})
    alias = await context.runtime.aliases.ask((auction.id, user_id))
    return Bidder.of(alias.id, alias.number, {}) if alias else None


async def aliases_page(
    context: Context, auction_id: UUID, first: int | None, after: str | None
) -> Connection[Alias]:
    """An auction's aliases by their numbers, for auctioneers; FORBIDDEN to others."""
    await context.auctioneer()
    size, start = page_size(first), place(after, *PLACE_IN_ALIASES)
    pool = context.runtime.pool
    found = await aliases_in_auction(pool, auction_id, size + 1, start[0] if start else 0)
    names = await context.names_of({each.user_id for each in found if each.user_id})
    return connection(
        found, size, lambda alias: Alias.of(alias, names), lambda alias: (alias.number,)
    )


@strawberry.type
class AliasQuery:
    @strawberry.field(
        description=(
            "The reader's own aliases in masked auctions, those in auctions created last first: by their ids "
            "clients know the reader's bids. One is there from the first bid on."
        )
    )
    async def my_aliases(
        self, info: PortalInfo, first: First = 20, after: After = None
    ) -> Connection[Alias]:
        viewer = await info.context.viewer()
        size, start = page_size(first), place(after, *PLACE_IN_OWN_ALIASES)
        pool = info.context.runtime.pool
        found = await own_aliases(pool, viewer.user_id, size + 1, start[0] if start else None)
        names = await info.context.names_of({viewer.user_id} if found else set())
        return connection(
            found, size, lambda alias: Alias.of(alias, names), lambda alias: (alias.auction_id,)
        )
