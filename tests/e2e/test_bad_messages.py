"""Invalid WebSocket messages close the socket with a code, and are not logged as a crash."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from portal.laptop.demo.client import PortalClient
from tests.conftest import RunningPortal

INIT = json.dumps({"type": "connection_init"})


def subscribe(id: Any = "1", **payload: Any) -> str:
    """A subscribe message with any content."""
    return json.dumps({"id": id, "type": "subscribe", "payload": payload})


# What is sent on a new connection, and the code that it is closed with.
GARBAGE: dict[str, tuple[list[str | bytes], int]] = {
    "not JSON": (["x"], 4400),
    "nothing": ([""], 4400),
    "binary": ([b"\x00\xff"], 4400),
    "a list": (["[]"], 4400),
    "a number": (["7"], 4400),
    "null": (["null"], 4400),
    "too deep": (["[" * 100_000], 4400),
    "too many digits": (["9" * 5000], 4400),
    "no type": (["{}"], 4400),
    "a type that is none": (['{"type": 7}'], 4400),
    "an unknown type": ([json.dumps({"type": "x" * 1000})], 4400),
    "an init that is none": (['{"type": "connection_init", "payload": 7}'], 4400),
    "two inits": ([INIT, INIT], 4429),
    "a forged token": (['{"type": "connection_init", "payload": {"Authorization": "Bearer x"}}'], 4403),
    "a token that is none": (['{"type": "connection_init", "payload": {"Authorization": []}}'], 4403),
    "asking before the init": ([subscribe(query="{ serverTime }")], 4401),
    "no payload": ([INIT, '{"type": "subscribe", "id": "1"}'], 4400),
    "no query": ([INIT, subscribe()], 4400),
    "a query that is none": ([INIT, subscribe(query=7)], 4400),
    "an id that is none": ([INIT, subscribe(id=[], query="{ serverTime }")], 4400),
    "variables that are none": ([INIT, subscribe(query="{ serverTime }", variables=7)], 4400),
    "an id twice": ([INIT, *[subscribe(id="x" * 1000, query="subscription { auctionsUpdated { id } }")] * 2], 4409),
    "a huge frame": (["x" * 200_000], 1009),
}  # fmt: skip


@pytest.mark.parametrize("what", GARBAGE)
async def test_garbage_closes_the_socket_with_a_code(portal: RunningPortal, what: str) -> None:
    said, code = GARBAGE[what]
    logged = len(portal.logged())
    url = portal.url.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        for message in said:
            await socket.send(message)
        async with asyncio.timeout(20):
            with suppress(ConnectionClosed):
                async for _ in socket:
                    pass
        assert socket.close_code == code, socket.close_reason
    assert "[error" not in portal.logged()[logged:]
    assert "Traceback" not in portal.logged()[logged:]


@pytest.mark.parametrize(
    ("asked", "expected_text"),
    [
        (subscribe(query="{"), "Syntax Error"),
        (subscribe(query="{ nope }"), "nope"),
        (subscribe(query="x" * 1000), "Syntax Error"),
        (subscribe(query=""), "query"),
        (subscribe(query="query a { serverTime }", operationName="b"), "operation"),
        (subscribe(query="{ a" * 300 + "}" * 300), "Syntax Error"),
    ],
)
async def test_a_bad_operation_over_websocket_is_refused_and_the_socket_goes_on(
    portal: RunningPortal, nobody: PortalClient, asked: str, expected_text: str
) -> None:
    logged = len(portal.logged())
    async with nobody.socket() as socket:
        await socket.send(asked)
        answer = json.loads(await socket.recv())
        assert answer["type"] == "error"
        assert answer["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert expected_text in answer["payload"][0]["message"]
        await socket.send(subscribe(id="2", query="{ serverTime }"))
        assert json.loads(await socket.recv())["type"] == "next"
    assert "[error" not in portal.logged()[logged:]


async def test_a_text_frame_that_is_no_text_closes_the_socket(
    portal: RunningPortal, nobody: PortalClient
) -> None:
    logged = len(portal.logged())
    async with nobody.socket() as socket:
        await socket.send(b"\xff\xfe", text=True)
        await socket.wait_closed()
    assert socket.close_code == 1007
    assert "Traceback" not in portal.logged()[logged:]


async def test_another_subprotocol_is_not_spoken(portal: RunningPortal) -> None:
    url = portal.url.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-ws")]) as socket:
        await socket.wait_closed()
    assert socket.close_code == 4406
