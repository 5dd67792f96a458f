"""Choosing that bidders can set private maxima."""

from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.rule import Rule
from commands.inbox.choosing.section import Section, Text, Written
from commands.inbox.invalid import InvalidInput

MAXIMA = {"yes": ProxyBids(), "no": None}


def _read(written: Written, _preset: Rule | None) -> Rule | None:
    text = written["proxy_bids"]
    if text not in MAXIMA:
        known = " or ".join(MAXIMA)
        raise InvalidInput(
            "proxy_bids", f"whether maxima bid is written {known}, not {text[:40]!r}"
        )
    return MAXIMA[text]


PROXY_BIDS = Section(
    ProxyBids,
    title="Proxy bids",
    purpose="A bidder can set a private maximum, and the auction bids for them. It needs increments over the leading bid.",
    texts=(
        Text(
            "proxy_bids",
            label="Maxima",
            help="Whether bidders can set a maximum that is known to them alone. Left empty: as the preset says, or else not.",
            example="yes|no",
            longest=20,
            choices={
                "": "as the preset says",
                "yes": "bidders can set a maximum",
                "no": "they can't",
            },
        ),
    ),
    read=_read,
)
