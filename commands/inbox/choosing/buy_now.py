"""Choosing a buy-now price: 500, or 500/until 300."""

import re

from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.rule import Rule
from commands.inbox.choosing.reading import read_amount
from commands.inbox.choosing.section import Section, Text, Written
from commands.inbox.invalid import InvalidInput


def _read(written: Written, _preset: Rule | None) -> Rule:
    """ "500": until the first bid; "500/until 300": until the leading bid counts 300."""
    price, slash, rest = (part.strip() for part in written["buy_now"].partition("/"))
    if not slash:
        return BuyNow(read_amount("buy_now", price))
    until = re.fullmatch(r"until\s+(\S+)", rest)
    if not until:
        raise InvalidInput(
            "buy_now", f"{rest[:40]!r} says no end; a buy-now price is written 500 or 500/until 300"
        )
    return BuyNow(read_amount("buy_now", price), read_amount("buy_now", until[1]))


BUY_NOW = Section(
    BuyNow,
    title="Buy now",
    purpose="A price at which anybody can buy, which ends the auction at once.",
    texts=(
        Text(
            "buy_now",
            label="Price",
            help=(
                "“500”: as long as nobody bids. “500/until 300”: until the leading bid counts 300. The price is higher than "
                "the starting price, and not lower than the reserve. Left empty: none."
            ),
            example="500|500/until 300",
            longest=60,
        ),
    ),
    read=_read,
)
