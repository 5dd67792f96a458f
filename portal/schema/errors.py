"""Errors in answers: each gets a code, and none has a traceback."""

from collections.abc import Iterator
from typing import Any

import structlog
from graphql import GraphQLError, OperationDefinitionNode
from psycopg import OperationalError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from commands.inbox.invalid import InvalidInput
from commands.jobs import IdempotencyConflict, SessionOver
from commands.record.unknown import Unknown
from commands.streams import UnreadableEvent
from portal.errors import Code, bad_input
from projections.errors import VersionUnavailable

log = structlog.get_logger("portal")


class ErrorCodes(SchemaExtension):
    """Gives every error its code; unexpected ones are logged and replaced by a general message."""

    def on_operation(self) -> Iterator[None]:
        """Queries and mutations: once they are done; and what the parser's cache raises."""
        try:
            yield
        except GraphQLError as error:
            raise translated(error) from error
        self._translate(self.execution_context.result)

    def on_stream_result(self, result: Any) -> Iterator[None]:
        """Subscriptions: each result before it goes out."""
        self._translate(result)
        yield

    def _translate(self, result: Any) -> None:
        if getattr(result, "errors", None):
            result.errors = [translated(error) for error in result.errors]


class NamedOperation(SchemaExtension):
    """Refuses a document with several operations and no operationName; the library would run the first."""

    def on_validate(self) -> Iterator[None]:
        """Listed after the document's own validation, whose errors come first."""
        context = self.execution_context
        assert context.graphql_document is not None
        operations = sum(
            isinstance(each, OperationDefinitionNode)
            for each in context.graphql_document.definitions
        )
        # The context's public operation_name is that of the first where none was given.
        named = context._provided_operation_name is not None
        if operations > 1 and not named and not context.pre_execution_errors:
            context.pre_execution_errors = [
                bad_input("operationName", "this document has several operations: name one")
            ]
        yield


class SubscriptionsOverWebSocket(SchemaExtension):
    """Refuses a subscription that comes as a plain request, which could answer only once."""

    def on_execute(self) -> Iterator[None]:
        """Refuse a subscription that came over HTTP."""
        subscribes = self.execution_context.operation_type is OperationType.SUBSCRIPTION
        if subscribes and not self.execution_context.context.over_websocket:
            raise bad_input(
                "query", "subscriptions are served over WebSocket (graphql-transport-ws)"
            )
        yield


def translated(error: GraphQLError) -> GraphQLError:
    """The error with a code; an unexpected one is logged and loses its content."""
    if error.extensions and "code" in error.extensions:
        return error
    match error.original_error:
        case None:
            return _with_code(error, Code.BAD_USER_INPUT, error.message)
        case GraphQLError():
            return _with_code(error, Code.BAD_USER_INPUT, error.message)
        case MissingQueryError() | CannotGetOperationTypeError() | InvalidOperationTypeError():
            return _with_code(error, Code.BAD_USER_INPUT, error.message or "the query is missing")
        case InvalidInput() as invalid:
            return _with_code(error, Code.BAD_USER_INPUT, str(invalid), field=invalid.field)
        case IdempotencyConflict() as conflict:
            why = str(conflict)
            return _with_code(error, Code.BAD_USER_INPUT, why, field="idempotencyKey")
        case SessionOver() as over:
            return _with_code(error, Code.UNAUTHENTICATED, str(over))
        case OperationalError() | PyMongoError() | RedisError() as fault:
            log.warning("a server is away", error=str(fault), path=error.path)
            return _with_code(error, Code.UNAVAILABLE, "not available now, try again in a moment")
        case VersionUnavailable() as moved:
            log.warning("documents moved while they were read", error=str(moved), path=error.path)
            return _with_code(error, Code.UNAVAILABLE, "changing too fast, try again in a moment")
        case UnreadableEvent() | Unknown() as unreadable:
            log.warning("an event can't be read", error=str(unreadable), path=error.path)
            return _with_code(error, Code.UNAVAILABLE, "not readable now; we are at it")
        case fault:
            log.error("unexpected error", path=error.path, exc_info=fault)
            return _with_code(error, Code.INTERNAL, "something went wrong on our side")


def _with_code(error: GraphQLError, code: Code, message: str, **more: Any) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code.value, **more},
    )
