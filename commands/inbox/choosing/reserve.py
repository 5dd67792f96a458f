"""Choosing a reserve; the rule itself is made once the auction has a key to hide it with (commands/inbox/hiding.py)."""

from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.rule import Rule
from commands.inbox.choosing.reading import read_amount
from commands.inbox.choosing.section import Section, Text, Written


def _read(written: Written, _preset: Rule | None) -> ReservePrice:
    return ReservePrice(read_amount("reserve", written["reserve"]), salt="")


RESERVE = Section(
    Reserve,
    title="Reserve",
    purpose="A hidden price: nobody wins with a lower bid.",
    texts=(
        Text(
            "reserve",
            label="Reserve",
            help="Bidders see only whether it is met; the price is shown at the end. Left empty: none.",
            example="AMOUNT",
            longest=20,
        ),
    ),
    read=_read,
)
