"""The events of all streams in the order of their positions, latest first."""

from dataclasses import replace

from django.db.models import QuerySet

from commands.admin.record.paging import Page, Place, page_of
from commands.admin.search import LATEST
from commands.models import Event
from commands.models.events import BID_EVENTS

# These have no index by type: they are looked for in LATEST positions at a time.
WITHOUT_INDEX = frozenset(BID_EVENTS) - {"BidDoubled"}


def latest(type_name: str | None, place: Place) -> Page:
    """A page of events, of one type or of all. With few of a frequent type it may be short, and go on."""
    if type_name not in WITHOUT_INDEX:
        events = Event.objects.filter(type=type_name) if type_name else Event.objects.all()
        return page_of([events], "position", place)
    return _windowed(Event.objects.filter(type=type_name), place)


def _windowed(events: QuerySet[Event], place: Place) -> Page:
    if place.after is not None:
        end = place.after + LATEST
        page = page_of([events.filter(position__lte=end)], "position", place)
        goes_on = page.newer is None and last_position() > end
        return replace(page, newer=end) if goes_on else page
    start = (last_position() + 1 if place.before is None else place.before) - LATEST
    page = page_of([events.filter(position__gte=start)], "position", place)
    return replace(page, older=start) if page.older is None and start > 1 else page


def last_position() -> int:
    """The position of the latest event; 0 if there is none."""
    event = Event.objects.order_by("-position").only("position").first()
    return event.position if event else 0
