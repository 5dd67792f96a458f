"""What the write side needs of the world, and the plain data that passes through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID

from commands.domain.commands import Command
from commands.domain.events import Event
from commands.domain.rejections import Rejection
from commands.ids import new_id


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
# The others' record is read from the log itself, by those who check it.
WITH_DOCUMENTS: frozenset[StreamKind] = frozenset({"auction", "user"})


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
    """Streams of events that only grow."""

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


class JobStatus(StrEnum):
    """Where a job stands; FAILED is a fault of the system."""

    QUEUED = "QUEUED"
    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Submission:
    """A command on its way into the inbox.

    `content` is what the client asked for, without generated ids: a repeated
    idempotency key must come with equal content. `scope` says whose keys they are.
    """

    stream: Stream
    command: Command
    content: dict[str, Any]
    scope: str
    submitted_by: UUID | None = None
    idempotency_key: str | None = None
    causation_id: UUID | None = None
    correlation_id: UUID = field(default_factory=new_id)
    expires_after: timedelta | None = None
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted command and its outcome."""

    id: UUID
    stream: Stream
    command: str
    payload: dict[str, Any]
    submitted_by: UUID | None
    correlation_id: UUID
    accepted_at: datetime
    expires_at: datetime | None
    status: JobStatus
    settled_at: datetime | None
    rejection: Rejection | None
    version: int | None

    @property
    def settled(self) -> bool:
        """Whether the outcome is known; it never changes afterwards, unless a failed job is re-driven."""
        return self.status is not JobStatus.QUEUED


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended; version is where its stream stood afterwards."""

    job: Job
    status: JobStatus
    version: int | None = None
    rejection: Rejection | None = None
    error: str | None = None


class IdempotencyConflict(Exception):
    """The idempotency key was used before, for something else."""


class JobInbox(Protocol):
    """The durable line of accepted commands, strictly in order of acceptance within a stream."""

    def accept(self, submission: Submission) -> Job:
        """Store the command; with a known idempotency key, the job it already has.

        IdempotencyConflict when that job was for other content.
        """

    def cutoff(self, stream: Stream) -> datetime:
        """A moment before which every accepted job of the stream is visible from now on."""

    def waiting(self, stream: Stream, before: datetime, limit: int) -> list[Job]:
        """The oldest unsettled jobs accepted before that moment, locked until the transaction ends."""

    def settle(self, outcomes: Sequence[Outcome], settled_at: datetime) -> None:
        """Write the outcomes; unless the job failed, personal data leaves its payload with it."""
