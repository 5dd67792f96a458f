"""Presets: rules that go together, by the name that such an auction has."""

from collections.abc import Mapping
from decimal import Decimal

from commands.domain.rules.increments import HOUSE_TABLE, Increments, Table
from commands.domain.rules.rule import Rule
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import Rules, in_order

PRESETS: Mapping[str, Rules] = {
    # The plain rules alone.
    "plain": (),
    # Each bid is higher than the one before, and the hammer waits for the last.
    "english": (Increments(HOUSE_TABLE), SoftClose(window=60, extension=60, times=10)),
}


def rules_of(
    preset: str = "plain",
    *,
    starting_price: Decimal | None = None,
    over_leader: Table = (),
    over_own: Table = (),
    soft_close: SoftClose | None = None,
) -> Rules:
    """The preset's rules, with what is given in the place of its own; KeyError for an unknown preset."""
    increments, rules = Increments(), list[Rule]()
    for rule in PRESETS[preset]:
        match rule:
            case Increments():
                increments = rule
            case SoftClose():
                soft_close = soft_close or rule
    increments = Increments(over_leader or increments.over_leader, over_own or increments.over_own)
    if starting_price is not None:
        rules.append(StartingPrice(starting_price))
    if increments != Increments():
        rules.append(increments)
    if soft_close:
        rules.append(soft_close)
    return in_order(rules)
