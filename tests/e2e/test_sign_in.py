"""Signing in, and how tokens and sockets end at once with a session or user."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from commands.ids import new_id
from commands.postgres.connections import Pool
from portal.laptop.demo.client import DELETE_USER, PLACE_BID, PortalClient, Refused
from portal.signin.tokens import signing_key
from tests.conftest import PASSWORD, Join, RunningPortal, until
from tests.e2e.acting import AUCTION_UPDATED, auction, create_auction, place

ME = "{ me { id username email isStaff notificationPreferences { kind channel enabled } } }"
REFRESH = """mutation ($token: String!) { session: refreshSession(refreshToken: $token) {
  accessToken refreshToken user { id } } }"""
LOGOUT = "mutation ($token: String!) { ended: logout(refreshToken: $token) }"
SIGN_IN_OVER = 4403


def altered(token: str | None, key: str | None = None, **claims: Any) -> str:
    """The access token with other claims, signed as the portal does or with another key."""
    assert token
    content = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(content | claims, signing_key() if key is None else key, algorithm="HS256")


async def refused_code(asking: Any) -> str | None:
    with pytest.raises(Refused) as refused:
        await asking
    return refused.value.code


@asynccontextmanager
async def following(client: PortalClient, auction_id: str) -> AsyncIterator[ClientConnection]:
    """An open socket with a running subscription."""
    async with client.socket() as socket:
        payload = {"query": AUCTION_UPDATED, "variables": {"id": auction_id}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "next"
        yield socket


@contextmanager
def held(pool: Pool, user_id: str) -> Iterator[None]:
    """Lock the user, so that no worker can decide their jobs."""
    with pool.connection() as connection, connection.transaction():
        connection.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", (user_id,))
        yield


async def messages(socket: ClientConnection) -> AsyncIterator[Any]:
    """What still comes until the portal closes the socket, soon."""
    async with asyncio.timeout(8):
        with suppress(ConnectionClosedError):
            async for message in socket:
                yield json.loads(message)


async def closing(socket: ClientConnection) -> int | None:
    """The code that the portal closes the socket with, soon; no error comes before."""
    async for message in messages(socket):
        assert message["type"] in {"next", "complete"}
    return socket.close_code


async def test_whoever_signs_in_is_who_they_are(join: Join) -> None:
    alice = await join("alice")
    me = (await alice.execute(ME))["me"]
    assert (me["id"], me["username"]) == (alice.user["id"], alice.user["username"])
    assert me["isStaff"] is False
    alice.access_token = None
    assert (await alice.execute(ME))["me"] is None


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(join: Join) -> None:
    alice = await join("alice")
    name = alice.user["username"]
    answers = set()
    for username, password in (
        (name, PASSWORD + "x"),
        (f"{name}x", PASSWORD),
        (name, ""),
        ("\x00", "\x00"),
        (name, "\x00"),
    ):
        with pytest.raises(Refused) as refused:
            await alice.sign_in(username, password)
        answers.add((refused.value.code, str(refused.value)))
    assert answers == {("UNAUTHENTICATED", "wrong username or password")}


async def test_names_are_the_same_in_any_case(join: Join) -> None:
    alice = await join("alice")
    user_id = alice.user["id"]
    await alice.sign_in(alice.user["username"].upper(), PASSWORD)
    assert alice.user["id"] == user_id


async def test_a_password_is_the_same_however_it_is_typed(portal: RunningPortal) -> None:
    alice, name = PortalClient(portal.url), f"alice-{new_id().hex[-12:]}"
    # Composed or not, with one space or the other, and with what nobody sees.
    typed, otherwise = (
        "une\u00a0idée \U0001f469\u200d\U0001f467 auc\u00adtion",
        "une ide\u0301e \U0001f469\u200d\U0001f467 auc\u00adtion",
    )
    assert (await alice.sign_up(name, typed))["status"] == "SUCCEEDED"
    await alice.sign_in(name, otherwise)
    assert await refused_code(alice.sign_in(name, typed.replace("\u00ad", ""))) == "UNAUTHENTICATED"
    await alice.close()


async def test_forged_tokens_are_refused(join: Join) -> None:
    alice, bob = await join("alice"), await join("bob")
    token = alice.access_token
    assert token
    past = datetime.now(UTC) - timedelta(seconds=1)
    content = jwt.decode(token, options={"verify_signature": False})
    forged = {
        "expired": altered(token, exp=past),
        "another key": altered(token, key="k" * 64),
        "another user": altered(token, sub=bob.user["id"]),
        "another issuer": altered(token, iss="somebody"),
        "no algorithm": jwt.encode(content, "", algorithm="none"),
        "another algorithm": jwt.encode(content, signing_key(), algorithm="HS512"),
        "cut": token[:-2],
        "nonsense": "nonsense",
        "an id that is none": altered(token, sid="x"),
        "from the future": altered(token, iat=datetime.now(UTC) + timedelta(minutes=5)),
        "from no time": altered(token, iat="now"),
        "from a time that is none": altered(token, iat=1e300),
    }
    for what, alice.access_token in forged.items():
        assert await refused_code(alice.execute(ME)) == "UNAUTHENTICATED", what
    for alice.access_token in forged.values():
        with pytest.raises(ConnectionClosed) as closed:
            async with alice.socket():
                pass
        assert closed.value.rcvd
        assert closed.value.rcvd.code == SIGN_IN_OVER


async def test_a_token_that_was_good_is_refused_once_it_has_expired(join: Join) -> None:
    """Its signature is remembered, its time is not."""
    alice = await join("alice")
    expires_at = datetime.now(UTC) + timedelta(seconds=2)
    alice.access_token = altered(alice.access_token, exp=expires_at)
    assert (await alice.execute(ME))["me"]["id"] == alice.user["id"]
    while datetime.now(UTC) <= expires_at + timedelta(seconds=1):
        await asyncio.sleep(0.1)
    assert await refused_code(alice.execute(ME)) == "UNAUTHENTICATED"


async def test_a_token_of_a_web_whose_clock_is_ahead_is_taken(join: Join) -> None:
    alice = await join("alice")
    ahead = datetime.now(UTC) + timedelta(seconds=10)
    alice.access_token = altered(alice.access_token, iat=ahead)
    assert (await alice.execute(ME))["me"]["id"] == alice.user["id"]


async def test_signing_out_ends_tokens_and_open_sockets(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    async with following(alice, auction_id) as socket:
        assert (await alice.execute(LOGOUT, token=alice.refresh_token))["ended"] is True
        assert await closing(socket) == SIGN_IN_OVER
    assert await refused_code(alice.execute(ME)) == "UNAUTHENTICATED"
    alice.access_token = None
    assert (await alice.execute(LOGOUT, token=alice.refresh_token))["ended"] is False
    assert (await alice.execute(LOGOUT, token="nonsense"))["ended"] is False


async def test_an_open_socket_is_closed_when_its_token_expires(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    alice.access_token = altered(alice.access_token, exp=datetime.now(UTC) + timedelta(seconds=2))
    async with following(alice, auction_id) as socket:
        assert await closing(socket) == SIGN_IN_OVER


async def test_a_deleted_user_is_gone_at_once(join: Join, carol: PortalClient) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    hers = await place(alice, auction_id, "90.00")
    his = await place(bob, auction_id, "10.00")
    async with following(alice, auction_id) as socket:
        job = await alice.submit(DELETE_USER)
        assert await closing(socket) == SIGN_IN_OVER
    for asking in (
        alice.execute(ME),
        alice.submit(PLACE_BID, auctionId=auction_id, amount="99.00"),
        alice.execute(REFRESH, token=alice.refresh_token),
        alice.sign_in(alice.user["username"], PASSWORD),
    ):
        assert await refused_code(asking) == "UNAUTHENTICATED"
    assert (await carol.settled(job["id"]))["status"] == "SUCCEEDED"
    seen = await auction(bob, auction_id, at_least=4)
    assert (seen["bidCount"], seen["leadingBid"]["id"]) == (1, his["result"]["bidId"])
    assert hers["result"]["bidId"] != his["result"]["bidId"]


async def test_whoever_deletes_themselves_can_watch_that_to_its_end(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    bid = await place(alice, await create_auction(carol), "5.00")
    job = await alice.submit(DELETE_USER)
    assert (await alice.settled(job["id"]))["status"] == "SUCCEEDED"
    assert await refused_code(alice.execute(ME)) == "UNAUTHENTICATED"
    again = await alice.settled(job["id"])
    assert (again["status"], again["result"]["userId"]) == ("SUCCEEDED", alice.user["id"])
    assert await refused_code(alice.settled(bid["id"])) == "UNAUTHENTICATED"
    alice.access_token = None
    assert await alice.settled(job["id"]) == again
    # What is shown to whoever knows its id is not theirs to cancel.
    cancel = "mutation ($id: UUID!) { cancelJob(id: $id) { id } }"
    assert await refused_code(bob.execute(cancel, id=job["id"])) == "FORBIDDEN"
    staffs = await carol.submit(DELETE_USER, userId=bob.user["id"])
    assert await alice.settled(staffs["id"]) is None


async def test_a_socket_tells_how_its_users_deletion_ends_before_it_is_closed(
    join: Join, carol: PortalClient, portal_pool: Pool
) -> None:
    auction_id = await create_auction(carol)
    alice = await join("alice")
    async with following(alice, auction_id) as socket:
        with held(portal_pool, alice.user["id"]):
            job = await alice.submit(DELETE_USER)
            query = "subscription ($id: UUID!) { jobUpdated(id: $id) { status } }"
            payload = {"query": query, "variables": {"id": job["id"]}}
            await socket.send(json.dumps({"id": "2", "type": "subscribe", "payload": payload}))
            first = json.loads(await socket.recv())
            assert first["payload"]["data"] == {"jobUpdated": {"status": "QUEUED"}}
            # The deletion would end her sign-in just as it is settled; this ends it before.
            assert (await alice.execute(LOGOUT, token=alice.refresh_token))["ended"] is True
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await socket.recv()
        *received, last = [message async for message in messages(socket)]
    assert [m["payload"]["data"]["jobUpdated"]["status"] for m in received] == ["SUCCEEDED"]
    assert last == {"id": "2", "type": "complete"}, "nothing comes of her other subscription"
    assert socket.close_code == SIGN_IN_OVER


async def test_nobody_acts_for_somebody_else(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    asking = alice.submit(DELETE_USER, userId=bob.user["id"])
    assert await refused_code(asking) == "FORBIDDEN"
    assert (await bob.execute(ME))["me"]["id"] == bob.user["id"]
    deleted = await carol.command(DELETE_USER, userId=bob.user["id"])
    assert deleted["status"] == "SUCCEEDED"
    assert await refused_code(bob.execute(ME)) == "UNAUTHENTICATED"
    again = await carol.command(DELETE_USER, userId=bob.user["id"])
    assert again["rejection"]["code"] == "USER_NOT_FOUND"


async def test_a_deleted_users_name_is_free_again_and_shown_no_more(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, seconds=3)
    await place(alice, auction_id, "10.00")
    name = alice.user["username"]
    winners = "{ winners { edges { node { auctionId bidder { id username } } } } }"

    async def winner() -> Any:
        edges = (await carol.execute(winners))["winners"]["edges"]
        mine = [edge["node"] for edge in edges if edge["node"]["auctionId"] == auction_id]
        return mine[0]["bidder"] if mine else None

    assert (await until(winner))["username"] == name
    await alice.submit(DELETE_USER)

    async def nameless() -> bool:
        return (await winner())["username"] is None

    await until(nameless)
    assert (await winner())["id"] == alice.user["id"], "what was won stays won"
    alice.access_token = None
    job = await alice.sign_up(name, PASSWORD)
    assert job["status"] == "SUCCEEDED"
    taken = await alice.sign_up(name, PASSWORD)
    assert taken["rejection"]["code"] == "USERNAME_TAKEN"


async def test_an_empty_address_is_none_and_users_may_share_one(join: Join) -> None:
    nobody = await join("nobody", email="")
    shared = f"{nobody.user['username']}@example.org"
    alice, bob = await join("alice", email=shared), await join("bob", email=shared)
    emails = [(await each.execute(ME))["me"]["email"] for each in (nobody, alice, bob)]
    assert emails == [None, shared, shared]


async def test_jobs_are_for_those_who_submitted_them_and_staff(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    job = await place(alice, auction_id, "10.00")
    query = "query ($id: UUID!) { job(id: $id) { id } }"
    seen = [(await client.execute(query, id=job["id"]))["job"] for client in (alice, bob, carol)]
    assert seen == [{"id": job["id"]}, None, {"id": job["id"]}]
