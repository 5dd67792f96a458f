"""What auctioneers do to an auction that is there: cancel it, end it early, remove a bid. Each has a reason for everybody."""

from collections.abc import Sequence
from datetime import datetime

from commands.domain.commands import CancelAuction, CloseAuctionNow, RemoveBid
from commands.domain.events import AuctionCancelled, AuctionClosedEarly, AuctionEvent, BidRemoved
from commands.domain.openness import closed_already, ended, not_open, over
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
    """End it at that moment, while it is open."""
    if refusal := not_open(auction, now):
        return refusal
    return [AuctionClosedEarly(now, command.reason, command.closed_by)]


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
