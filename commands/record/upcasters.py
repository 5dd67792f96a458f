"""Upcasters: functions that turn older forms of an event into the present one.

A new field with a default needs none: it is absent while it has it, as in all older events.
When an event's fields change otherwise, raise its number in CURRENT_SCHEMA and add, under
(name, the number it had), the function that turns that form's data into the next.
"""

from collections.abc import Callable, Mapping
from typing import Any

CURRENT_SCHEMA: Mapping[str, int] = {"BidDeleted": 2, "BidDoubled": 2}


def _uncommitted_draw(data: dict[str, Any]) -> dict[str, Any]:
    """A draw from before there were commitments: by tick 0, without weights."""
    unknown = {"tick": 0, "policy_version": 0, "weight": 0, "total_weight": 0, "staff": []}
    return {**data, **unknown}


def _deletion_without_reason(data: dict[str, Any]) -> dict[str, Any]:
    """A deletion from before it said whether the bid was withdrawn with its bidder."""
    return {**data, "withdrawn_at": None}


UPCASTERS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("BidDeleted", 1): _deletion_without_reason,
    ("BidDoubled", 1): _uncommitted_draw,
}


def upcast(
    name: str,
    schema_version: int,
    data: dict[str, Any],
    *,
    current: Mapping[str, int] = CURRENT_SCHEMA,
    upcasters: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = UPCASTERS,
) -> dict[str, Any]:
    """The data in the event's present form; KeyError if the form, or an upcaster from it, is unknown."""
    present = current.get(name, 1)
    if schema_version > present:
        raise KeyError(f"{name} in form {schema_version}: this release knows up to {present}")
    for version in range(schema_version, present):
        data = upcasters[name, version](data)
    return data
