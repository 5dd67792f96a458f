"""Subscriptions: the present state first, then changes. Each listens before it reads, to miss none.

Those that many follow are checked here and then given to a feed, without a task of their own.
"""

from collections.abc import AsyncGenerator, Collection
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from notifications.reading import CAUGHT_UP, ReaderNotification, page_of, read_among
from portal.errors import bad_input, not_found
from portal.schema.context import Follow, PortalInfo
from portal.schema.events import AuctionEvent
from portal.schema.following.auctions import AuctionFeed, CardsFeed
from portal.schema.following.events import EventsFeed
from portal.schema.jobs import Job
from portal.schema.reading import LOOK_AGAIN, find_job, retry_until_available
from portal.schema.types import Auction, Notification
from portal.web.hub import Listener
from portal.web.runtime import Runtime

# A message from Redis may be lost, so a subscription also reads at this interval, in seconds.
QUIET = 10.0


@strawberry.type(description="What can be followed, over WebSocket.")
class Subscription:
    @strawberry.subscription(
        description=(
            "The job now, then each change, ending when it is settled. NOT_FOUND for others' jobs."
        )
    )
    async def job_updated(
        self,
        info: PortalInfo,
        id: Annotated[UUID, strawberry.argument(description="The job's id.")],
    ) -> AsyncGenerator[Job, None]:
        runtime = info.context.runtime
        viewer = await info.context.viewer_of_job(id)
        shown = None
        with runtime.hub.listen_or_fail("jobs", str(id)) as listener:
            job = await find_job(runtime, id, viewer)
            if job and job.ends_its_submitter:
                info.context.outlives_sign_in()
            while True:
                if job is None:
                    raise not_found("there is no such job, or it is not yours")
                if job.status != shown:
                    shown = job.status
                    yield Job.of(job)
                if job.settled:
                    return
                await listener.wait(LOOK_AGAIN)
                job = await retry_until_available(lambda: find_job(runtime, id, viewer), listener)

    @strawberry.subscription(
        description=(
            "The auction now, then newer states in order. States may be skipped when many come at "
            "once. A change of status by time alone is a new state, too. NOT_FOUND if there is no "
            "such auction."
        )
    )
    async def auction_updated(
        self,
        info: PortalInfo,
        id: Annotated[UUID, strawberry.argument(description="The auction's id.")],
    ) -> AsyncGenerator[Auction, None]:
        await info.context.reader_or_none()
        return info.context.follow(Follow(AuctionFeed, id))

    @strawberry.subscription(
        description=(
            "Every event of the auction, in order, none skipped. With afterVersion: those after "
            "it first, then live. NOT_FOUND if there is no such auction."
        )
    )
    async def auction_events(
        self,
        info: PortalInfo,
        id: Annotated[UUID, strawberry.argument(description="The auction's id.")],
        after_version: Annotated[
            int | None,
            strawberry.argument(
                description="The version of the last event received; 0 for the beginning."
            ),
        ] = 0,
    ) -> AsyncGenerator[AuctionEvent, None]:
        version = after_version or 0
        if version < 0:
            raise bad_input("afterVersion", "versions count from 1; 0 means from the beginning")
        await info.context.reader_or_none()
        return info.context.follow(Follow(EventsFeed, id, version))

    @strawberry.subscription(
        description=(
            "Cards of auctions that were created, changed or ended. For a list page; states may "
            "be skipped."
        )
    )
    async def auctions_updated(self, info: PortalInfo) -> AsyncGenerator[Auction, None]:
        await info.context.reader_or_none()
        return info.context.follow(Follow(CardsFeed))

    @strawberry.subscription(
        description=(
            "The reader's notifications as they come; after a reconnect the unread ones first. "
            "One about an auction's highest bid comes again when it changed."
        )
    )
    async def notification_received(
        self,
        info: PortalInfo,
        include_read: Annotated[
            bool | None,
            strawberry.argument(
                description=(
                    "Whether one that was sent and then read, in another window too, or overtaken "
                    "by what the reader did, comes once more, with read: true."
                )
            ),
        ] = False,
    ) -> AsyncGenerator[Notification, None]:
        viewer = await info.context.viewer()
        runtime = info.context.runtime
        shown: dict[UUID, datetime] = {}
        with runtime.hub.listen_or_fail("notifications", str(viewer.user_id)) as listener:
            unread = await page_of(runtime.pool, viewer.user_id, CAUGHT_UP, unread=True)
            while True:
                before, shown = shown, {each.id: each.changed_at for each in unread}
                gone = before.keys() - shown.keys() if include_read else ()
                for notification in await _read(runtime, viewer.user_id, gone, listener):
                    yield Notification.of(notification)
                for notification in reversed(unread):
                    if before.get(notification.id) != notification.changed_at:
                        yield Notification.of(notification)
                await listener.wait(QUIET)
                # All unread ones each time: those of two auctions may be written in one order
                # and become visible in another.
                unread = await retry_until_available(
                    lambda: page_of(runtime.pool, viewer.user_id, CAUGHT_UP, unread=True), listener
                )


async def _read(
    runtime: Runtime, user_id: UUID, ids: Collection[UUID], listener: Listener
) -> list[ReaderNotification]:
    return await retry_until_available(lambda: read_among(runtime.pool, user_id, ids), listener)
