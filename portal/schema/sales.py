"""Winners, and the sale of an auction with a second chance, in the API's form."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from portal.schema.bids import Bid, Bidder, shown_behind, winner_shown
from portal.schema.enums import OfferOutcome, SaleState
from portal.schema.reading import Names
from projections.documents import OfferDocument, OfferStep, SaleDocument, WinnerDocument


@strawberry.type(description="What became of an offer.")
class OfferAnswer:
    outcome: OfferOutcome = strawberry.field(description="What it was.")
    at: datetime = strawberry.field(description="When it was recorded, by the portal's clock.")
    reason: str | None = strawberry.field(
        description="In the house's own words, if it took the lot from them; else null."
    )

    @classmethod
    def of(cls, step: OfferStep) -> "OfferAnswer":
        """The step in a document."""
        return cls(outcome=OfferOutcome(step.outcome), at=step.at, reason=step.reason)


@strawberry.type(description="A lot offered to a bidder.")
class Offer:
    bid_id: UUID = strawberry.field(
        description="Their highest bid, with which it was their turn; for forfeitSale."
    )
    bidder: Bidder = strawberry.field(description="To whom it is offered.")
    amount: Decimal = strawberry.field(
        description="What they would pay: their bid's amount, and the winner what they won for."
    )
    offered_at: datetime = strawberry.field(
        description="When it was recorded, by the portal's clock."
    )
    until: datetime = strawberry.field(
        description="An answer counts if it is accepted before this moment."
    )
    answers: list[OfferAnswer] = strawberry.field(
        description=(
            "What became of it: none while it can be answered, and two if the house took the lot from somebody who had "
            "accepted."
        )
    )

    @classmethod
    def of(cls, offer: OfferDocument, names: Names) -> "Offer":
        """The offer in a document."""
        return cls(
            bid_id=offer.bid_id,
            bidder=Bidder.of(offer.bidder_id, offer.number, names),
            amount=offer.amount,
            offered_at=offer.at,
            until=offer.until,
            answers=[OfferAnswer.of(step) for step in offer.steps],
        )


@strawberry.type(
    description="To whom the lot of an auction with a second chance is offered, and who buys it."
)
class Sale:
    state: SaleState = strawberry.field(description="Where it stands.")
    current: Offer | None = strawberry.field(
        description="The offer that can be answered, or that was accepted; null if there is none."
    )
    offers: list[Offer] = strawberry.field(
        description="All so far, the winner's first; none of those whose accounts are deleted."
    )

    @classmethod
    def of(cls, sale: SaleDocument, names: Names) -> "Sale":
        """The sale in a document."""
        offers = [Offer.of(offer, names) for offer in sale.offers]
        held = sale.state in {SaleState.OFFERED, SaleState.SOLD}
        return cls(state=sale.state, current=offers[-1] if held else None, offers=offers)


@strawberry.type(description="Who won an auction, with which bid.")
class Winner:
    auction_id: UUID = strawberry.field(description="The auction that was won.")
    auction_title: str = strawberry.field(description="Its title.")
    bidder: Bidder = strawberry.field(description="Who won.")
    bid: Bid = strawberry.field(description="The bid that led when the auction closed.")
    pays: Decimal = strawberry.field(
        description="What is paid: the bid's amount, or by the auction's rules another price."
    )
    announced_at: datetime = strawberry.field(
        description="When the auction was closed, a moment after its endsAt."
    )
    sale: Sale | None = strawberry.field(
        description="To whom the lot went, if the auction has a second chance; else null: the winner buys it."
    )

    @classmethod
    def of(cls, winner: WinnerDocument, names: Names) -> "Winner":
        """The winner in a document."""
        bid = Bid.of(winner.bid, names)
        bid.bidder = shown_behind(bid.bidder, winner.user_id, names)
        return cls(
            auction_id=winner.auction_id,
            auction_title=winner.auction_title,
            bidder=bid.bidder,
            bid=bid,
            pays=winner.pays,
            announced_at=winner.announced_at,
            sale=Sale.of(winner.sale, names) if winner.sale else None,
        )


def users_shown(winner: WinnerDocument) -> set[UUID]:
    """The users whose names are shown with a winner and the sale; nobody's who is masked."""
    offers = winner.sale.offers if winner.sale else ()
    return winner_shown(winner) | {each.bidder_id for each in offers if each.number is None}
