"""Limits of a request's body: its size, and how long it may take to arrive."""

import asyncio

from django.conf import settings
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BoundedBodies:
    """Answers 413 to a body that is too large, 408 to one that does not arrive in time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Bound the body of a request."""
        if scope["type"] == "http":
            receive = _Body(receive, _announced(scope)).receive
        await self._app(scope, receive, send)


class _Body:
    """A request's body while it arrives."""

    def __init__(self, receive: Receive, announced: int) -> None:
        self._receive = receive
        self._size = 0
        self._announced = announced
        self._whole = False
        self._until = asyncio.get_running_loop().time() + settings.REQUEST_SECONDS

    async def receive(self) -> Message:
        """The next message; HTTPException if the body is too large, by its header or so far, or too late."""
        if max(self._announced, self._size) > settings.BODY_BYTES:
            raise HTTPException(413, f"A request's body has at most {settings.BODY_BYTES} bytes.")
        # After the body comes the disconnection, whenever that is.
        try:
            async with asyncio.timeout_at(None if self._whole else self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The request did not come in time.") from None
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("Content-Length", "0")
    return int(length) if length.isdecimal() else 0
