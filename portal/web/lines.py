"""WebSocket frames written straight to a connection, for messages that many get."""

from collections.abc import Callable
from typing import Protocol

# Where a WebSocket's scope has its Line, among the extensions.
LINE = "portal.line"
# The first byte of an unfragmented text frame; a server's frames are not masked (RFC 6455, 5.2).
TEXT = 0x81


class Line(Protocol):
    """A WebSocket as those see it who send one message to many.

    `drained` is called whenever a peer that did not keep up has received what was written to it.
    """

    drained: Callable[[], None] | None

    @property
    def ready(self) -> bool:
        """Whether the peer keeps up, so far as the connection's buffers tell."""

    async def room(self) -> None:
        """Until the peer keeps up, or is gone."""

    def write(self, frames: bytes) -> None:
        """Send whole frames now, in order with everything else; nothing once the connection closes."""


def text_frame(message: bytes) -> bytes:
    """The message, text in UTF-8, as a frame from a server."""
    size = len(message)
    if size < 126:
        return bytes((TEXT, size)) + message
    if size < 65_536:
        return bytes((TEXT, 126)) + size.to_bytes(2, "big") + message
    return bytes((TEXT, 127)) + size.to_bytes(8, "big") + message
