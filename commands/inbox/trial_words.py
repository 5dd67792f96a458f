"""What becomes of a made-up auction, in words."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from commands.domain.events import (
    AuctionEvent,
    BidDeleted,
    BidPlaced,
    BoughtNow,
    LotOffered,
    MaximumEnded,
    MaximumSet,
    NothingDrawn,
    OfferAccepted,
    SaleFailed,
    SealedBidPlaced,
    WinnerAnnounced,
)
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.spans import in_words
from commands.domain.rules.table import chosen
from commands.domain.state import Auction

# The names of bidders by the ids that they have in the auction.
Name = Callable[[UUID], str]


def said(
    before: Auction, after: Auction, events: Sequence[AuctionEvent], name: Name
) -> Iterator[str]:
    """What became of a line, when these events came of it."""
    yield _became(after, events, name)
    yield from _for_others(events, name)
    moved = after.ends_at - before.ends_at
    if moved > timedelta(0):
        yield f"the end moves by {moved.total_seconds():g} s"
    if after.reserve_met != before.reserve_met:
        yield "the reserve is met" if after.reserve_met else "the reserve is not met"


def _for_others(events: Sequence[AuctionEvent], name: Name) -> Iterator[str]:
    """What maxima bid, and which are used up by that."""
    for event in events:
        match event:
            case BidPlaced(automatic=True):
                yield f"{event.amount:,} is bid for {name(event.bidder_id)}"
            case MaximumEnded() if len(events) > 1:
                yield f"the maximum of {name(event.bidder_id)} is used up"


def ended(auction: Auction, events: Sequence[AuctionEvent], name: Name) -> str:
    """Who wins, and what they pay, by the events that closed the auction."""
    match events[-1]:
        case LotOffered() as offer:
            return _offered(offer, auction, name)
        case WinnerAnnounced() as won:
            pays = won.amount if won.price is None else won.price
            return f"{name(won.bidder_id)} wins and pays {pays:,}"
    if auction.leading_bid is None:
        return "nobody wins: there is no live bid"
    return "nobody wins: the reserve is not met"


def _became(auction: Auction, events: Sequence[AuctionEvent], name: Name) -> str:
    first = events[0]
    match events[-1]:
        case LotOffered() as offer:
            return _offered(offer, auction, name)
        case OfferAccepted(bidder_id=who):
            assert auction.sale, "somebody was offered the lot"
            return f"{name(who)} buys it for {auction.sale.amount:,}"
        case SaleFailed():
            return "nobody is left"
    if any(isinstance(event, BoughtNow) for event in events):
        return "bought, and ended"
    leading = auction.leading_bid
    if isinstance(first, MaximumSet):
        return "leads" if leading and leading.bidder_id == first.bidder_id else "does not lead"
    if isinstance(first, MaximumEnded):
        return "it bids no more"
    if isinstance(first, BidDeleted):
        return "deleted"
    if isinstance(first, SealedBidPlaced):
        return "placed"
    if isinstance(first, NothingDrawn):
        return "not doubled"
    placed = [event for event in events if isinstance(event, BidPlaced) and not event.automatic]
    asked_for = placed[0] if placed else first
    leads = leading and leading.id == getattr(asked_for, "bid_id", None)
    return "leads" if leads else "placed" if placed else "doubled"


def _offered(offer: LotOffered, auction: Auction, name: Name) -> str:
    """Who has how long to answer."""
    rule = chosen(auction.rules, SecondChance)
    assert rule, "no lot is offered without it"
    who, amount = name(offer.bidder_id), f"{offer.amount:,}"
    if offer.bid_id == auction.winning_bid_id:
        within = in_words(rule.confirm_within)
        return f"{who} wins, and has {within} to confirm the purchase for {amount}"
    return f"{who} has {in_words(rule.answer_within)} to accept it for {amount}"
