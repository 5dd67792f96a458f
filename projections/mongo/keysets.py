"""Keyset pagination: an order by one or two fields, and what comes after a place in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING

from projections.mongo.bson import Bson

# Fields with pymongo's ASCENDING or DESCENDING; the last one is unique among equals of the one before.
Order = Sequence[tuple[str, int]]


def behind(order: Order, place: tuple[Any, ...] | None) -> Bson:
    """The filter for documents after the place, given as stored values; without a place, for all.

    The first field has a bound of its own, so that an index scan begins at the place.
    """
    if place is None:
        return {}
    if len(order) == 1:
        return _further(order[0], place[0])
    (first, upward), second = order
    from_there = "$gte" if upward == ASCENDING else "$lte"
    further = {"$or": [_further(order[0], place[0]), _further(second, place[1])]}
    return {"$and": [{first: {from_there: place[0]}}, further]}


@dataclass(frozen=True, slots=True)
class Walk:
    """One stretch of an index: what is there, and how it is sorted."""

    filter: Bson
    order: Order


def walks(order: Order, place: tuple[Any, ...] | None) -> Sequence[Walk]:
    """What comes after the place, as stretches one after the other.

    However many equals of the place's first value come before it, none is passed over. Among these the sort is by
    the second field alone: an index is not seen to be in the order of a field that has one value.
    """
    if place is None:
        return [Walk({}, order)]
    beyond = Walk(_further(order[0], place[0]), order)
    if len(order) == 1:
        return [beyond]
    equals = {order[0][0]: place[0], **_further(order[1], place[1])}
    return [Walk(equals, order[1:]), beyond]


def _further(field: tuple[str, int], value: Any) -> Bson:
    name, direction = field
    return {name: {"$gt" if direction == ASCENDING else "$lt": value}}
