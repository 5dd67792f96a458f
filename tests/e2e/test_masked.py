"""Masked auctions, over the API: nobody but the house learns who a bidder is, from anything that can be read."""

import asyncio
from pathlib import Path

import pytest

from portal.laptop.demo.client import (
    CLOSE_AUCTION_NOW,
    DELETE_USER,
    REMOVE_BID,
    PortalClient,
    Refused,
)
from tests.conftest import Join, RunningPortal, until
from tests.e2e.acting import Json, create_auction, delete, events, place
from tests.e2e.everything import shown_of
from tests.e2e.outsider import script
from tests.e2e.test_house_interventions import told
from tests.e2e.test_notifications import listed

ALWAYS: Json = {"masked": {}}
UNTIL_CLOSE: Json = {"masked": {"namesWinner": True}}
MINE = """query ($id: UUID!, $v: Int) { auction(id: $id, atLeastVersion: $v) {
  me { id name username } myBids { amount deleted bidder { id name username } }
  leadingBid { bidder { id name username } } rules { masked { namesWinner } sentences } } }"""
ALIASES = """query ($id: UUID!, $n: Int, $a: String) { auction(id: $id) { aliases(first: $n, after: $a) {
  edges { node { auctionId bidder { id name username } userId username } } pageInfo { hasNextPage endCursor } } } }"""
MY_ALIASES = """query ($n: Int, $a: String) { myAliases(first: $n, after: $a) {
  edges { node { auctionId bidder { id name username } userId username } } pageInfo { hasNextPage endCursor } } }"""
WINNER = """query ($id: UUID!) { auction(id: $id) { winner { bidder { id name username } bid { bidder { name } } }
  leadingBid { bidder { name username } } whyWinner { sentence } } }"""
ACTIVITY = """query ($s: Standing!) { myActivity(standing: $s) { edges { node { id } } } }"""


def known(text: str, *people: PortalClient) -> list[str]:
    """What the text gives away of these people."""
    traces = [
        trace
        for each in people
        for trace in (each.user["id"], each.user["id"].replace("-", ""), each.user["username"])
    ]
    return [trace for trace in traces if trace.lower() in text.lower()]


async def mine(reader: PortalClient, auction_id: str, at_least: int | None = None) -> Json:
    found: Json = (await reader.execute(MINE, id=auction_id, v=at_least))["auction"]
    return found


async def standing(reader: PortalClient, auction_id: str) -> list[str]:
    """How the reader stands in the auction."""
    found = []
    for name in ("LEADING", "OUTBID", "WON", "LOST"):
        page = (await reader.execute(ACTIVITY, s=name))["myActivity"]
        found += [name for edge in page["edges"] if edge["node"]["id"] == auction_id]
    return found


async def unmasked(
    house: PortalClient, auction_id: str, **page: object
) -> list[tuple[str, str | None]]:
    """What others call the bidders, and what the house knows them by."""
    found = (await house.execute(ALIASES, id=auction_id, **page))["auction"]["aliases"]["edges"]
    return [(edge["node"]["bidder"]["name"], edge["node"]["username"]) for edge in found]


@pytest.mark.parametrize("rules", [ALWAYS, UNTIL_CLOSE], ids=["always", "until close"])
async def test_who_bid_is_nowhere_to_be_read(
    portal: RunningPortal,
    join: Join,
    carol: PortalClient,
    nobody: PortalClient,
    rules: Json,
    tmp_path: Path,
) -> None:
    alice, bob, dora = await join("alice"), await join("bob"), await join("dora")
    auction_id = await create_auction(carol, title="A masked ball", rules=rules)
    first = await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "20.00")
    await place(dora, auction_id, "15.00")
    removed = await place(bob, auction_id, "25.00")
    await delete(alice, auction_id, first["result"]["bidId"])
    gone = removed["result"]["bidId"]
    await carol.command(REMOVE_BID, auctionId=auction_id, bidId=gone, reason="A typing error.")
    last = await place(alice, auction_id, "30.00")
    version = last["result"]["version"]
    await mine(nobody, auction_id, version)
    for reader in (nobody, bob, dora):
        others = [each for each in (alice, bob, dora) if each is not reader]
        shown = await shown_of(reader, auction_id, version)
        assert "Bidder 1" in shown
        assert known(shown, *others) == []
    assert known(str(await listed(bob)), alice, dora) == []

    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="It is late.")
    await events(nobody, auction_id, until="WinnerAnnounced")
    shows = rules == UNTIL_CLOSE
    await told(alice, "AUCTION_WON")
    await told(bob, "AUCTION_LOST")
    closed = await shown_of(nobody, auction_id, version + 2)
    assert known(closed, bob, dora) == []
    assert bool(known(closed, alice)) == shows
    name = alice.user["username"] if shows else "Bidder 1"
    found = (await nobody.execute(WINNER, id=auction_id))["auction"]
    assert found["winner"]["bidder"]["name"] == found["winner"]["bid"]["bidder"]["name"] == name
    assert found["winner"]["bidder"]["username"] == (name if shows else None)
    assert found["leadingBid"]["bidder"] == {"name": "Bidder 1", "username": None}
    assert found["whyWinner"]["sentence"].startswith("Bidder 1 won with 30.00")
    file = tmp_path / "auction.jsonl"
    exported = await asyncio.to_thread(portal.manage, "export_auction", auction_id, str(file))
    assert exported.returncode == 0, exported.stderr
    assert known(file.read_text(), bob, dora) == []
    assert bool(known(file.read_text(), alice)) == shows
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    outside = await asyncio.to_thread(script, portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")


async def test_bidders_know_their_own_bids_and_the_house_knows_everybody(
    join: Join, carol: PortalClient, nobody: PortalClient, portal: RunningPortal
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, title="A masked ball", rules=ALWAYS)
    plain = await create_auction(carol)
    assert (await mine(alice, auction_id))["me"] is None
    assert (await mine(nobody, plain))["me"] is None
    await place(alice, auction_id, "10.00")
    version = (await place(bob, auction_id, "20.00"))["result"]["version"]
    found = await mine(alice, auction_id, version)
    assert found["me"]["name"] == "Bidder 1"
    assert found["me"]["id"] != alice.user["id"]
    own = {**found["me"], "username": alice.user["username"]}
    assert found["myBids"] == [{"amount": "10.00", "deleted": False, "bidder": own}]
    assert found["leadingBid"]["bidder"]["name"] == "Bidder 2"
    assert found["rules"]["masked"] == {"namesWinner": False}
    assert found["rules"]["sentences"][1].startswith("Names of bidders are not shown")
    assert (await mine(alice, plain))["me"] == {
        "id": alice.user["id"],
        "name": alice.user["username"],
        "username": alice.user["username"],
    }
    [edge] = (await alice.execute(MY_ALIASES))["myAliases"]["edges"]
    assert edge["node"] == {
        "auctionId": auction_id,
        "bidder": found["me"],
        "userId": alice.user["id"],
        "username": alice.user["username"],
    }
    assert await standing(alice, auction_id) == ["OUTBID"]
    assert await standing(bob, auction_id) == ["LEADING"]
    await told(alice, "OUTBID")

    both = [("Bidder 1", alice.user["username"]), ("Bidder 2", bob.user["username"])]
    assert await unmasked(carol, auction_id) == both
    assert await unmasked(carol, auction_id, n=1) == both[:1]
    page = (await carol.execute(ALIASES, id=auction_id, n=1))["auction"]["aliases"]["pageInfo"]
    assert page["hasNextPage"]
    assert await unmasked(carol, auction_id, n=1, a=page["endCursor"]) == both[1:]
    assert await unmasked(carol, plain) == []
    for reader, code in ((alice, "FORBIDDEN"), (nobody, "UNAUTHENTICATED")):
        with pytest.raises(Refused) as refused:
            await unmasked(reader, auction_id)
        assert refused.value.code == code
    shown = await asyncio.to_thread(portal.manage, "show_auction", auction_id)
    assert f"by Bidder 1 ({alice.user['username']})" in shown.stdout


async def test_a_deleted_users_bids_are_withdrawn_under_their_alias(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, title="A masked ball", rules=UNTIL_CLOSE)
    await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "20.00")
    await bob.command(DELETE_USER)
    happened = await events(nobody, auction_id, until="BidDeleted")
    assert happened[-1]["bidId"] == happened[2]["bid"]["id"]

    async def forgotten() -> bool:
        return (await unmasked(carol, auction_id))[1] == ("Bidder 2", None)

    await until(forgotten)
    assert known(await shown_of(nobody, auction_id, 4), alice, bob) == []
