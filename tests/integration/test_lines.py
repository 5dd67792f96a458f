"""WebSocket connections: what waits in the process for a peer that reads nothing is bounded."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from portal.web.serve import BUFFERED, Sockets
from tests.waiting import until

# The most that asyncio gives a protocol in one piece, whose pings are answered together.
READ_AT_ONCE = 256 * 1024


class CountsPings(Sockets):
    """A connection that counts what it was asked."""

    pings = 0

    def handle_ping(self) -> None:
        """As the server's."""
        super().handle_ping()
        self.pings += 1


async def test_pings_of_a_peer_that_reads_nothing_are_not_kept() -> None:
    async def application(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        # Until the connection is lost.
        await receive()

    config = uvicorn.Config(application, ws_per_message_deflate=False, log_config=None)
    made: list[CountsPings] = []

    def connection() -> CountsPings:
        made.append(CountsPings(config, ServerState(), {}))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port, limit=1024)
    try:
        writer.write(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyEhIQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # of the same transport
        ping = b"\x89\xfd\0\0\0\0" + b"x" * 125
        asked = 50_000
        for _ in range(asked):
            writer.write(ping)
            await writer.drain()
        await until(lambda: made[0].pings == asked)
        assert made[0].transport.get_write_buffer_size() <= BUFFERED + READ_AT_ONCE
    finally:
        writer.transport.abort()
        await until(lambda: not made[0].tasks)
        server.close()
