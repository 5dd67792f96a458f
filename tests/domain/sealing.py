"""Sealed bids for tests: each bidder has the key that follows from their id."""

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from commands.domain.commands import AuctionCommand, PlaceBid, PlaceSealedBid, SetMaximum
from commands.domain.events import SealedBidPlaced
from commands.domain.hidden import Content, Opened
from commands.domain.maximum import Maxima
from commands.record.maxima import opened_maximum, sealed_maximum
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


def maximum(auction_id: UUID, id: UUID, bidder_id: UUID, amount: Decimal) -> SetMaximum:
    """A maximum, sealed with the bidder's key."""
    sealed = sealed_maximum(key_of(bidder_id), amount, auction_id, id)
    return SetMaximum(auction_id, id, bidder_id, sealed)


def opened_maxima(commands: Iterable[AuctionCommand]) -> Maxima:
    """What those of the commands hold that set one."""
    return {
        each.maximum_id: most
        for each in commands
        if isinstance(each, SetMaximum)
        and (
            most := opened_maximum(
                key_of(each.bidder_id), each.sealed, each.auction_id, each.maximum_id
            )
        )
    }
