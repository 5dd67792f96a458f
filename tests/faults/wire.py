"""A TCP forwarder whose connections can be broken, stopped and restored."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CHUNK = 1 << 16


class Wire:
    """Forwards a port of its own to a server; `connect` opens a connection to that."""

    def __init__(self, name: str, connect: Callable[[], Awaitable[Ends]]) -> None:
        self.name = name
        self.port = 0
        self._connect = connect
        self._cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def lay(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def take_down(self) -> None:
        """Listen no more, and break every connection."""
        assert self._server
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection, and each new one."""
        self._cut = True
        for writer in list(self._open):
            writer.transport.abort()

    def hold(self) -> None:
        """Let nothing through, while both ends believe that they are connected."""
        self._flows.clear()

    def mend(self) -> None:
        """Forward again; what was stopped arrives late."""
        self._cut = False
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._flows.wait()
            if not self._cut:
                far_reader, far_writer = await self._connect()
                self._open.add(far_writer)
                await self._join(reader, writer, far_reader, far_writer)
                self._open.discard(far_writer)
        except OSError:
            pass  # Nobody is there.
        finally:
            self._open.discard(writer)
            writer.close()

    async def _join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        """Forward in both directions until one end closes, then close the other."""
        ways = [
            asyncio.create_task(self._pump(reader, far_writer)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            far_writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
