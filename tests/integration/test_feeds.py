"""Followers of a feed wait while a server is away, and what fails for one ends no other."""

import pytest
from pytest_django import Settings

from commands.wake import publish
from projections.mongo import reader
from projections.wiring import catch_up
from tests.integration.following import BIDS, follows, wired_mongodb
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
        for each in (lamp, clock):
            in_process.bid(each, bidder, "2.00")
            catch_up(each)
            # Each is heard of by itself.
            publish("versions", [str(each.id)])
        await until(lambda: {lamp.id, clock.id} <= feed._news, 10)
        wire.mend()
        await cards.has(3)
        await until(
            lambda: {each["id"] for each in cards.line.results} == {str(lamp.id), str(clock.id)}, 10
        )
        assert not cards.errors


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
