"""A connection between a browser and the portal that tests can break and restore."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.browser.behind import Others
from tests.faults.wire import Wire


class Line:
    """A TCP forwarder, with an address of its own."""

    def __init__(self, wire: Wire, behind: Others) -> None:
        self._wire, self._behind = wire, behind
        self.url = f"http://127.0.0.1:{wire.port}"

    def cut(self) -> None:
        """Break every connection, WebSockets too, and each new one."""
        self._behind.call(self._wire.cut)

    def hold(self) -> None:
        """Let nothing through, while the browser believes that it is connected."""
        self._behind.call(self._wire.hold)

    def mend(self) -> None:
        """Restore the connection."""
        self._behind.call(self._wire.mend)


@contextmanager
def line_to(url: str, behind: Others) -> Iterator[Line]:
    """A forwarder to the portal at that address."""
    port = urlsplit(url).port
    assert port
    wire = Wire("browser", lambda: asyncio.open_connection("127.0.0.1", port))
    behind.run(wire.lay())
    try:
        yield Line(wire, behind)
    finally:
        behind.run(wire.take_down())
