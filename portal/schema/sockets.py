"""WebSocket connections: checks messages, closes idle ones and those whose session has ended."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any, ClassVar

import structlog
from django.conf import settings
from graphql import GraphQLError
from starlette.websockets import WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError

from commands.postgres.errors import AWAY
from portal.errors import PortalError, rate_limited, unauthenticated
from portal.schema.context import Context
from portal.signin.tokens import Viewer

log = structlog.get_logger("portal")

# Close codes. After the first, clients may reconnect with a new token.
SIGN_IN_OVER = 4403
IDLE = 4408
# The protocol's own bound, in bytes.
LONGEST_REASON = 123
# A message from Redis may be lost, so an open socket's sign-in is also checked at this interval, in seconds.
CHECK_AGAIN = 10.0
# How long operations that outlive the sign-in may still run, in seconds.
OUTLIVING_LASTS = 3.0
# The retryAfter for too many operations, in seconds.
COME_BACK = 5


class SocketAdapter(ASGIWebSocketAdapter):
    """Sends over a WebSocket whose other side may close at any time."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        """WebSocketDisconnected once either side has closed."""
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        """Close with the reason, cut to the protocol's length; nothing if it is closed already."""
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            return
        bounded = reason.encode(errors="replace")[:LONGEST_REASON].decode(errors="ignore")
        await super().close(code, bounded)


class Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """One WebSocket connection."""

    # The open sockets of this process by user, or by address of those who did not sign in.
    open_sockets: ClassVar[defaultdict[str | None, set["Socket"]]] = defaultdict(set)

    _watch: asyncio.Task[None] | None = None
    _idle: asyncio.Task[None] | None = None
    _busy_until = 0.0

    @property
    def owner(self) -> str | None:
        """Whose operations count together."""
        viewer = self.context.signed_in
        return str(viewer.user_id) if viewer else self.context.address

    async def handle_message(self, message: Message) -> None:
        """Handle a message; close with 4400 if it is not one of the protocol."""
        if not _well_formed(message):
            await self.handle_invalid_message("Failed to parse message")
            return
        await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge, and watch the sign-in from then on."""
        await super().handle_connection_init(message)
        if not self.connection_acknowledged or self._idle:
            return
        self.open_sockets[self.owner].add(self)
        self._busy_until = asyncio.get_running_loop().time()
        self._idle = asyncio.create_task(self._close_when_idle())
        if self.context.signed_in:
            self._watch = asyncio.create_task(self._close_when_over(self.context.signed_in))

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation; RATE_LIMITED beyond the limits of one socket and one user."""
        if self.connection_acknowledged and message["id"] not in self.operations:
            try:
                self._check_room()
            except PortalError as error:
                await self.send_message(
                    {"id": message["id"], "type": "error", "payload": [error.formatted]}
                )
                return
        await super().handle_subscribe(message)

    async def _send_result_stream(
        self, operation: Operation[Context, None], result_source: StreamResult
    ) -> None:
        """Send errors that end an operation as the protocol's `error`; the library sends them as `next`."""
        reasons: list[GraphQLError] = []
        results = _until_broken_off(result_source, reasons)
        async with aclosing(results):
            await super()._send_result_stream(operation, results)
        if reasons:
            await operation.send_initial_errors(reasons)

    def forget_id(self, id: str) -> None:
        """Forget an operation that is complete."""
        self._busy_until = asyncio.get_running_loop().time()
        super().forget_id(id)

    async def cleanup_operation(self, operation_id: str) -> None:
        """Cancel an operation that the client completed."""
        self._busy_until = asyncio.get_running_loop().time()
        await super().cleanup_operation(operation_id)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log the error, unless it only says that the client is gone."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)

    async def shutdown(self) -> None:
        """Cancel the tasks that watch the connection, which is closed."""
        mine = self.open_sockets[self.owner]
        mine.discard(self)
        if not mine:
            del self.open_sockets[self.owner]
        for task in (self._watch, self._idle):
            if task:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await super().shutdown()

    def _check_room(self) -> None:
        if len(self.operations) >= settings.OPERATIONS_PER_SOCKET:
            raise rate_limited("operations running on this connection", COME_BACK)
        running = sum(len(socket.operations) for socket in self.open_sockets[self.owner])
        if running >= settings.OPERATIONS_PER_USER:
            raise rate_limited("operations of yours running on all connections", COME_BACK)

    async def _close_when_idle(self) -> None:
        clock = asyncio.get_running_loop()
        while (left := self._busy_until + settings.SOCKET_IDLE_SECONDS - clock.time()) > 0:
            await asyncio.sleep(left)
            if self.operations:
                self._busy_until = clock.time()
        with suppress(WebSocketDisconnected):  # The client closed first.
            seconds = settings.SOCKET_IDLE_SECONDS
            await self.websocket.close(IDLE, f"nothing was asked for in {seconds} s")

    async def _close_when_over(self, viewer: Viewer) -> None:
        reason = await _sign_in_over(self.context, viewer)
        outliving_tasks = set(self.context.outliving_tasks)
        for id, operation in list(self.operations.items()):
            if operation.task not in outliving_tasks:
                await self.cleanup_operation(id)
        if outliving_tasks:
            await asyncio.wait(outliving_tasks, timeout=OUTLIVING_LASTS)
        for id in list(self.operations):
            await self.cleanup_operation(id)
        with suppress(RuntimeError):  # The client closed first.
            await self.websocket.close(SIGN_IN_OVER, reason)


async def _until_broken_off(results: StreamResult, reasons: list[GraphQLError]) -> StreamResult:
    """The results up to one that says why there are no more: its errors, not of a field, are the reasons."""
    async for result in results:
        if (
            isinstance(result, ExecutionResult)
            and not isinstance(result, PreExecutionError)
            and result.data is None
            and result.errors
            and not any(error.path for error in result.errors)
        ):
            reasons += result.errors
            return
        yield result


def _well_formed(message: Any) -> bool:
    """Whether the message has the protocol's form, which the library does not check."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    match message["type"]:
        case "subscribe":
            payload = message.get("payload")
            return (
                isinstance(message.get("id"), str)
                and isinstance(payload, dict)
                and isinstance(payload.get("query"), str)
                and isinstance(payload.get("variables"), dict | None)
                and isinstance(payload.get("operationName"), str | None)
            )
        case "complete":
            return isinstance(message.get("id"), str)
        case _:
            return True


async def _sign_in_over(context: Context, viewer: Viewer) -> str:
    """Wait until the viewer's token is not valid any more; the reason."""
    clock = asyncio.get_running_loop()
    expires = clock.time() + (viewer.expires_at - context.runtime.clock.now()).total_seconds()
    subjects = (str(viewer.user_id), str(viewer.session_id))
    with context.runtime.hub.listen("sessions", *subjects) as listener:
        while (left := expires - clock.time()) > 0:
            await listener.wait(min(left, CHECK_AGAIN))
            try:
                await context.viewer()
            except PortalError as error:
                return error.message
            except AWAY as error:
                log.warning("could not check a socket's sign-in", error=str(error))
    return unauthenticated("this access token has expired").message
