"""Auctions that can be bought at once, as users see them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from portal.laptop.demo.client import BUY_NOW, CREATE_AUCTION, PortalClient, Refused
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, delete, place
from tests.e2e.outsider import script
from tests.waiting import until

Json = dict[str, Any]
READ = """query ($id: UUID!, $v: Int, $n: Int) { auction(id: $id, atLeastVersion: $v, atVersion: $n) {
  status endsAt firstEndsAt buyNowPrice bought { bidId at } leadingBid { id amount } rules { buyNow { price until } }
  winner { bid { id amount } } whyWinner { sentence closing { sentence } } } }"""
EVENTS = """subscription ($id: UUID!) { event: auctionEvents(id: $id) { __typename version recordedAt
  ... on BidPlaced { bought bid { id amount } } ... on BoughtNow { bidId endsAt } } }"""
NOTIFICATIONS = "{ notifications { edges { node { kind message } } } }"
UNTIL_20 = {"buyNow": {"price": "50.00", "until": "20.00"}}


async def read(reader: PortalClient, auction_id: str, **more: int) -> Json:
    found: Json = (await reader.execute(READ, id=auction_id, **more))["auction"]
    return found


async def history(reader: PortalClient, auction_id: str) -> list[Json]:
    """Its events up to the winner."""
    seen: list[Json] = []
    async with asyncio.timeout(30):
        async for data in reader.subscribe(EVENTS, id=auction_id):
            seen.append(data["event"])
            if seen[-1]["__typename"] == "WinnerAnnounced":
                return seen
    raise AssertionError("it goes on until it is closed")


async def test_a_purchase_ends_the_auction_and_its_buyer_wins(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=UNTIL_20)
    created = await read(nobody, auction_id)
    assert created["rules"]["buyNow"] == {"price": "50.00", "until": "20.00"}
    await place(alice, auction_id, "10.00")
    before = await read(nobody, auction_id, v=2)
    assert (before["buyNowPrice"], before["bought"]) == ("50.00", None)
    job = await bob.command(BUY_NOW, auctionId=auction_id)
    assert (job["command"], job["status"], job["result"]["version"]) == ("BuyNow", "SUCCEEDED", 4)
    bid_id = job["result"]["bidId"]
    for late in (
        await place(alice, auction_id, "90.00"),
        await alice.command(BUY_NOW, auctionId=auction_id),
    ):
        assert late["rejection"]["code"] == "AUCTION_ENDED"
    happened = await history(nobody, auction_id)
    assert [each["__typename"] for each in happened] == [
        "AuctionCreated", "BidPlaced", "BidPlaced", "BoughtNow", "WinnerAnnounced",
    ]  # fmt: skip
    _, bid, purchase, bought, _ = happened
    assert (bid["bought"], purchase["bought"]) == (False, True)
    assert purchase["bid"] == {"id": bid_id, "amount": "50.00"}
    assert (bought["bidId"], bought["endsAt"]) == (bid_id, job["acceptedAt"])
    found = await read(nobody, auction_id, v=5)
    assert (found["status"], found["buyNowPrice"]) == ("ENDED", None)
    assert (found["endsAt"], found["firstEndsAt"]) == (job["acceptedAt"], created["endsAt"])
    assert found["bought"] == {"bidId": bid_id, "at": bought["recordedAt"]}
    assert found["winner"] == {"bid": {"id": bid_id, "amount": "50.00"}}
    assert "A purchase at the buy-now price ended it " in found["whyWinner"]["closing"]["sentence"]
    assert found["whyWinner"]["sentence"].startswith(f"{bob.user['username']} won with 50.00")
    for version, ends_at, done in (
        (2, created["endsAt"], False),
        (3, created["endsAt"], False),
        (4, job["acceptedAt"], True),
    ):
        then = await read(nobody, auction_id, n=version)
        assert (then["endsAt"], then["bought"] is not None) == (ends_at, done)
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    outside = await asyncio.to_thread(script, portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")
    assert f"{bob.user['id']} buys for 50.00" in outside.stdout


async def test_it_is_offered_until_the_leading_bid_counts_so_much_and_again_afterwards(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=UNTIL_20)
    bid_id = (await place(alice, auction_id, "20.00"))["result"]["bidId"]
    assert (await read(nobody, auction_id, v=2))["buyNowPrice"] is None
    refused = await bob.command(BUY_NOW, auctionId=auction_id)
    assert refused["rejection"] == {
        "code": "NOT_FOR_SALE",
        "message": "it could be bought at once until the leading bid counted 20.00; it counts 20.00",
    }
    await delete(alice, auction_id, bid_id)
    assert (await read(nobody, auction_id, v=3))["buyNowPrice"] == "50.00"
    assert (await bob.command(BUY_NOW, auctionId=auction_id))["status"] == "SUCCEEDED"


async def test_an_auction_without_a_price_and_one_that_is_to_come(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice = await join("alice")
    plain = await create_auction(carol)
    assert (await read(nobody, plain))["buyNowPrice"] is None
    refused = await alice.command(BUY_NOW, auctionId=plain)
    assert refused["rejection"]["code"] == "NOT_FOR_SALE"
    coming = await create_auction(
        carol, startsAt="2099-01-01T00:00:00Z", seconds=4_000_000_000, rules=UNTIL_20
    )
    assert (await read(nobody, coming))["buyNowPrice"] is None
    refused = await alice.command(BUY_NOW, auctionId=coming)
    assert refused["rejection"]["code"] == "AUCTION_NOT_STARTED"


async def test_of_many_who_buy_at_once_one_does(join: Join, carol: PortalClient) -> None:
    buyers = [await join(name) for name in ("alice", "bob", "charlie")]
    auction_id = await create_auction(carol, rules={"buyNow": {"price": "50.00"}})
    jobs = await asyncio.gather(
        *(buyer.command(BUY_NOW, auctionId=auction_id) for buyer in buyers for _ in range(3))
    )
    outcomes = sorted((job["rejection"] or {"code": "BOUGHT"})["code"] for job in jobs)
    assert outcomes == ["AUCTION_ENDED"] * 8 + ["BOUGHT"]


async def test_the_same_key_buys_once(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, rules=UNTIL_20)
    first = await alice.command(BUY_NOW, auctionId=auction_id, idempotencyKey="mine")
    again = await alice.command(BUY_NOW, auctionId=auction_id, idempotencyKey="mine")
    assert (first["id"], first["status"]) == (again["id"], "SUCCEEDED")


async def test_those_who_lose_by_a_purchase_are_told(join: Join, carol: PortalClient) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=UNTIL_20)
    await place(alice, auction_id, "10.00")
    await bob.command(BUY_NOW, auctionId=auction_id)
    await history(carol, auction_id)

    async def told(reader: PortalClient, kind: str) -> bool:
        found = (await reader.execute(NOTIFICATIONS))["notifications"]["edges"]
        return kind in {each["node"]["kind"] for each in found}

    await until(lambda: told(alice, "AUCTION_LOST"))
    await until(lambda: told(bob, "AUCTION_WON"))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            {"buyNow": {"price": "50.00"}, "startingPrice": "50.00"},
            "a buy-now price is higher than the starting price: 50.00 is not higher than 50.00",
        ),
        (
            {"buyNow": {"price": "50.00", "until": "60.00"}},
            "a buy-now price is offered until an amount below it: 60.00 is none below 50.00",
        ),
        (
            {"buyNow": {"price": "50.00"}, "reserve": "50.01"},
            "a buy-now price is not lower than the reserve",
        ),
    ],
)
async def test_prices_that_are_none(carol: PortalClient, rules: Json, message: str) -> None:
    with pytest.raises(Refused) as refused:
        await carol.command(
            CREATE_AUCTION, title="A clock", endsAt="2999-01-01T00:00:00Z", rules=rules
        )
    [error] = refused.value.errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "rules"}
    assert error["message"] == message


async def test_a_purchase_meets_the_reserve(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice = await join("alice")
    rules = {
        "buyNow": {"price": "50.00"},
        "reserve": "50.00",
        "softClose": {"window": 3600, "extension": 60, "times": 1},
    }
    auction_id = await create_auction(carol, rules=rules)
    job = await alice.command(BUY_NOW, auctionId=auction_id)
    assert job["status"] == "SUCCEEDED"
    happened = await history(nobody, auction_id)
    assert [each["__typename"] for each in happened] == [
        "AuctionCreated", "BidPlaced", "BoughtNow", "ReserveMet", "ReserveRevealed", "WinnerAnnounced",
    ]  # fmt: skip
    ended = datetime.fromisoformat(happened[2]["endsAt"])
    assert datetime.fromisoformat(happened[-1]["recordedAt"]) - ended < timedelta(seconds=30)
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    outside = await asyncio.to_thread(script, portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")


def test_an_operator_chooses_it(portal: RunningPortal, auctioneer: str) -> None:
    words = ("create_auction", "A clock", "--ends-at", "+1h", "--json")
    assert portal.manage(*words, "--buy-now", "500/until 300").returncode == 0
    refused = portal.manage(*words, "--buy-now", "500/300")
    assert refused.returncode == 2
    assert "says no end; a buy-now price is written 500 or 500/until 300" in refused.stderr
