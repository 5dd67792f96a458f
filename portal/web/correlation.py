"""One id for each request: in its answer's headers, in every log line on the way, and in its jobs."""

from uuid import UUID

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from commands.ids import new_id

NAME = b"x-correlation-id"
# The messages that hold an answer's headers; a WebSocket's handshake has one, too.
BEGINS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}


class Correlation:
    """Takes the caller's X-Correlation-ID, or a new one, and gives it back with whatever is answered.

    `scope["correlation_id"]` is the id (a UUID) for the application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request, or a WebSocket with all that comes over it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        correlation_id = scope["correlation_id"] = _given(scope) or new_id()
        text = str(correlation_id)
        clear_contextvars()
        bind_contextvars(correlation_id=text)
        header = (NAME, text.encode())

        async def with_id(message: Message) -> None:
            if message["type"] in BEGINS:
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        await self._app(scope, receive, with_id)


def _given(scope: Scope) -> UUID | None:
    """The caller's own, if it is an id."""
    for name, value in scope["headers"]:
        if name == NAME:
            try:
                return UUID(value.decode())
            except ValueError:
                return None
    return None
