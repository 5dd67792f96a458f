"""Reads for the API: jobs, names, and documents at a wanted version."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from psycopg.rows import DictRow

from commands.jobs import Job
from commands.postgres.errors import AWAY
from commands.postgres.event_store import recorded_event, stored_events
from commands.postgres.jobs import find_async
from commands.postgres.users import living_user, usernames
from commands.streams import RecordedEvent, Stream
from portal.errors import not_found, unauthenticated, unavailable
from portal.signin.tokens import Viewer
from portal.web.fresh import Reads, Seen
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
# How long it waits for a worker to make that version's documents before they are made here, in seconds.
FOR_A_WORKER = 0.1


async def names_of(runtime: Runtime, ids: Collection[UUID], reads: Reads | None = None) -> Names:
    """The users' names, as they were at most fresh.LONGEST ago; noted in `reads`."""
    found = await runtime.names.get(ids, partial(_read_names, runtime), reads or Reads())
    return {user_id: name.value for user_id, name in found.items()}


async def _read_names(runtime: Runtime, asked: Mapping[UUID, Reads]) -> Names:
    """From their rows where the documents are not there yet."""
    names = dict(await runtime.documents.usernames(asked))
    if missing := [user_id for user_id in asked if user_id not in names]:
        async with runtime.pool.connection() as connection:
            names.update(await usernames(connection, missing))
    return names


async def shared_auctions(
    runtime: Runtime, ids: Sequence[UUID], reads: Reads
) -> list[Seen[AuctionDocument]]:
    """The auctions of these ids in their order, without those that have no document; noted in `reads`.

    They are as they were at most fresh.LONGEST ago, or at the last news of them if that is sooner.
    """
    found = await runtime.auctions.get(ids, partial(_read_auctions, runtime), reads)
    return [found[each] for each in ids if each in found]


async def _read_auctions(
    runtime: Runtime, asked: Mapping[UUID, Reads]
) -> Mapping[UUID, AuctionDocument]:
    for auction_id, reads in asked.items():
        reads.subjects.add(("versions", str(auction_id)))
    return {each.id: each for each in await runtime.documents.auctions_by_id(asked)}


async def shared_auction_at(
    runtime: Runtime, auction_id: UUID, at_least: int | None, reads: Reads
) -> Seen[AuctionDocument] | None:
    """As `auction_at`, from what is shared if that is not older than the wanted version."""
    shared = Reads()
    found = await shared_auctions(runtime, [auction_id], shared)
    if found and found[0].value.version >= (at_least or 1):
        reads.add(shared)
        return found[0]
    reads.subjects.add(("versions", str(auction_id)))
    document = await auction_at(runtime, auction_id, at_least)
    return Seen(document, time.monotonic()) if document else None


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

    The auction's row says whether there is one, and its version: one that was not reached is refused
    at once, with UNAVAILABLE. A document that is behind is waited for, and then brought up to date here.
    """
    auction = await runtime.auctions_now.ask(auction_id)
    needed = max(at_least or 1, 1)
    if auction and auction.version >= needed:
        return auction
    reached = await runtime.versions.ask(auction_id)
    if reached is None:
        return None
    if reached < needed:
        raise unavailable(f"the auction is at version {reached}, and has not reached {needed} yet")
    try:
        async with asyncio.timeout(SYNC_PATIENCE):
            return await _once_projected(runtime, auction_id, needed)
    except TimeoutError:
        raise unavailable(f"version {needed} of the auction is not readable yet") from None


async def known_auction(runtime: Runtime, auction_id: UUID) -> AuctionDocument:
    """The auction, made readable now if no worker has made it yet; NOT_FOUND if there is none."""
    if auction := await auction_at(runtime, auction_id, None):
        return auction
    raise not_found("there is no such auction")


async def _once_projected(runtime: Runtime, auction_id: UUID, needed: int) -> AuctionDocument:
    """The auction's document once it is at that version, which its row has reached."""
    stream, patience = Stream("auction", auction_id), FOR_A_WORKER
    with runtime.hub.listen("versions", str(auction_id)) as listener:
        while True:
            auction = await runtime.auctions_now.ask(auction_id)
            if auction is not None and auction.version >= needed:
                return auction
            if not await listener.wait(patience):
                # No worker has come to it; here it is done once, for all who ask.
                await runtime.catching_up.ask(stream)
                patience = LOOK_AGAIN / 4


async def own_user(runtime: Runtime, viewer: Viewer) -> UserDocument:
    """The viewer's own document, made now if no worker has made it yet."""
    user = await runtime.documents.user(viewer.user_id)
    if user is None:
        await runtime.catching_up.ask(Stream("user", viewer.user_id))
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
