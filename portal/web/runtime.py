"""What a web process holds while it runs: connections, hub, publisher, clock and rate limits."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from uuid import UUID

import structlog
from django.conf import settings
from psycopg import Error

from commands.domain.rules.masked import Alias
from commands.inbox.submitting import wake_for
from commands.jobs import Job
from commands.postgres.aliases import alias_in
from commands.postgres.auctions import auction_versions_async
from commands.postgres.connections import AsyncPool, new_async_pool
from commands.queues import queue_of
from commands.streams import Stream
from commands.wake import publish
from notifications.postgres.watches import Pair, watched
from portal.signin.rates import Rates, rates
from portal.signin.sessions import SessionChecks
from portal.web.acceptor import Acceptor
from portal.web.answers import Answer, answer_bytes
from portal.web.fresh import News, Shared
from portal.web.hub import Hub
from portal.web.sealing import Sealing
from portal.web.together import Together
from projections.documents import AuctionDocument
from projections.mongo.reader import DocumentReader
from projections.wiring import project_streams

log = structlog.get_logger("portal")

MIB = 1024 * 1024
# About what a document, a bid in it and a user's name take in this process, in bytes, without their texts.
AUCTION_BYTES, BID_BYTES, NAME_BYTES = 1_000, 1_000, 300
# Streams that are brought up to date together.
CATCHING_UP = 100
# Auctions whose documents are read together.
MOST_AUCTIONS = 100


def auction_bytes(_id: UUID, auction: AuctionDocument) -> int:
    """About what the document takes in memory; a character up to four bytes."""
    texts = 4 * (len(auction.title) + len(auction.description))
    return AUCTION_BYTES + texts + BID_BYTES * len(auction.top_bids)


class Clock:
    """The database's clock, kept as an offset from this machine's clock and measured now and then."""

    MEASURE_EVERY = 30.0

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The database's time in UTC; until the first measurement, this machine's."""
        return datetime.now(UTC) + self._offset

    async def run(self, pool: AsyncPool) -> None:
        """Measure the offset every MEASURE_EVERY seconds until cancelled."""
        while True:
            try:
                await self._measure(pool)
            except Error as error:
                log.warning("could not read the database's clock", error=str(error))
            await asyncio.sleep(self.MEASURE_EVERY)

    async def _measure(self, pool: AsyncPool) -> None:
        async with pool.connection() as connection:
            before = time.time()
            cursor = await connection.execute("SELECT clock_timestamp() AS now")
            row = await cursor.fetchone()
            after = time.time()
        assert row is not None
        here = datetime.fromtimestamp((before + after) / 2, UTC)
        self._offset = row["now"] - here


class BackgroundPublisher:
    """Sends wake-ups and messages to Redis in a thread: answers to clients don't wait for it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="publisher")
        # One of each stream and queue, however many come in while Redis is slow.
        self._unwoken: dict[tuple[Stream, str], Job] = {}
        self._lock = Lock()

    def wake(self, jobs: Iterable[Job]) -> None:
        """Wake workers for the jobs' streams."""
        with self._lock:
            idle = not self._unwoken
            self._unwoken |= {(job.stream, queue_of(job.command)): job for job in jobs}
            if idle and self._unwoken:
                self._thread.submit(self._wake)

    def publish_job(self, job: Job) -> None:
        """Notify the subscribers of the job that it changed."""
        self._thread.submit(publish, "jobs", [str(job.id)])

    def publish_notifications(self, user_id: UUID) -> None:
        """Notify the user's subscriptions that their notifications changed."""
        self._thread.submit(publish, "notifications", [str(user_id)])

    def _wake(self) -> None:
        with self._lock:
            jobs, self._unwoken = self._unwoken, {}
        wake_for(jobs.values())

    def close(self, *, finish: bool) -> None:
        """Stop the thread; without `finish` what is still queued is dropped, and the sweep does it."""
        self._thread.shutdown(cancel_futures=not finish)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel the task until it has ended.

    Once is not enough: on Python 3.11 a driver may swallow a cancellation (cpython issue 86296).
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


@dataclass(frozen=True, slots=True)
class Runtime:
    """A web process's connections and helpers."""

    pool: AsyncPool
    # Connections to the standby that events are read from; without one, the same as `pool`.
    log_pool: AsyncPool
    sessions: SessionChecks
    acceptor: Acceptor
    documents: DocumentReader
    hub: Hub
    publisher: BackgroundPublisher
    clock: Clock
    rates: Rates
    # What queries share; see portal.web.fresh.
    auctions: Shared[UUID, AuctionDocument]
    names: Shared[UUID, str | None]
    answers: Shared[bytes, Answer]
    # Auctions' documents as they are now: a thousand followers who come at once are one read.
    auctions_now: Together[UUID, AuctionDocument]
    # Auctions' versions by their rows.
    versions: Together[UUID, int]
    # Which users watch which auctions.
    watched: Together[Pair, bool]
    # The aliases of users in masked auctions.
    aliases: Together[Pair, Alias]
    # What bids are sealed with.
    sealing: Sealing
    # Brings streams' documents up to date.
    catching_up: Together[Stream, None]


async def _auctions(
    documents: DocumentReader, ids: Sequence[UUID]
) -> Mapping[UUID, AuctionDocument]:
    return {each.id: each for each in await documents.auctions_by_id(ids)}


async def _versions(pool: AsyncPool, ids: Sequence[UUID]) -> Mapping[UUID, int]:
    async with pool.connection() as connection:
        return await auction_versions_async(connection, ids)


async def _brought_forward(streams: Sequence[Stream]) -> Mapping[Stream, None]:
    """In one thread, so that those of others are left for signing in, however many streams wait."""
    await asyncio.to_thread(project_streams, streams)
    return {}


@asynccontextmanager
async def running() -> AsyncIterator[Runtime]:
    """The runtime, from the start of the web process to its end. No server needs to be up for it."""
    async with rates() as counted:
        pool, publisher, news = new_async_pool(), BackgroundPublisher(), News()
        standby = settings.LOG_DATABASE_URL != settings.DATABASE_URL
        documents, hub = DocumentReader(), Hub(news)
        documents.switched = hub.documents_switched
        runtime = Runtime(
            pool,
            new_async_pool(settings.LOG_DATABASE_URL) if standby else pool,
            SessionChecks(pool),
            Acceptor(pool, publisher.wake),
            documents,
            hub,
            publisher,
            Clock(),
            counted,
            Shared(news, auction_bytes, most=2_000, most_bytes=32 * MIB),
            Shared(news, lambda _id, _name: NAME_BYTES, most=20_000, most_bytes=8 * MIB),
            Shared(news, answer_bytes, most=2_000, most_bytes=32 * MIB),
            Together(partial(_auctions, documents), most=MOST_AUCTIONS),
            Together(partial(_versions, pool), most=500),
            Together(partial(watched, pool), most=500),
            Together(partial(alias_in, pool), most=500),
            Sealing(pool),
            Together(_brought_forward, most=CATCHING_UP),
        )
        await runtime.pool.open()
        await runtime.log_pool.open()
        tasks = [
            asyncio.create_task(runtime.hub.run()),
            asyncio.create_task(runtime.documents.run()),
            asyncio.create_task(runtime.clock.run(runtime.pool)),
        ]
        try:
            yield runtime
        finally:
            redis_there = runtime.hub.connected
            for task in tasks:
                await end(task)
            runtime.publisher.close(finish=redis_there)
            await runtime.documents.close()
            await runtime.log_pool.close()
            await runtime.pool.close()
