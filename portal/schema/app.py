"""GraphQL over HTTP and WebSocket: Strawberry's ASGI application with our context and sign-in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from cross_web import HTTPException
from django.conf import settings
from django.template.loader import render_to_string
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage

from commands.ids import new_id
from portal.auth import Viewer
from portal.errors import POSTGRES_AWAY, PortalError, unauthenticated
from portal.schema import schema
from portal.schema.context import Context

log = structlog.get_logger("portal")

# Close code for sockets whose sign-in is over; clients may come back with a fresh token.
SIGN_IN_OVER = 4403
# Beside the news from Redis, an open socket's sign-in is checked this often, in seconds.
CHECK_AGAIN = 10.0


class Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """One WebSocket connection, closed the moment its sign-in is over."""

    _watch: asyncio.Task[None] | None = None

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Once acknowledged, keep an eye on whoever signed in."""
        await super().handle_connection_init(message)
        if self.connection_acknowledged and self.context.signed_in and not self._watch:
            self._watch = asyncio.create_task(self._close_when_over(self.context.signed_in))

    async def shutdown(self) -> None:
        """The connection is gone; so is the eye on it."""
        if self._watch:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await super().shutdown()

    async def _close_when_over(self, viewer: Viewer) -> None:
        reason = await _sign_in_over(self.context, viewer)
        for operation in list(self.operations):
            await self.cleanup_operation(operation)
        with suppress(RuntimeError):  # The client went first.
            await self.websocket.close(SIGN_IN_OVER, reason)


async def _sign_in_over(context: Context, viewer: Viewer) -> str:
    """Waits until the viewer's token is good no more; why."""
    clock = asyncio.get_running_loop()
    expires = clock.time() + (viewer.expires_at - context.runtime.clock.now()).total_seconds()
    subjects = (str(viewer.user_id), str(viewer.session_id))
    with context.runtime.hub.listen("sessions", *subjects) as news:
        while (left := expires - clock.time()) > 0:
            await news.wait(min(left, CHECK_AGAIN))
            try:
                await context.viewer()
            except PortalError as error:
                return error.message
            except POSTGRES_AWAY as error:
                log.warning("could not check a socket's sign-in", error=str(error))
    return unauthenticated("this access token has expired").message


class PortalGraphQL(GraphQL[Context, None]):
    """The /graphql endpoint; the runtime is in the application's state."""

    graphql_transport_ws_handler_class = Socket

    def __init__(self) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if settings.GRAPHIQL else None,
            allow_queries_via_get=settings.LOCAL,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=10),
        )

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        """One per request or connection."""
        correlation_id = _correlation_id(request.headers.get("X-Correlation-ID"))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(correlation_id=str(correlation_id))
        if isinstance(response, Response):
            response.headers["X-Correlation-ID"] = str(correlation_id)
        return Context(
            runtime=request.app.state.runtime,
            correlation_id=correlation_id,
            authorization=request.headers.get("Authorization"),
            over_websocket=isinstance(request, WebSocket),
        )

    def parse_json(self, data: str | bytes) -> Any:
        """A request's JSON; 400 unless it is an object."""
        try:
            content = super().parse_json(data)
        except (UnicodeDecodeError, RecursionError) as error:
            raise HTTPException(400, "Unable to parse request body as JSON") from error
        if not isinstance(content, dict):
            raise HTTPException(400, "A request is one JSON object: query, variables")
        return content

    async def on_ws_connect(self, context: Context) -> None:
        """Check the token in connection_init's payload; without one, the connection is anonymous."""
        given = context.connection_params.get("Authorization")
        if given is not None:
            context.authorization = str(given)
        try:
            context.signed_in = await context.reader_or_none()
        except PortalError as error:
            raise ConnectionRejectionError from error

    async def render_graphql_ide(self, request: Request) -> HTMLResponse:
        """GraphiQL, from our own assets."""
        return HTMLResponse(render_to_string("portal/graphiql.html"))

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        """Refused: a stream over HTTP would outlive its sign-in unseen."""
        raise HTTPException(400, "Subscriptions are served over WebSocket (graphql-transport-ws).")


def _correlation_id(given: str | None) -> UUID:
    """The caller's own, if it is an id; a new one otherwise."""
    try:
        return UUID(given) if given else new_id()
    except ValueError:
        return new_id()
