"""Pages by place: an order by two fields, and the filter that begins a page behind a place in it."""

from collections.abc import Sequence
from typing import Any

from pymongo import ASCENDING

from projections.mongo.bson import Bson

# Fields with pymongo's ASCENDING or DESCENDING, the second one unique among equals of the first.
Order = Sequence[tuple[str, int]]


def behind(order: Order, place: tuple[Any, Any] | None) -> Bson:
    """The filter for what comes behind the place, whose values are as stored; all without one.

    The first field is bounded by itself, so that an index is entered at the place, not before it.
    """
    if place is None:
        return {}
    (first, upward), (second, then_upward) = order
    past, from_there = ("$gt", "$gte") if upward == ASCENDING else ("$lt", "$lte")
    then_past = "$gt" if then_upward == ASCENDING else "$lt"
    further = {"$or": [{first: {past: place[0]}}, {second: {then_past: place[1]}}]}
    return {"$and": [{first: {from_there: place[0]}}, further]}
