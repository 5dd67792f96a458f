"""Deciding what a draw of the promoter gives in an auction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from commands.domain.bidders import Bidder
from commands.domain.commands import DoubleBid
from commands.domain.events import AuctionEvent, BidDoubled, NoDoubling, NothingDrawn
from commands.domain.maximum import Maxima
from commands.domain.openness import ended, over
from commands.domain.promoter import Draw
from commands.domain.proxies import Proxies
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.rules.own_promoter import OWN
from commands.domain.rules.table import own_promoter, promoted
from commands.domain.state import Auction


def double_bid(
    command: DoubleBid,
    auction: Auction,
    now: datetime,
    bidders: Mapping[UUID, Bidder],
    draw: Draw | None,
    maxima: Maxima,
) -> Sequence[AuctionEvent] | Rejection:
    """What the draw gives, with what is bid by a maximum in answer to a doubled bid."""
    if auction.closed:
        return ended(auction)
    if auction.rules and not promoted(auction.rules):
        return Rejection(RejectionCode.NO_BID_TO_DOUBLE, "the promoter doubles no bid here")
    if command.tick <= auction.last_tick:
        return Rejection(
            RejectionCode.NO_BID_TO_DOUBLE, "this tick, or a later one, drew here already"
        )
    if draw and not draw.has_bids(auction.bids.values()):
        return Rejection(
            RejectionCode.NO_BID_TO_DOUBLE, "there was no live bid that was not doubled"
        )
    if draw is None or over(auction, now):
        return [nothing_drawn(command, auction, NoDoubling.LATE)]
    if not draw.promoter.is_on(draw.seed):
        return [nothing_drawn(command, auction, NoDoubling.CHANCE)]
    staff = tuple(sorted(draw.staff))
    if (drawn := draw.among(auction.bids.values())) is None:
        return [replace(nothing_drawn(command, auction, NoDoubling.NOBODY), staff=staff)]
    bid = auction.bids[drawn.bid.id]
    if bid.deleted or bid.doubled:
        gone = nothing_drawn(command, auction, NoDoubling.GONE)
        return [replace(gone, staff=staff, bid_id=bid.id)]
    doubled = BidDoubled(
        bid_id=bid.id,
        bidder_id=bid.bidder_id,
        effective_amount=bid.amount * 2,
        tick=command.tick,
        policy_version=_policy_version(command, auction),
        weight=drawn.weight,
        total_weight=drawn.total_weight,
        staff=staff,
        draw=auction.draws + 1,
    )
    if not auction.maxima:
        return [doubled]
    return [doubled, *Proxies(auction, now, bidders, maxima).after_doubling(doubled)]


def nothing_drawn(command: DoubleBid, auction: Auction, reason: NoDoubling) -> NothingDrawn:
    """The event that the draw leaves if it doubles nothing, for that reason."""
    version = _policy_version(command, auction)
    return NothingDrawn(command.tick, version, reason, auction.draws + 1)


def _policy_version(command: DoubleBid, auction: Auction) -> int:
    """What the draw follows: the auction's own options, if it has some, whatever it was asked for by."""
    return OWN if own_promoter(auction.rules) else command.policy_version
