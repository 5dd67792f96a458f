"""Keyset pagination: an order by two fields, and the filter for a page after a place in it."""

from collections.abc import Sequence
from typing import Any

from pymongo import ASCENDING

from projections.mongo.bson import Bson

# Fields with pymongo's ASCENDING or DESCENDING, the second one unique among equals of the first.
Order = Sequence[tuple[str, int]]


def behind(order: Order, place: tuple[Any, Any] | None) -> Bson:
    """The filter for documents after the place, given as stored values; without a place, for all.

    The first field has a bound of its own, so that an index scan begins at the place.
    """
    if place is None:
        return {}
    (first, upward), (second, then_upward) = order
    past, from_there = ("$gt", "$gte") if upward == ASCENDING else ("$lt", "$lte")
    then_past = "$gt" if then_upward == ASCENDING else "$lt"
    further = {"$or": [{first: {past: place[0]}}, {second: {then_past: place[1]}}]}
    return {"$and": [{first: {from_there: place[0]}}, further]}
