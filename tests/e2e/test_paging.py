"""A page has as many entries as were asked for, as long as there are so many."""

import pytest_asyncio

from portal.laptop.demo.client import PLACE_BID, PortalClient
from tests.conftest import Join
from tests.e2e.acting import Json, create_auction

BIDS = """query ($id: UUID!, $v: Int, $n: Int) { auction(id: $id, atLeastVersion: $v) {
  bids(first: $n) { edges { node { amount } } pageInfo { hasNextPage } } } }"""
# More than come with the auction itself, fewer than the largest page.
MANY = 30


@pytest_asyncio.fixture
async def lot(carol: PortalClient, join: Join) -> Json:
    """An auction with thirty bids, from 1.00 to 30.00: its id and version."""
    auction_id, anton = await create_auction(carol), await join("anton")
    jobs = [
        await anton.submit(PLACE_BID, auctionId=auction_id, amount=f"{n}.00")
        for n in range(1, MANY + 1)
    ]
    last = await anton.settled(jobs[-1]["id"])
    return {"id": auction_id, "v": last["result"]["version"]}


async def test_a_page_of_bids_has_as_many_as_were_asked_for(
    nobody: PortalClient, lot: Json
) -> None:
    for size in (1, 19, 20, 21, MANY - 1, MANY, MANY + 1, 100):
        page = (await nobody.execute(BIDS, **lot, n=size))["auction"]["bids"]
        amounts = [edge["node"]["amount"] for edge in page["edges"]]
        assert amounts == [f"{n}.00" for n in range(MANY, 0, -1)][:size]
        assert page["pageInfo"]["hasNextPage"] is (size < MANY)
