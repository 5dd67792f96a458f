"""Private maxima, as users see them: the auction bids for whoever has one, and nobody else is told how far."""

import asyncio
from typing import Any

import pytest

from commands.postgres.connections import Pool
from portal.laptop.demo.client import (
    CLEAR_MAXIMUM,
    CLOSE_AUCTION_NOW,
    CREATE_AUCTION,
    SET_MAXIMUM,
    PortalClient,
    Refused,
)
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, place

Json = dict[str, Any]
READ = """query ($id: UUID!, $v: Int) { auction(id: $id, atLeastVersion: $v) {
  version endsAt nextBids myMaximum leadingBid { amount automatic bidder { name } }
  bids { edges { node { amount automatic } } } rules { proxyBids sentences } } }"""
HAPPENED = """query ($id: UUID!) { chain(id: $id) { content } }"""
RULES: Json = {"startingPrice": "10.00", "increments": {"overLeader": [{"step": "1.00"}]}}
MAXIMA: Json = {**RULES, "proxyBids": True}
# Amounts that occur nowhere else, as no bid reaches them.
SECRET, HIGHER = "7130.07", "7140.09"


async def read(reader: PortalClient, auction_id: str, version: int | None = None) -> Json:
    found: Json = (await reader.execute(READ, id=auction_id, v=version))["auction"]
    return found


async def set_maximum(bidder: PortalClient, auction_id: str, amount: str, **more: Any) -> Json:
    """The settled job."""
    return await bidder.command(SET_MAXIMUM, auctionId=auction_id, amount=amount, **more)


async def test_a_maximum_bids_for_its_owner_and_is_told_to_nobody_else(
    portal: RunningPortal,
    portal_pool: Pool,
    join: Join,
    carol: PortalClient,
    nobody: PortalClient,
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=MAXIMA)
    first = await set_maximum(alice, auction_id, SECRET, idempotencyKey="mine")
    assert (first["command"], first["status"]) == ("SetMaximum", "SUCCEEDED")
    again = await set_maximum(alice, auction_id, SECRET, idempotencyKey="mine")
    assert again["id"] == first["id"]
    low = await set_maximum(bob, auction_id, "10.50")
    assert low["rejection"]["code"] == "MAXIMUM_TOO_LOW"
    assert "11.00" in low["rejection"]["message"]
    below = await place(bob, auction_id, "10.99")
    assert below["rejection"]["code"] == "BELOW_INCREMENT"
    await place(bob, auction_id, "12.00")
    beaten = await set_maximum(bob, auction_id, "20.00")
    version = beaten["result"]["version"]
    for reader, maximum in ((nobody, None), (carol, None), (bob, None), (alice, SECRET)):
        seen = await read(reader, auction_id, version)
        assert seen["myMaximum"] == maximum
        assert (seen["leadingBid"]["amount"], seen["nextBids"][0]) == ("21.00", "22.00")
        bids = [edge["node"] for edge in seen["bids"]["edges"]]
        assert [(bid["amount"], bid["automatic"]) for bid in bids] == [
            ("21.00", True),
            ("20.00", True),
            ("13.00", True),
            ("12.00", False),
            ("10.00", True),
        ]
        assert seen["rules"]["proxyBids"] is True
    raised = await set_maximum(alice, auction_id, HIGHER)
    assert raised["result"]["version"] == version + 1, "it places no bid"
    assert (await read(alice, auction_id, version + 1))["myMaximum"] == HIGHER
    lowered = await set_maximum(alice, auction_id, "20.99")
    assert lowered["rejection"]["code"] == "MAXIMUM_TOO_LOW"
    assert (await bob.command(CLEAR_MAXIMUM, auctionId=auction_id))["rejection"][
        "code"
    ] == "NO_MAXIMUM"
    cleared = await alice.command(CLEAR_MAXIMUM, auctionId=auction_id)
    assert cleared["status"] == "SUCCEEDED"
    assert (await read(alice, auction_id))["myMaximum"] is None
    alone = await place(bob, auction_id, "22.00")
    seen = await read(nobody, auction_id, alone["result"]["version"])
    assert (seen["leadingBid"]["amount"], seen["leadingBid"]["automatic"]) == ("22.00", False)
    assert_nowhere(portal_pool, (SECRET, HIGHER))
    logged = portal.logged()
    assert SECRET not in logged
    assert HIGHER not in logged
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def assert_nowhere(pool: Pool, texts: tuple[str, ...]) -> None:
    """No row of any table holds any of these texts."""
    with pool.connection() as connection:
        tables = connection.execute(
            "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for table in tables:
            for text in texts:
                query = f"SELECT count(*) AS found FROM {table['name']} AS t WHERE t::text LIKE %s"
                row = connection.execute(query, (f"%{text}%",)).fetchone()
                assert row is not None
                assert row["found"] == 0, f"{text} is in {table['name']}"


async def test_a_refused_bid_is_told_the_same_whether_a_maximum_is_high_or_low(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    told = []
    for most in ("10.00", SECRET):
        auction_id = await create_auction(carol, rules=MAXIMA)
        await set_maximum(alice, auction_id, most)
        low = [await place(bob, auction_id, "10.50"), await set_maximum(bob, auction_id, "10.50")]
        told.append([job["rejection"] for job in low])
    assert told[0] == told[1]


async def test_in_a_masked_auction_maxima_are_those_of_numbers(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules={**MAXIMA, "masked": {}})
    await set_maximum(alice, auction_id, "50.00")
    await place(bob, auction_id, "12.00")
    beaten = await set_maximum(bob, auction_id, "20.00")
    seen = await read(bob, auction_id, beaten["result"]["version"])
    assert seen["leadingBid"] == {
        "amount": "21.00", "automatic": True, "bidder": {"name": "Bidder 1"},
    }  # fmt: skip
    assert (await read(alice, auction_id))["myMaximum"] == "50.00"
    assert (await read(bob, auction_id))["myMaximum"] is None
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_where_no_rule_says_so_no_maximum_can_be_set(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, rules=RULES)
    job = await set_maximum(alice, auction_id, "20.00")
    assert job["rejection"]["code"] == "NO_PROXY_BIDS"
    seen = await read(alice, auction_id)
    assert (seen["myMaximum"], seen["rules"]["proxyBids"]) == (None, False)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"proxyBids": True}, "need increments over the leading bid"),
        ({"proxyBids": True, "increments": {"overOwn": [{"step": "1.00"}]}}, "need increments"),
        ({"proxyBids": True, "sealed": {}}, "can't be chosen with sealed bids|need increments"),
    ],
)
async def test_it_needs_increments(carol: PortalClient, rules: Json, says: str) -> None:
    with pytest.raises(Refused, match=says) as refused:
        await carol.command(
            CREATE_AUCTION, title="A clock", endsAt="2999-01-01T00:00:00Z", rules=rules
        )
    [error] = refused.value.errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "rules"}


def test_an_operator_chooses_it(portal: RunningPortal, auctioneer: str) -> None:
    words = ("create_auction", "A clock", "--ends-at", "+1h", "--json")
    assert portal.manage(*words, "--increments", "table", "--proxy-bids", "yes").returncode == 0
    refused = portal.manage(*words, "--proxy-bids", "yes")
    assert refused.returncode == 2
    assert "proxy bids need increments over the leading bid" in refused.stderr
