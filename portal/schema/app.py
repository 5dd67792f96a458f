"""GraphQL over HTTP and WebSocket: Strawberry's ASGI application with our context and sign-in."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

import orjson
from cross_web import AsyncHTTPRequestAdapter
from django.conf import settings
from django.template.loader import render_to_string
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import UNSET
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.parse_content_type import parse_content_type
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult

from portal.errors import PortalError
from portal.schema import schema
from portal.schema.context import Context
from portal.schema.documents import REMEMBERED
from portal.schema.following.feeds import NoReader
from portal.schema.public import is_public
from portal.schema.sockets import Socket, SocketAdapter
from portal.signin.rates import address_of
from portal.web.answers import Answer
from portal.web.compression import compress_answer
from portal.web.fresh import Reads

# Clients that send a hash of the query first send the query itself after this message.
NOT_PERSISTED = "PersistedQueryNotSupported"
# How many WebSockets are accepted in one turn of the event loop.
OPENED_AT_ONCE = 10


class PortalGraphQL(GraphQL[Context, None]):
    """The /graphql endpoint; the runtime is in the application's state."""

    graphql_transport_ws_handler_class = Socket
    websocket_adapter_class = SocketAdapter

    def __init__(self) -> None:
        self._opening = asyncio.Semaphore(OPENED_AT_ONCE)
        super().__init__(
            schema,
            graphql_ide="graphiql" if settings.GRAPHIQL else None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=settings.SOCKET_INIT_SECONDS),
            # Socket limits them, and answers with an error code.
            max_subscriptions_per_connection=None,
            # Further origins; pages of the host that the request is for are always allowed.
            allowed_origins=[settings.PUBLIC_URL, *settings.CSRF_TRUSTED_ORIGINS],
        )

    async def create_websocket_response(
        self, request: WebSocket, subprotocol: str | None
    ) -> WebSocket:
        """Accept the connection, at most so many in one turn of the event loop.

        A thousand at once would make each turn so long that reads of the databases, which take several
        turns, time out.
        """
        async with self._opening:
            await super().create_websocket_response(request, subprotocol)
            await asyncio.sleep(0)
        return request

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Context:
        """A new context for each HTTP request and each WebSocket connection."""
        return Context(
            runtime=request.app.state.runtime,
            correlation_id=request.scope["correlation_id"],
            authorization=request.headers.get("Authorization"),
            over_websocket=isinstance(request, WebSocket),
            address=address_of(request.client.host if request.client else None),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ignore ClientDisconnect: a client that leaves before it has sent its request is no fault to log."""
        with suppress(ClientDisconnect):
            await super().__call__(scope, receive, send)

    async def run(self, request: Any, context: Any = UNSET, root_value: Any = UNSET) -> Any:
        """Run the operation as the library does, and compress the answer to a query.

        The answer to a mutation can hold tokens beside the input, so it is never compressed.
        """
        if isinstance(request, WebSocket):
            return await super().run(request, context, root_value)
        if shared := await self._shared(request):
            return shared
        context = await self.get_context(request, Response())
        response = await super().run(request, context, root_value)
        if context.only_reads:
            compress_answer(request, response)
        return response

    async def _shared(self, request: Request) -> Response | None:
        """The answer to a query that is the same for every reader, made once for all who ask it meanwhile.

        None for all other requests. A request is known by its body, to the byte.
        """
        plain = _well_formed(request.headers.get("Content-Type", ""))
        # What is refused for its header is refused alone.
        if request.method != "POST" or not plain or "Content-Encoding" in request.headers:
            return None
        answers, body = request.app.state.runtime.answers, await request.body()
        if body not in answers and not _is_public(body):
            return None
        found = await answers.get([body], partial(self._answer, request), Reads())
        shared: Answer = found[body].value
        return shared.response(request)

    async def _answer(self, request: Request, asked: Mapping[bytes, Reads]) -> dict[bytes, Answer]:
        """Run the operation for nobody in particular. What has errors is for those alone who wait for it."""
        [(body, reads)] = asked.items()
        context = NoReader(
            runtime=request.app.state.runtime,
            correlation_id=request.scope["correlation_id"],
            authorization=None,
            over_websocket=False,
            address=None,
            reads=reads,
        )
        response = await super().run(request, context, None)
        return {body: Answer(bytes(response.body))}

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Execute one operation, and note that an answer with errors is not to be kept."""
        result = await super().execute_single(
            request, request_adapter, sub_response, context, root_value, request_data
        )
        if result.errors:
            context.reads.end()
        return result

    def create_response(self, response_data: Any, sub_response: Response) -> Response:
        """The answer; the library's would be written by the standard library, in several times the time."""
        return Response(_json(response_data), media_type="application/json")

    def is_request_allowed(self, request: BaseRequestProtocol) -> bool:
        """405 unless the request is a POST, or a browser's for GraphiQL."""
        for_graphiql = self.graphql_ide and self.should_render_graphql_ide(request)
        if request.method != "POST" and not for_graphiql:
            raise HTTPException(405, "Requests here come by POST.", {"Allow": "POST"})
        return True

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """The query and its variables; 415 for a body that is not JSON, 400 for one without a query."""
        _check_form(request.headers)
        asked = await super().parse_http_body(request)
        # Batches are refused by parse_json.
        assert isinstance(asked, GraphQLRequestData)
        if not isinstance(asked.operation_name, str | None):
            raise HTTPException(400, "operationName is a string, or left out.")
        if not asked.query:
            persisted = "persistedQuery" in (asked.extensions or {})
            raise HTTPException(400, NOT_PERSISTED if persisted else "The query is missing.")
        return asked

    def parse_json(self, data: str | bytes) -> Any:
        """The JSON of a request; 400 unless it is an object, which refuses batches."""
        try:
            content = self.decode_json(data)
        except json.JSONDecodeError as error:
            raise HTTPException(400, f"This is no JSON in UTF-8: {error}.") from error
        if not isinstance(content, dict):
            raise HTTPException(400, "A request is one JSON object: query, variables.")
        return content

    def decode_json(self, data: str | bytes) -> object:
        """The JSON; JSONDecodeError also if it is nested too deeply, has too many digits or is not UTF-8."""
        try:
            return super().decode_json(data if isinstance(data, str) else data.decode())
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(_why(error), "", 0) from error

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
        """The page of GraphiQL, with the portal's own static files."""
        page = HTMLResponse(render_to_string("portal/graphiql.html"))
        compress_answer(request, page)
        return page

    async def reject_websocket(self, request: WebSocket) -> WebSocket:
        """Refuse a WebSocket from a page of another origin with 403."""
        await request.send_denial_response(PlainTextResponse("Not from this origin.", 403))
        return request

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        """Refuse subscriptions over HTTP: such a stream would go on after its session ended."""
        raise HTTPException(400, "Subscriptions are served over WebSocket (graphql-transport-ws).")


def _json(data: object) -> bytes:
    try:
        return orjson.dumps(data)
    except TypeError:
        # Integers beyond 64 bits, and text that is no Unicode.
        return json.dumps(data).encode()


@lru_cache(REMEMBERED)
def _well_formed(content_type: str) -> bool:
    """Whether it is plainly JSON in UTF-8; what is not is looked at in full."""
    return content_type.replace(" ", "").lower() in {
        "application/json",
        "application/json;charset=utf-8",
    }


def _is_public(body: bytes) -> bool:
    """Whether the request asks for what is the same for every reader."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(asked, dict) or not asked.keys() <= {"query", "variables", "operationName"}:
        return False
    query, name = asked.get("query"), asked.get("operationName")
    if not isinstance(query, str) or not isinstance(name, str | None):
        return False
    return is_public(schema._schema, query, name)


def _check_form(headers: Mapping[str, str]) -> None:
    """415 unless the body is JSON in UTF-8, without a Content-Encoding."""
    kind, parameters = parse_content_type(headers.get("Content-Type", ""))
    if kind.lower() != "application/json":
        raise HTTPException(415, "The body's Content-Type is application/json.")
    if parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise HTTPException(415, "The body's charset is utf-8.")
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise HTTPException(415, "The body comes without a Content-Encoding.")


def _why(error: ValueError | RecursionError) -> str:
    """The reason, without parts of the body and without advice on Python's settings."""
    match error:
        case UnicodeDecodeError():
            return error.reason
        case RecursionError():
            return "nested too deeply"
        case _:
            return "a number has too many digits"
