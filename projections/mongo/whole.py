"""Operations of MongoDB's asynchronous driver, which go on to their end although whoever asked leaves.

On Python 3.11 a cancellation while the driver looks for its server can leave the lock around that taken for good: its
wait is a task of its own there (`asyncio.wait_for`), which takes the lock again after the one that it waited for is gone.
Then every later operation of the process hangs. So none is cancelled; each ends by its own time-out.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from pymongo.asynchronous.collection import AsyncCollection

from projections.mongo.bson import Bson

Result = TypeVar("Result")

# Operations that go on. The event loop alone does not keep a task.
unfinished: set[asyncio.Task[Any]] = set()


async def whole(operation: Coroutine[Any, Any, Result]) -> Result:
    """What the operation gives. A caller that is cancelled leaves at once, and the operation ends by itself."""
    task = asyncio.create_task(operation)
    unfinished.add(task)
    task.add_done_callback(_ended)
    return await asyncio.shield(task)


def _ended(task: asyncio.Task[Any]) -> None:
    unfinished.discard(task)
    if not task.cancelled():
        task.exception()  # Whoever asked may have gone: nobody then looks at it.


async def none_left() -> None:
    """Wait for the operations that go on, so that the end of the event loop cancels none: each has its time-out."""
    if unfinished:
        await asyncio.wait(unfinished)


async def aggregated(
    collection: AsyncCollection[Bson], pipeline: Sequence[Bson], **options: Any
) -> list[Bson]:
    """All that the pipeline gives, as a whole operation."""
    return await whole(_aggregated(collection, pipeline, options))


async def _aggregated(
    collection: AsyncCollection[Bson], pipeline: Sequence[Bson], options: Bson
) -> list[Bson]:
    return await (await collection.aggregate(pipeline, **options)).to_list()
