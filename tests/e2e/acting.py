"""What users do in the end-to-end tests: create auctions, bid, delete bids, read."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.laptop.demo.client import CREATE_AUCTION, DELETE_BID, PLACE_BID, PortalClient

Json = dict[str, Any]

BID = "id amount effectiveAmount doubled deleted placedAt bidder { id username }"
AUCTION_FIELDS = f"""{{ id version title description status startsAt endsAt bidCount bidderCount
  leadingBid {{ {BID} }} bids {{ edges {{ node {{ {BID} }} }} }} myBids {{ {BID} }}
  winner {{ announcedAt bid {{ {BID} }} bidder {{ id }} }} }}"""
AUCTION = f"""query ($id: UUID!, $atLeast: Int) {{
  auction(id: $id, atLeastVersion: $atLeast) {AUCTION_FIELDS} }}"""
AUCTION_UPDATED = (
    f"subscription ($id: UUID!) {{ auction: auctionUpdated(id: $id) {AUCTION_FIELDS} }}"
)
EVENTS = f"""subscription ($id: UUID!, $after: Int) {{
  event: auctionEvents(id: $id, afterVersion: $after) {{
    __typename version recordedAt hash
    ... on AuctionCreated {{ title startsAt endsAt }}
    ... on BidPlaced {{ nonce bid {{ {BID} }} }}
    ... on BidDeleted {{ bidId }}
    ... on BidDoubled {{ bidId effectiveAmount tick policyVersion chance }}
    ... on WinnerAnnounced {{ bid {{ {BID} }} }} }} }}"""


async def create_auction(
    auctioneer: PortalClient, seconds: float = 600, title: str = "A clock", **more: Any
) -> str:
    """A new auction's id; it ends that many seconds from now."""
    ends_at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    job = await auctioneer.command(CREATE_AUCTION, title=title, endsAt=ends_at, **more)
    assert job["status"] == "SUCCEEDED", job
    auction_id: str = job["result"]["auctionId"]
    return auction_id


async def place(bidder: PortalClient, auction_id: str, amount: str, **more: Any) -> Json:
    """The settled job of a bid."""
    return await bidder.command(PLACE_BID, auctionId=auction_id, amount=amount, **more)


async def delete(bidder: PortalClient, auction_id: str, bid_id: str, **more: Any) -> Json:
    """The settled job of a deletion."""
    return await bidder.command(DELETE_BID, auctionId=auction_id, bidId=bid_id, **more)


async def auction(reader: PortalClient, auction_id: str, at_least: int | None = None) -> Json:
    """The auction as that reader sees it."""
    found: Json = (await reader.execute(AUCTION, id=auction_id, atLeast=at_least))["auction"]
    return found


async def events(
    reader: PortalClient, auction_id: str, *, after: int = 0, until: int | str
) -> list[Json]:
    """The auction's events after a version, until one has that version or type."""
    seen: list[Json] = []
    async with (
        asyncio.timeout(30),
        aclosing(reader.subscribe(EVENTS, id=auction_id, after=after)) as results,
    ):
        async for data in results:
            seen.append(data["event"])
            if until in (seen[-1]["version"], seen[-1]["__typename"]):
                break
    return seen
