"""What a verification found, and how two versions of a record differ in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from commands.streams import Stream

# Documents of bids that differ are named up to so many; the rest is counted.
NAMED = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that was found. Documents can be repaired from the events.

    If it is `unknown` whether the stream differs, only a newer release can tell.
    """

    stream: Stream
    what: str
    repairable: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one stream.

    `behind` is by how many events its documents lag, which is no fault; `behind_since` when the
    first of these was recorded. `jobless` events are so young that their jobs should be kept, but older
    than every job there is: whether a job caused them can't be checked.
    """

    stream: Stream
    events: int
    findings: Sequence[Finding]
    behind: int = 0
    behind_since: datetime | None = None
    jobless: int = 0


def compared(name: str, expected: object, found: object) -> list[str]:
    """How a document differs from the one that its events give, in a sentence; nothing if it does not."""
    if expected == found:
        return []
    return [f"the document of {name} differs from its events: {difference(expected, found)}"]


def compared_rows(name: str, expected: object, found: object) -> list[str]:
    """How a state row, or its bid, differs from the replayed events; nothing if it does not."""
    if expected == found:
        return []
    return [f"the state row differs from the replayed events: {name}{difference(expected, found)}"]


def difference(expected: object, found: object) -> str:
    """The first fields in which two dataclasses differ."""
    if expected is None or found is None:
        return f"expected {_brief(expected)}, found {_brief(found)}"
    names = getattr(type(expected), "__dataclass_fields__", {})
    parts = [
        f"{name} should be {_brief(getattr(expected, name))}, is {_brief(getattr(found, name))}"
        for name in names
        if getattr(expected, name) != getattr(found, name)
    ]
    return "; ".join(parts[:3])


def _brief(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
