"""While a rebuild's documents become the live ones: who follows or shares gets what happened meanwhile."""

import asyncio
from typing import Any

import pytest

from portal.schema.reading import shared_auctions
from portal.web import fresh
from portal.web.fresh import Reads
from projections.mongo import reader
from projections.mongo.generations import move_pointer
from projections.upkeep import rebuild as rebuilding
from projections.upkeep.rebuild import rebuild
from projections.wiring import catch_up, database
from tests.integration.following import follows
from tests.integration.in_process import InProcessPortal
from tests.waiting import until

LONG = 3600.0


async def rebuilt(in_process: InProcessPortal) -> None:
    """Every process but this one has followed the pointer."""
    await asyncio.to_thread(rebuild, "auctions", in_process.pool, database(), lambda todo, *_: todo)


async def test_news_that_were_read_of_the_former_documents_are_news_again(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "POINTER_LIFETIME", LONG)
    lamp, clock, bidder = in_process.auction(), in_process.auction(), in_process.user()
    for each in (lamp, clock):
        catch_up(each)
    async with follows() as follow:
        cards = follow.cards()
        feed: Any = cards.follower.channel.feed  # type: ignore[attr-defined]
        in_process.bid(clock, bidder, "1.00")
        catch_up(clock)
        await cards.has(2)
        await rebuilt(in_process)
        in_process.bid(lamp, bidder, "1.00")
        catch_up(lamp)
        await until(lambda: lamp.id in feed._lately and not feed._news)
        assert str(lamp.id) not in {each["id"] for each in cards.line.results}
        await follow.runtime.documents.look()
        await until(lambda: {"id": str(lamp.id), "version": 2} in cards.line.results, 10)


async def test_nothing_that_was_read_of_the_former_documents_is_shared(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "POINTER_LIFETIME", LONG)
    monkeypatch.setattr(fresh, "LONGEST", LONG)
    auction, bidder = in_process.auction(), in_process.user()
    catch_up(auction)
    async with follows() as follow:

        async def version() -> int:
            [seen] = await shared_auctions(follow.runtime, [auction.id], Reads())
            return seen.value.version

        # Others' news from here on are not told.
        monkeypatch.setattr(follow.runtime.hub, "_dispatch", lambda *_: None)
        assert await version() == 1
        await rebuilt(in_process)
        in_process.bid(auction, bidder, "1.00")
        catch_up(auction)
        assert await version() == 1
        await follow.runtime.documents.look()
        assert await version() == 2


async def test_what_a_rebuild_catches_up_with_after_the_switch_is_announced(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may have written it to the former documents, and announced it to readers of these."""
    auction, bidder = in_process.auction(), in_process.user()
    catch_up(auction)

    def moved(*pointer: Any) -> None:
        move_pointer(*pointer)
        in_process.bid(auction, bidder, "1.00")

    monkeypatch.setattr(rebuilding, "move_pointer", moved)
    async with follows() as follow:
        cards = follow.cards()
        await rebuilt(in_process)
        await until(lambda: {"id": str(auction.id), "version": 2} in cards.line.results, 10)


async def test_a_switch_is_noticed_while_nobody_reads(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "POINTER_LIFETIME", 0.1)
    async with follows() as follow:
        looks = follow.runtime.documents.looks
        await until(lambda: follow.runtime.documents.looks > looks + 2)
