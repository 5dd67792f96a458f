"""Comparing an auction's moments with its events."""

from collections.abc import Sequence
from uuid import UUID

from projections.documents import Moment
from projections.ports import Documents


def moment_problem(
    auction_id: UUID, expected: Sequence[Moment], documents: Documents
) -> str | None:
    """The first of these moments, which follow each other, that is stored otherwise; None if all are so.

    There may be later ones already: moments are written before their auction, and never change.
    """
    found = documents.moments_of(auction_id, expected[0].version - 1, len(expected))
    stored = {each.version: each for each in found}
    for each in expected:
        if stored.get(each.version) != each:
            what = "differs from its events" if each.version in stored else "is missing"
            return f"the moment of version {each.version} {what}"
    return None
