"""Pages by key: each begins where another ended, however many rows there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from commands.models import Event

SIZE = 50
Key = Literal["position", "version"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: just before or just after that key. Without one it is the latest rows."""

    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Events, latest first, with the keys before and after which the pages beside it lie, if there are any."""

    events: Sequence[Event]
    older: int | None
    newer: int | None


def number(request: HttpRequest, name: str) -> int | None:
    """The number of that name in the query; Http404 if it is none."""
    text = request.GET.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise Http404(f"{name} is not a number") from None


def place(request: HttpRequest) -> Place:
    """The place that the query names."""
    return Place(number(request, "before"), number(request, "after"))


def page_of(sources: Iterable[QuerySet[Event]], key: Key, place: Place) -> Page:
    """The SIZE events of all sources together that are next to the place."""
    if place.after is not None:
        return _oldest(sources, key, place.after)
    return _latest(sources, key, place.before)


def _latest(sources: Iterable[QuerySet[Event]], key: Key, before: int | None) -> Page:
    found: list[Event] = []
    for events in sources:
        chosen = events if before is None else events.filter(**{f"{key}__lt": before})
        found += chosen.order_by(f"-{key}")[: SIZE + 1]
    found.sort(key=lambda event: _key(event, key), reverse=True)
    shown = found[:SIZE]
    newer = None
    if before is not None:
        newer = _key(shown[0], key) if shown else before - 1
    return Page(shown, _key(shown[-1], key) if len(found) > SIZE else None, newer)


def _oldest(sources: Iterable[QuerySet[Event]], key: Key, after: int) -> Page:
    found: list[Event] = []
    for events in sources:
        found += events.filter(**{f"{key}__gt": after}).order_by(key)[: SIZE + 1]
    found.sort(key=lambda event: _key(event, key))
    shown = found[:SIZE][::-1]
    older = _key(shown[-1], key) if shown else after + 1
    return Page(shown, older, _key(shown[0], key) if len(found) > SIZE else None)


def _key(event: Event, key: Key) -> int:
    value: int = getattr(event, key)
    return value
