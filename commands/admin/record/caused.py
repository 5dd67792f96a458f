"""The jobs and events of one correlation id.

Jobs are found by their index. Their events lie in the job's stream, up to the version that it
reached. Once jobs have ended, events are looked for in SEARCHED positions around one place: where
the caller says that one of them is, or else the moment at which the portal made the id.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from commands.admin.record.latest import last_position
from commands.models import Event, Job

SEARCHED = 100_000
JOBS = 20
# Of one job at most so many of its last events are shown.
EVENTS_OF_JOB = 50
MOST_EVENTS = 200


@dataclass(frozen=True, slots=True)
class Caused:
    """A page of jobs, with their events, in the order of positions.

    `earlier` says that there are jobs before them; `more` is the next job's id if there are more.
    `searched` are the positions that were
    looked through for events without jobs. `cut` says that a job has more events than are here.
    """

    jobs: Sequence[Job]
    events: Sequence[Event]
    earlier: bool
    more: UUID | None
    searched: tuple[int, int] | None
    cut: bool


def caused_by(correlation_id: UUID, start: UUID | None, near: int | None) -> Caused:
    """The jobs from that id on, or the first, and the events."""
    wanted = Job.objects.filter(correlation_id=correlation_id).order_by("id")
    found = list((wanted.filter(pk__gte=start) if start else wanted)[: JOBS + 1])
    jobs = found[:JOBS]
    events = {event.position: event for job in jobs for event in _events_of(job)}
    others = [] if start else _of_tick(correlation_id)
    searched = None
    if start is None and not others and _may_have_ended(jobs):
        searched = _window(correlation_id, near)
        others = list(_within(correlation_id, searched))
    events |= {event.position: event for event in others}
    return Caused(
        jobs,
        [events[position] for position in sorted(events)][:MOST_EVENTS],
        bool(start) and wanted.filter(pk__lt=start).exists(),
        found[JOBS].pk if len(found) > JOBS else None,
        searched,
        len(events) > MOST_EVENTS or any(_cut(job, events.values()) for job in jobs),
    )


def _events_of(job: Job) -> list[Event]:
    """The last events that the job caused: they end at the version that it reached."""
    reached = job.result_version
    if reached is None:
        return []
    of_stream = Event.objects.filter(stream_id=job.stream_id, version__lte=reached)
    latest = of_stream.order_by("-version")[:EVENTS_OF_JOB]
    return [event for event in latest if event.causation_id == job.pk]


def _cut(job: Job, events: Collection[Event]) -> bool:
    return sum(event.causation_id == job.pk for event in events) >= EVENTS_OF_JOB


def _of_tick(correlation_id: UUID) -> list[Event]:
    """A tick's own events have the id of their stream."""
    events = Event.objects.filter(stream_id=correlation_id, stream_kind="tick")
    return list(events.order_by("version")[:MOST_EVENTS])


def _may_have_ended(jobs: Sequence[Job]) -> bool:
    return not jobs or jobs[0].accepted_at < timezone.now() - settings.JOBS_KEPT


def _within(correlation_id: UUID, positions: tuple[int, int]) -> QuerySet[Event]:
    events = Event.objects.filter(position__range=positions, correlation_id=correlation_id)
    return events.order_by("position")[: MOST_EVENTS + 1]


def _window(correlation_id: UUID, near: int | None) -> tuple[int, int]:
    last = last_position()
    if near is not None:
        middle = max(1, min(near, last))
        return max(1, middle - SEARCHED // 2), middle + SEARCHED // 2
    if (made_at := _made_at(correlation_id)) is not None:
        first = _position_at(made_at, last)
        return first, first + SEARCHED
    return max(1, last - SEARCHED), last


def _made_at(correlation_id: UUID) -> datetime | None:
    """The moment in an id of the portal's own; None for a caller's of another kind."""
    if correlation_id.version != 7:
        return None
    milliseconds = correlation_id.int >> 80
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _position_at(moment: datetime, last: int) -> int:
    """About the first position of an event that was recorded then or later."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        event = Event.objects.filter(position__gte=middle).order_by("position").first()
        if event is None or event.recorded_at >= moment:
            high = middle
        else:
            low = event.position + 1
    return low
