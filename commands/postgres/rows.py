"""Rows on their way into a statement, all in one parameter."""

import json
from collections.abc import Sequence
from typing import Any

import orjson


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as JSON for json_to_recordset; amounts as text, so that not a digit is lost."""
    try:
        return orjson.dumps(rows, default=str).decode()
    except TypeError:
        # orjson has no integers beyond 64 bits. The weights of a draw, multiplied, may be larger.
        return json.dumps(rows, default=str)
