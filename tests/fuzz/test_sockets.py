"""WebSockets: messages of the protocol in any order and shape, and other bytes."""

import json
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.conftest import RunningPortal
from tests.fuzz.conftest import fuzzed
from tests.fuzz.test_requests import JSON, TEXT

TYPES = ("connection_init", "ping", "pong", "subscribe", "next", "error", "complete")
QUERIES = (
    "subscription { auctionsUpdated { id } }",
    f'subscription {{ auctionUpdated(id: "{uuid4()}") {{ id }} }}',
    f'subscription {{ auctionEvents(id: "{uuid4()}") {{ version }} }}',
    "subscription { notificationReceived { id } }",
    "{ serverTime }",
    "{ auctions { edges { node { id } } } }",
    "subscription { nope }",
    "{",
    "",
)
PAYLOADS = st.one_of(
    st.fixed_dictionaries({"query": st.sampled_from(QUERIES) | TEXT}, optional={"variables": JSON}),
    st.fixed_dictionaries({"Authorization": TEXT}),
    JSON,
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | JSON},
    optional={"id": st.sampled_from(["1", "2"]) | JSON, "payload": PAYLOADS},
).map(json.dumps)
FRAMES = st.one_of(MESSAGES, MESSAGES, MESSAGES, JSON.map(json.dumps), TEXT, st.binary(max_size=60))
# What a protocol may end with; 1011 is an internal error, 1006 a connection that broke.
BROKEN = {1006, 1011}
PING, PONG = json.dumps({"type": "ping"}), "pong"
pytestmark = pytest.mark.usefixtures("quiet")


def test_whatever_comes_over_a_socket_is_answered_or_ends_it_properly(
    portal: RunningPortal,
) -> None:
    @fuzzed
    @given(st.booleans(), st.lists(FRAMES, min_size=1, max_size=8))
    def talk(begins_well: bool, frames: list[str | bytes]) -> None:
        with opened(portal) as socket, suppress(ConnectionClosed):
            if begins_well:
                socket.send(json.dumps({"type": "connection_init", "payload": {}}))
            for frame in frames:
                socket.send(frame)
            until_pong(socket)
        assert socket.close_code not in BROKEN, socket.close_reason

    talk()
    with opened(portal) as socket:
        until_pong(socket)


def opened(portal: RunningPortal) -> ClientConnection:
    """A connection that nobody acknowledged yet."""
    url = portal.url.replace("http", "ws", 1) + "/graphql"
    return connect(url, subprotocols=[Subprotocol("graphql-transport-ws")])


def until_pong(socket: ClientConnection) -> None:
    """Everything before it is dealt with, and the server still answers."""
    socket.send(PING)
    while True:
        message: Any = json.loads(socket.recv(timeout=30))
        if message["type"] == PONG:
            return
