"""Buy now: a price at which anybody may buy, and so end the auction at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from commands.domain.amounts import LARGEST, SMALLEST
from commands.domain.rules.rule import InvalidRule, Rule
from commands.domain.rules.starting_price import StartingPrice


@dataclass(frozen=True, slots=True)
class BuyNow(Rule):
    """The price, offered as long as there is no live bid, or until the leading one counts `until` or more.

    A doubling counts: what the leading bid counts is what decides.
    """

    price: Decimal
    until: Decimal | None = None

    shows_amounts = True

    @property
    def sentence(self) -> str:
        if self.until is None:
            return f"As long as nobody bids, anybody can buy at once for {self.price:,}; that ends the auction."
        return (
            f"Until the leading bid counts {self.until:,}, anybody can buy at once for {self.price:,}; "
            "that ends the auction."
        )

    def check(self) -> None:
        if not SMALLEST <= self.price <= LARGEST:
            raise InvalidRule(
                f"a buy-now price lies between {SMALLEST:,} and {LARGEST:,}, not {self.price:,}"
            )
        if self.until is not None and not SMALLEST <= self.until < self.price:
            raise InvalidRule(
                f"a buy-now price is offered until an amount below it: {self.until:,} is none below "
                f"{self.price:,}"
            )

    def check_beside(self, others: Sequence[Rule]) -> None:
        for other in others:
            if isinstance(other, StartingPrice) and self.price <= other.amount:
                raise InvalidRule(
                    f"a buy-now price is higher than the starting price: {self.price:,} is not higher than "
                    f"{other.amount:,}"
                )

    def offered(self, leading: Decimal | None) -> bool:
        """Whether it is offered while the leading bid counts that much."""
        return leading is None or (self.until is not None and leading < self.until)

    def over(self, leading: Decimal) -> str:
        """Why it is not offered any more, for the buyer."""
        if self.until is None:
            return "it could be bought at once as long as there was no bid"
        return f"it could be bought at once until the leading bid counted {self.until:,}; it counts {leading:,}"
