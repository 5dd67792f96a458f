"""Why the demo's auctions ended as they did, as the API explains it in plain sentences."""

import asyncio
from typing import Any

from portal.laptop.demo.client import PortalClient
from portal.laptop.demo.state import ANNOUNCED_WITHIN, Demo

POLL = 0.1
WHY = """query ($id: UUID!) { auction(id: $id) { whyWinner {
  sentence deletions { sentence } doublings { sentence } closing { sentence } } } }"""


async def reasons_of(demo: Demo) -> dict[str, list[str]]:
    """By the auction's title, the sentences that say what decided it."""
    client = PortalClient(demo.portal.url)
    reasons: dict[str, list[str]] = {}
    try:
        async with asyncio.timeout(ANNOUNCED_WITHIN):
            for auction in demo.auctions:
                # It is there a moment after the end.
                while not (why := await _why(client, auction.id)):  # noqa: ASYNC110
                    await asyncio.sleep(POLL)
                parts = (why, *why["deletions"], *why["doublings"], why["closing"])
                reasons[auction.ledger.title] = [part["sentence"] for part in parts]
    except TimeoutError:
        demo.unexpected.append("an auction's end is not explained")
    finally:
        await client.close()
    return reasons


async def _why(client: PortalClient, auction_id: str) -> dict[str, Any] | None:
    why: dict[str, Any] | None = (await client.execute(WHY, id=auction_id))["auction"]["whyWinner"]
    return why
