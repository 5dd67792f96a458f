"""Choosing sealed bids, and what the winner pays."""

from commands.domain.rules.rule import Rule
from commands.domain.rules.sealed import Sealed
from commands.inbox.choosing.section import Section, Text, Written
from commands.inbox.invalid import InvalidInput

# What may be written; None stands for open bids.
PAYS = {"first": Sealed(), "second": Sealed(second_price=True), "no": None}


def _read(written: Written, _preset: Rule | None) -> Rule | None:
    text = written["sealed"]
    if text not in PAYS:
        raise InvalidInput(
            "sealed", f"{text[:40]!r} is not known; sealed bids are written {', '.join(PAYS)}"
        )
    return PAYS[text]


SEALED = Section(
    Sealed,
    title="Sealed bids",
    purpose="Amounts are hidden until the end.",
    texts=(
        Text(
            "sealed",
            label="Winner pays",
            help=(
                "“first” if the winner pays the highest amount, “second” if the second highest, “no” for bids that "
                "everybody sees. Left empty: as the preset says, or else everybody sees them."
            ),
            example="first|second|no",
            longest=20,
            choices={
                "": "as the preset says",
                "first": "the highest amount",
                "second": "the second highest amount",
                "no": "bids are not sealed",
            },
        ),
    ),
    read=_read,
)
