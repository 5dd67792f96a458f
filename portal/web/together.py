"""Questions of many that are answered together: one batch at a time, and what is asked meanwhile goes with the next."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Answers questions in batches of at most `most`; whoever comes alone is answered at once, alone.

    `answer_all` gives the answers of a batch; a question that it leaves out has the answer None. What
    it raises is raised to everybody who waits, also to those of the next batch: they would meet the same.
    """

    def __init__(
        self,
        answer_all: Callable[[Sequence[Question]], Awaitable[Mapping[Question, Answer]]],
        most: int,
    ) -> None:
        self._answer_all = answer_all
        self._most = most
        self._waiting: dict[Question, asyncio.Future[Answer | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer | None:
        """The answer, by a batch that begins after this call."""
        if question not in self._waiting:
            self._waiting[question] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        # Others may wait for the same: whoever leaves must not take the answer away from them.
        return await asyncio.shield(self._waiting[question])

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._next())
        finally:
            self._task = None

    def _next(self) -> dict[Question, asyncio.Future[Answer | None]]:
        chosen = list(self._waiting)[: self._most]
        return {question: self._waiting.pop(question) for question in chosen}

    async def _answer(self, batch: dict[Question, asyncio.Future[Answer | None]]) -> None:
        try:
            answers = await self._answer_all(list(batch))
        except BaseException as error:
            for future in (*batch.values(), *self._waiting.values()):
                _fail(future, error)
            self._waiting.clear()
            if not isinstance(error, Exception):
                raise
        else:
            for question, future in batch.items():
                future.set_result(answers.get(question))


def _fail(future: asyncio.Future[Answer | None], error: BaseException) -> None:
    if not isinstance(error, Exception):
        future.cancel()
        return
    future.set_exception(error)
    # Whoever asked may have gone: nobody then looks at the error.
    future.exception()
