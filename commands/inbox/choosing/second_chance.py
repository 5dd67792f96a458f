"""Choosing a second chance: how long the winner and each of the next bidders have, and how many these are at most."""

from commands.domain.rules.rule import Rule
from commands.domain.rules.second_chance import SecondChance
from commands.inbox.choosing.reading import read_seconds
from commands.inbox.choosing.section import Section, Text, Written
from commands.inbox.invalid import InvalidInput

NAME = "second_chance"
HOW = (
    "a second chance is written like 48h/24h/3: how long the winner has, how long each of the next ones has, and how "
    "many these are at most"
)


def _read(written: Written, _preset: Rule | None) -> Rule:
    """ "48h/24h/3": the winner confirms within 48 h; else up to 3 others have 24 h each to accept."""
    winner, answering, most = (*(part.strip() for part in written[NAME].split("/", 2)), "", "")[:3]
    confirm, answer = (read_seconds(NAME, each, HOW) for each in (winner, answering))
    if not (most.isascii() and most.isdigit() and len(most) < 10):
        raise InvalidInput(NAME, f"{most[:40]!r} is no number of bidders; {HOW}")
    return SecondChance(confirm, answer, int(most))


SECOND_CHANCE = Section(
    SecondChance,
    title="Second chance",
    purpose="The next bidders are offered the lot if the winner does not confirm.",
    texts=(
        Text(
            NAME,
            label="Winner/others/how many",
            help=(
                "48h/24h/3 has the winner confirm the purchase within 48 h; else it is offered to up to 3 of the next "
                "bidders, who have 24 h each. Left empty: who wins buys it."
            ),
            example="48h/24h/3",
            longest=40,
        ),
    ),
    read=_read,
)
