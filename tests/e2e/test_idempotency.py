"""A request repeated with its idempotency key is handled once."""

import asyncio

import pytest

from commands.ids import new_id
from portal.laptop.demo.client import (
    CREATE_AUCTION,
    CREATE_USER,
    DELETE_BID,
    PLACE_BID,
    PortalClient,
    Refused,
)
from tests.conftest import PASSWORD, Join
from tests.e2e.acting import auction, create_auction, place


async def test_the_same_key_gives_the_same_job_and_one_bid(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    clicks = await asyncio.gather(
        *(place(alice, auction_id, "10.00", idempotencyKey="a double click") for _ in range(2)),
        return_exceptions=True,
    )
    assert all(isinstance(click, Refused) for click in clicks), "a key has no spaces"
    jobs = await asyncio.gather(
        *(place(alice, auction_id, "10.00", idempotencyKey="click-1") for _ in range(6))
    )
    assert len({job["id"] for job in jobs}) == 1
    again = await place(alice, auction_id, "10.00", idempotencyKey="click-1")
    assert again == jobs[0]
    seen = await auction(alice, auction_id, at_least=2)
    assert (seen["version"], seen["bidCount"]) == (2, 1)


async def test_the_same_amount_in_other_words_is_the_same_content(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    first = await place(alice, auction_id, "10.00", idempotencyKey="k")
    assert await place(alice, auction_id, "10", idempotencyKey="k") == first


async def test_the_same_key_with_other_content_is_refused_and_changes_nothing(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    placed = await place(alice, auction_id, "10.00", idempotencyKey="k")
    bid_id = placed["result"]["bidId"]
    for mutation, content in (
        (PLACE_BID, {"auctionId": auction_id, "amount": "11.00"}),
        (PLACE_BID, {"auctionId": auction_id, "amount": "10.00", "nonce": "another"}),
        (DELETE_BID, {"auctionId": auction_id, "bidId": bid_id}),
    ):
        with pytest.raises(Refused) as refused:
            await alice.submit(mutation, **content, idempotencyKey="k")
        assert refused.value.code == "BAD_USER_INPUT"
        assert refused.value.errors[0]["extensions"]["field"] == "idempotencyKey"
    seen = await auction(alice, auction_id, at_least=2)
    assert (seen["version"], seen["bidCount"]) == (2, 1)


async def test_keys_are_each_users_own(join: Join, carol: PortalClient) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    hers = await place(alice, auction_id, "10.00", idempotencyKey="k")
    his = await place(bob, auction_id, "10.00", idempotencyKey="k")
    assert hers["id"] != his["id"]
    assert his["status"] == "SUCCEEDED"


async def test_a_repeated_sign_up_is_one_user(join: Join) -> None:
    nobody = await join("somebody")
    nobody.access_token = None
    name = f"new-{nobody.user['id'][-12:]}"
    keyed = {"username": name, "password": PASSWORD, "idempotencyKey": f"key-{name}"}
    first, second = [await nobody.command(CREATE_USER, **keyed) for _ in range(2)]
    assert first == second
    assert first["status"] == "SUCCEEDED"


async def test_nobody_can_squat_the_key_of_a_sign_up(nobody: PortalClient) -> None:
    name = f"new-{new_id().hex[-12:]}"
    keyed = {"username": name, "password": PASSWORD, "idempotencyKey": "1"}
    squatted = await nobody.command(CREATE_USER, **(keyed | {"username": f"{name}-not"}))
    hers = await nobody.command(CREATE_USER, **keyed)
    guessed = await nobody.command(CREATE_USER, **(keyed | {"password": PASSWORD + "!"}))
    assert [job["status"] for job in (squatted, hers, guessed)] == [
        "SUCCEEDED",
        "SUCCEEDED",
        "REJECTED",
    ]
    assert guessed["rejection"]["code"] == "USERNAME_TAKEN"
    assert await nobody.command(CREATE_USER, **keyed) == hers


async def test_a_repeated_creation_is_one_auction(carol: PortalClient) -> None:
    content = {"title": "Two clicks", "endsAt": "2099-01-01T00:00:00Z", "idempotencyKey": "c"}
    jobs = [await carol.command(CREATE_AUCTION, **content) for _ in range(2)]
    assert jobs[0] == jobs[1]
