"""Deciding whether bids are taken back: by their bidder, or with their bidder's account."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from commands.domain import offering
from commands.domain.bidders import Bidder
from commands.domain.bids import Bid
from commands.domain.commands import DeleteBid, WithdrawBids
from commands.domain.events import AuctionEvent, BidDeleted
from commands.domain.openness import not_running, over
from commands.domain.pauses import moved_by
from commands.domain.rejections import Rejection, RejectionCode, readable
from commands.domain.rules.table import binding_from
from commands.domain.state import Auction


def delete_bid(
    command: DeleteBid, auction: Auction, now: datetime
) -> Sequence[AuctionEvent] | Rejection:
    """Its bidder's own deletion of a bid."""
    bid = auction.bids.get(command.bid_id)
    if bid is None:
        return Rejection(RejectionCode.BID_NOT_FOUND, "there is no such bid in this auction")
    if bid.bidder_id != command.bidder_id:
        return Rejection(RejectionCode.BID_NOT_YOURS, "only its bidder may delete a bid")
    if bid.deleted:
        return Rejection(RejectionCode.BID_ALREADY_DELETED, "this bid is deleted already")
    if refusal := not_running(auction, now):
        return refusal
    if auction.rules and (until := _binding_from(auction, bid.placed_at)) and now >= until:
        return _binding(bid, until)
    return [BidDeleted(bid.id, bid.bidder_id)]


def is_binding(auction: Auction, placed_at: datetime, now: datetime) -> bool:
    """Whether a live bid placed then has to stay until the auction is closed, which it is not yet."""
    until = _binding_from(auction, placed_at)
    # While time stands still no bid becomes binding.
    return until is not None and min(now, auction.paused_at or now) >= until


def _binding_from(auction: Auction, placed_at: datetime) -> datetime | None:
    """From when on its bidder can't delete a bid, by one of the auction's rules; time stands still in pauses."""
    until = binding_from(auction.rules, placed_at)
    return until and moved_by(auction.pauses, placed_at, until)


def _binding(bid: Bid, until: datetime) -> Rejection:
    if until == bid.placed_at:
        return Rejection(
            RejectionCode.BID_BINDING, "bids in this auction are binding and can't be deleted"
        )
    return Rejection(
        RejectionCode.BID_BINDING,
        f"this bid could be deleted until {readable(until)}, and is binding now",
    )


def withdraw_bids(
    command: WithdrawBids, auction: Auction, since: datetime, bidders: Mapping[UUID, Bidder]
) -> Sequence[AuctionEvent]:
    """The withdrawal of a deleted user's live bids, or of the buyer, if it was over by then."""
    # What decides is when the deletion of the user was accepted, not when it reached this auction.
    deleted_at = command.deletion_accepted_at
    if over(auction, deleted_at):
        return offering.leave(auction, command.bidder_id, deleted_at, since, bidders)
    return [
        BidDeleted(bid.id, bid.bidder_id, withdrawn_at=command.deletion_accepted_at)
        for bid in auction.live_bids_of(command.bidder_id)
    ]
