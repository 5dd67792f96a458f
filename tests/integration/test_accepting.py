"""Accepting commands together: each is accepted, or refused, as if it had come alone."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from psycopg import OperationalError

from commands.domain.commands import AnnounceWinner, PlaceBid
from commands.ids import new_id
from commands.inbox.requests import Caller, place_bid
from commands.jobs import IdempotencyConflict, Job, JobStatus, SessionOver, Submission
from commands.postgres.accepting import Answer, accept_all, cutoffs
from commands.postgres.connections import AsyncPool, new_async_pool
from commands.postgres.sessions import Lifetimes, end, open_session
from commands.streams import Stream
from portal.web.acceptor import Acceptor
from tests.integration.in_process import InProcessPortal

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def bid(
    auction: Stream,
    bidder: UUID,
    amount: str,
    *,
    key: str | None = None,
    session_id: UUID | None = None,
) -> Submission:
    caller = Caller(bidder, f"user:{bidder}", session_id=session_id)
    return place_bid(
        caller, bidder_id=bidder, auction_id=auction.id, amount_text=amount, idempotency_key=key
    )


def accepted(in_process: InProcessPortal, submissions: Sequence[Submission]) -> list[Answer]:
    with in_process.pool.connection() as connection:
        return accept_all(connection, submissions)


def test_what_is_accepted_together_is_handled_in_the_order_given(
    in_process: InProcessPortal,
) -> None:
    alice, auctions = in_process.user(), [in_process.auction(), in_process.auction()]
    submissions = [bid(auctions[n % 2], alice, f"{n}.00") for n in range(1, 101)]
    jobs = accepted(in_process, submissions)
    for auction in auctions:
        in_process.drain(auction)
    assert [job.id for job in jobs if isinstance(job, Job)] == [each.id for each in submissions]
    settled = [in_process.job(each.id) for each in submissions]
    assert [job.version for job in settled] == [n // 2 + 2 for n in range(100)]
    for mine in (settled[::2], settled[1::2]):
        apart = [job.accepted_at - mine[0].accepted_at for job in mine]
        assert apart == [timedelta(microseconds=n) for n in range(50)]


def test_an_accepted_job_is_given_as_it_is_stored(in_process: InProcessPortal) -> None:
    [job] = accepted(in_process, [bid(in_process.auction(), in_process.user(), "1.00")])
    assert isinstance(job, Job)
    assert job == in_process.job(job.id)


def test_the_keys_of_one_batch_count_in_it_too(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    [before] = accepted(in_process, [bid(auction, alice, "1.00", key="before")])
    first, again, other, known, changed = accepted(
        in_process,
        [
            bid(auction, alice, "2.00", key="within"),
            bid(auction, alice, "2.00", key="within"),
            bid(auction, alice, "3.00"),
            bid(auction, alice, "1.00", key="before"),
            bid(auction, alice, "9.00", key="within"),
        ],
    )
    assert isinstance(first, Job)
    assert again == first
    assert known == before
    assert isinstance(other, Job)
    assert isinstance(changed, IdempotencyConflict)


async def test_a_bid_counts_only_while_its_session_goes_on(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    going_on, ended = new_id(), new_id()
    async with new_async_pool() as pool, pool.connection() as connection:
        for session_id in (going_on, ended):
            seed = secrets.token_bytes(32)
            assert await open_session(
                connection, session_id, alice, "!", seed, Lifetimes(idle=DAY, longest=DAY)
            )
        assert await end(connection, ended)
    mine, over, others, nobodys = accepted(
        in_process,
        [
            bid(auction, alice, "1.00", session_id=going_on),
            bid(auction, alice, "2.00", session_id=ended),
            bid(auction, bob, "3.00", session_id=going_on),
            bid(auction, alice, "4.00", session_id=new_id()),
        ],
    )
    assert isinstance(mine, Job)
    assert {type(each) for each in (over, others, nobodys)} == {SessionOver}
    in_process.drain(auction)
    assert in_process.job(mine.id).version == 2


def test_a_clock_that_steps_back_puts_no_job_before_an_earlier_one(
    in_process: InProcessPortal,
) -> None:
    """As after a failover to a machine whose clock is an hour behind."""
    alice, auction = in_process.user(), in_process.auction()
    ahead = in_process.now() + HOUR
    first = in_process.accept(auction, place(auction, alice, "1.00"), at=ahead)
    in_process.drain(auction)
    assert in_process.job(first.id).rejection, "the auction was over by that clock"
    second = in_process.accept(auction, place(auction, alice, "2.00"))
    third = in_process.accept(auction, AnnounceWinner(auction.id))
    assert first.id < second.id
    assert ahead < second.accepted_at < third.accepted_at < ahead + timedelta(milliseconds=1)
    with in_process.pool.connection() as connection:
        assert cutoffs(connection, [auction.id])[auction.id] > third.accepted_at
    in_process.drain(auction)
    assert in_process.job(third.id).status is JobStatus.SUCCEEDED


def place(auction: Stream, bidder: UUID, amount: str) -> PlaceBid:
    return PlaceBid(auction.id, new_id(), bidder, Decimal(amount))


async def test_a_web_process_accepts_together_what_comes_together(
    in_process: InProcessPortal,
) -> None:
    alice, auction, batches = in_process.user(), in_process.auction(), list[int]()
    async with new_async_pool() as pool:
        acceptor = Acceptor(pool, lambda jobs: batches.append(len(jobs)))
        bids = [bid(auction, alice, f"{n}.00") for n in range(1, 51)]
        jobs = await asyncio.gather(*(acceptor.accept(each) for each in bids))
    assert [job.id for job in jobs] == [each.id for each in bids]
    assert batches[0] == 50
    in_process.drain(auction)
    assert [in_process.job(job.id).version for job in jobs] == list(range(2, 52))


async def test_what_postgres_can_not_store_is_refused_alone(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    bids = [bid(auction, alice, f"{n}.00") for n in range(1, 4)]
    # As if a check of its length had been forgotten: the column takes 60 characters.
    broken = Submission(
        bids[1].stream, bids[1].command, {}, "x" * 100, alice, idempotency_key="too long a scope"
    )
    async with new_async_pool() as pool:
        acceptor = Acceptor(pool, lambda jobs: None)
        answers = await asyncio.gather(
            *(acceptor.accept(each) for each in (bids[0], broken, bids[2])), return_exceptions=True
        )
    assert [isinstance(answer, Job) for answer in answers] == [True, False, True]


async def test_while_postgres_is_away_nobody_waits_for_another_one_to_find_out(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    nowhere = AsyncPool(
        "postgresql://127.0.0.1:1/nowhere", min_size=0, max_size=1, timeout=0.3, open=False
    )
    async with nowhere:
        acceptor = Acceptor(nowhere, lambda jobs: None)
        first = asyncio.create_task(acceptor.accept(bid(auction, alice, "1.00")))
        await asyncio.sleep(0.1)
        later = asyncio.create_task(acceptor.accept(bid(auction, alice, "2.00")))
        faults = await asyncio.gather(first, later, return_exceptions=True)
    assert isinstance(faults[0], OperationalError)
    assert faults[1] is faults[0], "the one statement that failed answers both"


async def test_whoever_goes_before_the_answer_takes_nobody_along(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    async with new_async_pool() as pool:
        acceptor = Acceptor(pool, lambda jobs: None)
        gone, waiting = (
            asyncio.create_task(acceptor.accept(bid(auction, alice, amount)))
            for amount in ("1.00", "2.00")
        )
        await asyncio.sleep(0)
        gone.cancel()
        assert (await waiting).status is JobStatus.QUEUED
        with pytest.raises(asyncio.CancelledError):
            await gone
