"""Moments that are moved, and the pauses in which time stands still."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# No later moment can be written.
LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pause:
    """Time stood still from `since` on, and went on at `until`."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it stood still."""
        return self.until - self.since


def moved_by(pauses: Iterable[Pause], since: datetime, moment: datetime) -> datetime:
    """A moment that was to come then, once each of the pauses that began before it has moved it."""
    for pause in pauses:
        if since <= pause.since < moment:
            moment = moved(moment, pause.length)
    return moment


def moved(moment: datetime, by: timedelta) -> datetime:
    """The moment so much later, but no later than the last there is."""
    return moment + min(by, LAST - moment)
