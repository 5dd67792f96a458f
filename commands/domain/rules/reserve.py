"""Reserve: a hidden price. Nobody wins with a bid whose amount is lower."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from commands.domain.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class ReservePrice:
    """A reserve as it is revealed at the end: its amount, and the salt that belongs to its commitment."""

    amount: Decimal
    salt: str

    def met_by(self, amount: Decimal | None) -> bool:
        """Whether it is met if the leading bidder would pay that; without a leading bid it is not."""
        return amount is not None and amount >= self.amount


@dataclass(frozen=True, slots=True)
class Reserve(Rule):
    """A hidden price below which nobody wins; what is public is its hash, and whether it is met.

    `commitment` is the SHA-256 of amount and salt, in hex. `sealed` is both, readable with the auction's key.
    """

    commitment: str
    sealed: str

    follows_leader: ClassVar[bool] = True

    @property
    def sentence(self) -> str:
        return "There is a hidden reserve price: nobody wins with a lower bid."
