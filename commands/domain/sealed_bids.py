"""Deciding on sealed bids: placing one, and revealing them once the auction has ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commands.domain.admission import not_admitted
from commands.domain.bidders import Bidder
from commands.domain.bids import Bid
from commands.domain.commands import PlaceSealedBid
from commands.domain.events import BidNotRevealed, BidRevealed, SealedBidPlaced
from commands.domain.exposure import over_limit
from commands.domain.hidden import Content, Opened
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.table import Rules, hide_amounts, paid, refused_unseen
from commands.domain.state import Auction


def place_sealed_bid(
    command: PlaceSealedBid,
    auction: Auction,
    now: datetime,
    bidders: Mapping[UUID, Bidder],
    opened: Opened,
) -> SealedBidPlaced | Rejection:
    """The bid, if the rules let it be placed; KeyError if what it holds is not among what was opened.

    No message tells the amount.
    """
    assert hide_amounts(auction.rules), "bids are sealed only where a rule says so"
    if refusal := not_admitted(auction, command.bidder_id, now, bidders):
        return refusal
    if auction.bids.live_of(command.bidder_id):
        return Rejection(
            RejectionCode.ONE_SEALED_BID,
            "you have a sealed bid in this auction already; another can be placed once it is deleted",
        )
    amount = opened[command.bid_id].amount
    if refused := refused_unseen(auction.rules, amount):
        return refused
    if refused := over_limit(bidders[command.bidder_id].exposure, amount):
        return refused
    return SealedBidPlaced(
        command.bid_id, command.bidder_id, command.commitment, command.sealed, now, command.nonce
    )


def reveals(auction: Auction, opened: Opened) -> Sequence[BidRevealed | BidNotRevealed]:
    """What becomes of the live bids that are hidden still, those placed first first."""
    hidden = [bid for bid in auction.bids.live() if bid.hidden]
    return [
        _revealed(bid, auction.rules, opened.get(bid.id))
        for bid in sorted(hidden, key=lambda bid: bid.placed_version)
    ]


def _revealed(bid: Bid, rules: Rules, content: Content | None) -> BidRevealed | BidNotRevealed:
    """What the bid holds, if that is what was committed to, and could be bid."""
    if content is None or content.commitment != bid.commitment:
        return BidNotRevealed(bid.id, bid.bidder_id)
    if refused_unseen(rules, content.amount):
        return BidNotRevealed(bid.id, bid.bidder_id)
    return BidRevealed(bid.id, content.amount, content.salt)


def winners_price(auction: Auction, winning: Bid, reserve: Decimal | None) -> Decimal | None:
    """What the winner pays, if that is not the bid's amount; the auction has the next bid, too."""
    if not auction.rules:
        return None
    others = [bid.amount for bid in auction.bids.live() if bid.id != winning.id]
    pays = paid(auction.rules, winning.amount, [*others, *([reserve] if reserve else [])])
    return pays if pays != winning.amount else None
