"""Accepting commands in the web process: those that come in while one batch is on its way go with the next."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from psycopg import DataError, IntegrityError

from commands.jobs import Job, Submission
from commands.postgres.accepting import Answer, accept_all_async
from commands.postgres.connections import AsyncPool
from commands.postgres.errors import AWAY

log = structlog.get_logger("portal")

# Submissions in one statement.
MOST = 200
Future = asyncio.Future[Job]


@dataclass(frozen=True, slots=True)
class _Waiting:
    submission: Submission
    answer: Future


class Acceptor:
    """Stores submissions, one statement at a time; whoever comes alone is stored at once, alone.

    `accepted` is called with the jobs of each statement, once they are committed.
    """

    def __init__(self, pool: AsyncPool, accepted: Callable[[Sequence[Job]], None]) -> None:
        self._pool = pool
        self._accepted = accepted
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def accept(self, submission: Submission) -> Job:
        """The job, once it is committed; raises IdempotencyConflict, SessionOver and faults of Postgres."""
        answer: Future = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(submission, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._store(batch)
        finally:
            self._task = None

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        """Answer each of the batch. One that Postgres can't store must not spoil the others'."""
        try:
            async with self._pool.connection() as connection:
                answers: Sequence[Answer] = await accept_all_async(
                    connection, [each.submission for each in batch]
                )
        except (DataError, IntegrityError) as error:
            if len(batch) > 1:
                for each in batch:
                    await self._store([each])
                return
            _give(batch[0].answer, error)
        except AWAY as error:
            # Whoever came meanwhile would wait as long again, and meet the same.
            batch, self._waiting = [*batch, *self._waiting], []
            for each in batch:
                _give(each.answer, error)
        except BaseException as error:
            for each in batch:
                _give(each.answer, error)
            if not isinstance(error, Exception):
                raise
        else:
            for each, answer in zip(batch, answers, strict=True):
                _give(each.answer, answer)
            self._accepted([answer for answer in answers if isinstance(answer, Job)])


def _give(future: Future, answer: Job | BaseException) -> None:
    if future.done():  # Whoever asked has gone.
        return
    match answer:
        case Job():
            future.set_result(answer)
        case asyncio.CancelledError():
            future.cancel()
        case _:
            future.set_exception(answer)
