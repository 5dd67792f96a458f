"""Choosing that bidders are masked, and for how long the winner is."""

from commands.domain.rules.masked import Masked
from commands.domain.rules.rule import Rule
from commands.inbox.choosing.section import Section, Text, Written
from commands.inbox.invalid import InvalidInput

MASKED_FOR = {"always": Masked(), "until-close": Masked(names_winner=True)}


def _read(written: Written, _preset: Rule | None) -> Rule:
    text = written["masked"]
    if text not in MASKED_FOR:
        known = " or ".join(MASKED_FOR)
        raise InvalidInput("masked", f"a winner is masked {known}, not {text[:40]!r}")
    return MASKED_FOR[text]


MASKED = Section(
    Masked,
    title="Masked bidders",
    purpose="Others see “Bidder 1”, “Bidder 2” and so on in the place of names. The house sees names.",
    texts=(
        Text(
            "masked",
            label="Masked",
            help="Whether the winner is masked always, or until the close, when their name is shown.",
            example="always|until-close",
            longest=20,
            choices={
                "": "No: everybody sees names",
                "until-close": "Until the close, when the winner's name is shown",
                "always": "Always, the winner too",
            },
        ),
    ),
    read=_read,
)
