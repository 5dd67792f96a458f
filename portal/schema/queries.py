"""Queries: they read documents, and the reader's own jobs."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from notifications.reading import page_of
from portal.errors import bad_input
from portal.schema.context import Context, PortalInfo
from portal.schema.cursors import (
    PLACE_IN_AUCTIONS,
    PLACE_IN_NOTIFICATIONS,
    PLACE_IN_WINNERS,
    Connection,
    connection,
    page_size,
    place,
)
from portal.schema.fairness import ChainLink, PromoterPolicy, Tick
from portal.schema.fairness_reading import chain_after, find_policy, find_tick
from portal.schema.reading import auction_at, own_user, wait_for_job
from portal.schema.types import (
    Auction,
    AuctionStatus,
    Job,
    Notification,
    User,
    Winner,
    named_in,
)
from projections.documents import AuctionDocument
from projections.mongo.reader import AuctionQuery

LONGEST_WAIT = 30.0
LONGEST_SEARCH = 200


async def auctions_from(context: Context, found: Sequence[AuctionDocument]) -> list[Auction]:
    """The documents in the API's form, as of now."""
    names = await context.names_of(named_in(found))
    now = context.runtime.clock.now()
    return [Auction.of(document, names, now) for document in found]


@strawberry.type
class Query:
    """What can be read."""

    @strawberry.field(
        description="Auctions, those ending soonest first. Without a status: the open ones."
    )
    async def auctions(
        self,
        info: PortalInfo,
        status: AuctionStatus | None = AuctionStatus.OPEN,
        search: str | None = None,
        first: int | None = 20,
        after: str | None = None,
    ) -> Connection[Auction]:
        """`search`: words that each begin a word of the title."""
        runtime, size = info.context.runtime, page_size(first)
        if search and (len(search) > LONGEST_SEARCH or not search.isprintable()):
            raise bad_input("search", f"a search is at most {LONGEST_SEARCH} printable characters")
        wanted = AuctionQuery((status or AuctionStatus.OPEN).value, runtime.clock.now(), search)
        start = place(after, *PLACE_IN_AUCTIONS)
        found = await runtime.documents.auctions(wanted, size + 1, start and (start[0], start[1]))
        return connection(
            await auctions_from(info.context, found),
            size,
            lambda auction: auction,
            lambda auction: (auction.ends_at.isoformat(), auction.id),
        )

    @strawberry.field(
        description="One auction. With atLeastVersion, never an older state than that version."
    )
    async def auction(
        self, info: PortalInfo, id: UUID, at_least_version: int | None = None
    ) -> Auction | None:
        """UNAVAILABLE if that version is not reached within a few seconds."""
        found = await auction_at(info.context.runtime, id, at_least_version)
        return (await auctions_from(info.context, [found]))[0] if found else None

    @strawberry.field(
        description=(
            "A command's outcome. With wait (seconds, at most 30), answers as soon as it is "
            "settled. Visible to who submitted it, and to staff; a job submitted without signing "
            "in, to whoever knows its id."
        )
    )
    async def job(self, info: PortalInfo, id: UUID, wait: float | None = 0) -> Job | None:
        """Null for jobs that are not the reader's."""
        if wait is None:
            wait = 0
        if not 0 <= wait <= LONGEST_WAIT:
            raise bad_input("wait", f"waiting takes 0 to {LONGEST_WAIT:.0f} seconds")
        viewer = await info.context.viewer_or_none()
        found = await wait_for_job(info.context.runtime, id, viewer, wait)
        return Job.of(found) if found else None

    @strawberry.field(description="Announced winners, newest first.")
    async def winners(
        self, info: PortalInfo, first: int | None = 20, after: str | None = None
    ) -> Connection[Winner]:
        """Of all auctions."""
        size, start = page_size(first), place(after, *PLACE_IN_WINNERS)
        documents = info.context.runtime.documents
        found = await documents.winners(size + 1, start and (start[0], start[1]))
        names = await info.context.names_of({winner.bid.bidder_id for winner in found})
        return connection(
            found,
            size,
            lambda winner: Winner.of(winner, names),
            lambda winner: (winner.announced_at.isoformat(), winner.auction_id),
        )

    @strawberry.field(description="The reader; null without signing in.")
    async def me(self, info: PortalInfo) -> User | None:
        """From the reader's own document."""
        viewer = await info.context.reader_or_none()
        return User.of(await own_user(info.context.runtime, viewer)) if viewer else None

    @strawberry.field(description="The reader's own notifications, newest first.")
    async def notifications(
        self,
        info: PortalInfo,
        unread_only: bool | None = False,
        first: int | None = 20,
        after: str | None = None,
    ) -> Connection[Notification]:
        """For whoever is signed in."""
        viewer = await info.context.viewer()
        size, start = page_size(first), place(after, *PLACE_IN_NOTIFICATIONS)
        found = await page_of(
            info.context.runtime.pool,
            viewer.user_id,
            size + 1,
            unread=bool(unread_only),
            after=start and (start[0], start[1]),
        )
        return connection(
            found, size, Notification.of, lambda told: (told.changed_at.isoformat(), told.id)
        )

    @strawberry.field(
        description="A tick of the promoter. Without a number: the next, which the house is committed to."
    )
    async def tick(self, info: PortalInfo, number: int | None = None) -> Tick | None:
        """Null for a number that was not reached."""
        found = await find_tick(info.context.runtime, number)
        return Tick.of(found) if found else None

    @strawberry.field(description="A version of what the promoter follows.")
    async def promoter_policy(self, info: PortalInfo, version: int) -> PromoterPolicy | None:
        """Null for a version that was not reached."""
        if version == 0:
            return PromoterPolicy.first()
        found = await find_policy(info.context.runtime, version)
        return PromoterPolicy.of(found) if found else None

    @strawberry.field(
        description=(
            "The events of an auction or a tick as they were recorded, for checking that nothing "
            "was changed since and that draws were fair."
        )
    )
    async def chain(
        self, info: PortalInfo, id: UUID, after_version: int = 0, first: int | None = 100
    ) -> list[ChainLink]:
        """At most `first` links after that version; none for an id nobody knows."""
        rows = await chain_after(info.context.runtime, id, after_version, page_size(first))
        return [ChainLink.of(row) for row in rows]

    @strawberry.field(description="The server's clock, for countdowns.")
    async def server_time(self, info: PortalInfo) -> datetime:
        """The clock that decides whether a bid was in time."""
        return info.context.runtime.clock.now()
