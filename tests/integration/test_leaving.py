"""Those who leave a feed: what ran for them counts for who is still there, and nothing of it is kept."""

import gc
from typing import Any

from pytest_django import Settings

from commands.ids import new_id
from portal.schema.following.auctions import State
from portal.schema.following.channels import Channel, Follower
from portal.schema.following.feeds import Feed
from portal.schema.sockets import Running, Socket
from projections.wiring import catch_up
from tests.integration.following import BIDS, CARDS, EVENTS, STATE, follows
from tests.integration.in_process import InProcessPortal
from tests.integration.sockets import web
from tests.waiting import until

ALICE, BOB, CAROL = "192.0.2.1", "192.0.2.2", "192.0.2.3"


async def test_a_shared_operation_counts_for_somebody_who_still_follows(
    in_process: InProcessPortal, settings: Settings
) -> None:
    settings.DIFFERENT_OPERATIONS_PER_ADDRESS = 1
    auction = in_process.auction().id
    async with follows() as follow:

        def refused(address: str) -> bool:
            other = follow.auction(auction, BIDS, address=address)
            if not other.errors:
                other.follower.leave()
            return other.code == "RATE_LIMITED"

        first, second = (follow.auction(auction, address=ALICE) for _ in range(2))
        later = follow.auction(auction, address=BOB)
        assert [refused(each) for each in (ALICE, BOB)] == [True, False]
        first.follower.leave()
        assert [refused(each) for each in (ALICE, BOB)] == [True, False]
        second.follower.leave()
        assert [refused(each) for each in (ALICE, BOB)] == [False, True]
        follow.auction(auction, address=CAROL).follower.leave()
        assert [refused(each) for each in (ALICE, BOB, CAROL)] == [False, True, False]
        later.follower.leave()
        assert not refused(BOB)
        assert not follow.feeds.opened


KEPT_WHILE_FOLLOWED = (Feed, Channel, Follower, State, Socket, Running)
OWN = "subscription ($id: UUID!) { auctionUpdated(id: $id) { version myBids { id } } }"
SUBSCRIBED = {"state": STATE, "own": OWN, "cards": CARDS, "events": EVENTS}


def alive() -> dict[int, Any]:
    """What the process holds for those who follow, by its identity."""
    gc.collect()
    # By their type: a weak proxy of something that is gone can't be asked for its class.
    return {
        id(each): each for each in gc.get_objects() if issubclass(type(each), KEPT_WHILE_FOLLOWED)
    }


async def test_a_process_keeps_nothing_of_those_who_left(in_process: InProcessPortal) -> None:
    """One completes what it ran, one just closes, one was refused."""
    auction, bidder = in_process.auction(), in_process.user()
    catch_up(auction)
    before = alive()
    async with web() as process:
        feeds, hub = process.sockets.feeds, process.runtime.hub
        others = set(hub._listeners)
        token = await process.token(bidder)
        async with process.connected(token) as completes, process.connected(token) as closes:
            for each in (completes, closes):
                each.subscribe("refused", STATE, id=str(new_id()))
                for name, query in SUBSCRIBED.items():
                    each.subscribe(name, query, id=str(auction.id))
                await each.got("error", "refused")
                for name in ("state", "own", "events"):
                    await each.got("next", name)
            in_process.bid(auction, bidder, "1.00")
            catch_up(auction)
            await closes.got("next", "cards")
            assert alive().keys() > before.keys()
            assert process.sockets._sockets
            for name in SUBSCRIBED:
                completes.send(id=name, type="complete")
            await until(lambda: sum(process.sockets.running.values()) == len(SUBSCRIBED))
        del completes, closes, each
        assert not feeds.opened
        assert not feeds._feeds
        assert not process.sockets.running
        assert not process.sockets._sockets
        # Feeds' tasks were cancelled, and end at their next turn.
        await until(lambda: set(hub._listeners) == others)
        await until(lambda: not alive().keys() - before.keys())
