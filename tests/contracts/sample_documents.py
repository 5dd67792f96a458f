"""Documents for the contract suite."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from commands.ids import new_id
from projections.documents import AuctionDocument, BidDocument, UserDocument
from tests.domain.scenario import ALICE

# Documents' times must keep their microseconds, which BSON's own dates don't have.
NOW = datetime(2025, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)


def bid(
    auction_id: UUID,
    amount: str = "10.00",
    *,
    bidder: UUID = ALICE,
    version: int = 2,
    deleted_version: int | None = None,
) -> BidDocument:
    """A bid placed at that version."""
    return BidDocument(
        id=new_id(),
        auction_id=auction_id,
        bidder_id=bidder,
        amount=Decimal(amount),
        effective_amount=Decimal(amount),
        placed_at=NOW,
        placed_version=version,
        reached_version=version,
        deleted_version=deleted_version,
        version=deleted_version or version,
    )


def auction(*, version: int = 1) -> AuctionDocument:
    """An auction at that version."""
    return AuctionDocument(
        new_id(), version, "A Lamp, schön", "Brass\nworks", NOW, NOW + timedelta(hours=1)
    )


def user(*, version: int = 1) -> UserDocument:
    """A user at that version."""
    return UserDocument(new_id(), version, False, "alice")
