"""Whoever leaves a read of documents takes no operation of the driver away midway, which could hang all later ones."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest
from pymongo.errors import PyMongoError
from pytest_django import Settings

from commands.ids import new_id
from projections.mongo.reader import DocumentReader
from projections.mongo.whole import unfinished, whole

# Where nobody listens.
NOBODY = "mongodb://127.0.0.1:1/nothing"

Read = Callable[[DocumentReader], Awaitable[object]]
READS: dict[str, Read] = {
    "ping": lambda documents: documents.ping(),
    "pointers": lambda documents: documents.user(new_id()),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_a_read_that_nobody_waits_for_ends_by_itself(settings: Settings, read: Read) -> None:
    settings.MONGODB_URL = NOBODY
    documents = DocumentReader()
    asked = asyncio.ensure_future(read(documents))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await left_alone()
    await documents.close()


async def test_closing_waits_for_what_goes_on(settings: Settings) -> None:
    settings.MONGODB_URL = NOBODY
    documents = DocumentReader()
    asked = asyncio.create_task(documents.ping())
    await asyncio.sleep(0)
    asked.cancel()
    [operation] = unfinished
    await documents.close()
    assert isinstance(operation.exception(), PyMongoError), "it was not cancelled"


async def left_alone() -> None:
    """The operation that goes on fails by itself, and nobody is told that nobody looked."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    [operation] = unfinished
    await asyncio.wait([operation])
    assert not unfinished
    del operation
    gc.collect()
    assert not told


async def test_whoever_waits_is_told_what_became_of_it() -> None:
    async def fails() -> None:
        raise PyMongoError("no")

    async def gives() -> int:
        return 7

    assert await whole(gives()) == 7
    with pytest.raises(PyMongoError, match="no"):
        await whole(fails())
