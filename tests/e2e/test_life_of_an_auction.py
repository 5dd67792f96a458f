"""The life of an auction, from outside: HTTP, WebSocket, real workers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from portal.demo.client import (
    CREATE_AUCTION,
    DELETE_BID,
    PLACE_BID,
    PortalClient,
)
from tests.conftest import Join, RunningPortal

AUCTION = """query ($id: UUID!, $atLeast: Int) { auction(id: $id, atLeastVersion: $atLeast) {
  id version status bidCount bidderCount
  leadingBid { id amount effectiveAmount doubled bidder { id } }
  bids { edges { node { id amount deleted } } }
  winner { bid { id } bidder { id } } } }"""
EVENTS = """subscription ($id: UUID!, $after: Int) { auctionEvents(id: $id, afterVersion: $after) {
  __typename version
  ... on BidPlaced { bid { id amount } } ... on BidDeleted { bidId }
  ... on BidDoubled { bidId effectiveAmount } ... on WinnerAnnounced { bid { id effectiveAmount } } } }"""


async def create_auction(auctioneer: PortalClient, seconds: float = 60) -> str:
    ends_at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    job = await auctioneer.command(CREATE_AUCTION, title="A clock", endsAt=ends_at)
    assert job["status"] == "SUCCEEDED", job
    auction_id: str = job["result"]["auctionId"]
    return auction_id


async def bid(bidder: PortalClient, auction_id: str, amount: str, **more: Any) -> dict[str, Any]:
    return await bidder.command(PLACE_BID, auctionId=auction_id, amount=amount, **more)


async def test_an_auction_runs_from_creation_to_its_announced_winner(
    portal: RunningPortal, join: Join
) -> None:
    carol, alice, bob = await join("carol", staff=True), await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=6)
    first = await bid(alice, auction_id, "100.00")
    lower = await bid(bob, auction_id, "90.00")
    too_low = await bid(bob, auction_id, "90.00")
    deleted = await alice.command(DELETE_BID, auctionId=auction_id, bidId=first["result"]["bidId"])
    assert [j["status"] for j in (first, lower, too_low, deleted)] == [
        "SUCCEEDED", "SUCCEEDED", "REJECTED", "SUCCEEDED",
    ]  # fmt: skip
    assert too_low["rejection"]["code"] == "BID_TOO_LOW"

    auction = (await bob.execute(AUCTION, id=auction_id, atLeast=4))["auction"]
    assert (auction["version"], auction["bidCount"], auction["bidderCount"]) == (4, 1, 1)
    assert auction["leadingBid"]["id"] == lower["result"]["bidId"]

    drawn = portal.manage("run_promoter", "--once", "--json")
    assert drawn.returncode == 0, drawn.stderr
    seen = []
    async for event in alice.subscribe(EVENTS, id=auction_id):
        seen.append(event["auctionEvents"])
        if seen[-1]["__typename"] == "WinnerAnnounced":
            break
    assert [(event["version"], event["__typename"]) for event in seen] == [
        (1, "AuctionCreated"),
        (2, "BidPlaced"),
        (3, "BidPlaced"),
        (4, "BidDeleted"),
        (5, "BidDoubled"),
        (6, "WinnerAnnounced"),
    ]
    assert seen[4] | {"effectiveAmount": "180.00", "bidId": lower["result"]["bidId"]} == seen[4]
    ended = (await bob.execute(AUCTION, id=auction_id, atLeast=6))["auction"]
    assert (ended["status"], ended["winner"]["bidder"]["id"]) == ("ENDED", bob.user["id"])
