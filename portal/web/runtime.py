"""What a web process holds while it runs: connections, the hub, the waker, the clock."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from psycopg import Error

from commands.inbox.submitting import wake_stream
from commands.jobs import Job
from commands.postgres.connections import AsyncPool, new_async_pool
from commands.queues import queue_of
from commands.streams import Stream
from commands.wake import publish
from portal.signin.rates import Rates, rates
from portal.web.hub import Hub
from projections.mongo.reader import DocumentReader
from projections.wiring import catch_up

log = structlog.get_logger("portal")


class Clock:
    """The database's clock, which decides, followed by how far this machine's is off."""

    MEASURE_EVERY = 30.0

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The database's time, as far as it is known."""
        return datetime.now(UTC) + self._offset

    async def follow(self, pool: AsyncPool) -> None:
        """Measure the offset now and then until cancelled."""
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


class Waker:
    """Wakes workers for accepted jobs, beside the answer to the client, which need not wait for Redis."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="waker")
        # Each stream stands in the line once, however many jobs it gets while Redis is slow.
        self._waiting: set[tuple[Stream, str]] = set()

    def wake(self, job: Job) -> None:
        """Have a worker look at the job's stream."""
        errand = (job.stream, queue_of(job.command))
        if errand not in self._waiting:
            self._waiting.add(errand)
            self._thread.submit(self._run, errand)

    def tell(self, job: Job) -> None:
        """Have those who follow the job look at it."""
        self._thread.submit(publish, "jobs", [str(job.id)])

    def tell_reader(self, user_id: UUID) -> None:
        """Have the user's other windows look at their notifications."""
        self._thread.submit(publish, "notifications", [str(user_id)])

    def _run(self, errand: tuple[Stream, str]) -> None:
        self._waiting.discard(errand)
        wake_stream(*errand)

    def close(self, *, finish: bool) -> None:
        """Finish what was asked for, or without Redis leave it to the sweep."""
        self._thread.shutdown(cancel_futures=not finish)


@dataclass(frozen=True, slots=True)
class Runtime:
    """A web process's connections and helpers."""

    pool: AsyncPool
    documents: DocumentReader
    hub: Hub
    waker: Waker
    clock: Clock
    rates: Rates
    # Brings a stream's documents up to date; blocks, so it is for a thread.
    catch_up: Callable[[Stream, int], int]


@asynccontextmanager
async def running() -> AsyncIterator[Runtime]:
    """The runtime, from the web process's start to its end. It starts without its servers, too."""
    async with rates() as counted:
        runtime = Runtime(
            new_async_pool(), DocumentReader(), Hub(), Waker(), Clock(), counted, catch_up
        )
        await runtime.pool.open()
        tasks = [
            asyncio.create_task(runtime.hub.run()),
            asyncio.create_task(runtime.clock.follow(runtime.pool)),
        ]
        try:
            yield runtime
        finally:
            redis_there = runtime.hub.connected
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            runtime.waker.close(finish=redis_there)
            await runtime.documents.close()
            await runtime.pool.close()
