"""A bidder's private maximum, as an auction keeps it: sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

# What maxima are, by their ids: those that a decision may depend on, without those that nobody can open.
Maxima = Mapping[UUID, Decimal]
NO_MAXIMA: Maxima = {}


@dataclass(frozen=True, slots=True)
class Maximum:
    """Whose it is, in a masked auction an alias of that number, and what only that bidder's key makes readable."""

    id: UUID
    bidder_id: UUID
    sealed: str
    number: int | None = None


def without(maxima: tuple[Maximum, ...], bidder_id: UUID) -> tuple[Maximum, ...]:
    """The maxima of others."""
    return tuple(each for each in maxima if each.bidder_id != bidder_id)
