"""Jobs and submissions as plain data."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from commands.domain.commands import Command
from commands.domain.rejections import Rejection
from commands.ids import new_id
from commands.streams import Stream


class JobStatus(StrEnum):
    """A job's status; FAILED means a fault of the portal, REJECTED a broken rule."""

    QUEUED = "QUEUED"
    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Submission:
    """A command to be accepted as a job.

    `content` is what the client asked for, without generated ids: a repeated
    idempotency key must come with equal content. `scope` says whose keys they are; people's
    keys come hashed. With a `session_id` it is accepted only while that session of its submitter
    goes on.
    """

    stream: Stream
    command: Command
    content: dict[str, Any]
    scope: str
    submitted_by: UUID | None = None
    session_id: UUID | None = None
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
        """Whether it has an outcome, which changes only if a failed job is re-driven."""
        return self.status is not JobStatus.QUEUED

    @property
    def ends_its_submitter(self) -> bool:
        """Whether it deletes the user who submitted it."""
        return self.command == "DeleteUser" and self.stream.id == self.submitted_by


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended; `version` is its stream's version afterwards."""

    job: Job
    status: JobStatus
    version: int | None = None
    rejection: Rejection | None = None
    error: str | None = None


class IdempotencyConflict(Exception):
    """The idempotency key was used before, for something else."""

    def __init__(self) -> None:
        super().__init__("this idempotency key was used before, for something else")


class SessionOver(Exception):
    """The session in which the command was to be accepted is over."""

    def __init__(self) -> None:
        super().__init__("this session has ended; sign in again")
