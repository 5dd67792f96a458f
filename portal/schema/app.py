"""GraphQL over HTTP and WebSocket: Strawberry's ASGI application with our context and sign-in."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
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

from commands.ids import new_id
from portal.errors import PortalError
from portal.schema import schema
from portal.schema.context import Context
from portal.schema.sockets import Socket, SocketAdapter
from portal.signin.rates import address_of


class PortalGraphQL(GraphQL[Context, None]):
    """The /graphql endpoint; the runtime is in the application's state."""

    graphql_transport_ws_handler_class = Socket
    websocket_adapter_class = SocketAdapter

    def __init__(self) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if settings.GRAPHIQL else None,
            allow_queries_via_get=settings.LOCAL,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=settings.SOCKET_INIT_SECONDS),
            # Socket counts them, and answers with a code.
            max_subscriptions_per_connection=None,
            # Pages of other origins; the portal's own come from the host they ask.
            allowed_origins=[settings.PUBLIC_URL, *settings.CSRF_TRUSTED_ORIGINS],
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
            address=address_of(request.client.host if request.client else None),
        )

    def parse_json(self, data: str | bytes) -> Any:
        """A request's JSON; 400 unless it is an object, so that requests never come in batches."""
        content = super().parse_json(data)
        if not isinstance(content, dict):
            raise HTTPException(400, "A request is one JSON object: query, variables")
        return content

    def decode_json(self, data: str | bytes) -> object:
        """JSONDecodeError also for what is too deep, has too many digits or is not text."""
        try:
            return super().decode_json(data)
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from error

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
