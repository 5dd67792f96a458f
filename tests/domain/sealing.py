"""Sealed bids for tests: each bidder has the key that follows from their id."""

from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

from commands.domain.commands import AuctionCommand, PlaceBid, PlaceSealedBid
from commands.domain.events import SealedBidPlaced
from commands.domain.hidden import Content, Opened
from commands.record.sealed_bids import opened_bid, sealed_bid


def key_of(bidder_id: UUID) -> bytes:
    """The bidder's key."""
    return sha256(bidder_id.bytes).digest()


def content_of(bid: PlaceBid) -> Content:
    """The bid's amount, and the salt that follows from its id."""
    return Content(bid.amount, bid.bid_id.hex)


def sealed(bid: PlaceBid) -> PlaceSealedBid:
    """The same offer, sealed."""
    content = content_of(bid)
    text = sealed_bid(key_of(bid.bidder_id), content, bid.auction_id, bid.bid_id)
    return PlaceSealedBid(
        bid.auction_id, bid.bid_id, bid.bidder_id, content.commitment, text, bid.nonce
    )


def opened(auction_id: UUID, bids: Iterable[AuctionCommand | SealedBidPlaced]) -> Opened:
    """What the sealed ones among these hold."""
    return {
        bid.bid_id: content
        for bid in bids
        if isinstance(bid, PlaceSealedBid | SealedBidPlaced)
        and (content := opened_bid(key_of(bid.bidder_id), bid.sealed, auction_id, bid.bid_id))
    }
