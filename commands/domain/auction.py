"""Deciding what becomes of a command to an auction; what auctioneers do to one that is there is in `house`.

`decide` works with a part of the auction's bids, as long as that holds whatever the command can
touch: the named bid, the named bidder's highest live bid, the leading bid (of bids only if a rule of the
auction needs it, of purchases always), and the bid that a draw hits. Where somebody's maximum may answer, it holds the
leading bid, too.
A withdrawal withdraws those of the bidder's live bids that it is given. A close reveals those sealed bids
that it is given; given none, it announces the winner, by the leading bid and the next.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from commands.domain import deleting, house, offering
from commands.domain.admission import not_admitted
from commands.domain.bidders import Bidder
from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    BuyNow,
    CancelAuction,
    ClearMaximum,
    CloseAuctionNow,
    CreateAuction,
    DeleteBid,
    DoubleBid,
    ForfeitSale,
    LapseOffer,
    PauseAuction,
    PlaceBid,
    PlaceSealedBid,
    RemoveBid,
    ResumeAuction,
    ReviseAuction,
    SetMaximum,
    WithdrawBids,
)
from commands.domain.doubling import double_bid
from commands.domain.events import (
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionExtended,
    BidPlaced,
    BoughtNow,
    ReserveMet,
    ReserveMissed,
    ReserveRevealed,
    SealedBidPlaced,
    WinnerAnnounced,
)
from commands.domain.exposure import over_limit
from commands.domain.hidden import NOTHING_OPENED, Opened
from commands.domain.maximum import NO_MAXIMA, Maxima
from commands.domain.openness import closed_already, paused
from commands.domain.promoter import Draw
from commands.domain.proxies import Proxies
from commands.domain.rejections import Rejection, RejectionCode, readable
from commands.domain.revising import revise
from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.rule import ToBeat
from commands.domain.rules.table import (
    buy_now,
    chosen,
    first_refusal,
    hide_amounts,
    masked,
    moved_end,
    need_leader,
    shows_winner,
)
from commands.domain.schedules import impossible, unknown_people
from commands.domain.sealed_bids import place_sealed_bid, reveals, winners_price
from commands.domain.state import Auction, replay

# Without aliases there is nobody behind them.
NOBODY: Mapping[UUID, UUID] = {}


def decide(
    command: AuctionCommand,
    auction: Auction | None,
    *,
    now: datetime,
    bidders: Mapping[UUID, Bidder],
    draw: Draw | None = None,
    reserve: ReservePrice | None = None,
    behind: Mapping[UUID, UUID] = NOBODY,
    opened: Opened = NOTHING_OPENED,
    recorded_at: datetime | None = None,
    maxima: Maxima = NO_MAXIMA,
) -> Sequence[AuctionEvent] | Rejection:
    """The events the command causes, or the rejection.

    `now` is when the portal accepted the command, and `recorded_at` when its events are recorded, if that is later:
    from then on an offer can be answered. `bidders` are by their ids the users who exist, of those who
    bid or whom a rule names. `draw` is the draw for a DoubleBid; None if it comes too late: its time is over, or its tick's secret is revealed.
    `reserve` is the auction's reserve; None if it has none, or if its key is lost.
    `behind` has the users behind aliases, for AnnounceWinner in an auction that shows who won.
    `opened` is what those sealed bids hold that the command places or reveals. `maxima` are the one that it sets, and
    those of the auction that can still be opened.
    """
    since = recorded_at or now
    answer = _decided(command, auction, now, since, bidders, draw, reserve, behind, opened, maxima)
    if auction and auction.rules and not isinstance(answer, Rejection):
        hidden = masked(auction.rules)
        # Whatever places a bid: it must never be under a user's id there.
        assert all(bool(each.number) == hidden for each in answer if isinstance(each, BidPlaced))
    if reserve is None or auction is None or isinstance(answer, Rejection):
        return answer
    return [*answer, *_met_or_missed(auction, answer, reserve)]


def _decided(
    command: AuctionCommand,
    auction: Auction | None,
    now: datetime,
    since: datetime,
    bidders: Mapping[UUID, Bidder],
    draw: Draw | None,
    reserve: ReservePrice | None,
    behind: Mapping[UUID, UUID],
    opened: Opened,
    maxima: Maxima,
) -> Sequence[AuctionEvent] | Rejection:
    match command:
        case CreateAuction():
            return _create(command, now, bidders)
        case _ if auction is None:
            return Rejection(RejectionCode.AUCTION_NOT_FOUND, "there is no such auction")
        case PlaceBid():
            return _place_bid(command, auction, now, bidders, maxima)
        case BuyNow():
            return _buy_now(command, auction, now, bidders)
        case PlaceSealedBid():
            sealed = place_sealed_bid(command, auction, now, bidders, opened)
            return sealed if isinstance(sealed, Rejection) else _with_extension([sealed], auction)
        case SetMaximum():
            proxies = Proxies(auction, now, bidders, maxima)
            answer = proxies.set(command, reserve, _number(command, auction))
            return answer if isinstance(answer, Rejection) else _with_extension(answer, auction)
        case ClearMaximum():
            return Proxies(auction, now, bidders, maxima).clear(command)
        case DeleteBid():
            return deleting.delete_bid(command, auction, now)
        case RemoveBid():
            return house.remove_bid(command, auction, now)
        case DoubleBid():
            drawn = double_bid(command, auction, now, bidders, draw, maxima)
            return drawn if isinstance(drawn, Rejection) else _with_extension(drawn, auction)
        case AnnounceWinner():
            return _announce_winner(auction, now, since, reserve, bidders, behind, opened)
        case CancelAuction():
            return house.cancel(command, auction)
        case CloseAuctionNow():
            return house.close_now(command, auction, now)
        case PauseAuction():
            return house.pause(command, auction, now)
        case ResumeAuction():
            return house.resume(command, auction, now)
        case ReviseAuction():
            return revise(command, auction, now, bidders)
        case AnswerOffer():
            return offering.answer(command, auction, now, since, bidders)
        case LapseOffer():
            return offering.lapse(command, auction, now, since, bidders)
        case ForfeitSale():
            return offering.forfeit(command, auction, since, bidders)
        case WithdrawBids():
            return deleting.withdraw_bids(command, auction, since, bidders)
        case _:
            assert_never(command)


def _create(
    command: CreateAuction, now: datetime, bidders: Mapping[UUID, Bidder]
) -> Sequence[AuctionEvent] | Rejection:
    starts_at = command.starts_at or now
    if refusal := impossible(starts_at, command.ends_at, command.rules, now):
        return refusal
    if refusal := unknown_people(command.rules, bidders):
        return refusal
    return [
        AuctionCreated(
            auction_id=command.auction_id,
            title=command.title,
            description=command.description,
            starts_at=starts_at,
            ends_at=command.ends_at,
            created_by=command.created_by,
            rules=command.rules,
        )
    ]


def _place_bid(
    command: PlaceBid,
    auction: Auction,
    now: datetime,
    bidders: Mapping[UUID, Bidder],
    maxima: Maxima,
) -> Sequence[AuctionEvent] | Rejection:
    if refusal := not_admitted(auction, command.bidder_id, now, bidders):
        return refusal
    if auction.rules and hide_amounts(auction.rules):
        return Rejection(
            RejectionCode.BID_NOT_SEALED, "in this auction bids are sealed; place it again"
        )
    bidder_id = command.placed_by
    own = auction.bids.live_of(bidder_id)
    highest = max((bid.effective_amount for bid in own), default=None)
    if highest is not None and command.amount <= highest:
        return Rejection(
            RejectionCode.BID_TOO_LOW,
            f"{command.amount:,} is not higher than your own highest live bid, "
            f"which counts {highest:,}",
        )
    if auction.rules:
        to_beat = ToBeat(_leading_amount(auction), highest)
        if refused := first_refusal(auction.rules, command.amount, to_beat):
            return refused
    if refused := over_limit(bidders[command.bidder_id].exposure, command.amount):
        return refused
    placed = BidPlaced(
        command.bid_id,
        bidder_id,
        command.amount,
        now,
        command.nonce,
        number=_number(command, auction),
    )
    if not auction.maxima:
        return _with_extension([placed], auction)
    answered = Proxies(auction, now, bidders, maxima).contested(placed)
    return _with_extension(answered, auction)


def _with_extension(events: Sequence[AuctionEvent], auction: Auction) -> Sequence[AuctionEvent]:
    """The events, and after the last bid what that does to the auction's end; without a bid it does nothing."""
    if not auction.rules:
        return events
    placed = [
        (place, event)
        for place, event in enumerate(events, 1)
        if isinstance(event, BidPlaced | SealedBidPlaced)
    ]
    if not placed:
        return events
    place, last = placed[-1]
    if end := _moved_end(auction, last.placed_at):
        moved = AuctionExtended(end, last.bid_id, auction.extensions + 1)
        return [*events[:place], moved, *events[place:]]
    return events


