"""What auctioneers do to an auction that is there, each with a reason for everybody to read.

They cancel it, end it early, have time stand still and go on in it, and remove bids.
"""

from collections.abc import Sequence
from datetime import datetime

from commands.domain.commands import (
    CancelAuction,
    CloseAuctionNow,
    PauseAuction,
    RemoveBid,
    ResumeAuction,
)
from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionEvent,
    AuctionPaused,
    AuctionResumed,
    BidRemoved,
)
from commands.domain.openness import closed_already, ended, not_open, over
from commands.domain.pauses import moved
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.state import Auction


def cancel(command: CancelAuction, auction: Auction) -> Sequence[AuctionEvent] | Rejection:
    """Close it without a winner, unless it is closed."""
    if auction.closed:
        return closed_already(auction)
    return [AuctionCancelled(command.reason, command.cancelled_by)]


def close_now(
    command: CloseAuctionNow, auction: Auction, now: datetime
) -> Sequence[AuctionEvent] | Rejection:
    """End it at that moment, while it is open or paused."""
    if not auction.paused and (refusal := not_open(auction, now)):
        return refusal
    return [AuctionClosedEarly(now, command.reason, command.closed_by)]


def pause(
    command: PauseAuction, auction: Auction, now: datetime
) -> Sequence[AuctionEvent] | Rejection:
    """Have time stand still from that moment on, while it is open."""
    if refusal := not_open(auction, now):
        return refusal
    return [AuctionPaused(now, command.reason, command.paused_by)]


def resume(
    command: ResumeAuction, auction: Auction, now: datetime
) -> Sequence[AuctionEvent] | Rejection:
    """Have time go on from that moment on; its end moves by the length of the pause."""
    if auction.closed:
        return closed_already(auction)
    if auction.paused_at is None:
        if over(auction, now):
            return ended(auction)
        return Rejection(RejectionCode.AUCTION_NOT_PAUSED, "this auction is not paused")
    end = moved(auction.ends_at, now - auction.paused_at)
    return [AuctionResumed(now, end, command.reason, command.resumed_by)]


def remove_bid(
    command: RemoveBid, auction: Auction, now: datetime
) -> Sequence[AuctionEvent] | Rejection:
    """Delete anybody's live bid, until the auction is over."""
    bid = auction.bids.get(command.bid_id)
    if bid is None:
        return Rejection(RejectionCode.BID_NOT_FOUND, "there is no such bid in this auction")
    if bid.deleted:
        return Rejection(RejectionCode.BID_ALREADY_DELETED, "this bid is deleted already")
    if over(auction, now):
        return ended(auction)
    return [BidRemoved(bid.id, bid.bidder_id, command.reason, command.removed_by)]
