"""Many bidders at once on one auction: each bid counts once, in the order of acceptance."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portal.laptop.demo.client import CREATE_AUCTION, PLACE_BID, PortalClient
from portal.laptop.demo.ledger import Ledger
from tests.conftest import Join
from tests.e2e.acting import Json, auction, create_auction, delete, events, place

BIDDERS = 8
BIDS = 25


async def _bid(bidder: PortalClient, auction_id: str, seed: int) -> list[Json]:
    """Submits many bids without waiting for one to be settled; then waits for all."""
    chance = random.Random(seed)
    amounts = [str(Decimal(chance.randint(100, 99_999)) / 100) for _ in range(BIDS)]
    jobs = [await bidder.submit(PLACE_BID, auctionId=auction_id, amount=a) for a in amounts]
    settled = await asyncio.gather(*(bidder.settled(job["id"]) for job in jobs))
    return [
        job | {"amount": Decimal(amount), "bidder": bidder.user["id"]}
        for job, amount in zip(settled, amounts, strict=True)
    ]


async def test_no_accepted_bid_is_lost_and_versions_have_no_gaps(
    join: Join, carol: PortalClient
) -> None:
    bidders = [await join(f"bidder{number}") for number in range(BIDDERS)]
    auction_id = await create_auction(carol)
    rounds = await asyncio.gather(
        *(_bid(bidder, auction_id, seed) for seed, bidder in enumerate(bidders))
    )
    jobs = [job for jobs in rounds for job in jobs]
    accepted = [job for job in jobs if job["status"] == "SUCCEEDED"]
    assert {job["status"] for job in jobs} <= {"SUCCEEDED", "REJECTED"}
    last = max(job["result"]["version"] for job in accepted)

    history = await events(carol, auction_id, until=last)
    assert [event["version"] for event in history] == list(range(1, len(accepted) + 2))
    placed = {event["bid"]["id"]: event["version"] for event in history[1:]}
    assert placed == {job["result"]["bidId"]: job["result"]["version"] for job in accepted}

    # First come, first served: the order of acceptance is the order of the versions.
    in_order = sorted(accepted, key=lambda job: job["acceptedAt"])
    versions = [job["result"]["version"] for job in in_order]
    assert versions == sorted(versions)

    # Each bidder's bids were judged one after the other, as a single queue would have done.
    for mine in rounds:
        highest = Decimal(0)
        for job in sorted(mine, key=lambda job: job["acceptedAt"]):
            assert (job["status"] == "SUCCEEDED") == (job["amount"] > highest), job
            highest = max(highest, job["amount"])

    ledger = Ledger("A clock")
    for job in accepted:
        result = job["result"]
        ledger.placed(result["bidId"], job["bidder"], job["amount"], result["version"])
    seen = await auction(carol, auction_id, at_least=last)
    assert ledger.leading
    assert seen["leadingBid"]["id"] == ledger.leading.bid_id
    assert (seen["bidCount"], seen["bidderCount"]) == (len(accepted), BIDDERS)


async def test_bids_around_the_end_count_by_the_moment_they_were_accepted(
    join: Join, carol: PortalClient
) -> None:
    bidders = [await join(f"late{number}") for number in range(4)]
    ends_at = datetime.now(UTC) + timedelta(seconds=3)
    created = await carol.command(CREATE_AUCTION, title="A clock", endsAt=ends_at.isoformat())
    auction_id = created["result"]["auctionId"]
    jobs: list[Json] = []

    async def bid_until_late(bidder: PortalClient) -> None:
        amount = Decimal(random.randint(1, 99)) / 100
        while datetime.now(UTC) < ends_at + timedelta(seconds=0.5):
            amount += 1
            job = await bidder.submit(PLACE_BID, auctionId=auction_id, amount=f"{amount:.2f}")
            jobs.append(job | {"amount": amount, "by": bidder})

    await asyncio.gather(*(bid_until_late(bidder) for bidder in bidders))
    settled = [job | await job["by"].settled(job["id"]) for job in jobs]
    in_time = [job for job in settled if datetime.fromisoformat(job["acceptedAt"]) < ends_at]
    late = [job for job in settled if datetime.fromisoformat(job["acceptedAt"]) >= ends_at]
    assert in_time, "there were bids before the end"
    assert late, "there were bids after the end"
    assert {job["status"] for job in in_time} == {"SUCCEEDED"}
    assert {(job["rejection"] or {}).get("code") for job in late} == {"AUCTION_ENDED"}

    history = await events(carol, auction_id, until="WinnerAnnounced")
    ledger = Ledger("A clock")
    for job in in_time:
        result = job["result"]
        ledger.placed(result["bidId"], job["by"].user["id"], job["amount"], result["version"])
    assert ledger.leading
    assert history[-1]["bid"]["id"] == ledger.leading.bid_id
    assert len(history) == len(in_time) + 2


async def test_whoever_deletes_while_others_bid_deletes_one_bid_once(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    placed = await place(alice, auction_id, "50.00")
    bid_id = placed["result"]["bidId"]
    outcomes = await asyncio.gather(
        *(delete(alice, auction_id, bid_id) for _ in range(5)),
        *(place(bob, auction_id, f"{amount}.00") for amount in range(1, 6)),
    )
    deletions = sorted(
        job["status"] + (job["rejection"]["code"] if job["rejection"] else "")
        for job in outcomes[:5]
    )
    assert deletions == ["REJECTEDBID_ALREADY_DELETED"] * 4 + ["SUCCEEDED"]
    seen = await auction(alice, auction_id, at_least=4)
    assert [(bid["id"], bid["deleted"]) for bid in seen["myBids"]] == [(bid_id, True)]
