"""Events as rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from commands.admin import links
from commands.admin.record.chain import FITS
from commands.admin.record.moments import exact
from commands.admin.record.names import names_in
from commands.admin.record.sentences import sentence
from commands.models import Event


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event: its links, what it did, and, in the list of its stream, the state of its hash."""

    position: SafeString
    version: int
    type: str
    moment: str
    sentence: SafeString
    stream: SafeString
    job: SafeString
    request: SafeString
    chain: str | None

    @property
    def fits(self) -> bool:
        """Whether its hash fits."""
        return self.chain == FITS


def event_rows(events: Sequence[Event], chain: Mapping[int, str] | None = None) -> list[EventRow]:
    """The events as rows; `chain` are the states of their hashes by version."""
    names = names_in(events)
    return [
        EventRow(
            position=links.page_of(Event, event.position, str(event.position)),
            version=event.version,
            type=event.type,
            moment=exact(event.recorded_at),
            sentence=sentence(event, names),
            stream=names.stream(event),
            job=names.job(event),
            request=names.request(event, f"…{links.end_of(event.correlation_id)}"),
            chain=chain[event.version] if chain else None,
        )
        for event in events
    ]
