"""Deciding a batch of jobs one after the other, each on the state after the job before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from psycopg import Error

from commands.domain.events import Event, NoDoubling
from commands.domain.rejections import Rejection, RejectionCode
from commands.jobs import Job, JobOutcome, JobStatus
from commands.postgres.errors import with_traceback
from commands.record.unknown import Unknown
from commands.streams import NewEvent, RecordedEvent, Stream

State = TypeVar("State")
# The events that a job leaves all the same if it expired or failed.
Undecided = Callable[[Job, State | None, NoDoubling], Sequence[Event]]


# The id of the request that a job's events name, given the state after the job before.
RequestOf = Callable[[Job, State | None], UUID]


def its_own(job: Job, _state: object) -> UUID:
    """The id of the request that the job is of."""
    return job.correlation_id


def nothing(_job: Job, _state: object, _why: NoDoubling) -> Sequence[Event]:
    """Only a draw leaves anything."""
    return ()


@dataclass(frozen=True, slots=True)
class Decided(Generic[State]):
    """A batch's answers: the state before and after, the events to append, and each job's outcome.

    `unknown` is what only a newer release can decide: that job, and those behind it, have none.
    """

    before: State | None
    state: State | None
    events: list[NewEvent]
    outcomes: list[JobOutcome]
    unknown: Unknown | None = None


@dataclass(slots=True)
class Handled:
    """What was committed: settled jobs, recorded events, and other streams that got new jobs.

    `unfinished` are the streams with more jobs, and those that another worker has just now; `alone`
    those whose next job takes so long that it must share its transaction with no other; `left` those whose
    next job only a newer release can decide; `fault` is the first fault that kept any stream's jobs from being handled.
    """

    outcomes: list[JobOutcome] = field(default_factory=list)
    recorded: list[RecordedEvent] = field(default_factory=list)
    woken: list[Stream] = field(default_factory=list)
    unfinished: list[Stream] = field(default_factory=list)
    alone: list[Stream] = field(default_factory=list)
    left: dict[Stream, Unknown] = field(default_factory=dict)
    fault: Exception | None = None

    def add(self, more: "Handled") -> None:
        """Add what another batch committed."""
        self.outcomes += more.outcomes
        self.recorded += more.recorded
        self.woken += more.woken
        self.unfinished += more.unfinished
        self.alone += more.alone
        self.left |= more.left
        self.fault = self.fault or more.fault


def decide_jobs(
    jobs: Sequence[Job],
    state: State | None,
    decide: Callable[[Job, State | None], Sequence[Event] | Rejection],
    evolve: Callable[[State | None, Sequence[Event]], State],
    *,
    version: int,
    now: datetime,
    undecided: Undecided[State] = nothing,
    request_of: RequestOf[State] = its_own,
) -> Decided[State]:
    """Decide the jobs in order. One whose decision raises becomes FAILED; the others go on.

    They end before one that this release does not know: that one waits on. `version` is the stream's version before the batch. Jobs whose deadline is before `now` are
    rejected as EXPIRED, or succeed with what they leave undecided.
    """
    before = state
    events: list[NewEvent] = []
    outcomes: list[JobOutcome] = []
    for job in jobs:
        try:
            if expired := _expired(job, now):
                answer = undecided(job, state, NoDoubling.LATE) or expired
            else:
                answer = decide(job, state)
            if isinstance(answer, Rejection):
                outcomes.append(JobOutcome(job, JobStatus.REJECTED, rejection=answer))
                continue
            state = evolve(state, answer) if answer else state
        except Unknown as unknown:
            return Decided(before, state, events, outcomes, unknown)
        except Error:
            # A fault of the database: the transaction is lost, so no job can be settled.
            raise
        except Exception as error:
            # Any other error concerns this job only. It is kept, with its traceback, for operators.
            left = undecided(job, state, NoDoubling.FAILED)
            state = evolve(state, left) if left else state
            events += _new(job, left, request_of(job, state))
            reached = version + len(events) if left else None
            outcomes.append(JobOutcome(job, JobStatus.FAILED, reached, error=with_traceback(error)))
            continue
        events += _new(job, answer, request_of(job, state))
        outcomes.append(JobOutcome(job, JobStatus.SUCCEEDED, version=version + len(events)))
    return Decided(before, state, events, outcomes)


def _new(job: Job, events: Sequence[Event], request: UUID) -> list[NewEvent]:
    return [NewEvent(event, job.id, request, job.accepted_at) for event in events]


def _expired(job: Job, now: datetime) -> Rejection | None:
    if job.expires_at is None or now < job.expires_at:
        return None
    seconds = (job.expires_at - job.accepted_at).total_seconds()
    return Rejection(RejectionCode.EXPIRED, f"it was not handled within {seconds:g} seconds")
