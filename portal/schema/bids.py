"""Bids, and who placed them, in the API's form."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from commands.domain.rules.masked import shown_as
from commands.domain.rules.table import deletable_until
from portal.schema.reading import Names
from projections import documents
from projections.documents import AuctionDocument, BidDocument, WinnerDocument


@strawberry.type(description="Who placed a bid.")
class Bidder:
    id: UUID = strawberry.field(
        description=(
            "The user's id, which outlives their deletion; in a masked auction an id that is good there alone, and "
            "tells nothing of the user. See Auction.me."
        )
    )
    name: str = strawberry.field(
        description=(
            'What to call them: their username, "Bidder 7" in a masked auction, "deleted user" once they were '
            "deleted."
        )
    )
    username: str | None = strawberry.field(
        description=(
            "Null once the user was deleted; and in a masked auction, but for the reader's own bids and a winner who "
            "is shown. Auctioneers find who is who in Auction.aliases."
        )
    )

    @classmethod
    def of(cls, bidder_id: UUID, number: int | None, names: Names) -> "Bidder":
        """The bidder, of that number if they are masked, with the username if it is among the names."""
        username = names.get(bidder_id)
        shown = shown_as(number) if number else username or DELETED
        return cls(id=bidder_id, name=shown, username=username)


# What a user is called who was deleted.
DELETED = "deleted user"


def users_among(bids: Iterable[BidDocument]) -> set[UUID]:
    """The users whose names are shown with these bids; nobody's who is masked."""
    return {bid.bidder_id for bid in bids if bid.number is None}


def winner_shown(winner: WinnerDocument) -> set[UUID]:
    """The user whose name is shown as the winner's; nobody if they are masked for good."""
    return {winner.user_id} if winner.user_id else users_among([winner.bid])


def shown_behind(bidder: Bidder, user_id: UUID | None, names: Names) -> Bidder:
    """The bidder, by the name of the user behind them if that is shown, and the user was not deleted."""
    username = names.get(user_id) if user_id else None
    return replace(bidder, name=username, username=username) if username else bidder


@strawberry.type(description="What the house did to an auction or a bid beside the bidders.")
class HouseDecision:
    reason: str = strawberry.field(description="Why, in the house's own words.")
    at: datetime = strawberry.field(
        description="When it was recorded, by the portal's clock; of a pause since when it lasts."
    )

    @classmethod
    def of(cls, decision: documents.HouseDecision) -> "HouseDecision":
        """The decision in a document."""
        return cls(reason=decision.reason, at=decision.at)


@strawberry.type(description="A purchase at an auction's buy-now price, which ended it.")
class Purchase:
    bid_id: UUID = strawberry.field(description="The bid that it is, of the buy-now price.")
    at: datetime = strawberry.field(description="When it was recorded, by the portal's clock.")

    @classmethod
    def of(cls, purchase: documents.Purchase) -> "Purchase":
        """The purchase in a document."""
        return cls(bid_id=purchase.bid_id, at=purchase.at)


@strawberry.type(description="An offer in an auction.")
class Bid:
    id: UUID = strawberry.field(description="The bid's id, for deleteBid.")
    auction_id: UUID = strawberry.field(description="The auction it was placed in.")
    bidder: Bidder = strawberry.field(description="Who placed it.")
    amount: Decimal | None = strawberry.field(
        description=(
            "What was offered, and what the winner pays unless Winner.pays says otherwise. Null while the bid is "
            "sealed."
        )
    )
    effective_amount: Decimal | None = strawberry.field(
        description="What ranks the bid: twice the amount once it was doubled. Null while the bid is sealed."
    )
    doubled: bool = strawberry.field(
        description="Whether the promoter doubled it, which it does at most once."
    )
    deleted: bool = strawberry.field(
        description="Whether it counts no more: its bidder took it back, or was deleted, or the house removed it."
    )
    placed_at: datetime = strawberry.field(description="When the portal accepted it, by its clock.")
    deletable_until: datetime | None = strawberry.field(
        default=None,
        description=(
            "Its bidder may delete it if that is accepted before this moment, by the auction's rules and its end. Null if "
            "they may not, and of a bid that does not come as part of its auction."
        ),
    )
    removed: HouseDecision | None = strawberry.field(
        default=None, description="Why it counts no more, if the house removed it; else null."
    )
    commitment: str | None = strawberry.field(
        default=None,
        description=(
            'Of a sealed bid the SHA-256, in hex, of {"amount":"12.00","salt":"…"}, its amount and salt; else null.'
        ),
    )
    salt: str | None = strawberry.field(
        default=None, description="Of a sealed bid that was revealed; else null."
    )
    automatic: bool = strawberry.field(
        default=False, description="Whether it was placed for its bidder, by their maximum."
    )

    @classmethod
    def of(cls, bid: BidDocument, names: Names, auction: AuctionDocument | None = None) -> "Bid":
        """The bid in a document, as part of its auction if that is given."""
        return cls(
            id=bid.id,
            auction_id=bid.auction_id,
            bidder=Bidder.of(bid.bidder_id, bid.number, names),
            amount=None if bid.hidden else bid.amount,
            effective_amount=None if bid.hidden else bid.effective_amount,
            doubled=bid.doubled,
            deleted=bid.deleted,
            placed_at=bid.placed_at,
            deletable_until=_deletable_until(bid, auction) if auction else None,
            removed=HouseDecision.of(bid.removed) if bid.removed else None,
            commitment=bid.commitment,
            salt=bid.salt,
            automatic=bid.automatic,
        )


def _deletable_until(bid: BidDocument, auction: AuctionDocument) -> datetime | None:
    if bid.deleted or auction.closed or auction.paused:
        return None
    return deletable_until(auction.rules, bid.placed_at, auction.ends_at, auction.pauses)


@strawberry.type(
    description="What the reader's own sealed bid holds; nobody else is told before the end."
)
class SealedContent:
    bid_id: UUID = strawberry.field(description="The bid.")
    amount: Decimal = strawberry.field(description="What was offered.")
    salt: str = strawberry.field(
        description="With it and the amount the bid's commitment can be checked."
    )
