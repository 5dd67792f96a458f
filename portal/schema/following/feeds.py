"""Feeds: each reads one subject for all in this process who follow it."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextvars import Context as LogContext
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from django.conf import settings
from graphql import Executor, GraphQLSchema

from commands.ids import new_id
from portal.errors import PortalError, rate_limited
from portal.schema.context import Context
from portal.schema.following.channels import Channel, Follower, broken_off
from portal.schema.public import asked
from portal.signin.tokens import Viewer
from portal.web.hub import Listener
from portal.web.runtime import Runtime

# Executions at the same time for readers' own channels of one process: the pools' connections are few, and
# whoever waits here does not time out there.
AT_ONCE = 8
# The retryAfter for too many operations, in seconds.
COME_BACK = 5


class NoReader(Context):
    """The context of a shared execution. It has no reader, and fails when it is asked for one."""

    async def viewer_or_none(self) -> Viewer | None:
        """Fails: what depends on the reader was taken for public."""
        raise AssertionError("a field that is declared PUBLIC asked for the reader")

    def claimed_viewer(self) -> Viewer:
        """Fails likewise."""
        raise AssertionError("a field that is declared PUBLIC asked for the reader")


@dataclass(frozen=True, slots=True)
class Question:
    """What one operation asks for, and for whom."""

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    context: Context


class Feed(ABC):
    """Reads its subject while anybody follows, and gives what it finds to its channels."""

    def __init__(self, feeds: "Feeds", subject: UUID | None) -> None:
        self.feeds = feeds
        self.runtime = feeds.runtime
        self.context = NoReader(feeds.runtime, new_id(), None, over_websocket=True, address=None)
        self.subject = subject
        self.channels: dict[Any, Channel] = {}
        self.listener: Listener | None = None
        # Without the first follower's correlation id in its log lines.
        self._task = asyncio.create_task(self._run(), context=LogContext())

    @property
    def followers(self) -> Iterator[Follower]:
        """Everybody who follows."""
        return (each for channel in self.channels.values() for each in channel.followers)

    def join(self, follower: Follower, question: Question) -> None:
        """Give the follower what its question asks for from now on, the beginning first."""
        follower.owner = question.context.owner
        key = self._key(question)
        if key not in self.channels:
            self.channels[key] = self._open(question, shared=key[-1] is SHARED)
        self.channels[key].add(follower)
        self.joined(follower)
        self.wake()

    def leave(self, follower: Follower) -> None:
        """Give the follower nothing more; without any, the feed ends."""
        channel = follower.channel
        self.feeds.count(channel.owner, -1)
        channel.remove(follower)
        if channel.followers:
            self.feeds.count(channel.owner, 1)
        else:
            self.channels = {k: v for k, v in self.channels.items() if v is not channel}
        self.end_if_unused()

    def end_if_unused(self) -> None:
        """End, unless somebody follows."""
        if not self.channels:
            self.feeds.forget(self)
            self._task.cancel()

    def wake(self) -> None:
        """Read again, now."""
        if self.listener:
            self.listener.notify("")

    @abstractmethod
    def channel(self, executor: Executor[Any]) -> Channel:
        """A channel for one more operation."""

    @abstractmethod
    def joined(self, follower: Follower) -> None:
        """Note where the follower begins."""

    @abstractmethod
    async def follow(self) -> None:
        """Read and give until cancelled; what it raises ends all followers' operations."""

    async def _run(self) -> None:
        try:
            await self.follow()
        except Exception as error:
            self.feeds.forget(self)
            errors = broken_off(error)
            for channel in list(self.channels.values()):
                channel.break_off(errors)

    def _open(self, question: Question, *, shared: bool) -> Channel:
        self.feeds.check_room(question.context)
        channel = self.channel(self._executor(question, shared=shared))
        self.feeds.count(question.context.owner, 1)
        return channel

    def _key(self, question: Question) -> tuple[Any, ...]:
        found = asked(self.feeds.schema, question.query, question.operation_name)
        used = {k: v for k, v in question.variables.items() if k in found.variables}
        reader = question.context.authorization if found.of_the_reader else SHARED
        return (question.query, question.operation_name, json.dumps(used, sort_keys=True), reader)

    def _executor(self, question: Question, *, shared: bool) -> Executor[Any]:
        found = asked(self.feeds.schema, question.query, question.operation_name)
        executor = Executor.build(
            self.feeds.schema,
            found.document,
            context_value=self.context if shared else question.context,
            raw_variable_values=question.variables,
            operation_name=question.operation_name,
        )
        assert isinstance(executor, Executor), "the operation was validated"
        return executor


# In a channel's key: nothing in it depends on the reader.
SHARED = object()
Key: TypeAlias = tuple[type[Feed], UUID | None]


class Feeds:
    """The feeds of a web process. `opened` counts the channels of each user or address; one counts once."""

    def __init__(self, runtime: Runtime, schema: GraphQLSchema) -> None:
        self.runtime = runtime
        self.schema = schema
        # One for the readers' own executions of all feeds.
        self.personal = asyncio.Semaphore(AT_ONCE)
        self.opened: Counter[str | None] = Counter()
        self._feeds: dict[Key, Feed] = {}

    def join(
        self, kind: type[Feed], subject: UUID | None, follower: Follower, question: Question
    ) -> None:
        """Follow a subject, with the feed of that kind; errors come through the follower."""
        key = (kind, subject)
        if key not in self._feeds:
            self._feeds[key] = kind(self, subject)
        feed = self._feeds[key]
        try:
            feed.join(follower, question)
        except PortalError as error:
            follower.operation.break_off([error])
        finally:
            feed.end_if_unused()

    def check_room(self, context: Context) -> None:
        """RATE_LIMITED if so many different operations are executed for an address already.

        Of a user's, different or not, there are no more than OPERATIONS_PER_USER.
        """
        most = settings.DIFFERENT_OPERATIONS_PER_ADDRESS
        if context.signed_in is None and self.opened[context.owner] >= most:
            raise rate_limited("different operations of yours running", COME_BACK)

    def count(self, owner: str | None, by: int) -> None:
        """Count so many more channels for them."""
        self.opened[owner] += by
        if not self.opened[owner]:
            del self.opened[owner]

    def forget(self, feed: Feed) -> None:
        """Begin a new one for whoever comes next."""
        if self._feeds.get((type(feed), feed.subject)) is feed:
            del self._feeds[(type(feed), feed.subject)]
