"""Auctions whose bids are binding, at once or after a time, as their bidders see them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from portal.laptop.demo.client import CLOSE_AUCTION_NOW, CREATE_AUCTION, PortalClient, Refused
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, delete, events, place
from tests.waiting import until

Json = dict[str, Any]
BID = "id placedAt deletableUntil"
READ = f"""query ($id: UUID!, $v: Int, $n: Int) {{ auction(id: $id, atLeastVersion: $v, atVersion: $n) {{
  endsAt rules {{ withdrawal {{ within }} sentences }} myBids {{ {BID} deleted }} leadingBid {{ {BID} }}
  bids {{ edges {{ node {{ {BID} }} }} }} myBidsConnection {{ edges {{ node {{ {BID} }} }} }}
  winner {{ bid {{ deletableUntil }} }} }} }}"""


async def read(reader: PortalClient, auction_id: str, **more: int) -> Json:
    found: Json = (await reader.execute(READ, id=auction_id, **more))["auction"]
    return found


async def test_the_portal_says_until_when_a_bid_may_be_deleted(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, rules={"withdrawal": {"within": 300}})
    job = await place(alice, auction_id, "10.00")
    found = await read(alice, auction_id, v=job["result"]["version"])
    assert found["rules"]["withdrawal"] == {"within": 300}
    assert (
        "A bidder can delete a bid within 5 minutes of placing it, and not later."
        in found["rules"]["sentences"]
    )
    [own] = found["myBids"]
    until = datetime.fromisoformat(own["placedAt"]) + timedelta(minutes=5)
    assert datetime.fromisoformat(own["deletableUntil"]) == until
    [shown], [listed] = found["bids"]["edges"], found["myBidsConnection"]["edges"]
    for each in (found["leadingBid"], shown["node"], listed["node"]):
        assert each["deletableUntil"] == own["deletableUntil"]

    await delete(alice, auction_id, own["id"])
    gone = await read(alice, auction_id, v=3)
    assert [(bid["deleted"], bid["deletableUntil"]) for bid in gone["myBids"]] == [(True, None)]
    # At an earlier version, it says what held then.
    then = await read(alice, auction_id, n=2)
    assert [bid["deletableUntil"] for bid in then["myBids"]] == [own["deletableUntil"]]


async def test_without_the_rule_it_is_until_the_end_and_once_that_moves_until_then(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    soft = {"softClose": {"window": 3600, "extension": 60, "times": 1}}
    auction_id = await create_auction(carol, rules=soft)
    job = await place(alice, auction_id, "10.00")
    found = await read(alice, auction_id, v=job["result"]["version"])
    assert found["leadingBid"]["deletableUntil"] == found["endsAt"]


async def test_binding_bids(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, rules={"withdrawal": {"within": 0}})
    bid_id = (await place(alice, auction_id, "10.00"))["result"]["bidId"]
    assert (await read(alice, auction_id, v=2))["leadingBid"]["deletableUntil"] is None
    job = await delete(alice, auction_id, bid_id)
    assert job["rejection"] == {
        "code": "BID_BINDING",
        "message": "bids in this auction are binding and can't be deleted",
    }
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    await events(carol, auction_id, until="WinnerAnnounced")
    ended = await read(alice, auction_id, v=4)
    assert ended["winner"] == {"bid": {"deletableUntil": None}}


async def test_a_deletion_that_comes_too_late_says_until_when_it_was_possible(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, rules={"withdrawal": {"within": 1}})
    bid_id = (await place(alice, auction_id, "10.00"))["result"]["bidId"]
    own = (await read(alice, auction_id, v=2))["leadingBid"]
    last = datetime.fromisoformat(own["deletableUntil"])

    async def is_past() -> bool:
        now = (await alice.execute("{ serverTime }"))["serverTime"]
        return datetime.fromisoformat(now) >= last

    await until(is_past)
    job = await delete(alice, auction_id, bid_id)
    assert job["rejection"] == {
        "code": "BID_BINDING",
        "message": f"this bid could be deleted until {last:%Y-%m-%d %H:%M:%S} UTC, and is binding now",
    }
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_a_time_that_is_none(carol: PortalClient) -> None:
    with pytest.raises(Refused) as refused:
        await carol.command(
            CREATE_AUCTION,
            title="A clock",
            endsAt="2999-01-01T00:00:00Z",
            rules={"withdrawal": {"within": -1}},
        )
    [error] = refused.value.errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "rules"}
    assert error["message"] == "a bid can be deleted for 0 (never) to 2,592,000 seconds, not -1"


async def test_null_is_until_the_end(carol: PortalClient) -> None:
    auction_id = await create_auction(carol, rules={"withdrawal": {"within": None}})
    assert (await read(carol, auction_id))["rules"]["withdrawal"] is None


def test_an_operator_chooses_it(portal: RunningPortal, auctioneer: str) -> None:
    words = ("create_auction", "A clock", "--ends-at", "+1h", "--json")
    assert portal.manage(*words, "--withdrawal", "never").returncode == 0
    refused = portal.manage(*words, "--withdrawal", "soon")
    assert refused.returncode == 2
    assert "'soon' is no length of time" in refused.stderr
