"""Presets: rules that go together, by the name that such an auction has."""

from collections.abc import Container, Mapping
from decimal import Decimal

from commands.domain.rules.buy_now import BuyNow
from commands.domain.rules.increments import HOUSE_TABLE, Increments, Table
from commands.domain.rules.masked import Masked
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.rule import Rule
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import Rules, in_order
from commands.domain.rules.withdrawal import Withdrawal

PRESETS: Mapping[str, Rules] = {
    # The plain rules alone.
    "plain": (),
    # Each bid is higher than the one before, and the hammer waits for the last.
    "english": (Increments(HOUSE_TABLE), SoftClose(window=60, extension=60, times=10)),
    # A bid is a promise: anybody may give any amount, more of it by steps, and nobody takes it back.
    "charity": (
        Increments(over_own=HOUSE_TABLE),
        SoftClose(window=60, extension=60, times=10),
        Withdrawal(within=0),
    ),
    # Amounts are hidden until the end, and the winner pays the highest.
    "sealed": (Sealed(),),
    # The same, but the winner pays the second highest.
    "vickrey": (Sealed(second_price=True),),
}


def rules_of(
    preset: str = "plain",
    *,
    starting_price: Decimal | None = None,
    over_leader: Table = (),
    over_own: Table = (),
    buy_now: BuyNow | None = None,
    proxy_bids: ProxyBids | None = None,
    sealed: Sealed | None = None,
    soft_close: SoftClose | None = None,
    withdrawal: Withdrawal | None = None,
    masked: Masked | None = None,
    promoter: OwnPromoter | None = None,
    own_lot: OwnLot | None = None,
    second_chance: SecondChance | None = None,
    without: Container[type[Rule]] = (),
) -> Rules:
    """The preset's rules but those `without`, with what is given in the place of its own; KeyError for an unknown preset."""
    chosen = {type(rule): rule for rule in PRESETS[preset] if type(rule) not in without}
    given = [
        StartingPrice(starting_price) if starting_price is not None else None,
        increments_beside(chosen.get(Increments), over_leader, over_own),
        buy_now,
        proxy_bids,
        sealed,
        soft_close,
        withdrawal,
        masked,
        promoter,
        own_lot,
        second_chance,
    ]
    return in_order((chosen | {type(rule): rule for rule in given if rule}).values())


def increments_beside(
    preset: Rule | None, over_leader: Table, over_own: Table
) -> Increments | None:
    """Increments by these tables, if any: each takes the place of the preset's of that kind alone."""
    if not (over_leader or over_own):
        return None
    own = preset if isinstance(preset, Increments) else Increments()
    return Increments(over_leader or own.over_leader, over_own or own.over_own)
