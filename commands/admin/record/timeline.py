"""What followed from one request, step by step: request, job, events, documents, notices, mails."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.record.caused import Caused, caused_by
from commands.admin.record.moments import apart, days, exact
from commands.admin.record.names import Names, names_in
from commands.admin.record.sentences import sentence
from commands.admin.record.steps import Followed, Stage, Step, followed
from commands.admin.record.urls import stream_link
from commands.domain.rejections import as_sentence
from commands.jobs import JobStatus
from commands.models import Event, Job

LABELS = {
    Stage.REQUEST: "Request",
    Stage.EVENT: "Event",
    Stage.JOB: "Job",
    Stage.DOCUMENTS: "Documents",
    Stage.NOTICE: "Notice",
    Stage.MAIL: "Mail",
}
# Who a job without an account was accepted from, by the scope of its idempotency key.
ASKED_BY = {
    "anonymous": "Somebody who was not signed in",
    "operator": "An operator at the command line",
    "system": "The portal itself",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A step as it is shown: its moment, and the time since the step before it."""

    moment: str
    since: str
    stage: str
    name: str
    what: SafeString


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of what followed from a request: are there earlier jobs, and at which do later ones begin?"""

    lines: list[Line]
    notes: list[str]
    earlier: bool
    more: UUID | None


def timeline(correlation_id: UUID, start: UUID | None, near: int | None) -> Timeline:
    """What followed from the request of that correlation id."""
    caused = caused_by(correlation_id, start, near)
    names = names_in(caused.events, _submitters(caused.jobs))
    told = followed(caused.events) if caused.events else []
    steps = [
        *(step for job in caused.jobs for step in _of_job(job, names)),
        *_of_ended_jobs(caused, names),
        *(_of_event(event, names) for event in caused.events),
        *(step for each in told for step in each.steps),
    ]
    return Timeline(_lines(steps), [*_notes(caused), *_told(told)], caused.earlier, caused.more)


def _submitters(jobs: Iterable[Job]) -> set[UUID]:
    return {job.submitted_by for job in jobs if job.submitted_by}


def _of_job(job: Job, names: Names) -> Iterable[Step]:
    who = (
        names.user(job.submitted_by)
        if job.submitted_by
        else ASKED_BY.get(job.idempotency_scope, "Somebody")
    )
    key = ", with an idempotency key" if _by_people(job) and job.idempotency_key else ""
    accepted = format_html(
        "{} asked for {}{}: accepted as {}.", who, job.command, key, _job_link(job)
    )
    yield Step(Stage.REQUEST, job.accepted_at, accepted)
    yield Step(
        Stage.JOB, job.settled_at or job.accepted_at, _outcome(job), job.settled_at is not None
    )


def _by_people(job: Job) -> bool:
    return job.idempotency_scope != "system"


def _job_link(job: Job) -> SafeString:
    return links.page_of(Job, job.pk, f"job {links.end_of(job.pk)}")


def _outcome(job: Job) -> SafeString:
    """How the job ended, or that it waits."""
    tries = f" after {job.attempts} faults" if job.attempts else ""
    match job.status:
        case JobStatus.SUCCEEDED:
            return format_html(
                "{} succeeded{}, at version {} of its stream.",
                _job_link(job), tries, job.result_version,
            )  # fmt: skip
        case JobStatus.REJECTED:
            why = as_sentence(job.rejection_message or "")
            return format_html(
                "{} was rejected{}: {} ({})", _job_link(job), tries, why, job.rejection_code
            )
        case JobStatus.FAILED:
            return format_html(
                "{} failed{}; its page has the error, and it can be re-driven.",
                _job_link(job),
                tries,
            )
        case _:
            until = f", until {exact(job.expires_at)[:19]} at most" if job.expires_at else ""
            return format_html("{} waits{}{}.", _job_link(job), tries, until)


def _of_ended_jobs(caused: Caused, names: Names) -> Iterable[Step]:
    """A step for each job that is not kept any more, before its first event."""
    ended: dict[UUID, Event] = {}
    for event in caused.events:
        if event.causation_id not in names.jobs and event.causation_id != event.stream_id:
            ended.setdefault(event.causation_id, event)
    for job_id, event in ended.items():
        text = format_html(
            "The job ({}) is not kept: settled ones end after {}, and imported records come without them. "
            "Who asked for it is not known any more{}.",
            links.end_of(job_id), days(settings.JOBS_KEPT),
            "; the moment of its acceptance is in the event" if event.accepted_at else "",
        )  # fmt: skip
        yield Step(
            Stage.REQUEST,
            event.accepted_at or event.recorded_at,
            text,
            event.accepted_at is not None,
        )


def _of_event(event: Event, names: Names) -> Step:
    where = stream_link(event.stream_id, f"version {event.version}", event.version)
    return Step(
        Stage.EVENT,
        event.recorded_at,
        format_html("{} ({}, {} of {})", sentence(event, names), event.type, where,
                    names.stream_text(event.stream_kind, event.stream_id)),
    )  # fmt: skip


def _lines(steps: Sequence[Step]) -> list[Line]:
    lines: list[Line] = []
    before = None
    for step in sorted(steps, key=lambda step: (step.at, step.stage)):
        since = f"+{apart(step.at, before)}" if before and step.timed else ""
        moment = exact(step.at) if step.timed else ""
        lines.append(Line(moment, since, LABELS[step.stage], step.stage.name.lower(), step.what))
        if step.timed:
            before = step.at
    return lines


def _notes(caused: Caused) -> Iterable[str]:
    if caused.searched and not caused.jobs:
        first, last = caused.searched
        yield (
            f"No job with this id is kept: settled jobs end after {days(settings.JOBS_KEPT)}. "
            f"Events without jobs were looked for at positions {first:,} to {last:,}."
        )
    elif caused.searched:
        yield f"Some jobs may have ended: settled ones are kept for {days(settings.JOBS_KEPT)}."
    if caused.cut:
        yield "There are more events than are shown here; their streams have them all."


def _told(told: Sequence[Followed]) -> Iterable[str]:
    return dict.fromkeys(note for each in told for note in each.notes)
