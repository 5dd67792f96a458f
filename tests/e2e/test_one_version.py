"""A state is of one version: whatever is asked for beside `version`, while others bid."""

import asyncio
import random
from contextlib import aclosing, suppress
from uuid import UUID

from commands.postgres.connections import Pool
from commands.postgres.event_store import PostgresEventStore
from portal.laptop.demo.client import DELETE_BID, PLACE_BID, PortalClient
from projections.auctions import history_of
from projections.changes import documents_of
from projections.documents import BidDocument
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import Json, create_auction

BID = "id amount effectiveAmount doubled deleted"
STATE = f"""version bidCount bidderCount leadingBid {{ {BID} }} myBids {{ {BID} }}
  own: myBidsConnection(first: 5) {{ edges {{ node {{ {BID} }} }} pageInfo {{ hasNextPage }} }}
  winner {{ bid {{ {BID} }} }}
  bids(first: 100) {{ edges {{ node {{ {BID} }} }} pageInfo {{ hasNextPage }} }}
  few: bids(first: 5) {{ edges {{ node {{ {BID} }} }} pageInfo {{ hasNextPage }} }}
  usual: bids {{ edges {{ node {{ {BID} }} }} pageInfo {{ hasNextPage }} }}"""
QUERY = f"query ($id: UUID!) {{ auction(id: $id) {{ {STATE} }} }}"
FOLLOW = f"subscription ($id: UUID!) {{ auction: auctionUpdated(id: $id) {{ {STATE} }} }}"
PAGE_BEHIND = f"""query ($id: UUID!, $after: String) {{ auction(id: $id) {{ version
  bids(first: 30, after: $after) {{ edges {{ node {{ {BID} }} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"""
BEGUN = 110
BIDS = 30


async def bid(bidder: PortalClient, auction_id: str, seed: int) -> None:
    """Bid again and again, and take some back; only the last is waited for."""
    chance, amount, waiting = random.Random(seed), 1_000_000, []
    for _ in range(BIDS):
        amount += chance.randint(1, 500)
        job = await bidder.submit(PLACE_BID, auctionId=auction_id, amount=f"{amount / 100:.2f}")
        waiting.append(job["id"])
        if len(waiting) > 5:
            placed = await bidder.settled(waiting.pop(0))
            if placed["result"] and chance.random() < 0.4:
                bid_id = placed["result"]["bidId"]
                await bidder.submit(DELETE_BID, auctionId=auction_id, bidId=bid_id)
    for job_id in waiting:
        await bidder.settled(job_id)


class Watched:
    """The states and pages that a reader received while others bid."""

    def __init__(self, reader: PortalClient, auction_id: str) -> None:
        self.reader = reader
        self.auction_id = auction_id
        self.states: list[Json] = []
        # The page before each, and the page.
        self.pages: list[tuple[Json, Json]] = []
        self.over = asyncio.Event()

    async def ask(self) -> None:
        """Query the state again and again."""
        while not self.over.is_set():
            self.states.append((await self.reader.execute(QUERY, id=self.auction_id))["auction"])

    async def page(self) -> None:
        """Query one page after another, again and again."""
        before: Json | None = None
        while not self.over.is_set():
            after = before and before["bids"]["pageInfo"]["endCursor"]
            page = await self.reader.execute(PAGE_BEHIND, id=self.auction_id, after=after)
            if before:
                self.pages.append((before["bids"]["edges"][-1]["node"], page["auction"]))
            before = page["auction"] if page["auction"]["bids"]["pageInfo"]["hasNextPage"] else None

    async def follow(self) -> None:
        """Subscribe to the auction's states."""
        async with aclosing(self.reader.subscribe(FOLLOW, id=self.auction_id)) as results:
            async for data in results:
                self.states.append(data["auction"])


