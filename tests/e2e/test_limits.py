"""Limits over the API: a web process with small limits refuses what is above them with a clear error."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from commands.postgres.connections import Pool
from commands.postgres.locks import lock, projecting
from portal.laptop.demo.client import CREATE_USER, DELETE_BID, PLACE_BID, PortalClient, Refused
from tests.conftest import PASSWORD, Join, RunningPortal, until
from tests.e2e.acting import AUCTION_UPDATED, create_auction, place
from tests.webs import web

NOWHERE = "01890a5d-ac96-774b-bcce-b302099a8057"
CARDS = "subscription { auctionsUpdated { id } }"
# Of an auction that nobody bids in there are none.
NEWER_EVENTS = "subscription ($id: UUID!) { auctionEvents(id: $id, afterVersion: 1) { version } }"
SMALL = {
    "BODY_BYTES": "20000",
    "REQUEST_SECONDS": "2",
    "SOCKET_IDLE_SECONDS": "2",
    "SOCKET_INIT_SECONDS": "1",
    "SOCKET_SLOW_SECONDS": "2",
    "OPERATIONS_PER_SOCKET": "3",
    "OPERATIONS_PER_USER": "5",
    "DIFFERENT_OPERATIONS_PER_ADDRESS": "2",
    "GRAPHIQL": "off",
    "TRUSTED_PROXIES": "127.0.0.1",
    "SIGN_IN_PER_USER": "3/hour",
    "SIGN_IN_PER_ADDRESS": "20/hour",
    "SIGN_UP_PER_ADDRESS": "2/hour",
    "BIDS_PER_USER": "2/hour",
    "BIDS_PER_ADDRESS": "5/hour",
}


@pytest.fixture(scope="module")
def bounded(portal: RunningPortal) -> Iterator[RunningPortal]:
    """A web process with small limits; nothing here may make it log an error."""
    with web(portal, **SMALL) as process:
        yield process
        assert "[error" not in process.logged()
        assert "Traceback" not in process.logged()


def elsewhere(portal: RunningPortal, client: PortalClient) -> PortalClient:
    """The same person, as a client of that web process."""
    moved = PortalClient(portal.url)
    moved.access_token, moved.refresh_token = client.access_token, client.refresh_token
    return moved


async def asked_from(portal: RunningPortal, address: str, query: str, **variables: Any) -> Any:
    """The answer to somebody behind the trusted proxy."""
    async with httpx.AsyncClient(base_url=portal.url) as http:
        answer = await http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"X-Forwarded-For": address},
        )
    return answer.json()


def limited(answer: Any) -> int:
    """The seconds that a RATE_LIMITED answer says to wait."""
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED", error
    seconds = error["extensions"]["retryAfter"]
    assert 0 < seconds <= 3600
    assert f"{seconds} s" in error["message"]
    return int(seconds)


TOO_MUCH = {
    "tokens": ("{" + " serverTime" * 1001 + "}", "1000 tokens"),
    "depth": ("{ __schema { types { fields { type" + " { ofType" * 12 + " { name }" + " }" * 16, "depth"),
    "aliases": ("{" + " ".join(f"a{n}: serverTime" for n in range(31)) + "}", "aliases"),
    "cost": ("{ auctions(first: 100) { edges { node { bids(first: 100) { edges { cursor } } } } } }", "cost"),
    "fragments": (
        "{ ...f0 }" + "".join(f" fragment f{n} on Query {{ serverTime ...f{n + 1} ...f{n + 1} }}" for n in range(60))
        + " fragment f60 on Query { serverTime }",
        "cost",
    ),
    "nesting": ("{ a" * 400 + "}" * 400, "Syntax Error"),
}  # fmt: skip


@pytest.mark.parametrize("what", TOO_MUCH)
async def test_an_operation_that_asks_for_too_much_is_refused(
    nobody: PortalClient, what: str
) -> None:
    query, expected_text = TOO_MUCH[what]
    with pytest.raises(Refused) as over_http:
        await nobody.execute(query)
    with pytest.raises(Refused) as over_websocket:
        await anext(nobody.subscribe(query))
    for refused in (over_http.value, over_websocket.value):
        assert refused.code == "BAD_USER_INPUT"
        assert expected_text in str(refused)


async def test_a_page_size_in_a_variable_counts(nobody: PortalClient) -> None:
    query = """query ($n: Int) {
      auctions(first: $n) { edges { node { bids(first: $n) { edges { cursor } } } } } }"""
    assert await nobody.execute(query, n=2)
    with pytest.raises(Refused, match="cost"):
        await nobody.execute(query, n=100)


async def test_requests_do_not_come_in_batches(nobody: PortalClient) -> None:
    answer = await nobody.post([{"query": "{ serverTime }"}])
    assert answer.status_code == 400
    assert "one JSON object" in answer.text


async def test_introspection_is_off_without_graphiql(
    bounded: RunningPortal, nobody: PortalClient
) -> None:
    query = "{ __schema { queryType { name } } }"
    assert (await nobody.execute(query))["__schema"]["queryType"]["name"] == "Query"
    refused = await asked_from(bounded, "192.0.2.1", query)
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    hint = await asked_from(bounded, "192.0.2.1", "{ serverTim }")
    assert "serverTime" not in hint["errors"][0]["message"]
    assert (await asked_from(bounded, "192.0.2.1", "{ __typename }"))["data"]


def test_graphiql_is_off_where_it_is_not_wanted(bounded: RunningPortal) -> None:
    page = httpx.get(f"{bounded.url}/graphql", headers={"Accept": "text/html"})
    assert page.status_code == 405


async def test_a_query_that_takes_too_long_is_given_up(
    portal: RunningPortal, portal_pool: Pool, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    query = "query ($id: UUID!) { auction(id: $id, atLeastVersion: 2) { id } }"
    with (
        web(portal, QUERY_SECONDS="1") as process,
        portal_pool.connection() as connection,
        connection.transaction(),
    ):
        # Nobody can project it, so its document stays behind.
        lock(connection, projecting(UUID(auction_id), "live"))
        assert (await place(carol, auction_id, "5.00"))["status"] == "SUCCEEDED"
        client = elsewhere(process, carol)
        for asking in (
            client.execute(query, id=auction_id),
            anext(client.subscribe(query, id=auction_id)),
        ):
            with pytest.raises(Refused, match="longer than 1 s") as refused:
                await asking
            assert refused.value.code == "UNAVAILABLE"
        await client.close()


@pytest.mark.parametrize("path", ["/graphql", "/admin/login/", "/"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_body_is_refused(bounded: RunningPortal, path: str, announced: bool) -> None:
    body = b" " * 2_000_000
    content = body if announced else iter([body])
    answer = httpx.post(
        f"{bounded.url}{path}", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413, answer.text
    assert "20000 bytes" in answer.text


def conversation(portal: RunningPortal, said: bytes) -> bytes:
    """Send the bytes; everything that the portal answers until it closes the connection."""
    port = int(portal.url.rsplit(":", 1)[1])
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(said)
        with contextlib.suppress(ConnectionResetError):
            while some := line.recv(65536):
                received += some
    return received


def test_a_slow_sender_is_disconnected(bounded: RunningPortal) -> None:
    begun = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    assert conversation(bounded, b"") == b""
    assert conversation(bounded, begun) == b""
    late = conversation(bounded, begun + b"Content-Length: 9\r\nConnection: close\r\n\r\n{")
    assert late.startswith(b"HTTP/1.1 408")


async def test_a_client_that_reads_nothing_is_disconnected(
    bounded: RunningPortal, join: Join, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol, description="é" * 5000)
    port = int(bounded.url.rsplit(":", 1)[1])
    process = psutil.Process(bounded.process.pid)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", port))
        mine = line.getsockname()

        def gone() -> bool:
            return all(each.raddr != mine for each in process.net_connections("tcp"))

        await until(lambda: not gone(), 30, "the portal to accept")
        asked = (f'a{n}: auction(id: "{auction_id}") {{ description }}' for n in range(30))
        query = f"{{ {' '.join(asked)} }}"
        body = json.dumps({"query": query}).encode()
        request = (
            b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        line.sendall(request)

        await until(gone, 30, "the portal to hang up")


async def closed_with(socket: ClientConnection) -> tuple[int | None, str | None]:
    """The code and reason that the portal closes the socket with."""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionClosed):
            async for _ in socket:
                pass
    return socket.close_code, socket.close_reason


async def test_a_socket_that_asks_for_nothing_is_closed(
    bounded: RunningPortal, carol: PortalClient
) -> None:
    client = PortalClient(bounded.url)
    async with client.socket() as idle:
        code, reason = await closed_with(idle)
    assert (code, reason) == (4408, "nothing was asked for in 2 s")
    async with client.socket() as busy:
        quiet = {"query": NEWER_EVENTS, "variables": {"id": await create_auction(carol)}}
        await busy.send(json.dumps({"id": "1", "type": "subscribe", "payload": quiet}))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await busy.recv()
        await busy.send(json.dumps({"id": "1", "type": "complete"}))
        assert (await closed_with(busy))[0] == 4408


async def test_operations_are_capped_by_socket_and_by_user(
    bounded: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = elsewhere(bounded, await join("alice"))
    auction_id = await create_auction(carol)

    async def subscribe(socket: ClientConnection, number: int) -> Any:
        payload = {"query": AUCTION_UPDATED, "variables": {"id": auction_id}}
        await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
        return json.loads(await socket.recv())

    async with alice.socket() as first, alice.socket() as second:
        assert [(await subscribe(first, n))["type"] for n in range(3)] == ["next"] * 3
        refused = await subscribe(first, 3)
        assert refused["type"] == "error"
        assert limited({"errors": refused["payload"]})
        assert "this connection" in refused["payload"][0]["message"]
        assert [(await subscribe(second, n))["type"] for n in range(2)] == ["next"] * 2
        refused = await subscribe(second, 2)
        assert "all connections" in refused["payload"][0]["message"]
        await first.send(json.dumps({"id": "0", "type": "complete"}))
        # The message comes before what follows it on another socket only once it was read.
        await first.send(json.dumps({"type": "ping"}))
        assert json.loads(await first.recv())["type"] == "pong"
        assert (await subscribe(second, 2))["type"] == "next"
    await alice.close()


async def test_different_operations_are_capped_by_address(
    bounded: RunningPortal, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    client = PortalClient(bounded.url)

    async def subscribe(socket: ClientConnection, number: int, text: str) -> Any:
        payload = {"query": text, "variables": {"id": auction_id}}
        await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
        return json.loads(await socket.recv())

    async with client.socket() as first, client.socket() as second:
        for socket in (first, second):
            for number in range(2):
                text = f"{AUCTION_UPDATED} # {number}"
                assert (await subscribe(socket, number, text))["type"] == "next"
        refused = await subscribe(second, 2, AUCTION_UPDATED)
        assert limited({"errors": refused["payload"]})
        assert "different" in refused["payload"][0]["message"]


async def test_guesses_of_a_password_are_limited_by_name(
    bounded: RunningPortal, join: Join
) -> None:
    name = (await join("alice")).user["username"]
    login = (
        "mutation ($u: String!, $p: String!) { login(username: $u, password: $p) { expiresAt } }"
    )

    async def guess(number: int, password: str) -> Any:
        return await asked_from(bounded, f"198.51.100.{number}", login, u=name, p=password)

    # Whoever knows the password is never held up by their own signing in.
    for number in range(5):
        assert (await guess(number, PASSWORD))["data"]["login"]
    wrong = await asyncio.gather(*(guess(number, "wrong") for number in range(6)))
    codes = sorted(answer["errors"][0]["extensions"]["code"] for answer in wrong)
    assert codes == ["RATE_LIMITED"] * 3 + ["UNAUTHENTICATED"] * 3
    limited(await guess(7, PASSWORD))
    address = {"X-Forwarded-For": "198.51.100.9"}
    async with httpx.AsyncClient(base_url=bounded.url, headers=address) as admin:
        await admin.get("/admin/login/")
        form = {
            "username": name.upper(),
            "password": PASSWORD,
            "csrfmiddlewaretoken": admin.cookies["csrftoken"],
        }
        refused = await admin.post("/admin/login/", data=form)
    assert "too many failed sign-ins" in refused.text


async def test_sign_ins_are_limited_by_address(bounded: RunningPortal) -> None:
    login = 'mutation ($u: String!) { login(username: $u, password: "x") { expiresAt } }'
    codes = [
        (await asked_from(bounded, f"2001:db8::{n:x}", login, u=f"nobody-{n}"))["errors"][0]["extensions"]["code"]
        for n in range(21)
    ]  # fmt: skip
    # All from one network of 64 bits.
    assert codes == ["UNAUTHENTICATED"] * 20 + ["RATE_LIMITED"]


async def test_sign_ups_are_limited_by_address(bounded: RunningPortal) -> None:
    async def sign_up(address: str) -> Any:
        content = {"username": "x", "password": PASSWORD}
        return await asked_from(bounded, address, CREATE_USER, input=content)

    answers = [await sign_up("203.0.113.1") for _ in range(3)]
    assert [answer["errors"][0]["extensions"]["code"] for answer in answers[:2]] == [
        "BAD_USER_INPUT"
    ] * 2
    limited(answers[2])
    # What somebody adds in front is not heeded; who comes from elsewhere is not held up.
    limited(await sign_up("192.0.2.7, 203.0.113.1"))
    assert (await sign_up("203.0.113.2"))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_bids_are_limited_by_user_and_by_address(
    bounded: RunningPortal, join: Join, carol: PortalClient
) -> None:
    people = [elsewhere(bounded, await join(name)) for name in ("alice", "bob", "dora")]
    alice, bob, dora = people
    bid = {"auctionId": NOWHERE, "amount": "1.00"}
    for bidder in (alice, bob):
        await bidder.submit(PLACE_BID, **bid)
        await bidder.submit(DELETE_BID, auctionId=NOWHERE, bidId=NOWHERE)
        with pytest.raises(Refused, match="of yours") as refused:
            await bidder.submit(PLACE_BID, **bid)
        limited({"errors": refused.value.errors})
    await dora.submit(PLACE_BID, **bid)
    with pytest.raises(Refused, match="from your address"):
        await dora.submit(PLACE_BID, **bid)
    for bidder in people:
        await bidder.close()


async def test_without_redis_nobody_is_held_up_and_that_is_logged_now_and_then(
    portal: RunningPortal, join: Join
) -> None:
    alice = await join("alice")
    with web(portal, **SMALL, REDIS_URL="redis://127.0.0.1:1/0") as process:
        client = elsewhere(process, alice)
        for _ in range(6):
            assert await client.submit(PLACE_BID, auctionId=NOWHERE, amount="1.00")
        await client.close()
        assert process.logged().count("no rate limits without Redis") == 1
