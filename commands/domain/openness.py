"""Whether an auction is open, and what a command is told if it is not. What decides is when that was accepted."""

from datetime import datetime

from commands.domain.rejections import Rejection, RejectionCode, readable
from commands.domain.state import Auction


def over(auction: Auction, now: datetime) -> bool:
    """Whether its end had come at that moment, or it is closed. While time stands still no end comes."""
    if auction.closed:
        return True
    if auction.stands_still(now):
        return False
    return auction.on_its_clock(now) >= auction.ends_at


def not_open(auction: Auction, now: datetime) -> Rejection | None:
    """What a command is told that needs an open auction; None if it was open at that moment."""
    if not auction.cancelled and now < auction.starts_at:
        return Rejection(
            RejectionCode.AUCTION_NOT_STARTED,
            f"the auction starts at {readable(auction.starts_at)}",
        )
    return not_running(auction, now)


def not_running(auction: Auction, now: datetime) -> Rejection | None:
    """What a command is told that comes after the end, or in a pause; None if it came before, perhaps before the start."""
    if auction.cancelled:
        return ended(auction)
    if auction.stands_still(now):
        return paused(auction)
    if auction.closed or auction.on_its_clock(now) >= auction.ends_at:
        return ended(auction)
    return None


def paused(auction: Auction) -> Rejection:
    """What a command is told that needs time to go on."""
    return Rejection(
        RejectionCode.AUCTION_PAUSED,
        "the auction is paused until the house resumes it"
        if auction.paused
        else "the auction was paused at that moment",
    )


def ended(auction: Auction) -> Rejection:
    """What a command is told that comes after the end."""
    if auction.cancelled:
        return Rejection(RejectionCode.AUCTION_CANCELLED, "the auction was cancelled")
    return Rejection(
        RejectionCode.AUCTION_ENDED, f"the auction ended at {readable(auction.ends_at)}"
    )


def closed_already(auction: Auction) -> Rejection:
    """What a command is told that would close it."""
    if auction.cancelled:
        return Rejection(RejectionCode.AUCTION_CANCELLED, "this auction is cancelled already")
    return Rejection(RejectionCode.AUCTION_ENDED, "this auction is closed already")
