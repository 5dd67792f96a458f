"""WebSocket connections: checks messages, closes idle ones and those whose session has ended."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, cast

from django.conf import settings
from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
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

from portal.errors import PortalError, rate_limited, unauthenticated
from portal.schema.context import Context
from portal.schema.following.channels import Follower
from portal.schema.following.feeds import COME_BACK, Question
from portal.schema.open_sockets import OpenSockets
from portal.web.lines import LINE, Line, text_frame

# Close codes. After the first, clients may reconnect with a new token.
SIGN_IN_OVER = 4403
IDLE = 4408
# The protocol's own bound, in bytes.
LONGEST_REASON = 123
# How long operations that outlive the sign-in may still run, in seconds.
OUTLIVING_LASTS = 3.0


class SocketAdapter(ASGIWebSocketAdapter):
    """Sends over a WebSocket whose other side may close at any time."""

    @property
    def line(self) -> Line:
        """The connection, for frames that many get."""
        found: Line = self.ws.scope["extensions"][LINE]
        return found

    @property
    def open_sockets(self) -> OpenSockets:
        """The process's sockets."""
        found: OpenSockets = self.ws.app.state.open_sockets
        return found

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        """The messages. None is kept while the next is waited for: each may hold a long query."""
        try:
            while self.ws.application_state is not WebSocketState.DISCONNECTED:
                yield self.view.decode_json(await self.ws.receive_text())
        except json.JSONDecodeError as error:
            raise NonJsonMessageReceived from error
        except KeyError as error:
            raise NonTextMessageReceived from error
        except WebSocketDisconnect:
            return

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


class Running(Operation[Context, None]):
    """An operation: a task, or a follower of a feed once its task has ended."""

    __slots__ = ("follower",)

    def __init__(self, socket: "Socket", message: SubscribeMessage) -> None:
        payload = message["payload"]
        super().__init__(
            socket,
            message["id"],
            payload["query"],
            payload.get("variables"),
            payload.get("operationName"),
        )
        self.follower: Follower | None = None

    async def send_operation_message(self, message: Message) -> None:
        """Send it, unless the operation is complete only in so far as a feed goes on with it."""
        assert isinstance(self.handler, Socket)
        if message["type"] != "complete" or not self.handler.follow(self):
            await super().send_operation_message(message)

    def break_off(self, errors: list[GraphQLError]) -> None:
        """Send the errors as the protocol's `error`, after which nothing follows."""
        assert isinstance(self.handler, Socket)
        self.follower = None
        self.completed = True
        self.handler.forget_id(self.id)
        formatted = [error.formatted for error in errors]
        message = {"id": self.id, "type": "error", "payload": formatted}
        self.handler.line.write(text_frame(json.dumps(message).encode()))


class Operations(dict[str, Operation[Context, None]]):
    """A socket's operations by their ids. `changed` is called with 1 or -1 for each that comes or goes."""

    def __init__(self, changed: Callable[[int], None]) -> None:
        super().__init__()
        self._changed = changed

    def __setitem__(self, id: str, operation: Operation[Context, None]) -> None:
        super().__setitem__(id, operation)
        self._changed(1)

    def __delitem__(self, id: str) -> None:
        self.pop(id, None)

    def pop(self, id: str, default: Any = None) -> Any:
        """The operation, which goes; the default if there is none."""
        if id not in self:
            return default
        operation = super().pop(id)
        self._changed(-1)
        return operation


class Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """One WebSocket connection."""

    _timer: asyncio.TimerHandle | None = None
    _expiry: asyncio.TimerHandle | None = None
    _closing: asyncio.Task[None] | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        assert isinstance(self.websocket, SocketAdapter)
        self.line = self.websocket.line
        self.open_sockets = self.websocket.open_sockets
        self.operations = Operations(self._operations_changed)

    def on_request_accepted(self) -> None:
        """Start the timeout for connection_init."""
        self._expect(settings.SOCKET_INIT_SECONDS, "Connection initialisation timeout")

    async def handle_message(self, message: Message) -> None:
        """Handle a message; close with 4400 if it is not one of the protocol."""
        if not _well_formed(message):
            await self.handle_invalid_message("Failed to parse message")
            return
        await super().handle_message(message)
        # The library keeps it until the next one comes.
        cast(dict[str, Any], message).clear()

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge, and watch the sign-in from then on."""
        first = not self.connection_init_received
        if first:
            self._expect(None)
        await super().handle_connection_init(message)
        if not self.connection_acknowledged or not first:
            return
        self.line.drained = self._drained
        self._idle()
        if viewer := self.context.signed_in:
            self.open_sockets.watch(viewer, self)
            left = viewer.expires_at - self.context.runtime.clock.now()
            expired = unauthenticated("this access token has expired").message
            self._expiry = asyncio.get_running_loop().call_later(
                max(left.total_seconds(), 0), self.sign_in_over, expired
            )

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation, once the peer has read what others gave.

        RATE_LIMITED beyond the limits of one socket and one user.
        """
        await self.line.room()
        if not self.connection_acknowledged or message["id"] in self.operations:
            await super().handle_subscribe(message)
            return
        try:
            self._check_room()
        except PortalError as error:
            await self.send_message(
                {"id": message["id"], "type": "error", "payload": [error.formatted]}
            )
            return
        operation = Running(self, message)
        operation.task = asyncio.create_task(self.run_operation(operation))
        operation.task.add_done_callback(self._task_done)
        self.operations[message["id"]] = operation

    def follow(self, operation: Running) -> bool:
        """Give the operation, whose task is about to end, to the feed that it asked for; whether it did."""
        assert operation.task is not None
        wanted = self.context.follows.pop(operation.task, None)
        if wanted is None or operation.completed or operation.id not in self.operations:
            return False
        operation.follower = Follower(operation, self.line, wanted.shown)
        question = Question(
            operation.query, operation.operation_name, operation.variables or {}, self.context
        )
        self.open_sockets.feeds.join(wanted.feed, wanted.subject, operation.follower, question)
        # The feed has them once for all; here they would stand for each follower.
        operation.query, operation.variables = "", None
        return True

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

    async def cleanup_operation(self, operation_id: str) -> None:
        """End an operation that the client completed, or that must end."""
        operation = self.operations.get(operation_id)
        await super().cleanup_operation(operation_id)
        if isinstance(operation, Running) and operation.follower:
            operation.follower.leave()
            operation.follower = None

    async def handle_task_exception(self, error: Exception) -> None:
        """Log the error, unless it only says that the client is gone."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)

    async def shutdown(self) -> None:
        """End what goes on for the connection, which is closed."""
        self._expect(None)
        self.line.drained = None
        if self._expiry:
            self._expiry.cancel()
        if self.context.signed_in:
            self.open_sockets.forget(self.context.signed_in, self)
        await super().shutdown()
        self._expect(None)

    def sign_in_over(self, reason: str) -> None:
        """End the operations, those that outlive the sign-in a moment later, and close."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_when_over(reason))

    def _check_room(self) -> None:
        if len(self.operations) >= settings.OPERATIONS_PER_SOCKET:
            raise rate_limited("operations running on this connection", COME_BACK)
        signed_in = self.context.signed_in is not None
        most = settings.OPERATIONS_PER_USER if signed_in else settings.OPERATIONS_PER_ADDRESS
        if self.open_sockets.running[self.context.owner] >= most:
            raise rate_limited("operations of yours running on all connections", COME_BACK)

    def _operations_changed(self, by: int) -> None:
        running, owner = self.open_sockets.running, self.context.owner
        running[owner] += by
        if not running[owner]:
            del running[owner]
        if self.operations:
            self._expect(None)
        else:
            self._idle()

    def _drained(self) -> None:
        for operation in list(self.operations.values()):
            if isinstance(operation, Running) and operation.follower:
                operation.follower.resume()

    def _idle(self) -> None:
        seconds = settings.SOCKET_IDLE_SECONDS
        self._expect(seconds, f"nothing was asked for in {seconds} s")

    def _expect(self, seconds: float | None, why: str = "") -> None:
        """Close for that reason after so many seconds, instead of what was expected before."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            clock = asyncio.get_running_loop()
            self._timer = clock.call_later(seconds, self._time_out, why)

    def _time_out(self, why: str) -> None:
        self.connection_timed_out = not self.connection_init_received
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(IDLE, why))

    async def _close(self, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnected, RuntimeError):  # The client closed first.
            await self.websocket.close(code, reason)

    async def _close_when_over(self, reason: str) -> None:
        outliving_tasks = set(self.context.outliving_tasks)
        for id, operation in list(self.operations.items()):
            if operation.task not in outliving_tasks:
                await self.cleanup_operation(id)
        if outliving_tasks:
            await asyncio.wait(outliving_tasks, timeout=OUTLIVING_LASTS)
        for id in list(self.operations):
            await self.cleanup_operation(id)
        await self._close(SIGN_IN_OVER, reason)


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
