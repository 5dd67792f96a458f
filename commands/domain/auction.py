"""Deciding what becomes of a command to an auction; what auctioneers do to one that is there is in `house`.

`decide` works with a part of the auction's bids, as long as that holds whatever the command can
touch: the named bid, the named bidder's highest live bid, the leading bid (of bids only if a rule of the
auction needs it, of purchases always), and the bid that a draw hits. Where somebody's maximum may answer, it holds the
leading bid, too.
A withdrawal withdraws those of the bidder's live bids that it is given. A close reveals those sealed bids
that it is given; given none, it announces the winner, by the leading bid and the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from commands.domain import house, offering
from commands.domain.admission import not_admitted
from commands.domain.bidders import Bidder
from commands.domain.bids import Bid
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
from commands.domain.events import (
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionExtended,
    BidDeleted,
    BidDoubled,
    BidPlaced,
    BoughtNow,
    NoDoubling,
    NothingDrawn,
    ReserveMet,
    ReserveMissed,
    ReserveRevealed,
    SealedBidPlaced,
    WinnerAnnounced,
)
from commands.domain.exposure import over_limit
from commands.domain.hidden import NOTHING_OPENED, Opened
from commands.domain.maximum import NO_MAXIMA, Maxima
from commands.domain.openness import closed_already, ended, not_running, over, paused
from commands.domain.pauses import moved_by
from commands.domain.promoter import Draw
from commands.domain.proxies import Proxies
from commands.domain.rejections import Rejection, RejectionCode, readable
from commands.domain.revising import revise
from commands.domain.rules.own_promoter import OWN
from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.rule import ToBeat
from commands.domain.rules.table import (
    binding_from,
    buy_now,
    chosen,
    first_refusal,
    hide_amounts,
    masked,
    moved_end,
    need_leader,
    own_promoter,
    promoted,
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
            return _delete_bid(command, auction, now)
        case RemoveBid():
            return house.remove_bid(command, auction, now)
        case DoubleBid():
            return _double_bid(command, auction, now, bidders, draw, maxima)
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
            return _withdraw_bids(command, auction, since, bidders)
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


def _delete_bid(
    command: DeleteBid, auction: Auction, now: datetime
) -> Sequence[AuctionEvent] | Rejection:
    bid = auction.bids.get(command.bid_id)
    if bid is None:
        return Rejection(RejectionCode.BID_NOT_FOUND, "there is no such bid in this auction")
    if bid.bidder_id != command.bidder_id:
        return Rejection(RejectionCode.BID_NOT_YOURS, "only its bidder may delete a bid")
    if bid.deleted:
        return Rejection(RejectionCode.BID_ALREADY_DELETED, "this bid is deleted already")
    if refusal := not_running(auction, now):
        return refusal
    if auction.rules and (until := _binding_from(auction, bid)) and now >= until:
        return _binding(bid, until)
    return [BidDeleted(bid.id, bid.bidder_id)]


def _binding_from(auction: Auction, bid: Bid) -> datetime | None:
    """From when on its bidder can't delete the bid, by one of the auction's rules; time stands still in pauses."""
    until = binding_from(auction.rules, bid.placed_at)
    return until and moved_by(auction.pauses, bid.placed_at, until)


def _binding(bid: Bid, until: datetime) -> Rejection:
    if until == bid.placed_at:
        return Rejection(
            RejectionCode.BID_BINDING, "bids in this auction are binding and can't be deleted"
        )
    return Rejection(
        RejectionCode.BID_BINDING,
        f"this bid could be deleted until {readable(until)}, and is binding now",
    )


def _double_bid(
    command: DoubleBid,
    auction: Auction,
    now: datetime,
    bidders: Mapping[UUID, Bidder],
    draw: Draw | None,
    maxima: Maxima,
) -> Sequence[AuctionEvent] | Rejection:
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
    answer = Proxies(auction, now, bidders, maxima).after_doubling(doubled)
    return _with_extension([doubled, *answer], auction)


def nothing_drawn(command: DoubleBid, auction: Auction, reason: NoDoubling) -> NothingDrawn:
    """The event that the draw leaves if it doubles nothing, for that reason."""
    version = _policy_version(command, auction)
    return NothingDrawn(command.tick, version, reason, auction.draws + 1)


def _policy_version(command: DoubleBid, auction: Auction) -> int:
    """What the draw follows: the auction's own options, if it has some, whatever it was asked for by."""
    return OWN if own_promoter(auction.rules) else command.policy_version


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


def _withdraw_bids(
    command: WithdrawBids, auction: Auction, since: datetime, bidders: Mapping[UUID, Bidder]
) -> Sequence[AuctionEvent]:
    # What decides is when the deletion of the user was accepted, not when it reached this auction.
    deleted_at = command.deletion_accepted_at
    if over(auction, deleted_at):
        return offering.leave(auction, command.bidder_id, deleted_at, since, bidders)
    return [
        BidDeleted(bid.id, bid.bidder_id, withdrawn_at=command.deletion_accepted_at)
        for bid in auction.live_bids_of(command.bidder_id)
    ]
