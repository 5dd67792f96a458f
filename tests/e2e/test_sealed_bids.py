"""Sealed bids, as users see them: nobody is told an amount before the end, and then everybody can check it."""

import asyncio
from hashlib import sha256
from typing import Any

import pytest

from portal.laptop.demo.client import CREATE_AUCTION, PortalClient, Refused
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, events, place

Json = dict[str, Any]
READ = """query ($id: UUID!, $v: Int) { auction(id: $id, atLeastVersion: $v) {
  bidCount nextBids leadingBid { amount } mySealedBid { bidId amount salt }
  bids { edges { node { id amount effectiveAmount commitment salt } } } myBids { amount effectiveAmount }
  winner { pays bid { amount } } whyWinner { sentence leads { edges { node { cause sentence } } } }
  rules { sealed { secondPrice } sentences } } }"""
STANDING = "{ myActivity(standing: SEALED) { edges { node { id } } } }"
KINDS = "{ notifications { edges { node { kind amount } } } }"
# Amounts that occur nowhere else.
TWENTY, THIRTY = "7120.07", "7130.09"


async def read(reader: PortalClient, auction_id: str, version: int | None = None) -> Json:
    found: Json = (await reader.execute(READ, id=auction_id, v=version))["auction"]
    return found


async def test_amounts_are_hidden_until_the_end_and_then_can_be_checked(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    rules = {"preset": "VICKREY", "startingPrice": "7000.00"}
    auction_id = await create_auction(carol, seconds=7, rules=rules)
    first = await place(alice, auction_id, TWENTY, idempotencyKey="mine")
    assert first["command"] == "PlaceSealedBid"
    again = await place(alice, auction_id, TWENTY, idempotencyKey="mine")
    assert again["id"] == first["id"]
    one = await place(alice, auction_id, THIRTY)
    assert one["rejection"]["code"] == "ONE_SEALED_BID"
    low = await place(bob, auction_id, "6999.99")
    assert low["rejection"]["code"] == "BELOW_STARTING_PRICE"
    second = await place(bob, auction_id, THIRTY)
    version = second["result"]["version"]
    for reader in (nobody, alice, bob, carol):
        seen = await read(reader, auction_id, version)
        assert (seen["bidCount"], seen["leadingBid"], seen["nextBids"]) == (2, None, ["7000.00"])
        bids = [edge["node"] for edge in seen["bids"]["edges"]]
        assert [bid["id"] for bid in bids] == [job["result"]["bidId"] for job in (first, second)]
        assert all(
            (bid["amount"], bid["effectiveAmount"], bid["salt"]) == (None, None, None)
            for bid in bids
        )
        assert seen["rules"]["sealed"] == {"secondPrice": True}
    own = (await read(alice, auction_id))["mySealedBid"]
    assert (own["bidId"], own["amount"]) == (first["result"]["bidId"], TWENTY)
    assert (await read(nobody, auction_id))["mySealedBid"] is None
    assert (await read(alice, auction_id))["myBids"] == [{"amount": None, "effectiveAmount": None}]
    mine = (await alice.execute(STANDING))["myActivity"]["edges"]
    assert {"node": {"id": auction_id}} in mine
    happened = await events(nobody, auction_id, until="WinnerAnnounced")
    seen = await read(nobody, auction_id, happened[-1]["version"])
    assert seen["winner"] == {"pays": TWENTY, "bid": {"amount": THIRTY}}
    assert "what the next bid offers" in seen["whyWinner"]["sentence"]
    assert seen["whyWinner"]["leads"]["edges"][0]["node"]["cause"] == "REVEALED"
    revealed = [edge["node"] for edge in seen["bids"]["edges"]]
    assert [bid["amount"] for bid in revealed] == [THIRTY, TWENTY]
    for bid in revealed:
        line = f'{{"amount":"{bid["amount"]}","salt":"{bid["salt"]}"}}'
        assert sha256(line.encode()).hexdigest() == bid["commitment"]
    assert own["salt"] == revealed[1]["salt"]
    told = (await alice.execute(KINDS))["notifications"]["edges"]
    assert {edge["node"]["kind"] for edge in told} <= {"AUCTION_LOST"}
    logged = portal.logged()
    assert TWENTY not in logged
    assert THIRTY not in logged
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_rules_that_show_amounts_do_not_go_with_it(carol: PortalClient) -> None:
    rules: Json = {"sealed": {}, "increments": {}}
    with pytest.raises(Refused) as refused:
        await carol.command(
            CREATE_AUCTION, title="A clock", endsAt="2999-01-01T00:00:00Z", rules=rules
        )
    [error] = refused.value.errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "rules"}
    assert error["message"].startswith("increments can't be chosen with sealed bids")


def test_an_operator_chooses_them(portal: RunningPortal, auctioneer: str) -> None:
    words = ("create_auction", "A clock", "--ends-at", "+1h", "--json")
    assert portal.manage(*words, "--sealed", "second").returncode == 0
    refused = portal.manage(*words, "--sealed", "third")
    assert refused.returncode == 2
    assert "'third' is not known; sealed bids are written first, second, no" in refused.stderr
