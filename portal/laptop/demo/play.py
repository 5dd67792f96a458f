"""The demo from start to end: people bid against each other as outside clients, and check who won."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager

from portal.laptop.demo import bidding, draws, setting_up, watching
from portal.laptop.demo.client import PortalClient
from portal.laptop.demo.state import BIDDERS, Demo

# The ends of the demo's auctions move by little.
SOFT_CLOSE = {"window": 4, "extension": 2, "times": 2}
# An auction of each preset, and one in which nobody bids: titles, rules, and seconds from now to the end.
CATALOGUE = (
    ("A brass ship's clock", None, 20, True),
    ("A first edition, slightly foxed", {"preset": "ENGLISH", "softClose": SOFT_CLOSE}, 22, True),
    ("A box of unsorted stamps", {"preset": "CHARITY", "softClose": SOFT_CLOSE}, 24, True),
    ("A sea chest, locked", {"preset": "SEALED"}, 22, True),
    ("A cello without strings", {"preset": "VICKREY"}, 23, True),
    ("A portrait of nobody in particular", None, 21, False),
)


async def run_demo(demo: Demo, auctioneer: str, password: str) -> None:
    """Sign everybody up, create the auctions, bid until all have ended, and leave some open.

    Results are in `demo.auctions`, failures in `demo.unexpected`.
    """
    async with AsyncExitStack() as clients:
        for name in (auctioneer, *BIDDERS):
            demo.people[name] = await clients.enter_async_context(_client(demo.portal.url))
        await setting_up.sign_up(demo, auctioneer, password)
        for title, rules, seconds, contested in CATALOGUE:
            await setting_up.create_auction(
                demo, demo.people[auctioneer], title, rules, seconds, contested
            )
        await _bid_until_ended(demo)
        await bidding.bid_late(demo, demo.auctions[0])
        await setting_up.leave_auctions(demo, demo.people[auctioneer])


@asynccontextmanager
async def _client(url: str) -> AsyncIterator[PortalClient]:
    client = PortalClient(url)
    try:
        yield client
    finally:
        await client.close()


async def _bid_until_ended(demo: Demo) -> None:
    ends: list[Awaitable[None]] = [
        watching.watch_events(demo, auction) for auction in demo.auctions
    ]
    async with asyncio.TaskGroup() as tasks:
        subscriptions = [
            tasks.create_task(watching.watch_state(demo, auction)) for auction in demo.auctions
        ]
        demo.wins = {name: asyncio.Queue() for name in BIDDERS}
        subscriptions += [
            tasks.create_task(watching.watch_notifications(demo, name)) for name in BIDDERS
        ]
        ticks = tasks.create_task(draws.run_ticks(demo))
        await bidding.check_rules(demo, demo.auctions[0])
        bidders = [tasks.create_task(bidding.bid_at_random(demo, name)) for name in BIDDERS]
        await asyncio.gather(*ends)
        await asyncio.gather(ticks, *bidders)
        await watching.check_winners_notified(demo)
        for task in subscriptions:
            task.cancel()
