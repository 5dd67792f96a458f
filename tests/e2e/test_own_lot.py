"""Auctions in which whoever the lot belongs to can't bid, as users see them."""

import asyncio
from typing import Any

import pytest

from commands.ids import new_id
from portal.laptop.demo.client import CREATE_AUCTION, PortalClient, Refused
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, place

Json = dict[str, Any]
READ = "query ($id: UUID!) { auction(id: $id) { rules { ownLot { owners staff } sentences } } }"
ME = "{ me { id } }"


async def id_of(user: PortalClient) -> str:
    found: str = (await user.execute(ME))["me"]["id"]
    return found


async def test_owners_and_staff_can_not_bid_and_others_can(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    chosen = {"ownLot": {"owners": [await id_of(alice)], "staff": True}}
    auction_id = await create_auction(carol, rules=chosen)
    told = (await nobody.execute(READ, id=auction_id))["auction"]["rules"]
    assert told["ownLot"] == chosen["ownLot"]
    assert told["sentences"][1] == (
        "Whoever sells or consigns the lot and the house's own people can't bid."
    )
    for bidder, message in (
        (alice, "this is your own lot"),
        (carol, "the house's own people can't bid in this auction"),
    ):
        job = await place(bidder, auction_id, "10.00")
        assert job["rejection"] == {"code": "OWN_LOT", "message": message}
    assert (await place(bob, auction_id, "10.00"))["status"] == "SUCCEEDED"
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_an_owner_who_is_nobody(carol: PortalClient) -> None:
    stranger = str(new_id())
    job = await carol.command(
        CREATE_AUCTION,
        title="A clock",
        endsAt="2999-01-01T00:00:00Z",
        rules={"ownLot": {"owners": [stranger]}},
    )
    assert job["rejection"] == {
        "code": "USER_NOT_FOUND",
        "message": f"there is no user {stranger}",
    }


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({}, "an own lot names owners, or the house's staff"),
        ({"owners": []}, "an own lot names owners, or the house's staff"),
        ({"owners": [str(new_id())] * 2}, "each owner is named once"),
    ],
)
async def test_an_own_lot_that_is_none(carol: PortalClient, own: Json, message: str) -> None:
    with pytest.raises(Refused) as refused:
        await carol.command(
            CREATE_AUCTION,
            title="A clock",
            endsAt="2999-01-01T00:00:00Z",
            rules={"ownLot": own},
        )
    [error] = refused.value.errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "rules"}
    assert error["message"] == message


async def test_an_operator_chooses_it(portal: RunningPortal, carol: PortalClient) -> None:
    words = ("create_auction", "A clock", "--ends-at", "+1h", "--json")
    own = f"{await id_of(carol)},staff"
    made = await asyncio.to_thread(portal.manage, *words, "--own-lot", own)
    assert made.returncode == 0, made.stderr
    refused = await asyncio.to_thread(portal.manage, *words, "--own-lot", "carol")
    assert refused.returncode == 2
    assert "'carol' is no user's id; write ids" in refused.stderr