def _number(command: PlaceBid | BuyNow | SetMaximum, auction: Auction) -> int | None:
    """The bidder's number in a masked auction: whoever has none yet gets the next one."""
    return (command.alias.number or auction.aliases + 1) if command.alias else None


def _buy_now(
    command: BuyNow, auction: Auction, now: datetime, bidders: Mapping[UUID, Bidder]
) -> Sequence[AuctionEvent] | Rejection:
    """No rule of amounts is asked: while it is offered, the price is higher than whatever the leading bid counts."""
    if refusal := not_admitted(auction, command.bidder_id, now, bidders):
        return refusal
    if (rule := buy_now(auction.rules)) is None:
        return Rejection(RejectionCode.NOT_FOR_SALE, "this auction has no buy-now price")
    if (leading := auction.leading_bid) and not rule.offered(leading.effective_amount):
        return Rejection(RejectionCode.NOT_FOR_SALE, rule.over(leading.effective_amount))
    if refused := over_limit(bidders[command.bidder_id].exposure, rule.price):
        return refused
    number = _number(command, auction)
    placed = BidPlaced(command.bid_id, command.placed_by, rule.price, now, None, True, number)
    return [placed, BoughtNow(now, placed.bid_id)]


def _moved_end(auction: Auction, now: datetime) -> datetime | None:
    """When the auction ends after a bid accepted at `now`, if a rule moves the end.

    A bid that failed may be decided after the auction was closed early, though it was accepted before: it
    counts, and moves nothing any more.
    """
    if not auction.rules or auction.closed_early:
        return None
    at = auction.on_its_clock(now)
    return moved_end(auction.rules, auction.ends_at, auction.extensions, at)


