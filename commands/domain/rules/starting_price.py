"""Starting price: no bid is lower."""

from dataclasses import dataclass
from decimal import Decimal

from commands.domain.rejections import RejectionCode
from commands.domain.rules.rule import Rule, ToBeat


@dataclass(frozen=True, slots=True)
class StartingPrice(Rule):
    """The lowest amount that anybody may bid."""

    amount: Decimal

    code = RejectionCode.BELOW_STARTING_PRICE

    @property
    def sentence(self) -> str:
        return f"Bids start at {self.amount:,}."

    def least(self, to_beat: ToBeat) -> Decimal:
        return self.amount

    def too_low(self, amount: Decimal, to_beat: ToBeat) -> str:
        return f"{amount:,} is below the starting price, {self.amount:,}"
