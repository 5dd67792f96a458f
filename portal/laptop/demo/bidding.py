"""Placing and deleting bids: first each rule once, then at random."""

import asyncio
import random
from decimal import Decimal
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

from portal.laptop.demo.client import DELETE_BID, PLACE_BID
from portal.laptop.demo.state import Demo, DemoAuction

PENCE = Decimal("0.01")


async def check_rules(demo: Demo, auction: DemoAuction) -> None:
    """Try each rule of bidding once and check the answers."""
    first = await _place(demo, auction, "alice", Decimal(100))
    demo.expect("a first bid", "SUCCEEDED", first["status"])
    lower = await _place(demo, auction, "bob", Decimal(80))
    demo.expect("a bid below the leading one", "SUCCEEDED", lower["status"])
    too_low = await _place(demo, auction, "bob", Decimal(75))
    demo.expect("a bid below one's own", "BID_TOO_LOW", _code(too_low))
    key = uuid4().hex
    clicks = [await _place(demo, auction, "charlie", Decimal(120), key) for _ in range(2)]
    demo.expect("a double click is one job", clicks[0]["id"], clicks[1]["id"])
    stranger = await _delete(demo, auction, "bob", clicks[0]["result"]["bidId"])
    demo.expect("deleting somebody else's bid", "BID_NOT_YOURS", _code(stranger))
    own = await _delete(demo, auction, "charlie", clicks[0]["result"]["bidId"])
    demo.expect("deleting one's own bid", "SUCCEEDED", own["status"])


async def bid_at_random(demo: Demo, name: str) -> None:
    """Place and delete bids of the bidder until the contested auctions have ended."""
    contested = [auction for auction in demo.auctions if auction.contested]
    while still_open := [auction for auction in contested if auction.open]:
        auction = random.choice(still_open)
        move = random.choices((_raise, _bid_below, _bid_too_low, _delete_own), (5, 3, 1, 1))[0]
        await move(demo, auction, name)
        await asyncio.sleep(random.uniform(0.2, 1.2))


async def bid_late(demo: Demo, auction: DemoAuction) -> None:
    """Bid in an auction that has ended, and check that it is rejected."""
    late = await _place(demo, auction, "erin", Decimal(999_999))
    demo.expect("a bid after the end", "AUCTION_ENDED", _code(late))


async def _raise(demo: Demo, auction: DemoAuction, name: str) -> None:
    leading = auction.ledger.leading
    base = leading.effective_amount if leading else Decimal(random.randint(20, 80))
    await _place(demo, auction, name, base * Decimal(random.randint(102, 118)) / 100)


async def _bid_below(demo: Demo, auction: DemoAuction, name: str) -> None:
    own, leading = auction.ledger.live_of(name), auction.ledger.leading
    floor = own[0].effective_amount if own else Decimal(10)
    if leading and floor + 1 < leading.effective_amount:
        gap = leading.effective_amount - floor
        await _place(demo, auction, name, floor + gap * Decimal(random.randint(20, 80)) / 100)


async def _bid_too_low(demo: Demo, auction: DemoAuction, name: str) -> None:
    if own := auction.ledger.live_of(name):
        await _place(demo, auction, name, own[0].effective_amount)


async def _delete_own(demo: Demo, auction: DemoAuction, name: str) -> None:
    if own := auction.ledger.live_of(name):
        await _delete(demo, auction, name, random.choice(own).bid_id)


async def _place(
    demo: Demo, auction: DemoAuction, name: str, offer: Decimal, key: str | None = None
) -> dict[str, Any]:
    amount = offer.quantize(PENCE)
    job = await demo.people[name].command(
        PLACE_BID,
        auctionId=auction.id,
        amount=str(amount),
        idempotencyKey=key or uuid4().hex,
        nonce=key or token_urlsafe(16),
    )
    if job["status"] == "SUCCEEDED":
        auction.ledger.placed(job["result"]["bidId"], name, amount, job["result"]["version"])
    _report(demo, job, name, "bid", f"{auction.ledger.title}: {name} bids {amount}")
    return job


async def _delete(demo: Demo, auction: DemoAuction, name: str, bid_id: str) -> dict[str, Any]:
    job = await demo.people[name].command(DELETE_BID, auctionId=auction.id, bidId=bid_id)
    if job["status"] == "SUCCEEDED":
        auction.ledger.deleted(bid_id)
    entry = auction.ledger.entries[bid_id]
    _report(
        demo, job, name, "gone", f"{auction.ledger.title}: {name} deletes the bid of {entry.amount}"
    )
    return job


def _report(demo: Demo, job: dict[str, Any], name: str, kind: str, line: str) -> None:
    match job["status"]:
        case "SUCCEEDED":
            demo.screen.say(kind, line)
        case "REJECTED":
            demo.screen.say("no", f"{name} is refused: {job['rejection']['message']}")
        case other:
            demo.unexpected.append(f"{line}: {other}")


def _code(job: dict[str, Any]) -> str | None:
    return job["rejection"] and str(job["rejection"]["code"])
