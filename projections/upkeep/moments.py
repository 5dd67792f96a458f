"""Comparing an auction's moments with its events."""

from collections.abc import Sequence
from uuid import UUID

from projections.documents import VersionedEvent
from projections.moments import Known, Timeline
from projections.ports import Documents

# Moments that are read at once.
PAGE = 1_000


def moment_problem(
    auction_id: UUID, history: Sequence[VersionedEvent], documents: Documents
) -> str | None:
    """The first moment that is not as the events make it; None if all are, up to the last event given.

    There may be later ones already: moments are written before their auction, and never change.
    """
    timeline = Timeline(None, Known({}), {}, lambda _: None)
    for start in range(0, len(history), PAGE):
        page = history[start : start + PAGE]
        expected = timeline.after(auction_id, page)
        found = documents.moments_of(auction_id, page[0].version - 1, len(page))
        stored = {each.version: each for each in found}
        for each in expected:
            if stored.get(each.version) != each:
                what = "differs from its events" if each.version in stored else "is missing"
                return f"the moment of version {each.version} {what}"
    return None
