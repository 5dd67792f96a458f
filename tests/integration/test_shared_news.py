"""News over Redis reach what a web process shares, before those who are told of them."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio

from commands.wake import publish
from portal.schema.reading import names_of, shared_auctions
from portal.web import fresh
from portal.web.fresh import Reads
from portal.web.runtime import Runtime, running
from projections.wiring import catch_up
from tests.integration.in_process import InProcessPortal


@pytest_asyncio.fixture
async def runtime(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    """A web process's connections; without news it shares what it read for an hour."""
    monkeypatch.setattr(fresh, "LONGEST", 3600.0)
    async with running() as found:
        while not found.hub.connected:
            await asyncio.sleep(0.01)
        yield found


async def version(runtime: Runtime, auction_id: UUID) -> int:
    [seen] = await shared_auctions(runtime, [auction_id], Reads())
    return seen.value.version


async def test_whoever_is_told_of_a_change_reads_it(
    in_process: InProcessPortal, runtime: Runtime
) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    catch_up(auction)
    assert await version(runtime, auction.id) == 1
    with runtime.hub.listen("versions", str(auction.id)) as listener:
        for number in range(1, 6):
            in_process.bid(auction, bidder, f"{number}.00")
            assert await version(runtime, auction.id) == number, "shared as long as nobody tells"
            # It announces the change.
            catch_up(auction)
            while str(auction.id) not in await listener.wait(5):
                pass
            assert await version(runtime, auction.id) == number + 1


async def test_news_of_one_auction_leave_others_and_names_shared(
    in_process: InProcessPortal, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    lamp, clock, bidder = in_process.auction(), in_process.auction(), in_process.user()
    with runtime.hub.listen("versions", str(lamp.id), str(clock.id)) as listener:
        told: set[str] = set()
        for each in (lamp, clock):
            catch_up(each)
        while told != {str(lamp.id), str(clock.id)}:
            told |= await listener.wait(5)
    for each in (lamp, clock):
        await version(runtime, each.id)
    names = await names_of(runtime, {bidder})

    async def asked(*_: object) -> None:
        raise AssertionError("MongoDB was asked")

    with runtime.hub.listen("versions", str(lamp.id)) as listener:
        publish("versions", [str(lamp.id)])
        await listener.wait(5)
    monkeypatch.setattr(runtime.documents, "auctions_by_id", asked)
    monkeypatch.setattr(runtime.documents, "usernames", asked)
    assert await version(runtime, clock.id) == 1
    assert await names_of(runtime, {bidder}) == names
    with pytest.raises(AssertionError, match="was asked"):
        await version(runtime, lamp.id)
