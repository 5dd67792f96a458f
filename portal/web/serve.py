"""The web process: `python -m portal.web.serve [--host H] [--port N | --fd N] [--processes N]`."""

import argparse
import asyncio
import logging
import os
import resource
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from django.conf import settings
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from commands.ids import new_id
from portal.web.lines import LINE
from portal.web.processes import WebProcesses, end_with_parent
from portal.web.refusals import refusal

# Connections that wait to be accepted.
BACKLOG = 2048
# Bytes that wait in the process for a slow reader of a WebSocket before it gets nothing more.
BUFFERED = 32 * 1024
# Bytes that wait for it in the kernel, which would otherwise take megabytes before the first waits here. Linux
# doubles it, for what it needs itself.
IN_KERNEL = 256 * 1024


class HttpWithTimeouts(HttpToolsProtocol):
    """Uvicorn's HTTP protocol, with a timeout for a request's headers."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._expect_headers()

    def on_message_begin(self) -> None:
        """Start the timeout for a further request on the same connection."""
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        """End the timeout: from here on the application has its own."""
        self._relax()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP, which reach no application, in the form of other refusals."""
        body = refusal(400, msg)
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-correlation-id: {new_id()}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the timeout."""
        self._relax()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        self._relax()
        self._late = self.loop.call_later(settings.REQUEST_SECONDS, self.transport.abort)

    def _relax(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None


class Received:
    """The messages that wait for a connection's application, which alone takes them.

    As much of an asyncio.Queue as is used here, without its several lists, which take 2.5 KB.
    """

    __slots__ = ("_arrival", "_messages")

    def __init__(self) -> None:
        self._messages: list[ASGIReceiveEvent] = []
        self._arrival: asyncio.Future[None] | None = None

    def put_nowait(self, message: ASGIReceiveEvent) -> None:
        """Add one, and end `get`."""
        self._messages.append(message)
        if self._arrival and not self._arrival.done():
            self._arrival.set_result(None)

    def empty(self) -> bool:
        """Whether none waits."""
        return not self._messages

    async def get(self) -> ASGIReceiveEvent:
        """The oldest, as soon as there is one."""
        while not self._messages:
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        self._arrival = None
        return self._messages.pop(0)


class Sockets(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket protocol, which is a Line, too.

    It logs no error for a refused handshake.
    """

    drained: Callable[[], None] | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Uvicorn notes three times that somebody came and went, which takes longer than to let them.
        self.logger = logging.getLogger("portal.web.sockets")
        self.conn.logger = self.logger
        self.queue = Received()  # type: ignore[assignment]

    @property
    def ready(self) -> bool:
        """Whether the transport's buffer has room."""
        return self.writable.is_set()

    def write(self, frames: bytes) -> None:
        """Send whole frames now; nothing once the connection closes."""
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(frames)

    async def room(self) -> None:
        """Until the transport's buffer has room, or the connection is lost."""
        await self.writable.wait()

    def handle_ping(self) -> None:
        """Answer, unless the peer reads nothing: it could ask without end."""
        if self.ready:
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def resume_writing(self) -> None:
        """Let those who write go on."""
        super().resume_writing()
        if self.drained:
            self.drained()

    def handle_connect(self, event: Request) -> None:
        """Begin, and give the application the connection as a Line."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), LINE: self}  # type: ignore[dict-item]
            self.transport.set_write_buffer_limits(high=BUFFERED)
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, IN_KERNEL)

    async def send(self, message: ASGISendEvent) -> None:
        """Note that a refused handshake is complete; uvicorn logs that it is not."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            # What was said in the handshake is some KB that nobody looks at again.
            del self.request, self.response
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True


class Server(uvicorn.Server):
    """Answers requests that wait for a job before it closes connections."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the waiting requests with the jobs as they are, then shut down."""
        from portal.web.asgi import site

        if runtime := getattr(site.state, "runtime", None):
            runtime.hub.stop()
        await super().shutdown(sockets)


def main() -> None:
    """Serve the portal with uvicorn, logging as the settings say."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on")
    parser.add_argument("--fd", type=int, help="a listening socket to take over instead")
    parser.add_argument("--processes", type=int, default=1, help="how many serve it (default: 1)")
    parser.add_argument("--lifeline", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    _open_files()
    server = Server(_config(options))
    listening = _listen(server.config, options.fd)
    if options.processes > 1:
        sys.exit(_processes(options.processes, listening).run())
    if options.lifeline is not None:
        end_with_parent(options.lifeline)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _processes(count: int, listening: socket.socket) -> WebProcesses:
    """Processes that all accept connections from the socket; it must listen before they do."""
    listening.listen(BACKLOG)
    command = [sys.executable, "-m", "portal.web.serve", "--fd", str(listening.fileno())]
    return WebProcesses(command, count, [listening.fileno()])


def _open_files() -> None:
    """Allow as many connections as the system lets this process have; shells often ask for 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _config(options: argparse.Namespace) -> uvicorn.Config:
    return uvicorn.Config(
        "portal.web.asgi:application",
        host=options.host,
        port=options.port,
        fd=options.fd,
        http=HttpWithTimeouts,
        ws=Sockets,
        ws_max_size=settings.BODY_BYTES,
        # It takes 50 KiB for each connection, and each message would be compressed for each reader.
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        # Longer than clients and proxies keep one idle: no request meets a connection being closed.
        timeout_keep_alive=75,
        server_header=False,
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
    )


def _listen(config: uvicorn.Config, fd: int | None) -> socket.socket:
    """The listening socket: that one, or a new one at the configured address."""
    listening = config.bind_socket() if fd is None else socket.socket(fileno=fd)
    # A peer that accepts no data for so long is gone; connections inherit this from the listening socket.
    milliseconds = settings.SOCKET_SLOW_SECONDS * 1000
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listening


if __name__ == "__main__":
    main()
