"""Queries: they read documents, and the reader's own jobs."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from notifications.reading import page_of
from portal.errors import bad_input
from portal.schema.account import AccountQuery
from portal.schema.activity import ActivityQuery
from portal.schema.aliases import AliasQuery
from portal.schema.auctions_shown import auctions_seen
from portal.schema.bans import BanQuery
from portal.schema.checkpoint_queries import CheckpointQuery
from portal.schema.context import PortalInfo
from portal.schema.cursors import (
    LARGEST_PAGE,
    PLACE_IN_NOTIFICATIONS,
    PLACE_IN_WINNERS,
    After,
    Connection,
    First,
    FirstHundred,
    connection,
    page_size,
    place,
)
from portal.schema.enums import AuctionOrder, AuctionRule, AuctionStatus
from portal.schema.exposure import ExposureQuery
from portal.schema.fairness import ChainLink, PromoterPolicy, Tick
from portal.schema.fairness_reading import chain_after, find_policy, find_tick
from portal.schema.jobs import Job
from portal.schema.listing import auctions_listed
from portal.schema.past import chosen, past_auction
from portal.schema.public import PUBLIC
from portal.schema.reading import own_user, shared_auction_at, shared_auctions, wait_for_job
from portal.schema.sales import Winner, users_shown
from portal.schema.types import Auction, Notification, User
from portal.web.fresh import ALL_AUCTIONS
from projections.mongo.listing import AuctionQuery

LONGEST_WAIT = 30.0
LONGEST_SEARCH = 200


@strawberry.type(description="What can be read.")
class Query(AccountQuery, ActivityQuery, AliasQuery, BanQuery, ExposureQuery, CheckpointQuery):
    @strawberry.field(
        description="Auctions, those ending soonest first unless `order` says otherwise.",
        metadata=PUBLIC,
    )
    async def auctions(
        self,
        info: PortalInfo,
        status: Annotated[
            AuctionStatus | None,
            strawberry.argument(description="Where they stand; null means OPEN, too."),
        ] = AuctionStatus.OPEN,
        search: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "Words, parted by spaces, that each begin a word of the title, in any case of "
                    "letters. The first ten different ones count. At most 200 characters."
                )
            ),
        ] = None,
        first: First = 20,
        after: After = None,
        order: Annotated[
            AuctionOrder | None,
            strawberry.argument(
                description=(
                    "Which come first; null means ENDING_SOONEST, too. A cursor leads on in the "
                    "order that it came from."
                )
            ),
        ] = AuctionOrder.ENDING_SOONEST,
        rule: Annotated[
            AuctionRule | None,
            strawberry.argument(description="Only those that have this rule; or none, with PLAIN."),
        ] = None,
        price_from: Annotated[
            Decimal | None,
            strawberry.argument(description="Only those whose leading bid counts that or more."),
        ] = None,
        price_to: Annotated[
            Decimal | None,
            strawberry.argument(
                description="Only those whose leading bid counts that or less, or that have no live bid."
            ),
        ] = None,
        ends_after: Annotated[
            datetime | None,
            strawberry.argument(description="Only those that end after this moment."),
        ] = None,
        ends_before: Annotated[
            datetime | None,
            strawberry.argument(description="Only those that end before this moment."),
        ] = None,
    ) -> Connection[Auction]:
        """BAD_USER_INPUT for a search that is too long or can't be printed, bounds that leave nothing between
        them, or another order's cursor."""
        runtime, size = info.context.runtime, page_size(first)
        if search and (len(search) > LONGEST_SEARCH or not search.isprintable()):
            raise bad_input("search", f"a search is at most {LONGEST_SEARCH} printable characters")
        if price_from is not None and price_to is not None and price_from > price_to:
            raise bad_input("priceTo", "no amount lies between priceFrom and priceTo")
        if ends_after is not None and ends_before is not None and ends_after >= ends_before:
            raise bad_input("endsBefore", "no moment lies between endsAfter and endsBefore")
        order = order or AuctionOrder.ENDING_SOONEST
        wanted = AuctionQuery(
            (status or AuctionStatus.OPEN).value,
            runtime.clock.now(),
            search,
            order.value,
            rule.value if rule else None,
            price_from,
            price_to,
            ends_after,
            ends_before,
        )
        info.context.noting.subjects.add(ALL_AUCTIONS)
        listed = await auctions_listed(runtime, wanted, size, after)
        found = await shared_auctions(runtime, [*listed.places], info.context.noting)
        return connection(
            await auctions_seen(info.context, found),
            size,
            lambda auction: auction,
            lambda auction: listed.places[auction.id],
            more=listed.more,
            rest=listed.rest,
        )

    @strawberry.field(
        description=(
            "One auction. With atLeastVersion, never an older state than that version; with atVersion or "
            "atTime, the state as it was then. One of the three at most."
        ),
        metadata=PUBLIC,
    )
    async def auction(
        self,
        info: PortalInfo,
        id: Annotated[UUID, strawberry.argument(description="The auction's id.")],
        at_least_version: Annotated[
            int | None,
            strawberry.argument(
                description=(
                    "A job's result.version. UNAVAILABLE if the auction has not reached it, or if "
                    "that state can't be read within a few seconds."
                )
            ),
        ] = None,
        at_version: Annotated[
            int | None,
            strawberry.argument(
                description=(
                    "The auction as it stood at that version, `status` as of that event's recordedAt, which "
                    "is `asOf`. BAD_USER_INPUT for one that it has not reached."
                )
            ),
        ] = None,
        at_time: Annotated[
            datetime | None,
            strawberry.argument(
                description=(
                    "The auction as it stood then: with the events recorded by that moment. BAD_USER_INPUT "
                    "for one before it was created, or in the future."
                )
            ),
        ] = None,
    ) -> Auction | None:
        """Names are those of now: a user who was deleted since has none."""
        context = info.context
        if (when := chosen(at_least_version, at_version, at_time)) is not None:
            return await past_auction(context, id, when)
        found = await shared_auction_at(context.runtime, id, at_least_version, context.noting)
        return (await auctions_seen(context, [found]))[0] if found else None

    @strawberry.field(
        description=(
            "A command's outcome. With wait (seconds, at most 30), answers as soon as it is "
            "settled. Visible to who submitted it, and to staff; a sign-up, and a deletion of "
            "oneself, to whoever knows its id. Null for others', and for one settled long ago."
        )
    )
    async def job(
        self,
        info: PortalInfo,
        id: Annotated[UUID, strawberry.argument(description="The job's id.")],
        wait: Annotated[
            float | None,
            strawberry.argument(
                description=(
                    "Seconds, from 0 to 30, after which a job that still waits is answered as it "
                    "stands."
                )
            ),
        ] = 0,
    ) -> Job | None:
        if wait is None:
            wait = 0
        if not 0 <= wait <= LONGEST_WAIT:
            raise bad_input("wait", f"waiting takes 0 to {LONGEST_WAIT:.0f} seconds")
        viewer = await info.context.viewer_of_job(id)
        found = await wait_for_job(info.context.runtime, id, viewer, wait)
        return Job.of(found) if found else None

    @strawberry.field(description="Announced winners, newest first.", metadata=PUBLIC)
    async def winners(
        self, info: PortalInfo, first: First = 20, after: After = None
    ) -> Connection[Winner]:
        size, start = page_size(first), place(after, *PLACE_IN_WINNERS)
        info.context.noting.subjects.add(ALL_AUCTIONS)
        documents = info.context.runtime.documents
        found = await documents.winners(size + 1, start and (start[0], start[1]))
        shown = set[UUID]().union(*map(users_shown, found))
        names = await info.context.names_of(shown)
        return connection(
            found,
            size,
            lambda winner: Winner.of(winner, names),
            lambda winner: (winner.announced_at, winner.auction_id),
        )

    @strawberry.field(description="The reader; null without signing in.")
    async def me(self, info: PortalInfo) -> User | None:
        viewer = await info.context.reader_or_none()
        return User.of(await own_user(info.context.runtime, viewer)) if viewer else None

    @strawberry.field(description="The reader's own notifications, newest first.")
    async def notifications(
        self,
        info: PortalInfo,
        unread_only: Annotated[
            bool | None, strawberry.argument(description="Leave out what was marked as read.")
        ] = False,
        first: First = 20,
        after: After = None,
    ) -> Connection[Notification]:
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
            found,
            size,
            Notification.of,
            lambda notification: (notification.changed_at, notification.id),
        )

    @strawberry.field(description="A tick of the promoter; null for a number that was not reached.")
    async def tick(
        self,
        info: PortalInfo,
        number: Annotated[
            int | None,
            strawberry.argument(
                description="Null means the next tick, which the house is committed to."
            ),
        ] = None,
    ) -> Tick | None:
        found = await find_tick(info.context.runtime, number)
        return Tick.of(found) if found else None

    @strawberry.field(
        description="A version of what the promoter follows; null for one that was not reached."
    )
    async def promoter_policy(
        self,
        info: PortalInfo,
        version: Annotated[
            int, strawberry.argument(description="0 is the policy from before the first change.")
        ],
    ) -> PromoterPolicy | None:
        if version == 0:
            return PromoterPolicy.first()
        found = await find_policy(info.context.runtime, version)
        return PromoterPolicy.of(found) if found else None

    @strawberry.field(
        description=(
            "The events of an auction, of a tick or of the policies as they were recorded, for "
            "checking that nothing was changed since and that draws were fair. None for an id that "
            "nothing has."
        )
    )
    async def chain(
        self,
        info: PortalInfo,
        id: Annotated[
            UUID,
            strawberry.argument(
                description="The id of the auction, of the tick or of the policies."
            ),
        ],
        after_version: Annotated[
            int,
            strawberry.argument(description="The last version that is known; 0 for the beginning."),
        ] = 0,
        first: FirstHundred = LARGEST_PAGE,
    ) -> list[ChainLink]:
        size = page_size(first, LARGEST_PAGE)
        rows = await chain_after(info.context.runtime, id, after_version, size)
        return [ChainLink.of(row) for row in rows]

    @strawberry.field(
        description="The portal's clock, which decides whether a bid was in time; for countdowns."
    )
    async def server_time(self, info: PortalInfo) -> datetime:
        return info.context.runtime.clock.now()