def _leading_amount(auction: Auction) -> Decimal | None:
    """What the leading bid counts, if a rule needs to know."""
    if not need_leader(auction.rules) or (leading := auction.leading_bid) is None:
        return None
    return leading.effective_amount


def _announce_winner(
    auction: Auction,
    now: datetime,
    since: datetime,
    reserve: ReservePrice | None,
    bidders: Mapping[UUID, Bidder],
    behind: Mapping[UUID, UUID],
    opened: Opened,
) -> Sequence[AuctionEvent] | Rejection:
    if auction.closed:
        return closed_already(auction)
    if auction.paused:
        return paused(auction)
    if now < auction.ends_at:
        return Rejection(RejectionCode.AUCTION_NOT_ENDED, f"it ends at {readable(auction.ends_at)}")
    if reserve is None and chosen(auction.rules, Reserve):
        return Rejection(
            RejectionCode.RESERVE_LOST,
            "the key of its reserve is lost; the house can cancel the auction",
        )
    if hide_amounts(auction.rules) and (bids := reveals(auction, opened)):
        return bids
    revealed: list[AuctionEvent] = (
        [ReserveRevealed(reserve.amount, reserve.salt)] if reserve else []
    )
    bid = auction.leading_bid
    if bid is None or (reserve and not reserve.met_by(bid.amount)):
        return [*revealed, AuctionEndedUnsold()]
    announced = WinnerAnnounced(
        bid_id=bid.id,
        bidder_id=bid.bidder_id,
        amount=bid.amount,
        effective_amount=bid.effective_amount,
        doubled=bid.doubled,
        placed_at=bid.placed_at,
        number=bid.number,
        user_id=behind.get(bid.bidder_id) if shows_winner(auction.rules) else None,
        price=winners_price(auction, bid, reserve.amount if reserve else None),
    )
    events = [*revealed, announced]
    return offering.with_next_offer(auction, events, since, bidders) if auction.rules else events


def _met_or_missed(
    auction: Auction, events: Sequence[AuctionEvent], reserve: ReservePrice
) -> Sequence[AuctionEvent]:
    """What follows from the events for the reserve; what the leading bidder would pay is not doubled."""
    after = replay(events, auction)
    leading = after.leading_bid
    met = reserve.met_by(leading.amount if leading else None)
    if after.closed or met == auction.reserve_met:
        return []
    return [ReserveMet(leading.id) if met and leading else ReserveMissed()]
