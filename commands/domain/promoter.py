"""The promoter's draw: which of the bids that may be doubled is."""

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

LOTS = 2**128


class Candidate(Protocol):
    """A live, not yet doubled bid."""

    @property
    def id(self) -> UUID: ...


# A draw gets the candidates in the order they were placed, and a lot from range(LOTS).
Draw = Callable[[Sequence[Candidate], int], Candidate]


def uniform(candidates: Sequence[Candidate], lot: int) -> Candidate:
    """Every candidate with the same chance: the lot's share of the range is its share of the row."""
    return candidates[lot * len(candidates) // LOTS]
