"""Followers of feeds in the test's own process: a connection and an operation that note what they get."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from graphql import GraphQLError
from pytest_django import Settings

from commands.ids import new_id
from portal.schema import schema
from portal.schema.context import Context
from portal.schema.following.auctions import AuctionFeed, CardsFeed
from portal.schema.following.channels import Follower
from portal.schema.following.events import EventsFeed
from portal.schema.following.feeds import Feed, Feeds, Question
from portal.web.runtime import Runtime, running
from tests.faults.wire import Ends, Wire
from tests.waiting import until

STATE = "subscription ($id: UUID!) { auctionUpdated(id: $id) { version bidCount } }"
BIDS = """subscription ($id: UUID!) { auctionUpdated(id: $id) {
  version bids(first: 30) { edges { node { amount bidder { username } } } } } }"""
CARDS = "subscription { auctionsUpdated { id version } }"
EVENTS = """subscription ($id: UUID!) { auctionEvents(id: $id) {
  version ... on BidPlaced { bid { bidder { username } } } } }"""


class Connection:
    """A WebSocket's line. It keeps up while `ready`."""

    drained: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.ready = True
        self.messages: list[Any] = []

    async def room(self) -> None:
        """Until it keeps up."""
        await until(lambda: self.ready)

    def drain(self) -> None:
        """The peer received what was sent."""
        self.ready = True
        if self.drained:
            self.drained()

    def write(self, frames: bytes) -> None:
        """Take the messages in the frames."""
        while frames:
            size, head = frames[1], 2
            if size > 125:
                head = 4 if size == 126 else 10
                size = int.from_bytes(frames[2:head])
            self.messages.append(json.loads(frames[head : head + size]))
            frames = frames[head + size :]

    @property
    def results(self) -> list[Any]:
        """What the subscription's one field was in each result."""
        return [value for each in self.messages for value in each["payload"]["data"].values()]

    @property
    def versions(self) -> list[int]:
        """Of states, or of events."""
        return [each["version"] for each in self.results]


class Following:
    """Somebody's operation and its connection."""

    def __init__(self, id: str = "1") -> None:
        self.id = id
        self.line = Connection()
        self.errors: list[GraphQLError] = []
        self.follower: Follower

    def break_off(self, errors: list[GraphQLError]) -> None:
        """Note why nothing follows."""
        self.errors += errors

    @property
    def code(self) -> str | None:
        """The code of the error that ended it."""
        return self.errors[0].extensions["code"] if self.errors else None  # type: ignore[index]

    async def has(self, version: int) -> None:
        """Until it got that version."""
        await until(lambda: version in self.line.versions, 10, f"{version}: {self.line.versions}")

    async def ended(self) -> None:
        """Until it was broken off, as quickly as every client gets an answer."""
        await until(lambda: self.errors, 5, f"an error, after {self.line.messages}")


class Follows:
    """Joins feeds of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.feeds = Feeds(runtime, schema._schema)

    def auction(self, id: UUID, query: str = STATE, **more: Any) -> Following:
        """Follow an auction's states."""
        return self.join(AuctionFeed, id, query, **more)

    def cards(self) -> Following:
        """Follow all auctions."""
        return self.join(CardsFeed, None, CARDS)

    def events(self, id: UUID, after: int = 0, query: str = EVENTS) -> Following:
        """Follow an auction's events."""
        return self.join(EventsFeed, id, query, shown=after)

    def join(
        self,
        kind: type[Feed],
        subject: UUID | None,
        query: str,
        *,
        shown: int | None = None,
        address: str = "192.0.2.1",
        id: str = "1",
    ) -> Following:
        """Follow a subject, as somebody at that address who did not sign in."""
        following = Following(id)
        following.follower = Follower(following, following.line, shown)
        context = Context(self.runtime, new_id(), None, over_websocket=True, address=address)
        variables = {"id": str(subject)} if subject else {}
        question = Question(query, None, variables, context)
        self.feeds.join(kind, subject, following.follower, question)
        return following


@asynccontextmanager
async def follows() -> AsyncIterator[Follows]:
    """The feeds of a web process, connected to the real servers."""
    async with running() as runtime:
        await until(lambda: runtime.hub.connected)
        yield Follows(runtime)


@asynccontextmanager
async def wired_mongodb(changed: Settings) -> AsyncIterator[Wire]:
    """A wire between MongoDB and what is connected to it meanwhile."""
    wire = Wire("mongodb", _connect_to(settings.MONGODB_URL))
    await wire.lay()
    path = urlsplit(settings.MONGODB_URL).path
    changed.MONGODB_URL = f"mongodb://127.0.0.1:{wire.port}{path}?directConnection=true"
    try:
        yield wire
    finally:
        await wire.take_down()


def _connect_to(url: str) -> Callable[[], Awaitable[Ends]]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if host.endswith(".sock"):
        return lambda: asyncio.open_unix_connection(host.replace("%2F", "/"))
    return lambda: asyncio.open_connection(parts.hostname, parts.port)
