"""Followers whose connections do not keep up: what waits for them is little, and they lose no state."""

import asyncio
import tracemalloc
from typing import Any

import pytest

from commands.domain.commands import DeleteUser
from commands.ids import new_id
from commands.streams import Stream
from commands.wake import publish
from portal.schema.following import auctions
from portal.schema.following.channels import Frames
from portal.schema.reading import LOOK_AGAIN
from portal.web import fresh
from projections.mongo import reader
from projections.wiring import catch_up
from tests.integration.following import BIDS, STATE, Following, follows
from tests.integration.in_process import InProcessPortal
from tests.integration.sockets import web
from tests.waiting import until


@pytest.fixture(autouse=True)
def _told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is shown only because a feed looks again after a while."""
    monkeypatch.setattr(auctions, "QUIET", 3600.0)


def drain(*readers: Following) -> None:
    """They received what was sent."""
    for each in readers:
        each.line.ready = True
        each.follower.resume()


async def test_a_name_is_not_sent_late_after_its_user_was_deleted(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "LONGEST", 0.0)
    auction, bidder = in_process.auction(), in_process.user()
    catch_up(auction)
    catch_up(Stream("user", bidder))
    async with follows() as follow:
        quick, slow = (follow.auction(auction.id, BIDS) for _ in range(2))
        for each in (quick, slow):
            await each.has(1)
        slow.line.ready = False
        in_process.bid(auction, bidder, "1.00")
        catch_up(auction)
        await quick.has(2)
        assert bidders(quick)[-1] == f"u{bidder.hex[-20:]}"
        in_process.settled(Stream("user", bidder), DeleteUser(bidder))
        catch_up(Stream("user", bidder))
        drain(slow)
        await slow.has(2)
        assert bidders(slow) == [None]


def bidders(one: Following) -> list[Any]:
    """The names in all states that it got."""
    return [
        edge["node"]["bidder"]["username"]
        for state in one.line.results
        for edge in state["bids"]["edges"]
    ]


async def test_whoever_did_not_keep_up_gets_the_newest_state(in_process: InProcessPortal) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    catch_up(auction)
    async with follows() as follow:
        quick, *slow = (follow.auction(auction.id) for _ in range(10))
        # One has not even got the first.
        slow[0].line.ready = False
        for each in slow[1:]:
            await each.has(1)
        for version in range(2, 22):
            in_process.bid(auction, bidder, f"{version}.00")
            catch_up(auction)
            await quick.has(version)
            for each in slow[version % 3 :: 3]:
                if each.line.ready:
                    each.line.ready = False
                else:
                    drain(each)
        drain(*slow)
        for each in slow:
            await each.has(21)
            assert each.line.versions == sorted(set(each.line.versions))


async def test_a_connection_that_has_room_again_costs_a_read_only_if_it_missed_something(
    in_process: InProcessPortal,
) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    catch_up(auction)
    async with follows() as follow:
        one = follow.auction(auction.id)
        await one.has(1)
        feed = one.follower.channel.feed  # type: ignore[attr-defined]
        drain(one)
        assert not feed.listener.notified
        one.line.ready = False
        in_process.bid(auction, bidder, "1.00")
        catch_up(auction)
        await until(lambda: one.follower.behind)
        drain(one)
        assert feed.listener.notified
        await one.has(2)


async def test_events_are_read_again_only_for_those_who_missed_some(
    in_process: InProcessPortal,
) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    async with follows() as follow:
        one = follow.events(auction.id)
        await one.has(1)
        feed: Any = one.follower.channel.feed  # type: ignore[attr-defined]
        drain(one)
        assert not feed.listener.notified
        one.line.ready = False
        in_process.bid(auction, bidder, "1.00")
        publish("versions", [str(auction.id)])
        await until(lambda: feed.left_out(one.follower))
        drain(one)
        assert feed.listener.notified
        await one.has(2)
        assert one.line.versions == [1, 2]


async def test_operations_that_cannot_be_executed_are_tried_again_together(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    for amount in range(1, 22):
        in_process.bid(auction, bidder, f"{amount}.00")
    catch_up(auction)
    async with follows() as follow:
        several = [follow.auction(auction.id, f"{BIDS} # {each}") for each in range(4)]
        for each in several:
            await each.has(22)
        tries = times_of(monkeypatch, LOOK_AGAIN)
        with monkeypatch.context() as changed:
            # MongoDB refuses a query with a limit of 0.
            changed.setattr(reader, "MOST_CHANGED", -1)
            in_process.bid(auction, bidder, "100.00")
            catch_up(auction)
            await until(lambda: all(each.follower.behind for each in several))
            assert len(tries) == 1
        gone, *others = several
        gone.follower.leave()
        for each in others:
            await each.has(23)
            assert each.line.versions == [22, 23]
        assert gone.line.versions == [22]


def times_of(monkeypatch: pytest.MonkeyPatch, pause: float) -> list[float]:
    """When something is asked for after that pause, from now on."""
    loop, asked = asyncio.get_running_loop(), []
    call_later = loop.call_later

    def noted(delay: float, *what: Any, **more: Any) -> asyncio.TimerHandle:
        if delay == pause:
            asked.append(loop.time())
        return call_later(delay, *what, **more)

    monkeypatch.setattr(loop, "call_later", noted)
    return asked


def test_a_result_is_kept_for_one_id_however_many_ask() -> None:
    frames, ids = Frames(b"x" * 10_000), [str(new_id()) for _ in range(1_000)]
    tracemalloc.start()
    try:
        sizes = {len(frames.of(each)) for each in ids}
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(sizes) == 1
    assert kept < 100_000


async def test_a_peer_that_reads_nothing_is_asked_nothing_more() -> None:
    """Each of these operations ends with an error, which is written whether it is read or not."""
    async with (
        web() as process,
        process.connected() as quick,
        process.connected() as slow,
    ):
        slow.line.ready = False
        for each in (slow, quick):
            for number in range(50):
                each.subscribe(str(number), STATE, id=str(new_id()))
        for number in range(50):
            await quick.got("error", str(number))
        assert [each["type"] for each in slow.line.messages] == ["connection_ack"]
        slow.line.drain()
        for number in range(50):
            await slow.got("error", str(number))
