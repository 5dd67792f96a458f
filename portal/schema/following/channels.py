"""One operation and those who follow it: its results are encoded once, and sent to all of them."""

import json
from collections.abc import Sequence
from typing import Any, Protocol

import orjson
from graphql import Executor, GraphQLError

from portal.schema.errors import translated
from portal.web.lines import Line, text_frame


class Operation(Protocol):
    """A socket's operation, as those see it who give it results."""

    id: str

    def break_off(self, errors: list[GraphQLError]) -> None:
        """Send the errors as the protocol's `error`, after which nothing follows."""


class Follower:
    """An operation that goes on without a task of its own.

    `shown` is what its feed keeps of what it was given: a state, a version, or what it missed; `since`
    is how many reads the feed had begun when it joined; `owner` is the user or address who asked;
    `behind` says that a state was left out since the last one it was given.
    """

    __slots__ = ("behind", "channel", "line", "operation", "owner", "shown", "since")

    def __init__(self, operation: Operation, line: Line, shown: Any) -> None:
        self.operation = operation
        self.line = line
        self.shown = shown
        self.since = 0
        self.behind = False
        self.owner: str | None
        self.channel: Channel

    def leave(self) -> None:
        """Get nothing more."""
        self.channel.leave(self)

    def resume(self) -> None:
        """Get what was left out while the connection did not keep up."""
        self.channel.resume(self)

    def break_off(self, errors: list[GraphQLError]) -> None:
        """End the operation with the errors."""
        self.leave()
        self.operation.break_off(errors)


class Channel:
    """The followers of one operation."""

    def __init__(self, executor: Executor[Any]) -> None:
        self.executor = executor
        self.followers: set[Follower] = set()
        # How many of them are whose, in the order in which the owners came.
        self._owners: dict[str | None, int] = {}

    @property
    def owner(self) -> str | None:
        """Whom the operation counts for: of those who follow, the owner who came first."""
        return next(iter(self._owners))

    def add(self, follower: Follower) -> None:
        """Let the follower have what comes from now on."""
        follower.channel = self
        self.followers.add(follower)
        self._owners[follower.owner] = self._owners.get(follower.owner, 0) + 1

    def remove(self, follower: Follower) -> None:
        """Forget the follower."""
        self.followers.remove(follower)
        self._owners[follower.owner] -= 1
        if not self._owners[follower.owner]:
            del self._owners[follower.owner]

    def leave(self, follower: Follower) -> None:
        """Give the follower nothing more."""
        raise NotImplementedError

    def resume(self, follower: Follower) -> None:
        """Give the follower what it could not be given before."""
        raise NotImplementedError

    def break_off(self, errors: list[GraphQLError]) -> None:
        """End all followers' operations with the errors."""
        for each in list(self.followers):
            each.break_off(errors)


class Frames:
    """One result, or several in a row, as frames for each operation's id."""

    def __init__(self, *payloads: bytes) -> None:
        self._payloads = payloads
        # Those made last: most clients use the same ids, and one that uses UUIDs must cost no memory.
        self._key: tuple[str, int] | None = None
        self._made = b""

    def of(self, id: str, skipped: int = 0) -> bytes:
        """The frames for the operation of that id, without the first few."""
        key = (id, skipped)
        if key != self._key:
            head = b'{"id":%s,"type":"next","payload":' % json.dumps(id).encode()
            self._made = b"".join(
                text_frame(b"%s%s}" % (head, payload)) for payload in self._payloads[skipped:]
            )
            self._key = key
        return self._made


def encoded(data: dict[str, Any] | None, errors: Sequence[GraphQLError]) -> bytes:
    """A result as the payload of the protocol's `next`."""
    payload: dict[str, Any] = {"data": data}
    if errors:
        payload["errors"] = [error.formatted for error in errors]
    return orjson.dumps(payload)


def broken_off(error: Exception) -> list[GraphQLError]:
    """The errors that tell clients why there are no more results."""
    known = error if isinstance(error, GraphQLError) else None
    return [translated(known or GraphQLError(str(error), original_error=error))]
