"""Refusals in the form of API errors: JSON as GraphQL has it, whichever layer refused.

Django, Starlette and Strawberry each have a page or a line of text for what they refuse.
"""

from http import HTTPStatus

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.errors import Code

CODES = {
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    429: Code.RATE_LIMITED,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}
# Plain-text refusals up to so many bytes are kept as the message; longer ones are pages.
LONGEST_TEXT = 1000


class RefusalsInJson:
    """Replaces the content of any refusal (a status of 400 or above) unless a browser asked for a page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers that refuse nothing pass as they are."""
        if scope["type"] == "http" and _of_the_api(scope):
            send = _Answer(send).send
        await self._app(scope, receive, send)


class _Answer:
    """One answer; a refusal that is not JSON is buffered until complete, then replaced."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._text: bytes | None = b""

    async def send(self, message: Message) -> None:
        """Pass it on, keep it, or send what replaces it."""
        if message["type"] == "http.response.start" and message["status"] >= 400:
            await self._begin(message)
        elif self._start is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            if self._text is not None:
                self._text = (self._text + message.get("body", b""))[: LONGEST_TEXT + 1]
            if not message.get("more_body", False):
                await self._refuse(self._start)

    async def _begin(self, start: Message) -> None:
        kind = Headers(raw=start["headers"]).get("content-type", "")
        if kind.startswith("application/json"):
            await self._send(start)
            return
        self._start = start
        self._text = b"" if kind.startswith("text/plain") else None

    async def _refuse(self, start: Message) -> None:
        body = refusal(start["status"], _sentence(self._text))
        kept = [
            (name, value)
            for name, value in start["headers"]
            if name.lower() not in {b"content-type", b"content-length", b"content-encoding"}
        ]
        headers = [
            *kept,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def refusal(status: int, message: str | None = None) -> bytes:
    """The content of an answer that refuses, as GraphQL's clients read it."""
    code = CODES.get(status, Code.BAD_USER_INPUT if status < 500 else Code.INTERNAL)
    error = {
        "message": message or HTTPStatus(status).phrase,
        "extensions": {"code": code.value},
    }
    return orjson.dumps({"errors": [error]})


def _sentence(text: bytes | None) -> str | None:
    return text.decode(errors="replace") if text and len(text) <= LONGEST_TEXT else None


def _of_the_api(scope: Scope) -> bool:
    """Whether the answer is for a program: at /graphql, or for whoever asks for no HTML."""
    path = scope["path"]
    if path == "/graphql" or path.startswith("/graphql/"):
        return True
    return not any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
