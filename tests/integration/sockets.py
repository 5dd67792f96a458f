"""WebSockets to the API in the test's own process: what a web process holds for them can be looked at."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import Message

from commands.ids import new_id
from commands.postgres.sessions import open_session
from portal.schema import schema
from portal.schema.app import PortalGraphQL
from portal.schema.open_sockets import OpenSockets, open_sockets
from portal.signin.tokens import issue
from portal.web.lines import LINE
from portal.web.runtime import Runtime, running
from tests.integration.following import Connection
from tests.integration.test_sessions import LIFETIMES
from tests.waiting import until


class Client:
    """A client of the API over a WebSocket, and the connection itself."""

    def __init__(self, address: str) -> None:
        self.line = Connection()
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.scope = {
            "type": "websocket",
            "path": "/graphql",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "subprotocols": ["graphql-transport-ws"],
            "client": (address, 1),
            "extensions": {LINE: self.line},
            "correlation_id": new_id(),
        }

    def send(self, **message: Any) -> None:
        """Send a message of the protocol."""
        self.sent.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def subscribe(self, number: str, query: str, **variables: Any) -> None:
        """Begin an operation of that id."""
        self.send(id=number, type="subscribe", payload={"query": query, "variables": variables})

    async def got(self, type: str, id: str | None = None) -> None:
        """Until a message of that type came, for that operation."""
        wanted = (type, id)
        await until(
            lambda: wanted in [(each["type"], each.get("id")) for each in self.line.messages],
            10,
            f"{wanted}: {self.line.messages}",
        )

    async def receive(self) -> Message:
        """As ASGI's."""
        return await self.sent.get()

    async def take(self, message: Message) -> None:
        """As ASGI's `send`, once the connection has room."""
        if message["type"] == "websocket.send":
            await self.line.room()
            self.line.messages.append(json.loads(message["text"]))


class Web:
    """A web process's application and what it holds, without a server."""

    def __init__(self, runtime: Runtime, sockets: OpenSockets) -> None:
        self.runtime, self.sockets = runtime, sockets
        self._site = Starlette(routes=[WebSocketRoute("/graphql", PortalGraphQL())])
        self._site.state.runtime, self._site.state.open_sockets = runtime, sockets

    async def token(self, user_id: UUID) -> str:
        """An access token of a new session."""
        session = new_id()
        async with self.runtime.pool.connection() as connection:
            assert await open_session(connection, session, user_id, "!", b"seed", LIFETIMES)
        return issue(user_id, False, session)[0]

    @asynccontextmanager
    async def connected(
        self, token: str | None = None, address: str = "192.0.2.1"
    ) -> AsyncIterator[Client]:
        """A client that was let in."""
        client = Client(address)
        client.sent.put_nowait({"type": "websocket.connect"})
        serving = asyncio.create_task(self._site(client.scope, client.receive, client.take))
        client.send(
            type="connection_init", payload={"Authorization": f"Bearer {token}"} if token else {}
        )
        await client.got("connection_ack")
        yield client
        client.sent.put_nowait({"type": "websocket.disconnect", "code": 1005})
        await serving


@asynccontextmanager
async def web() -> AsyncIterator[Web]:
    """A web process, connected to the real servers."""
    async with running() as runtime, open_sockets(runtime, schema._schema) as sockets:
        await until(lambda: runtime.hub.connected)
        yield Web(runtime, sockets)
