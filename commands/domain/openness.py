"""Whether an auction is open, and what a command is told if it is not."""

from datetime import datetime

from commands.domain.rejections import Rejection, RejectionCode, readable
from commands.domain.state import Auction


def over(auction: Auction, now: datetime) -> bool:
    """Whether its end has passed at that moment, or it is closed."""
    return auction.closed or now >= auction.ends_at


def ended(auction: Auction) -> Rejection:
    """What a command is told that comes after the end."""
    if auction.cancelled:
        return Rejection(RejectionCode.AUCTION_CANCELLED, "the auction was cancelled")
    return Rejection(
        RejectionCode.AUCTION_ENDED, f"the auction ended at {readable(auction.ends_at)}"
    )


def not_open(auction: Auction, now: datetime) -> Rejection | None:
    """What a command is told that needs an open auction; None if it is open at that moment."""
    if auction.cancelled:
        return ended(auction)
    if now < auction.starts_at:
        return Rejection(
            RejectionCode.AUCTION_NOT_STARTED,
            f"the auction starts at {readable(auction.starts_at)}",
        )
    return ended(auction) if over(auction, now) else None


def closed_already(auction: Auction) -> Rejection:
    """What a command is told that would close it."""
    if auction.cancelled:
        return Rejection(RejectionCode.AUCTION_CANCELLED, "this auction is cancelled already")
    return Rejection(RejectionCode.AUCTION_ENDED, "this auction is closed already")
