"""What a bid holds, as it is sealed in the bid's event."""

from decimal import Decimal
from uuid import UUID

from commands.domain.hidden import Content
from commands.record.sealing import Unsealable, seal, unseal


def sealed_bid(key: bytes, content: Content, auction_id: UUID, bid_id: UUID) -> str:
    """The content as text that only its bidder's key makes readable, as of that bid alone."""
    value = {"amount": str(content.amount), "salt": content.salt}
    return seal(key, value, auction_id, bid_id)


def opened_bid(key: bytes, sealed: str, auction_id: UUID, bid_id: UUID) -> Content | None:
    """What the bid holds; None if it does not open."""
    try:
        value = unseal(key, sealed, auction_id, bid_id)
        return Content(Decimal(value["amount"]), value["salt"])
    except (Unsealable, KeyError, TypeError, ArithmeticError):
        return None
