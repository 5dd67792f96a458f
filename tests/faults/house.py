"""What the house does to auctions in a round: it pauses, cancels, ends and revises some, and bans, limits, removes, takes back."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from portal.laptop.demo.client import (
    CANCEL_AUCTION,
    CLOSE_AUCTION_NOW,
    FORFEIT_SALE,
    JOB,
    PAUSE_AUCTION,
    REMOVE_BID,
    RESUME_AUCTION,
    REVISE_AUCTION,
)
from tests.faults.clients import AuctionRecord, Party
from tests.faults.rules import MOVED

BAN_USER = f"mutation ($input: BanUserInput!) {{ job: banUser(input: $input) {JOB} }}"
LIMIT_EXPOSURE = (
    f"mutation ($input: LimitExposureInput!) {{ job: limitExposure(input: $input) {JOB} }}"
)
LIFT_LIMIT = (
    f"mutation ($input: LiftExposureLimitInput!) {{ job: liftExposureLimit(input: $input) {JOB} }}"
)
LIFT_BAN = f"mutation ($input: LiftBanInput!) {{ job: liftBan(input: $input) {JOB} }}"
BIDS = "query ($id: UUID!) { auction(id: $id) { bids { edges { node { id } } } } }"
SALE = "query ($id: UUID!) { auction(id: $id) { sale { state current { bidId } } } }"
REASON = "It is tried."


async def _pause(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    """Twice in a row is refused; it goes on in any case, or the auction would never end."""
    house = party.auctioneer
    entry = await house.submit(PAUSE_AUCTION, auctionId=auction.id, reason=REASON)
    await house.again(entry)
    await asyncio.sleep(rng.uniform(0.3, 1.5))
    await house.submit(RESUME_AUCTION, auctionId=auction.id, reason=REASON)


async def _cancel(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    await party.auctioneer.submit(CANCEL_AUCTION, auctionId=auction.id, reason=REASON)


async def _close(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    await party.auctioneer.submit(CLOSE_AUCTION_NOW, auctionId=auction.id, reason=REASON)


async def _revise(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    """The description at any time; what else is given is refused once there was a bid."""
    more: dict[str, str] = {}
    if rng.random() < 0.5:
        more = {"endsAt": (auction.ends_at + timedelta(seconds=1)).isoformat()}
    description = f"Revised at {datetime.now(UTC)}"
    await party.auctioneer.submit(
        REVISE_AUCTION, auctionId=auction.id, description=description, **more
    )


async def _ban(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    bidder, house = rng.choice(party.bidders), party.auctioneer
    await house.submit(BAN_USER, userId=bidder.id, auctionId=auction.id, reason=REASON)
    await asyncio.sleep(rng.uniform(0.3, 1.5))
    await house.submit(LIFT_BAN, userId=bidder.id, auctionId=auction.id)


async def _limit(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    """Whether nobody was taken above it in all auctions together `verify_events` finds out, after the last round."""
    bidder, house = rng.choice(party.bidders), party.auctioneer
    for most in (2000, 500):
        amount = f"{rng.randrange(10, most)}.00"
        entry = await house.submit(LIMIT_EXPOSURE, userId=bidder.id, amount=amount, reason=REASON)
        await house.again(entry)
        await asyncio.sleep(rng.uniform(0.3, 1.5))
    await house.submit(LIFT_LIMIT, userId=bidder.id)


async def _remove(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    house = party.auctioneer
    found = (await house.ask(BIDS, id=auction.id))["auction"]
    if found and (edges := found["bids"]["edges"]):
        bid_id = rng.choice(edges)["node"]["id"]
        await house.submit(REMOVE_BID, auctionId=auction.id, bidId=bid_id, reason=REASON)


async def _forfeit(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    """Take the lot from whoever has it once the auction is over, with the same request twice."""
    house, until = party.auctioneer, auction.ends_at + timedelta(seconds=MOVED)
    await asyncio.sleep(max((auction.ends_at - datetime.now(UTC)).total_seconds(), 0))
    while datetime.now(UTC) < until:
        found = (await house.ask(SALE, id=auction.id))["auction"]
        if found and (sale := found["sale"]) and sale["current"]:
            bid_id = sale["current"]["bidId"]
            entry = await house.submit(
                FORFEIT_SALE, auctionId=auction.id, bidId=bid_id, reason=REASON
            )
            await house.again(entry)
            return
        await asyncio.sleep(0.2)


Act = Callable[[Party, AuctionRecord, random.Random], Awaitable[None]]
# Most auctions are left alone.
ACTS: dict[Act | None, int] = {
    None: 5, _pause: 3, _ban: 3, _limit: 3, _revise: 2, _remove: 2, _cancel: 1, _close: 1,
}  # fmt: skip


async def intervene(party: Party, auction: AuctionRecord, rng: random.Random) -> None:
    """Do something to the auction, or nothing."""
    act = rng.choices(list(ACTS), list(ACTS.values()))[0]
    if "secondChance" in auction.rules and rng.random() < 0.5:
        act = _forfeit
    elif act is not None:
        await asyncio.sleep(rng.uniform(0.0, 2.5))
    if act is not None:
        await act(party, auction, rng)
