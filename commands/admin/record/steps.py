"""Steps from a request to what followed from it, and who tells of them.

Those who read the log, and keep what followed elsewhere, register: documents, notices and mails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from django.utils.safestring import SafeString

from commands.models import Event


class Stage(IntEnum):
    """What a step is part of, in the order of steps at the same moment."""

    REQUEST = 0
    EVENT = 1
    JOB = 2
    DOCUMENTS = 3
    NOTICE = 4
    MAIL = 5


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened. If its moment is not kept, `at` only says after what it is shown."""

    stage: Stage
    at: datetime
    what: SafeString
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Followed:
    """The steps that followed from events, and notes: what has ended, is still to come, or is not shown."""

    steps: Sequence[Step] = ()
    notes: Sequence[str] = field(default=())


Follower = Callable[[Sequence[Event]], Followed]
_followers: dict[str, Follower] = {}


def register(name: str, follower: Follower) -> None:
    """Have the follower asked for each timeline; for the app's admin. Twice is as once."""
    _followers[name] = follower


def followed(events: Sequence[Event]) -> list[Followed]:
    """What each follower tells of the events."""
    return [follower(events) for follower in _followers.values()]
