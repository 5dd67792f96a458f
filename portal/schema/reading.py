"""Reads for the API: jobs, names, and documents at a wanted version."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar
from uuid import UUID

import structlog
from psycopg.rows import DictRow

from commands.jobs import Job
from commands.postgres.auctions import auction_exists_async
from commands.postgres.errors import AWAY
from commands.postgres.event_store import recorded_event, stored_events
from commands.postgres.jobs import find_async
from commands.postgres.users import living_user, usernames
from commands.streams import RecordedEvent, Stream
from portal.errors import not_found, unauthenticated, unavailable
from portal.signin.tokens import Viewer
from portal.web.hub import Listener
from portal.web.runtime import Runtime
from projections.documents import AuctionDocument, UserDocument

T = TypeVar("T")
log = structlog.get_logger("portal")

Names = Mapping[UUID, str | None]

# Messages may be lost with Redis, so whoever waits also reads at this interval, in seconds.
LOOK_AGAIN = 1.0
# How long a reader waits for a version, in seconds.
SYNC_PATIENCE = 3.0


async def names_of(runtime: Runtime, ids: Collection[UUID]) -> Names:
    """The users' names, from their rows where the documents are not there yet."""
    names = dict(await runtime.documents.usernames(ids))
    if missing := [user_id for user_id in ids if user_id not in names]:
        async with runtime.pool.connection() as connection:
            names.update(await usernames(connection, missing))
    return names


async def find_job(runtime: Runtime, job_id: UUID, viewer: Viewer | None) -> Job | None:
    """The job, if the viewer may see it: its submitter and staff may.

    A sign-up, which nobody signed in submitted, and a deletion of its submitter, who can't sign in
    afterwards, are for whoever knows their id.
    """
    async with runtime.pool.connection() as connection:
        job = await find_async(connection, job_id)
    if job is None or job.submitted_by is None or job.ends_its_submitter:
        return job
    if viewer and viewer.is_staff:
        return job
    return job if viewer and viewer.user_id == job.submitted_by else None


async def wait_for_job(
    runtime: Runtime, job_id: UUID, viewer: Viewer | None, seconds: float
) -> Job | None:
    """The job as soon as it is settled, or as it is after that time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with runtime.hub.listen("jobs", str(job_id)) as listener:
        while True:
            job = await find_job(runtime, job_id, viewer)
            left = deadline - loop.time()
            if job is None or job.settled or left <= 0 or runtime.hub.stopping:
                return job
            await listener.wait(min(left, LOOK_AGAIN))


async def auction_at(
    runtime: Runtime, auction_id: UUID, at_least: int | None
) -> AuctionDocument | None:
    """The auction, never older than that version; None at once if there is none.

    A document that is behind, or not there yet, is brought up to date here, without waiting for a
    worker; UNAVAILABLE if that takes too long. Whether there is an auction without a document,
    is read from its row, so that a guessed id costs one query.
    """
    auction = await runtime.documents.auction(auction_id)
    needed = max(at_least or 1, 1)
    if auction and auction.version >= needed:
        return auction
    if auction is None and not await _exists(runtime, auction_id):
        return None
    try:
        async with asyncio.timeout(SYNC_PATIENCE):
            return await _catch_up(runtime, auction_id, needed)
    except TimeoutError:
        raise unavailable(f"the auction has not reached version {needed} yet") from None


async def known_auction(runtime: Runtime, auction_id: UUID) -> AuctionDocument:
    """The auction, made readable now if no worker has made it yet; NOT_FOUND if there is none."""
    if auction := await auction_at(runtime, auction_id, None):
        return auction
    raise not_found("there is no such auction")


async def _exists(runtime: Runtime, auction_id: UUID) -> bool:
    async with runtime.pool.connection() as connection:
        return await auction_exists_async(connection, auction_id)


async def _catch_up(runtime: Runtime, auction_id: UUID, at_least: int) -> AuctionDocument:
    stream, version = Stream("auction", auction_id), -1
    with runtime.hub.listen("versions", str(auction_id)) as listener:
        while True:
            # Announcing what has not changed would wake ourselves, and everybody else.
            version = await asyncio.to_thread(runtime.catch_up, stream, version)
            auction = await runtime.documents.auction(auction_id)
            if auction is not None and auction.version >= at_least:
                return auction
            await listener.wait(LOOK_AGAIN / 4)


async def own_user(runtime: Runtime, viewer: Viewer) -> UserDocument:
    """The viewer's own document, made now if no worker has made it yet."""
    user = await runtime.documents.user(viewer.user_id)
    if user is None:
        await asyncio.to_thread(runtime.catch_up, Stream("user", viewer.user_id), -1)
        user = await runtime.documents.user(viewer.user_id)
    if user is None:
        raise unavailable("your own data is not readable yet")
    if user.deleted:
        raise unauthenticated("this user was deleted")
    return user


async def signed_in_user(runtime: Runtime, viewer: Viewer) -> UserDocument:
    """The user who just signed in, from their row, so that sign-in works without MongoDB."""
    async with runtime.pool.connection() as connection:
        row = await living_user(connection, viewer.user_id)
    if row is None:
        raise unauthenticated("this user was deleted")
    return UserDocument(**row)


async def retry_until_available(read: Callable[[], Awaitable[T]], listener: Listener) -> T:
    """The result of `read`, retried while Postgres is away; for subscriptions that already run."""
    while True:
        try:
            return await read()
        except AWAY as error:
            log.warning("a subscription waits for Postgres", error=str(error))
            await listener.wait(LOOK_AGAIN)


async def events_page(
    runtime: Runtime, auction_id: UUID, version: int, limit: int
) -> list[RecordedEvent]:
    """The first events after that version; a standby may not have the newest yet."""
    rows = await rows_of_log(runtime, auction_id, version, limit)
    return [recorded_event(row) for row in rows]


async def rows_of_log(runtime: Runtime, stream_id: UUID, version: int, limit: int) -> list[DictRow]:
    """The stored events of a stream after that version, from the standby if there is one and it answers."""
    if runtime.log_pool is not runtime.pool:
        try:
            async with runtime.log_pool.connection() as connection:
                return await stored_events(connection, stream_id, version, limit)
        except AWAY as error:
            log.warning("the standby is away, events are read from Postgres", error=str(error))
    async with runtime.pool.connection() as connection:
        return await stored_events(connection, stream_id, version, limit)
