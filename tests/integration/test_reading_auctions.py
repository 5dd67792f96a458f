"""An auction can be read as soon as it was created, and an unknown id is answered at once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio
from pytest_django import Settings

from commands.ids import new_id
from commands.postgres.errors import AWAY
from commands.streams import Stream
from portal.errors import PortalError
from portal.schema.reading import auction_at, known_auction
from portal.web.runtime import Runtime, running
from portal.web.together import Together
from projections.wiring import catch_up
from tests.integration.in_process import InProcessPortal


@pytest_asyncio.fixture
async def runtime() -> AsyncIterator[Runtime]:
    """A web process's connections."""
    async with running() as found:
        yield found


async def none(streams: Sequence[Stream]) -> Mapping[Stream, None]:
    """Stands in where no stream may be projected."""
    raise AssertionError(f"{streams} were projected")


@pytest.mark.parametrize("at_least", [None, 1, 0, -5])
async def test_an_auction_that_no_worker_has_projected_yet_is_there(
    in_process: InProcessPortal, runtime: Runtime, at_least: int | None
) -> None:
    stream = in_process.auction()
    found = await auction_at(runtime, stream.id, at_least)
    assert found
    assert (found.id, found.version) == (stream.id, 1)


async def test_an_auction_that_no_worker_has_projected_yet_can_be_followed(
    in_process: InProcessPortal, runtime: Runtime
) -> None:
    stream = in_process.auction()
    assert (await known_auction(runtime, stream.id)).id == stream.id


@pytest.mark.parametrize("at_least", [None, 1, 99, -5])
async def test_an_unknown_id_costs_no_projecting_and_no_waiting(
    runtime: Runtime, at_least: int | None
) -> None:
    only_reading = replace(runtime, catching_up=Together(none, 1))
    assert await auction_at(only_reading, new_id(), at_least) is None
    with pytest.raises(PortalError, match="no such auction"):
        await known_auction(only_reading, new_id())


async def test_the_id_of_a_user_is_no_auctions(
    in_process: InProcessPortal, runtime: Runtime
) -> None:
    assert await auction_at(runtime, in_process.user(), 1) is None


async def test_without_postgres_what_was_projected_is_shown_and_of_the_rest_nothing_is_claimed(
    in_process: InProcessPortal, settings: Settings
) -> None:
    stream = in_process.auction()
    catch_up(stream)
    settings.DATABASE_URL = "postgresql://nobody@127.0.0.1:1/nothing"
    async with running() as runtime:
        found = await auction_at(runtime, stream.id, 1)
        assert found
        assert found.id == stream.id
        with pytest.raises(AWAY):
            await auction_at(runtime, new_id(), None)
