"""Many who follow the same: each gets their own, nothing is left out, and the slow hold up nobody."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from portal.laptop.demo.client import PLACE_BID, PortalClient
from portal.web.serve import IN_KERNEL
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import EVENTS, Json, create_auction, events, place
from tests.webs import web

# Much smaller than what the tests let come, with what the kernel holds for a connection.
SMALL_BUFFER = 16_384
STATE = """subscription ($id: UUID!) { auction: auctionUpdated(id: $id) {
  version description bids(first: 2) { edges { node { amount } } } } }"""
OWN = """subscription ($id: UUID!) { auction: auctionUpdated(id: $id) {
  version myBids { id amount deleted bidder { id } } } }"""
OWN_CARDS = "subscription { auction: auctionsUpdated { id version myBids { bidder { id } } } }"


class SlowReader:
    """A socket that reads only when it is told to, with as little buffer as the kernel gives."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @property
    def waiting_in_kernel(self) -> int:
        """The bytes that the web process has sent, and the kernel holds for this connection."""
        ours, theirs = (self._writer.get_extra_info(each)[1] for each in ("sockname", "peername"))
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, queues, *_ = line.split()
            if [int(each.partition(":")[2], 16) for each in (local, remote)] == [theirs, ours]:
                return int(queues.partition(":")[0], 16)
        raise AssertionError("the connection is gone")

    def send(self, message: Json) -> None:
        """A masked text frame; the mask is zeros."""
        text = json.dumps(message).encode()
        self._writer.write(b"\x81" + struct.pack("!BH", 0xFE, len(text)) + b"\0\0\0\0" + text)

    async def receive(self) -> Any:
        """The next message; pings are passed over."""
        while True:
            kind, size = await self._reader.readexactly(2)
            if size == 126:
                [size] = struct.unpack("!H", await self._reader.readexactly(2))
            elif size == 127:
                [size] = struct.unpack("!Q", await self._reader.readexactly(8))
            content = await self._reader.readexactly(size)
            if kind == 0x81:
                return json.loads(content)
            assert kind == 0x89, content


@asynccontextmanager
async def slow_reader(
    portal: RunningPortal, query: str, **variables: Any
) -> AsyncIterator[SlowReader]:
    """One that subscribed, and has read the acknowledgement."""
    address = urlsplit(portal.url)
    reader, writer = await asyncio.open_connection(
        address.hostname, address.port, limit=SMALL_BUFFER
    )
    raw = writer.get_extra_info("socket")
    raw.setsockopt(1, 8, SMALL_BUFFER)  # SOL_SOCKET, SO_RCVBUF
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    slow = SlowReader(reader, writer)
    slow.send({"type": "connection_init"})
    assert (await slow.receive())["type"] == "connection_ack"
    slow.send({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}})
    try:
        yield slow
    finally:
        writer.transport.abort()


@pytest.fixture(scope="module")
def watched(portal: RunningPortal) -> Iterator[RunningPortal]:
    """A web process of this file's own; nothing here may make it log an error."""
    with web(portal) as process:
        yield process
        assert "[error" not in process.logged()
        assert "Traceback" not in process.logged()


def at(portal: RunningPortal, client: PortalClient) -> PortalClient:
    """The same person, as a client of that web process."""
    moved = PortalClient(portal.url)
    moved.access_token, moved.user = client.access_token, client.user
    return moved


async def states_of(
    client: PortalClient, query: str, until_version: int, **variables: Any
) -> list[Json]:
    """The states up to that version."""
    seen: list[Json] = []
    async with asyncio.timeout(60), aclosing(client.subscribe(query, **variables)) as results:
        async for data in results:
            seen.append(data["auction"])
            if seen[-1]["version"] >= until_version:
                break
    return seen


async def test_nobody_gets_a_state_that_was_made_for_another_reader(
    watched: RunningPortal, join: Join, carol: PortalClient
) -> None:
    bidders = [await join("alice"), await join("bob")]
    auction_id = await create_auction(carol)
    readers = [
        *(at(watched, each) for each in bidders for _ in range(2)),
        PortalClient(watched.url),
    ]
    following = [asyncio.create_task(states_of(each, OWN, 9, id=auction_id)) for each in readers]
    for amount in range(1, 5):
        for each in bidders:
            await place(each, auction_id, f"{amount}.00")
    for reader, states in zip(readers, await asyncio.gather(*following), strict=True):
        owners = {bid["bidder"]["id"] for state in states for bid in state["myBids"]}
        assert owners == ({reader.user["id"]} if reader.user else set())
        assert len(states[-1]["myBids"]) == (4 if reader.user else 0)


async def test_nobody_gets_a_card_that_was_made_for_another_reader(
    watched: RunningPortal, join: Join, carol: PortalClient
) -> None:
    bidders = [await join("alice"), await join("bob")]
    auction_id = await create_auction(carol)
    readers = [*(at(watched, each) for each in bidders), PortalClient(watched.url)]
    seen: list[list[Json]] = [[] for _ in readers]

    async def follow(reader: PortalClient, cards: list[Json]) -> None:
        async with aclosing(reader.subscribe(OWN_CARDS)) as results:
            async for data in results:
                if data["auction"]["id"] == auction_id:
                    cards.append(data["auction"])

    following = [asyncio.create_task(follow(*each)) for each in zip(readers, seen, strict=True)]
    for amount in range(1, 200):
        for each in bidders:
            await place(each, auction_id, f"{amount}.00")
        if all(len(cards) > 2 for cards in seen):
            break
    for task in following:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for reader, cards in zip(readers, seen, strict=True):
        owners = {bid["bidder"]["id"] for card in cards for bid in card["myBids"]}
        assert owners == ({reader.user["id"]} if reader.user else set())


