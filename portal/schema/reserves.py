"""An auction's hidden reserve, as everybody may see it."""

from decimal import Decimal

import strawberry

from commands.domain.rules import reserve as domain
from commands.domain.rules.table import chosen
from projections.documents import AuctionDocument


@strawberry.type(
    description="A hidden reserve: nobody wins with a lower bid. What counts is a bid's amount, not doubled."
)
class Reserve:
    met: bool = strawberry.field(description="Whether the leading bid's amount meets it.")
    amount: Decimal | None = strawberry.field(
        description="Null until the auction is closed, and for ever if it was cancelled."
    )
    salt: str | None = strawberry.field(
        description="Revealed with the amount, so that anybody can check the commitment in `rules.reserve`."
    )

    @classmethod
    def of(cls, auction: AuctionDocument) -> "Reserve | None":
        """In the API's form; None if the auction has none."""
        if chosen(auction.rules, domain.Reserve) is None:
            return None
        price = auction.reserve
        return cls(
            met=auction.reserve_met,
            amount=price.amount if price else None,
            salt=price.salt if price else None,
        )
