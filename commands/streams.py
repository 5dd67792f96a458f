"""Streams and their events as plain data, and the port that stores them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from commands.domain.events import Event


class Conflict(Exception):
    """Another transaction appended to the stream first, or took the name: read the state and decide again."""


class Busy(Exception):
    """Another worker has locked the stream."""


class UnreadableEvent(Exception):
    """An event that this release can't read; see `__cause__`."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"version {version} ({name}) can't be read")
        self.version = version


StreamKind = Literal["auction", "user", "tick", "policies"]


@dataclass(frozen=True, slots=True)
class Stream:
    """A sequence of jobs and events: of an auction, a user, a tick, or the promoter's policies."""

    kind: StreamKind
    id: UUID


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append, with the ids of the job that caused it and of the request.

    `accepted_at` is when the portal accepted that job; None if no job caused it, as with ticks.
    """

    event: Event
    causation_id: UUID
    correlation_id: UUID
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event in its stream; `hash` covers its content and its predecessor's hash.

    `accepted_at` is when the portal accepted the job that caused it; None of ticks, and of events
    from before that was kept.
    """

    stream: Stream
    version: int
    event: Event
    causation_id: UUID
    correlation_id: UUID
    recorded_at: datetime
    hash: bytes
    accepted_at: datetime | None = None


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

    def read_several(
        self, after_versions: Mapping[UUID, int], limit: int
    ) -> Mapping[UUID, list[RecordedEvent]]:
        """As `read`, for several streams: at most `limit` events of each; none for one without any."""

    def streams(self, kind: StreamKind) -> Iterator[UUID]:
        """Every stream of the kind, oldest first."""
