"""Whether the hashes of a page of events fit."""

from collections.abc import Mapping, Sequence

from commands.models import Event
from commands.postgres.event_store import content_of
from commands.record.chain import GENESIS, chain_hash

FITS = "fits"
BROKEN = "does not fit its predecessor and content"


def chain_states(events: Sequence[Event]) -> Mapping[int, str]:
    """By version: FITS, or what is wrong. The events are of one stream, latest first, without gaps but for missing rows."""
    if not events:
        return {}
    first = events[-1]
    earlier = Event.objects.filter(stream_id=first.stream_id, version__lt=first.version)
    before = earlier.order_by("-version").first()
    states: dict[int, str] = {}
    for event in reversed(events):
        states[event.version] = _state(event, before)
        before = event
    return states


def _state(event: Event, before: Event | None) -> str:
    last, previous = (before.version, bytes(before.hash)) if before else (0, GENESIS)
    if event.version != last + 1:
        return f"version {event.version - 1} is missing before it"
    fits = chain_hash(previous, content_of(vars(event))) == bytes(event.hash)
    return FITS if fits else BROKEN
