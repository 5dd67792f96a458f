"""Choosing increments: the house's table, or brackets such as 0:1, 100:5."""

from commands.domain.rules.increments import HOUSE_TABLE, NOTHING, Bracket, Increments, Table
from commands.domain.rules.presets import increments_beside
from commands.domain.rules.rule import Rule
from commands.inbox.choosing.reading import read_amount
from commands.inbox.choosing.section import Section, Text, Written
from commands.inbox.invalid import InvalidInput

# What names the house's own table of increments.
HOUSE = "table"


def _read(written: Written, preset: Rule | None) -> Rule | None:
    tables = (_table(name, written[name]) for name in ("increments", "own_increments"))
    return increments_beside(preset, *tables)


def _table(name: str, text: str) -> Table:
    """ "table", or brackets such as "0:1, 100:5": from 0 on steps of 1, from 100 on steps of 5."""
    if not text:
        return ()
    if text == HOUSE:
        return HOUSE_TABLE
    return tuple(_bracket(name, each.strip()) for each in text.split(","))


def _bracket(name: str, text: str) -> Bracket:
    start, colon, step = (part.strip() for part in text.partition(":"))
    if not colon:
        raise InvalidInput(
            name, f'{text[:40]!r} is no bracket; write "{HOUSE}", or brackets such as 0:1, 100:5'
        )
    nothing = start.strip("0.") == ""
    return Bracket(NOTHING if nothing else read_amount(name, start), read_amount(name, step))


INCREMENTS = Section(
    Increments,
    title="Increments",
    purpose="A bid is higher by a step.",
    texts=(
        Text(
            "increments",
            label="Over the leading bid",
            help=(
                "By how much a bid must be higher than the leading one: “table” for the house's own table, or brackets "
                "such as 0:1, 100:5 (steps of 1 from 0, of 5 from 100). Left empty: a bid may be lower."
            ),
            example="table|0:1,100:5",
            longest=1000,
        ),
        Text(
            "own_increments",
            label="Over one's own",
            help="By how much a bid must be higher than its bidder's own highest. Written the same way.",
            example="table|0:1,100:5",
            longest=1000,
        ),
    ),
    read=_read,
)