def shown(bid: BidDocument) -> Json:
    """The bid as the API shows it."""
    return {
        "id": str(bid.id),
        "amount": f"{bid.amount:.2f}",
        "effectiveAmount": f"{bid.effective_amount:.2f}",
        "doubled": bid.doubled,
        "deleted": bid.deleted,
    }


def nodes(page: Json) -> list[Json]:
    return [edge["node"] for edge in page["edges"]]


def page(bids: list[Json], size: int) -> Json:
    """The first page of so many."""
    return {
        "edges": [{"node": bid} for bid in bids[:size]],
        "pageInfo": {"hasNextPage": len(bids) > size},
    }


class Replay:
    """The auction as its events say it stood at each version."""

    def __init__(self, pool: Pool, auction_id: str) -> None:
        self.id = UUID(auction_id)
        with pool.connection() as connection:
            recorded = PostgresEventStore(connection).read(self.id, limit=5000)
        self.history = history_of(recorded)

    def ranking(self, version: int) -> list[BidDocument]:
        """The live bids at that version, leading first."""
        _, bids = documents_of(self.id, self.history[:version])
        return sorted((bid for bid in bids.values() if not bid.deleted), key=lambda bid: bid.rank)

    def state(self, version: int, reader_id: str) -> Json:
        """What QUERY must answer to that reader."""
        document, bids = documents_of(self.id, self.history[:version])
        ranked = [shown(bid) for bid in self.ranking(version)]
        mine = [bid for bid in bids.values() if str(bid.bidder_id) == reader_id]
        own = [shown(bid) for bid in sorted(mine, key=lambda bid: -bid.placed_version)]
        return {
            "version": version,
            "bidCount": document.bid_count,
            "bidderCount": document.bidder_count,
            "leadingBid": ranked[0] if ranked else None,
            "myBids": own[:100],
            "own": page(own, 5),
            "winner": None,
            **{
                name: page(ranked, size)
                for name, size in (("bids", 100), ("few", 5), ("usual", 20))
            },
        }

    def behind(self, node: Json, version: int) -> list[Json] | None:
        """The live bids behind that one at a version at which it stood as it was shown, if any."""
        ranked = [shown(bid) for bid in self.ranking(version)]
        return ranked[ranked.index(node) + 1 :] if node in ranked else None


async def test_a_state_is_of_one_version_whatever_page_is_asked_with_it(
    portal: RunningPortal, portal_pool: Pool, join: Join, carol: PortalClient
) -> None:
    bidders = [await join(f"bidder{number}") for number in range(2)]
    auction_id = await create_auction(carol)
    for number in range(BEGUN):
        last = await bidders[0].submit(PLACE_BID, auctionId=auction_id, amount=f"{number + 1}.00")
    await bidders[0].settled(last["id"])

    watched = [Watched(reader, auction_id) for reader in (*bidders, carol)]
    asking = [asyncio.create_task(each.ask()) for each in watched]
    asking += [asyncio.create_task(each.page()) for each in watched[:1]]
    following = [asyncio.create_task(each.follow()) for each in watched[:2]]

    async def promote() -> None:
        for _ in range(3):
            done = await asyncio.to_thread(portal.manage, "run_promoter", "--once")
            assert done.returncode == 0, done.stderr

    await asyncio.gather(
        promote(), *(bid(bidder, auction_id, seed) for seed, bidder in enumerate(bidders))
    )
    for each in watched:
        each.over.set()
    await asyncio.gather(*asking)
    for task in following:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    replay, torn, seen = Replay(portal_pool, auction_id), [], 0
    for each in watched:
        for state in each.states:
            seen += 1
            expected = replay.state(state["version"], each.reader.user["id"])
            torn += [
                (state["version"], name) for name, value in state.items() if value != expected[name]
            ]
        for before, page in each.pages:
            behind = replay.behind(before, page["version"])
            if behind is not None:
                seen += 1
                torn += [page["version"]] * (nodes(page["bids"]) != behind[:30])
    assert seen > 50
    assert len({state["version"] for each in watched for state in each.states}) > 10
    assert not torn
