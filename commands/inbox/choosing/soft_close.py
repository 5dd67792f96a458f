"""Choosing a soft close: 60s/60s/10, or a hard end in the place of how often."""

from commands.domain.rules.rule import Rule
from commands.domain.rules.soft_close import SoftClose
from commands.inbox.choosing.reading import read_moment, read_seconds
from commands.inbox.choosing.section import Section, Text, Written

HOW = (
    "a soft close is written like 60s/60s/10: the window, what it moves the end by, and how often at most, "
    "or until when"
)


def _read(written: Written, _preset: Rule | None) -> Rule:
    """ "60s/60s/10": a bid in the last 60 s moves the end by 60 s, 10 times at most; or "60s/60s/2030-01-31T18:00Z"."""
    window, _, rest = written["soft_close"].partition("/")
    extension, _, rest = rest.partition("/")
    times, hard_end = None, None
    for bound in filter(None, (part.strip() for part in rest.split("/"))):
        if bound.isascii() and bound.isdigit() and len(bound) < 10:
            times = int(bound)
        else:
            hard_end = read_moment("soft_close", bound)
    before, by = (read_seconds("soft_close", each.strip(), HOW) for each in (window, extension))
    return SoftClose(before, by, times, hard_end)


SOFT_CLOSE = Section(
    SoftClose,
    title="Soft close",
    purpose="A bid shortly before the end moves the end.",
    texts=(
        Text(
            "soft_close",
            label="Window/extension/times",
            help=(
                "60s/60s/10 has a bid in the last 60 s move the end by 60 s, 10 times at most. The last part can be "
                "a time instead, as the hard end: 2030-01-31T18:00:00Z. Left empty: the end stays."
            ),
            example="60s/60s/10",
        ),
    ),
    read=_read,
)
