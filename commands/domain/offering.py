"""Offering the lot of a closed auction: first to the winner, then, by its second chance, to the next bidders.

Answers count by `now`, the moment they were accepted. The time of an offer begins with `since`, when it is recorded.
"""

from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from commands.domain.bids import Bid
from commands.domain.commands import AnswerOffer, ForfeitSale, LapseOffer
from commands.domain.events import (
    AuctionEvent,
    LotOffered,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    SaleFailed,
    SaleForfeited,
)
from commands.domain.openness import ended
from commands.domain.rejections import Rejection, RejectionCode, readable
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.table import chosen
from commands.domain.sale import Sale, SaleState
from commands.domain.state import Auction, replay


def with_next_offer(
    auction: Auction, events: Sequence[AuctionEvent], since: datetime, bidders: Container[UUID]
) -> Sequence[AuctionEvent]:
    """These events, and to whom the lot is offered after them.

    Whoever deleted their account is passed over, and so is whoever would pay less than the reserve.
    """
    rule = chosen(auction.rules, SecondChance)
    if rule is None:
        return events
    return [*events, _next_offer(replay(events, auction), rule, since, bidders)]


def _next_offer(
    auction: Auction, rule: SecondChance, since: datetime, bidders: Container[UUID]
) -> LotOffered | SaleFailed:
    passed_over: list[UUID] = []
    if auction.sale is None or auction.sale.next_ones < rule.most:
        for bid in next_bids(auction):
            if bid.bidder_id not in bidders:
                passed_over.append(bid.bidder_id)
                continue
            won = bid.id == auction.winning_bid_id
            until, amount = rule.until(since, winner=won), bid.amount
            if won and auction.winning_price is not None:
                amount = auction.winning_price
            return LotOffered(bid.id, bid.bidder_id, amount, until, tuple(passed_over), bid.number)
    return SaleFailed(tuple(passed_over))


def next_bids(auction: Auction) -> Iterator[Bid]:
    """The highest live bids of those who were not asked yet, in the order of the ranking; none below the reserve."""
    asked = set(auction.sale.asked) if auction.sale else set()
    for bid in sorted(auction.bids.live(), key=lambda bid: bid.rank):
        if bid.bidder_id in asked:
            continue
        asked.add(bid.bidder_id)
        if auction.reserve is None or bid.amount >= auction.reserve:
            yield bid


def answer(
    command: AnswerOffer,
    auction: Auction,
    now: datetime,
    since: datetime,
    bidders: Container[UUID],
) -> Sequence[AuctionEvent] | Rejection:
    """Accept the lot, or let it go to the next bidder."""
    if not auction.closed:
        return _still_open(auction)
    if auction.cancelled:
        return ended(auction)
    sale = auction.sale
    if sale is None or command.bidder_id not in sale.asked:
        return Rejection(RejectionCode.NOT_OFFERED, "this lot was not offered to you")
    if sale.bidder_id != command.bidder_id or sale.state is not SaleState.OFFERED:
        return Rejection(RejectionCode.OFFER_OVER, "your offer of this lot is over, or answered")
    assert sale.until, "an offer has its deadline"
    if now >= sale.until:
        return Rejection(
            RejectionCode.OFFER_OVER, f"this offer could be answered until {readable(sale.until)}"
        )
    bid_id, bidder_id = _holder(sale)
    if command.accept:
        return [OfferAccepted(bid_id, bidder_id)]
    return with_next_offer(auction, [OfferDeclined(bid_id, bidder_id)], since, bidders)


def lapse(
    command: LapseOffer,
    auction: Auction,
    now: datetime,
    since: datetime,
    bidders: Container[UUID],
) -> Sequence[AuctionEvent] | Rejection:
    """Let the lot go to the next bidder, once the time to answer is over."""
    sale = auction.sale
    if sale is None or sale.bid_id != command.bid_id or sale.until is None:
        return Rejection(RejectionCode.OFFER_OVER, "this offer is over, or answered")
    if now < sale.until:
        return Rejection(
            RejectionCode.OFFER_OPEN, f"it can be answered until {readable(sale.until)}"
        )
    return with_next_offer(auction, [OfferLapsed(*_holder(sale))], since, bidders)


def forfeit(
    command: ForfeitSale, auction: Auction, since: datetime, bidders: Container[UUID]
) -> Sequence[AuctionEvent] | Rejection:
    """In the house's name let the lot go from whoever has it, or is offered it, to the next bidder."""
    if not auction.closed:
        return _still_open(auction)
    if auction.cancelled:
        return ended(auction)
    sale = auction.sale
    held = sale is not None and sale.state in {SaleState.OFFERED, SaleState.SOLD}
    if sale is None or not held or sale.bid_id != command.bid_id:
        return Rejection(
            RejectionCode.NOT_OFFERED, "the lot is neither offered nor sold to that bid's bidder"
        )
    forfeited = SaleForfeited(*_holder(sale), command.reason, command.forfeited_by)
    return with_next_offer(auction, [forfeited], since, bidders)


def leave(
    auction: Auction,
    bidder_id: UUID,
    deletion_accepted_at: datetime,
    since: datetime,
    bidders: Container[UUID],
) -> Sequence[AuctionEvent]:
    """What becomes of an offer to somebody who deleted their account; what they bought stays sold."""
    sale = auction.sale
    if sale is None or sale.bidder_id != bidder_id or sale.state is not SaleState.OFFERED:
        return []
    declined = OfferDeclined(*_holder(sale), withdrawn_at=deletion_accepted_at)
    return with_next_offer(auction, [declined], since, bidders)


def _holder(sale: Sale) -> tuple[UUID, UUID]:
    assert sale.bid_id, "it was offered for a bid"
    assert sale.bidder_id, "it was offered to its bidder"
    return sale.bid_id, sale.bidder_id


def _still_open(auction: Auction) -> Rejection:
    return Rejection(
        RejectionCode.AUCTION_NOT_ENDED,
        f"the auction ends at {readable(auction.ends_at)}, and its winner is announced then",
    )
