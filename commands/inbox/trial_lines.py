"""What is tried in a made-up auction, as people write it: one bid, deletion, purchase or doubling a line.

    alice 10.00
    bob 12.00, 30 s before the end
    bob deletes 12.00, 10 m later
    alice buys
    alice 10.00 is doubled

A time before the end is before the end as it stands then. `later` counts from when the named bid was placed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from commands.domain.amounts import InvalidAmount, amount
from commands.inbox.invalid import InvalidInput

MOST_LINES = 50
LINE = re.compile(
    r"(?P<who>[\w.@+-]{1,150}) (?:(?P<buys>buys)|(?P<deletes>deletes )?(?P<bid>[^\s,]+)(?P<doubled> is doubled)?)"
    r"(?:, (?P<number>[0-9]{1,6}) ?(?P<unit>[smh]) (?P<when>before the end|later))?"
)
HOW = "write a line like “alice 10.00”, “bob 12.00, 30 s before the end” or “bob deletes 12.00, 10 m later”"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}

Does = Literal["bids", "deletes", "buys", "is doubled"]


@dataclass(frozen=True, slots=True)
class Step:
    """A line: who does what with which bid, and how long before the end, or after that bid, if it says so."""

    number: int
    text: str
    who: str
    does: Does
    amount: Decimal | None
    before: timedelta | None = None
    later: timedelta | None = None


def wrong(number: int, why: str) -> InvalidInput:
    """The error for that line."""
    return InvalidInput("bids", f"line {number}: {why}")


def read_steps(text: str) -> Sequence[Step]:
    """The lines that are not empty, at most MOST_LINES; InvalidInput names the line that is wrong."""
    written = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(written) > MOST_LINES:
        raise InvalidInput("bids", f"at most {MOST_LINES} lines are tried, not {len(written)}")
    return [_step(number, line) for number, line in written]


def _step(number: int, line: str) -> Step:
    found = LINE.fullmatch(line)
    if not found:
        raise wrong(number, f"{line[:60]!r} can't be read; {HOW}")
    try:
        named = amount(found["bid"]) if found["bid"] else None
    except InvalidAmount as error:
        raise wrong(number, str(error)) from error
    step = Step(number, line, found["who"], _does(found), named)
    if not found["number"]:
        return step
    span = timedelta(**{UNITS[found["unit"]]: int(found["number"])})
    if found["when"] == "before the end":
        return Step(number, line, step.who, step.does, named, before=span)
    if step.does in ("bids", "buys"):
        raise wrong(number, "“later” says how long after its bid something is deleted or doubled")
    return Step(number, line, step.who, step.does, named, later=span)


def _does(found: re.Match[str]) -> Does:
    if found["buys"]:
        return "buys"
    if found["doubled"]:
        return "is doubled"
    return "deletes" if found["deletes"] else "bids"
