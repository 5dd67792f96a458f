"""What every request and every answer passes: the size of bodies, and the headers browsers heed."""

import asyncio

from django.conf import settings
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class SafeHeaders:
    """Adds the headers to every answer, whichever application gave it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if settings.SECURE_HSTS_SECONDS:
            self._headers["Strict-Transport-Security"] = (
                f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Beside those that the answer has."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Django writes names in upper and lower case, which would stand beside these.
                message["headers"] = [(name.lower(), value) for name, value in message["headers"]]
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if scope["path"] == "/graphql":
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)


class BoundedBodies:
    """Answers 413 to a body that is too large, 408 to one that does not come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes."""
        if scope["type"] == "http":
            receive = _Body(receive, _announced(scope)).receive
        await self._app(scope, receive, send)


class _Body:
    """A request's body as it comes."""

    def __init__(self, receive: Receive, announced: int) -> None:
        self._receive = receive
        self._size = 0
        self._announced = announced
        self._whole = False
        self._until = asyncio.get_running_loop().time() + settings.REQUEST_SECONDS

    async def receive(self) -> Message:
        """The next message; HTTPException when it is too much, announced or come, or too late."""
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
