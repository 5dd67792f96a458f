"""The list of streams, newest first: each by its first event, with where it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.safestring import SafeString

from commands.admin.record.names import names_in
from commands.admin.record.paging import Page, Place, page_of
from commands.admin.record.urls import stream_link
from commands.domain.policies import STREAM as POLICIES
from commands.models import Event

# The types of first events. They are among the rarer ones, which have an index by type and position.
FIRST_EVENTS: Mapping[str, str] = {
    "auction": "AuctionCreated",
    "user": "UserCreated",
    "tick": "TickCommitted",
}
KINDS = (*FIRST_EVENTS, "policies")


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A stream in the list, with the number of its events: the version that it stands at."""

    kind: str
    stream: SafeString
    events: str
    first: datetime
    last: datetime


def streams(kind: str | None, place: Place) -> tuple[list[StreamRow], Page]:
    """A page of streams, of one kind or of all."""
    page = page_of([_first_events(each) for each in ([kind] if kind else KINDS)], "position", place)
    return _rows(page.events), page


def _first_events(kind: str) -> QuerySet[Event]:
    last = Event.objects.filter(stream_id=OuterRef("stream_id")).order_by("-version")
    events = Event.objects.annotate(
        last_version=Subquery(last.values("version")[:1]),
        last_moment=Subquery(last.values("recorded_at")[:1]),
    )
    if kind == "policies":
        return events.filter(stream_id=POLICIES, version=1)
    return events.filter(type=FIRST_EVENTS[kind])


def _rows(events: Sequence[Event]) -> list[StreamRow]:
    names = names_in(events)
    return [
        StreamRow(
            event.stream_kind,
            stream_link(event.stream_id, names.stream_text(event.stream_kind, event.stream_id)),
            f"{event.last_version:,}",  # type: ignore[attr-defined]  # annotated above
            event.recorded_at,
            event.last_moment,  # type: ignore[attr-defined]
        )
        for event in events
    ]
