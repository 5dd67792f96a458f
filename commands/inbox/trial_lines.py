"""What is tried in a made-up auction, as people write it: one bid, maximum, deletion, purchase, doubling or answer a line.

    alice 10.00
    bob 12.00, 30 s before the end
    bob deletes 12.00, 10 m later
    alice maximum 50.00
    alice takes the maximum back
    alice buys
    alice 10.00 is doubled
    alice confirms, 2 h later
    alice declines
    alice does not answer
    the house takes it back

A time before the end is before the end as it stands then. `later` counts from when the named bid was placed, and of an
answer from when the lot was offered. The first of the last four kinds comes after the end.
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
HOUSE = "the house"
LINE = re.compile(
    r"(?:(?P<house>the house) (?P<takes>takes it back)|(?P<who>[\w.@+-]{1,150}) (?:(?P<buys>buys)|"
    r"(?P<clears>takes the maximum back)|maximum (?P<most>[^\s,]+)|"
    r"(?P<answers>confirms|accepts|declines|does not answer)|(?P<deletes>deletes )?(?P<bid>[^\s,]+)(?P<doubled> is doubled)?))"
    r"(?:, (?P<number>[0-9]{1,6}) ?(?P<unit>[smh]) (?P<when>before the end|later))?"
)
HOW = "write a line like “alice 10.00”, “bob 12.00, 30 s before the end” or “bob deletes 12.00, 10 m later”"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}

Does = Literal[
    "bids",
    "sets a maximum",
    "clears it",
    "deletes",
    "buys",
    "is doubled",
    "accepts",
    "declines",
    "does not answer",
    "takes it back",
]
# What is done with the lot, once the auction is over.
OF_SALES: frozenset[Does] = frozenset({"accepts", "declines", "does not answer", "takes it back"})

# What follows on no bid of which it could be said how long ago that was placed.
AT_ONCE: frozenset[Does] = frozenset({"bids", "buys", "sets a maximum", "clears it"})


@dataclass(frozen=True, slots=True)
class Step:
    """A line: who does what with which bid, and how long before the end, or after that bid or the offer, if it says so."""

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
        text = found["bid"] or found["most"]
        named = amount(text) if text else None
    except InvalidAmount as error:
        raise wrong(number, str(error)) from error
    step = Step(number, line, found["who"] or HOUSE, _does(found), named)
    if not found["number"]:
        return step
    span = timedelta(**{UNITS[found["unit"]]: int(found["number"])})
    if found["when"] == "before the end" and step.does in OF_SALES:
        raise wrong(
            number, "the lot is offered after the end; “later” says how long after the offer"
        )
    if found["when"] == "before the end":
        return Step(number, line, step.who, step.does, named, before=span)
    if step.does in AT_ONCE:
        raise wrong(
            number,
            "“later” says how long after its bid something is deleted or doubled, or after an offer it is answered",
        )
    return Step(number, line, step.who, step.does, named, later=span)


def _does(found: re.Match[str]) -> Does:
    if found["takes"]:
        return "takes it back"
    match found["answers"]:
        case "confirms" | "accepts":
            return "accepts"
        case "declines":
            return "declines"
        case "does not answer":
            return "does not answer"
    if found["buys"]:
        return "buys"
    if found["clears"]:
        return "clears it"
    if found["most"]:
        return "sets a maximum"
    if found["doubled"]:
        return "is doubled"
    return "deletes" if found["deletes"] else "bids"
