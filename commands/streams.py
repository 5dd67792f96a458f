"""Streams and their events as plain data, and the port that stores them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from commands.domain.events import Event


class Conflict(Exception):
    """Somebody else appended to the stream first, or took the name; decide again from fresh state."""


class Busy(Exception):
    """Another worker holds the stream; it will see what is waiting before it lets go."""


class UnreadableEvent(Exception):
    """An event that this release can't read; the cause says why."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"version {version} ({name}) can't be read")
        self.version = version


StreamKind = Literal["auction", "user", "tick", "policies"]


@dataclass(frozen=True, slots=True)
class Stream:
    """A line of jobs and events: an auction's, a user's, a tick's of the promoter, or its policies'."""

    kind: StreamKind
    id: UUID


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append, with the job that caused it and the request it belongs to."""

    event: Event
    causation_id: UUID
    correlation_id: UUID


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event in its stream; `hash` covers its content and its predecessor's hash."""

    stream: Stream
    version: int
    event: Event
    causation_id: UUID
    correlation_id: UUID
    recorded_at: datetime
    hash: bytes


class EventStore(Protocol):
    """The event log: events are appended to streams, never changed or removed."""

    def append(
        self,
        stream: Stream,
        expected_version: int,
        events: Sequence[NewEvent],
        recorded_at: datetime,
    ) -> list[RecordedEvent]:
        """Add events after expected_version; Conflict unless the stream stands exactly there."""

    def read(
        self, stream_id: UUID, after_version: int = 0, limit: int = 500
    ) -> list[RecordedEvent]:
        """At most `limit` events after that version, in order, without gaps; UnreadableEvent."""

    def streams(self, kind: StreamKind) -> Iterator[UUID]:
        """Every stream of the kind, oldest first."""
