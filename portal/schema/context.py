"""What resolvers get of a request or a WebSocket connection."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import structlog
from strawberry.extensions import SchemaExtension
from strawberry.types import Info
from strawberry.types.graphql import OperationType

from commands.inbox.requests import Caller
from commands.postgres.errors import AWAY
from portal.errors import PortalError, forbidden, unauthenticated
from portal.schema.reading import Names, find_job, names_of
from portal.signin.sessions import authenticate
from portal.signin.tokens import InvalidToken, Viewer, claimed
from portal.web.fresh import Reads
from portal.web.runtime import Runtime

if TYPE_CHECKING:
    from portal.schema.following.feeds import Feed

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True)
class Follow:
    """How a subscription goes on: with a feed of that kind and subject, after what it has (an event's version)."""

    feed: "type[Feed]"
    subject: UUID | None = None
    shown: int | None = None


@dataclass(slots=True)
class Context:
    """One HTTP request, or one WebSocket connection with all its operations.

    `authorization` is the header's value, or that of connection_init's payload; `signed_in`
    is who opened the connection, `address` from where; `outliving_tasks` are the tasks of operations
    that may go on for a moment after the sign-in is over, to show how the viewer's deletion ends;
    `follows` are the operations, by their tasks, that go on with a feed when their tasks end;
    `only_reads` says that a request was a query, and `reads` from what its answer was read.
    """

    runtime: Runtime
    correlation_id: UUID
    authorization: str | None
    over_websocket: bool
    address: str | None
    connection_params: dict[str, Any] = field(default_factory=dict)
    signed_in: Viewer | None = None
    outliving_tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    follows: dict[asyncio.Task[Any], Follow] = field(default_factory=dict)
    only_reads: bool = False
    reads: Reads = field(default_factory=Reads)

    @property
    def noting(self) -> Reads:
        """Where to note what is read: nowhere for a connection's operations, which last."""
        return Reads() if self.over_websocket else self.reads

    @property
    def owner(self) -> str | None:
        """Whose operations count together: the user's, or those of an address nobody signed in from."""
        return str(self.signed_in.user_id) if self.signed_in else self.address

    async def viewer_or_none(self) -> Viewer | None:
        """Who asks, checked now. Without a token nobody; UNAUTHENTICATED with one that is no good."""
        if not self.authorization:
            return None
        try:
            return await authenticate(self.runtime.sessions, self._token())
        except InvalidToken as error:
            raise unauthenticated(str(error)) from error

    async def reader_or_none(self) -> Viewer | None:
        """As viewer_or_none, to read documents: while Postgres is away, a token that has not expired will do."""
        try:
            return await self.viewer_or_none()
        except AWAY as error:
            log.warning("read without checking the session", error=str(error))
            try:
                return claimed(self._token())
            except InvalidToken as invalid:
                raise unauthenticated(str(invalid)) from invalid

    async def viewer_of_job(self, job_id: UUID) -> Viewer | None:
        """Who asks for that job; nobody if their sign-in is over and the job is shown to everybody.

        So whoever deletes themselves can watch that to its end. UNAUTHENTICATED for other jobs.
        """
        try:
            return await self.viewer_or_none()
        except PortalError:
            if await find_job(self.runtime, job_id, None) is None:
                raise
            return None

    def outlives_sign_in(self) -> None:
        """Let the operation that this is called in go on for a moment when the sign-in is over."""
        task = asyncio.current_task()
        assert task is not None, "operations run in tasks"
        self.outliving_tasks.add(task)
        task.add_done_callback(self.outliving_tasks.discard)

    def follow(self, follow: Follow) -> AsyncGenerator[Any, None]:
        """Let the operation that this is called in go on with a feed; its own results, which are none."""
        task = asyncio.current_task()
        assert task is not None, "operations run in tasks"
        self.follows[task] = follow
        task.add_done_callback(lambda done: self.follows.pop(done, None))
        return _nothing()

    def _token(self) -> str:
        scheme, _, token = (self.authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated("the Authorization header reads: Bearer <accessToken>")
        return token.strip()

    async def viewer(self) -> Viewer:
        """Who asks; UNAUTHENTICATED if nobody is signed in."""
        if viewer := await self.viewer_or_none():
            return viewer
        raise unauthenticated()

    def claimed_viewer(self) -> Viewer:
        """Whom the token names. Whether their session goes on is checked with what they ask for."""
        if not self.authorization:
            raise unauthenticated()
        try:
            return claimed(self._token())
        except InvalidToken as error:
            raise unauthenticated(str(error)) from error

    async def auctioneer(self) -> Viewer:
        """Who asks, if they are staff; FORBIDDEN otherwise."""
        viewer = await self.viewer()
        if not viewer.is_staff:
            raise forbidden("only auctioneers may do this")
        return viewer

    async def names_of(self, ids: Collection[UUID]) -> Names:
        """The users' names."""
        return await names_of(self.runtime, ids, self.noting)

    def caller(self, viewer: Viewer | None) -> Caller:
        """The viewer as the one who submits a command."""
        if viewer is None:
            return Caller.anonymous(self.correlation_id)
        return Caller.user(viewer.user_id, self.correlation_id)

    def caller_in_session(self, viewer: Viewer) -> Caller:
        """A claimed viewer: what they submit is accepted only while their session goes on."""
        return replace(self.caller(viewer), session_id=viewer.session_id)


async def _nothing() -> AsyncGenerator[Any, None]:
    nothing: tuple[Any, ...] = ()
    for each in nothing:
        yield each


class TellReads(SchemaExtension):
    """Tells the context of a request whether it only reads."""

    def on_execute(self) -> Iterator[None]:
        """Once it is settled which of the document's operations is run."""
        context: Context = self.execution_context.context
        context.only_reads = self.execution_context.operation_type is OperationType.QUERY
        yield


PortalInfo: TypeAlias = Info[Context, None]
