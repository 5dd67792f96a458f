"""Cancelling a job races with the worker, and exactly one wins."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import pytest_asyncio
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from commands.domain.commands import CreateUser, PlaceBid
from commands.domain.rejections import RejectionCode
from commands.ids import new_id
from commands.jobs import Job, JobStatus
from commands.postgres.auctions import read_auction
from commands.postgres.connections import clock, new_async_pool
from commands.postgres.jobs import PostgresJobInbox, cancel_async
from commands.streams import Stream
from tests.integration.in_process import InProcessPortal

AsyncPool = AsyncConnectionPool[AsyncConnection[DictRow]]


@pytest_asyncio.fixture
async def web() -> AsyncIterator[AsyncPool]:
    """The web process's connections."""
    async with new_async_pool() as pool:
        yield pool


async def cancel(web: AsyncPool, job: Job) -> Job:
    async with web.connection() as connection:
        answered = await cancel_async(connection, job.id)
    assert answered
    return answered


def code_of(job: Job) -> RejectionCode | None:
    return job.rejection.code if job.rejection else None


def place(stream: Stream, bidder_id: UUID, amount: int) -> PlaceBid:
    return PlaceBid(stream.id, new_id(), bidder_id, Decimal(f"{amount}.00"))


async def test_a_waiting_job_is_cancelled_and_changes_nothing(
    in_process: InProcessPortal, web: AsyncPool
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.accept(auction, place(auction, alice, 1))
    cancelled = await cancel(web, job)
    assert (cancelled.status, code_of(cancelled)) == (JobStatus.REJECTED, RejectionCode.CANCELLED)
    in_process.drain(auction)
    assert in_process.job(job.id) == cancelled
    assert await cancel(web, job) == cancelled


async def test_a_settled_job_is_answered_as_it_stands(
    in_process: InProcessPortal, web: AsyncPool
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.settled(auction, place(auction, alice, 1))
    assert await cancel(web, job) == job
    assert job.status is JobStatus.SUCCEEDED


async def test_a_cancelled_sign_up_leaves_nothing_personal(
    in_process: InProcessPortal, web: AsyncPool
) -> None:
    user_id = new_id()
    command = CreateUser(user_id, "mallory", "mallory@example.org", "secret-hash", False)
    cancelled = await cancel(web, in_process.accept(Stream("user", user_id), command))
    assert set(cancelled.payload) == {"user_id", "is_staff"}


async def test_of_cancelling_and_handling_exactly_one_wins(
    in_process: InProcessPortal, web: AsyncPool
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    jobs = [in_process.accept(auction, place(auction, alice, n)) for n in range(1, 201)]
    with ThreadPoolExecutor(1) as worker:
        # From the end of the line, towards the worker.
        draining = worker.submit(in_process.drain, auction)
        with_a_connection = asyncio.Semaphore(web.max_size)

        async def cancel_in_turn(job: Job) -> Job:
            async with with_a_connection:
                return await cancel(web, job)

        answers = await asyncio.gather(*(cancel_in_turn(job) for job in jobs[::-1]))
        await asyncio.wrap_future(draining)
    in_process.drain(auction)
    settled = {job.id: in_process.job(job.id) for job in jobs}
    placed = [job for job in settled.values() if job.status is JobStatus.SUCCEEDED]
    cancelled = [job for job in settled.values() if code_of(job) is RejectionCode.CANCELLED]
    assert len(placed) + len(cancelled) == 200
    assert all(settled[answer.id] == answer for answer in answers if answer.settled)
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    assert state.version == 1 + len(placed)
    assert {str(bid_id) for bid_id in state.bids} == {job.payload["bid_id"] for job in placed}


async def test_cancelling_does_not_wait_for_a_slow_worker(
    in_process: InProcessPortal, web: AsyncPool
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.accept(auction, place(auction, alice, 1))
    with in_process.pool.connection() as connection, connection.transaction():
        cutoffs = {auction.id: clock(connection)}
        [taken] = PostgresJobInbox(connection).waiting(cutoffs, 10)[auction.id]
        # The worker does not go on before this is answered.
        assert (await cancel(web, taken)).status is JobStatus.QUEUED
    in_process.drain(auction)
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED
