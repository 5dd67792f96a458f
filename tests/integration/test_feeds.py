"""Followers of a feed wait while a server is away, and what fails for one ends no other."""

import asyncio
from collections.abc import Collection
from uuid import UUID

import pytest
from pytest_django import Settings
from structlog.testing import capture_logs

from commands.record.upcasters import CURRENT_SCHEMA, UPCASTERS
from commands.wake import publish
from portal.schema.following import events
from portal.schema.following.events import EventsFeed
from projections.documents import AuctionDocument
from projections.mongo import reader
from projections.mongo.reader import DocumentReader
from projections.wiring import catch_up
from tests.integration.following import BIDS, Following, follows, wired_mongodb
from tests.integration.in_process import InProcessPortal
from tests.waiting import until


async def test_without_mongodb_followers_of_an_auction_wait_and_newcomers_are_told(
    in_process: InProcessPortal, settings: Settings
) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    catch_up(auction)
    async with wired_mongodb(settings) as wire, follows() as follow:
        one = follow.auction(auction.id)
        await one.has(1)
        wire.cut()
        newcomer = follow.auction(auction.id)
        await newcomer.ended()
        assert newcomer.code == "UNAVAILABLE"
        in_process.bid(auction, bidder, "1.00")
        catch_up(auction)
        assert not one.errors
        wire.mend()
        await one.has(2)
        assert one.line.versions == [1, 2]


async def test_without_mongodb_no_card_is_lost(
    in_process: InProcessPortal, settings: Settings
) -> None:
    lamp, clock, bidder = in_process.auction(), in_process.auction(), in_process.user()
    catch_up(lamp)
    catch_up(clock)
    async with wired_mongodb(settings) as wire, follows() as follow:
        cards = follow.cards()
        feed = cards.follower.channel.feed  # type: ignore[attr-defined]
        in_process.bid(lamp, bidder, "1.00")
        catch_up(lamp)
        await cards.has(2)
        wire.cut()
        newcomer = follow.cards()
        for each in (lamp, clock):
            in_process.bid(each, bidder, "2.00")
            catch_up(each)
            # Each is heard of by itself.
            publish("versions", [str(each.id)])
        await until(lambda: {lamp.id, clock.id} <= feed._news, 10)
        with capture_logs() as logged:
            await until(lambda: any("wait" in each["event"] for each in logged), 10)
        wire.mend()
        both = {str(lamp.id), str(clock.id)}
        await until(lambda: ids(cards) == ids(newcomer) == both, 10)
        for one in (cards, newcomer):
            await one.has(3)
            assert not one.errors


def ids(cards: Following) -> set[str]:
    """Of which auctions it got cards."""
    return {each["id"] for each in cards.line.results}


async def test_a_state_that_could_not_be_executed_is_shown_once_it_can(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More bids than the auction's document holds are read from the ranking."""
    auction, bidder = in_process.auction(), in_process.user()
    for amount in range(1, 22):
        in_process.bid(auction, bidder, f"{amount}.00")
    catch_up(auction)
    async with follows() as follow:
        one = follow.auction(auction.id, BIDS)
        await one.has(22)
        with monkeypatch.context() as changed:
            # MongoDB refuses a query with a limit of 0.
            changed.setattr(reader, "MOST_CHANGED", -1)
            in_process.bid(auction, bidder, "100.00")
            catch_up(auction)
            newcomer = follow.auction(auction.id, BIDS)
            await newcomer.ended()
            assert newcomer.code == "UNAVAILABLE"
        await one.has(23)
        assert one.line.versions == [22, 23]
        assert not one.errors


async def test_without_mongodb_followers_of_events_wait_and_news_are_told_first_afterwards(
    in_process: InProcessPortal, settings: Settings
) -> None:
    auction = in_process.auction()
    async with wired_mongodb(settings) as wire, follows() as follow:
        one = follow.events(auction.id)
        await one.has(1)
        wire.cut()
        behind = follow.events(auction.id)
        # Whose name is not known here yet.
        in_process.bid(auction, in_process.user(), "1.00")
        publish("versions", [str(auction.id)])
        with capture_logs() as logged:
            await until(lambda: any("wait" in each["event"] for each in logged), 10)
        wire.mend()
        for each in (one, behind):
            await each.has(2)
            assert each.line.versions == [1, 2]
            assert not each.errors


async def test_news_of_events_that_could_not_be_read_are_looked_for_again(
    in_process: InProcessPortal, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where, name in ((events, "QUIET"), (EventsFeed, "_patience")):
        monkeypatch.setattr(where, name, 3600.0)
    auction = in_process.auction()
    async with wired_mongodb(settings) as wire, follows() as follow:
        one = follow.events(auction.id)
        await one.has(1)
        wire.cut()
        # Whose name is not known here yet.
        in_process.bid(auction, in_process.user(), "1.00")
        with capture_logs() as logged:
            publish("versions", [str(auction.id)])
            await until(lambda: any("wait" in each["event"] for each in logged), 10)
        wire.mend()
        await one.has(2)
        assert not one.errors


async def test_an_event_that_cannot_be_read_ends_only_those_who_need_it(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    # A newer release wrote it, which does not run any more.
    with monkeypatch.context() as newer:
        newer.setitem(UPCASTERS, ("BidPlaced", 1), dict)
        newer.setitem(CURRENT_SCHEMA, "BidPlaced", 2)
        in_process.bid(auction, bidder, "1.00")
    async with follows() as follow:
        one = follow.events(auction.id, after=2)
        reads_back = follow.events(auction.id)
        await reads_back.ended()
        assert reads_back.code == "UNAVAILABLE"
        in_process.bid(auction, bidder, "2.00")
        publish("versions", [str(auction.id)])
        await one.has(3)
        assert not one.errors


async def test_those_who_are_behind_get_their_pages_however_fast_news_come(
    in_process: InProcessPortal,
) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    in_process.bid(auction, bidder, "1.00")
    async with follows() as follow:
        one = follow.events(auction.id, after=2)
        feed = one.follower.channel.feed  # type: ignore[attr-defined]
        await until(lambda: feed._head == 2)

        async def hot() -> None:
            while True:
                feed.wake()
                await asyncio.sleep(0)

        news = asyncio.create_task(hot())
        behind = follow.events(auction.id)
        try:
            await behind.has(2)
        finally:
            news.cancel()
        assert behind.line.versions == [1, 2]


async def test_followers_of_many_auctions_who_come_at_once_are_a_few_reads(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    auctions = [in_process.auction() for _ in range(60)]
    for auction in auctions:
        catch_up(auction)
    read: list[int] = []
    whole = DocumentReader.auctions_by_id

    async def counted(self: DocumentReader, ids: Collection[UUID]) -> list[AuctionDocument]:
        read.append(len(ids))
        return await whole(self, ids)

    monkeypatch.setattr(DocumentReader, "auctions_by_id", counted)
    async with follows() as follow:
        for one in [follow.auction(auction.id) for auction in auctions]:
            await one.has(1)
    assert sum(read) >= len(auctions)
    assert len(read) <= 4, "the first alone, and those who came meanwhile together"