async def test_the_same_events_reach_all_who_follow_wherever_they_begin(
    watched: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    count = 60

    async def bid() -> None:
        for amount in range(1, count + 1):
            await alice.submit(PLACE_BID, auctionId=auction_id, amount=f"{amount}.00")

    bidding = asyncio.create_task(bid())
    beginnings = [*range(12), 5, 5, 5, count, count + 1]
    followers = []
    for beginning in beginnings:
        reader = at(watched, alice)
        followers.append(
            asyncio.create_task(events(reader, auction_id, after=beginning, until=count + 2))
        )
        await asyncio.sleep(0.02)
    await bidding
    await place(alice, auction_id, f"{count + 1}.00")
    for beginning, follower in zip(beginnings, followers, strict=True):
        versions = [event["version"] for event in await follower]
        assert versions == list(range(beginning + 1, count + 3))


async def test_a_slow_reader_of_events_gets_them_all_and_delays_nobody(
    watched: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    # So much that it can't all lie in the buffers between: some 300 bytes each, sent many times over.
    operations, count = 25, 100
    async with slow_reader(watched, EVENTS, id=auction_id, after=0) as slow:
        for number in range(2, operations + 1):
            payload = {"query": EVENTS, "variables": {"id": auction_id, "after": 0}}
            slow.send({"id": str(number), "type": "subscribe", "payload": payload})
        quick = asyncio.create_task(events(at(watched, alice), auction_id, until=count + 1))
        for amount in range(1, count + 1):
            await alice.submit(PLACE_BID, auctionId=auction_id, amount=f"{amount}.00")
        async with asyncio.timeout(30):
            await quick
        # Some 750 KB were to be sent. The kernel doubles what it is told, and takes one segment of at
        # most 64 KiB while there is any room.
        assert slow.waiting_in_kernel <= 2 * IN_KERNEL + 64 * 1024
        versions: dict[str, list[int]] = {}
        async with asyncio.timeout(60):
            while sum(map(len, versions.values())) < operations * (count + 1):
                message = await slow.receive()
                event = message["payload"]["data"]["event"]
                versions.setdefault(message["id"], []).append(event["version"])
    assert set(versions) == {str(number) for number in range(1, operations + 1)}
    for each in versions.values():
        assert each == list(range(1, count + 2))


async def test_a_slow_reader_of_states_gets_the_newest_and_little_waits_for_it(
    watched: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, description="é" * 5000)
    count, process = 160, psutil.Process(watched.process.pid)
    async with slow_reader(watched, STATE, id=auction_id) as slow:
        for number in range(2, 41):
            payload = {"query": STATE, "variables": {"id": auction_id}}
            slow.send({"id": str(number), "type": "subscribe", "payload": payload})
        quick = asyncio.create_task(states_of(at(watched, alice), STATE, count + 1, id=auction_id))
        before = process.memory_info().rss
        for amount in range(1, count + 1):
            job = await alice.submit(PLACE_BID, auctionId=auction_id, amount=f"{amount}.00")
            if amount % 4 == 0:
                await alice.settled(job["id"])
        async with asyncio.timeout(60):
            seen = await quick
        # 40 operations, 10 KB and more in each state.
        assert process.memory_info().rss - before < 30_000_000
        last: dict[str, int] = {}
        received = 0
        async with asyncio.timeout(60):
            while len(last) < 40 or set(last.values()) != {count + 1}:
                message = await slow.receive()
                version = message["payload"]["data"]["auction"]["version"]
                assert version > last.get(message["id"], 0)
                last[message["id"]] = version
                received += 1
    assert received < 40 * len(seen)


async def test_many_who_come_at_once_are_all_answered(
    watched: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "1.00")
    readers = [at(watched, alice), PortalClient(watched.url)] * 300

    async def first(reader: PortalClient) -> Json:
        async with asyncio.timeout(60), aclosing(reader.subscribe(STATE, id=auction_id)) as results:
            state: Json = (await anext(results))["auction"]
            return state

    states = await asyncio.gather(*map(first, readers))
    assert {state["version"] for state in states} == {2}


async def test_a_failed_operation_ends_alone_and_its_id_can_be_used_again(
    watched: RunningPortal, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    async with at(watched, carol).socket() as socket:

        async def ask(id: str, variables: Json) -> None:
            payload = {"query": STATE, "variables": variables}
            await socket.send(json.dumps({"id": id, "type": "subscribe", "payload": payload}))

        await ask("1", {"id": auction_id})
        assert json.loads(await socket.recv())["type"] == "next"
        await ask("2", {"id": "01890a5d-ac96-774b-bcce-b302099a8057"})
        assert json.loads(await socket.recv())["type"] == "error"
        await ask("2", {"id": auction_id})
        again = json.loads(await socket.recv())
        assert (again["type"], again["id"]) == ("next", "2")
        await socket.send(json.dumps({"id": "2", "type": "complete"}))
        await socket.send(json.dumps({"type": "ping"}))
        assert json.loads(await socket.recv())["type"] == "pong"
