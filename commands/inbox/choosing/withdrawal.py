"""Choosing whether, and how long, bidders may delete their own bids."""

from commands.domain.rules.rule import Rule
from commands.domain.rules.withdrawal import Withdrawal
from commands.inbox.choosing.reading import read_seconds
from commands.inbox.choosing.section import Section, Text, Written

# What names that bids can never, or always be deleted.
NEVER, ALWAYS = "never", "always"
HOW = f'write "{NEVER}", "{ALWAYS}", or how long after bidding, like 10m'


def _read(written: Written, _preset: Rule | None) -> Rule | None:
    """ "never", or a length of time such as 10m; "always" is no rule."""
    text = written["withdrawal"]
    if text == ALWAYS:
        return None
    return Withdrawal(0 if text == NEVER else read_seconds("withdrawal", text, HOW))


WITHDRAWAL = Section(
    Withdrawal,
    title="Deleting bids",
    purpose="How long bidders can delete their own bids.",
    texts=(
        Text(
            "withdrawal",
            label="Deletable",
            help=(
                "“never”, “always”, or a time after bidding such as 10m. Left empty: as the preset says, or else until "
                "the auction ends."
            ),
            example="never|10m|always",
            longest=20,
        ),
    ),
    read=_read,
)
