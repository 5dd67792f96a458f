"""Choosing a starting price."""

from commands.domain.rules.rule import Rule
from commands.domain.rules.starting_price import StartingPrice
from commands.inbox.choosing.reading import read_amount
from commands.inbox.choosing.section import Section, Text, Written


def _read(written: Written, _preset: Rule | None) -> Rule:
    return StartingPrice(read_amount("starting_price", written["starting_price"]))


STARTING_PRICE = Section(
    StartingPrice,
    title="Starting price",
    purpose="No bid is lower.",
    texts=(
        Text(
            "starting_price",
            label="Starting price",
            help="No bid is lower than this amount. Left empty: any amount counts.",
            example="10.00",
            longest=20,
        ),
    ),
    read=_read,
)
