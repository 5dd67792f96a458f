"""Sealed bids: amounts are hidden until the end."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.rule import InvalidRule, Rule


@dataclass(frozen=True, slots=True)
class Sealed(Rule):
    """Amounts are hidden until the end, each bidder has one live bid, and the highest wins.

    With `second_price` the winner pays the most of what they had to beat or to meet: the second highest bid, the
    starting price, the reserve; or else their own amount.
    """

    second_price: bool = False

    hides_amounts = True
    draws = False

    @property
    def sentence(self) -> str:
        pays = (
            "pays the second highest amount, but no less than a starting price or a reserve"
            if self.second_price
            else "pays their amount"
        )
        return (
            "Amounts are hidden until the end, when all are revealed. Each bidder has one live bid. Whoever bid "
            f"highest wins and {pays}; of equals, who bid first."
        )

    def check_beside(self, others: Sequence[Rule]) -> None:
        for other in others:
            if isinstance(other, OwnPromoter) and not other.off:
                raise InvalidRule(
                    "the promoter has no options where bids are sealed: it doubles none"
                )
            if other.masks:
                raise InvalidRule(
                    "bidders can't be masked where bids are sealed: the key of a bid is its bidder's own"
                )
            if other.shows_amounts:
                what = re.sub(r"(?<!^)(?=[A-Z])", " ", type(other).__name__).lower()
                raise InvalidRule(
                    f"{what} can't be chosen with sealed bids: nobody knows what others bid until the end"
                )

    def paid(self, amount: Decimal, next: Decimal | None) -> Decimal:
        return next if self.second_price and next is not None else amount
