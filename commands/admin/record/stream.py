"""One stream: where it stands, and a page of its events with the state of their hashes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest
from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.record.chain import FITS, chain_states
from commands.admin.record.names import names_in
from commands.admin.record.paging import Page, Place, number, page_of, place
from commands.admin.record.rows import EventRow, event_rows
from commands.domain.policies import STREAM as POLICIES
from commands.models import Auction, Event, Job, PromoterPolicy, PromoterTick, User

# How many newer events a page shows above the one it was opened at.
ABOVE = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of a stream's events. `row_version` is what its state row stands at; None without a row."""

    title: str
    about: SafeString
    jobs: SafeString
    version: int
    row_version: int | None
    page: Page
    rows: list[EventRow]
    broken: int
    at: int | None


def stream_page(request: HttpRequest, stream_id: UUID) -> Shown:
    """The page that the query names; Http404 if there is no such stream."""
    events = Event.objects.filter(stream_id=stream_id)
    # In one statement: an event that comes between two would look like one that is missing.
    last = events.order_by("-version").annotate(row_version=_row_version(stream_id)).first()
    if last is None:
        raise Http404("no such stream")
    at = number(request, "at")
    chosen = place(request) if at is None else Place(before=min(at, last.version) + ABOVE + 1)
    if chosen.before is not None and chosen.before > last.version:
        chosen = Place()
    page = page_of([events], "version", chosen)
    states = chain_states(page.events)
    return Shown(
        title=names_in([last]).stream_text(last.stream_kind, stream_id),
        about=_about(last),
        jobs=links.list_of(Job, "its jobs", stream_id=stream_id),
        version=last.version,
        row_version=last.row_version,
        page=page,
        rows=event_rows(page.events, states),
        broken=sum(state != FITS for state in states.values()),
        at=at,
    )


def _about(event: Event) -> SafeString:
    """A link to the page of what the stream is about."""
    match event.stream_kind:
        case "auction":
            return links.page_of(Auction, event.stream_id, "the auction")
        case "user":
            return links.page_of(User, event.stream_id, "the user")
        case "tick":
            tick = PromoterTick.objects.filter(stream_id=event.stream_id).first()
            return links.page_of(PromoterTick, tick.pk if tick else 0, "the tick")
        case _:
            return links.list_of(PromoterPolicy, "the promoter's page")


def _row_version(stream_id: UUID) -> Coalesce:
    """The version of the stream's state row, for a query of its events."""
    if stream_id == POLICIES:
        return Coalesce(_version(PromoterPolicy.objects.order_by("-version")), None)
    rows = (
        Auction.objects.filter(pk=stream_id),
        User.objects.filter(pk=stream_id),
        PromoterTick.objects.filter(stream_id=stream_id),
    )
    return Coalesce(*map(_version, rows))


def _version(rows: QuerySet[Any]) -> Subquery:
    return Subquery(rows.values("version")[:1])
