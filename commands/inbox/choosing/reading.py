"""Amounts, lengths of time and moments, as they are written for rules."""

import re
from datetime import datetime
from decimal import Decimal

from commands.domain.amounts import InvalidAmount, amount
from commands.inbox.invalid import InvalidInput


def read_amount(name: str, text: str) -> Decimal:
    """The amount; InvalidInput."""
    try:
        return amount(text.strip())
    except InvalidAmount as error:
        raise InvalidInput(name, str(error)) from error


def read_seconds(name: str, text: str, written: str) -> int:
    """So many seconds, from "90s", "10m" or "2h"; InvalidInput, which says how it is `written`."""
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text)
    if not found:
        raise InvalidInput(name, f"{text[:40]!r} is no length of time; {written}")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def read_moment(name: str, text: str) -> datetime:
    """A time with its zone, such as 2030-01-31T18:00:00Z; InvalidInput."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidInput(
            name, f"{text[:40]!r} is neither a number nor a time like 2030-01-31T18:00:00Z"
        )
    return found
