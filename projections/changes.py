"""How events change the documents: (document, event) -> document, pure. Applying an event twice changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never, assert_type
from uuid import UUID

from commands.domain.events import (
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionExtended,
    AuctionPaused,
    AuctionResumed,
    AuctionRevised,
    BanLifted,
    BidDeleted,
    BidDoubled,
    BidNotRevealed,
    BidPlaced,
    BidRemoved,
    BidRevealed,
    BoughtNow,
    EventOfNoBid,
    ExposureLimited,
    ExposureLimitLifted,
    LotOffered,
    MaximumEnded,
    MaximumSet,
    NothingDrawn,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    ReserveMet,
    ReserveMissed,
    ReserveRevealed,
    SaleFailed,
    SaleForfeited,
    SealedBidPlaced,
    UserBanned,
    UserCreated,
    UserDeleted,
    UserEvent,
    WinnerAnnounced,
)
from commands.domain.hidden import HIDDEN, LOST
from commands.domain.pauses import Pause
from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.table import later
from projections.documents import (
    TOP,
    AuctionDocument,
    BidDocument,
    Details,
    HouseDecision,
    Purchase,
    UserDocument,
    VersionedEvent,
    WinnerDocument,
)
from projections.sales import winner_after


def touched_bid(event: AuctionEvent) -> UUID | None:
    """The bid that the event changes, if it changes one."""
    match event:
        case (
            BidPlaced()
            | SealedBidPlaced()
            | BidRevealed()
            | BidNotRevealed()
            | BidDeleted()
            | BidRemoved()
            | BidDoubled()
        ):
            return event.bid_id
        case _:
            assert_type(event, EventOfNoBid)
            return None


def bid_after(
    bid: BidDocument | None, auction_id: UUID, recorded: VersionedEvent
) -> BidDocument | None:
    """The bid's document after the event; unchanged if the event is applied already."""
    event, version = recorded.event, recorded.version
    if bid is not None and bid.version >= version:
        return bid
    match event:
        case BidPlaced():
            return BidDocument(
                id=event.bid_id,
                auction_id=auction_id,
                bidder_id=event.bidder_id,
                amount=event.amount,
                effective_amount=event.amount,
                placed_at=event.placed_at,
                placed_version=version,
                reached_version=version,
                version=version,
                number=event.number,
                automatic=event.automatic,
            )
        case SealedBidPlaced():
            return BidDocument(
                id=event.bid_id,
                auction_id=auction_id,
                bidder_id=event.bidder_id,
                amount=HIDDEN,
                effective_amount=HIDDEN,
                placed_at=event.placed_at,
                placed_version=version,
                reached_version=version,
                version=version,
                commitment=event.commitment,
                hidden=True,
            )
        case BidRevealed(amount=amount, salt=salt):
            assert bid is not None, "a bid is placed before it is revealed"
            return replace(
                bid,
                amount=amount,
                effective_amount=amount,
                reached_version=version,
                hidden=False,
                salt=salt,
                version=version,
            )
        case BidNotRevealed():
            assert bid is not None, "a bid is placed before it is to be revealed"
            lost = HouseDecision(LOST, recorded.recorded_at, version)
            return replace(bid, deleted_version=version, removed=lost, version=version)
        case BidDeleted():
            assert bid is not None, "a bid is placed before it is deleted"
            return replace(bid, deleted_version=version, version=version)
        case BidRemoved(reason=reason):
            assert bid is not None, "a bid is placed before it is removed"
            removed = HouseDecision(reason, recorded.recorded_at, version)
            return replace(bid, deleted_version=version, removed=removed, version=version)
        case BidDoubled():
            assert bid is not None, "a bid is placed before it is doubled"
            return replace(
                bid,
                effective_amount=event.effective_amount,
                reached_version=version,
                doubled=True,
                version=version,
            )
        case _:
            assert_type(event, EventOfNoBid)
            return bid


def bid_at(bid: BidDocument, version: int) -> BidDocument | None:
    """The bid as it was at that version of its auction; None if it was not placed yet.

    This works for documents that are ahead of the version, as a bid is placed once, doubled or revealed
    at most once and deleted at most once, and has the version of each.
    """
    if bid.version <= version:
        return bid
    if bid.placed_version > version:
        return None
    then = bid
    if bid.deleted_version is not None and bid.deleted_version > version:
        then = replace(then, deleted_version=None, removed=None, version=then.reached_version)
    if bid.doubled and bid.reached_version > version:
        then = replace(
            then,
            effective_amount=bid.amount,
            reached_version=bid.placed_version,
            doubled=False,
            version=bid.placed_version,
        )
    if bid.commitment and bid.reached_version > version:
        then = replace(
            then,
            amount=HIDDEN,
            effective_amount=HIDDEN,
            reached_version=bid.placed_version,
            hidden=True,
            salt=None,
            version=bid.placed_version,
        )
    return then


def ranked_at(bids: Iterable[BidDocument], version: int) -> list[BidDocument]:
    """The bids that were live at that version of their auction, as they were then, leading first.

    A bid that is given twice appears once.
    """
    then = {bid.id: bid for each in bids if (bid := bid_at(each, version))}
    return sorted((bid for bid in then.values() if not bid.deleted), key=lambda bid: bid.rank)


def bids_after(
    auction_id: UUID, history: Sequence[VersionedEvent], stored: Mapping[UUID, BidDocument]
) -> dict[UUID, BidDocument]:
    """The documents of the bids that the events change; `stored` are those there are before."""
    bids: dict[UUID, BidDocument] = {}
    for recorded in history:
        bid_id = touched_bid(recorded.event)
        if bid_id is None:
            continue
        if bid := bid_after(bids.get(bid_id) or stored.get(bid_id), auction_id, recorded):
            bids[bid_id] = bid
    return bids


def bidders_of(history: Iterable[VersionedEvent]) -> set[UUID]:
    """Those whose number of live bids the events change."""
    return {
        recorded.event.bidder_id
        for recorded in history
        if isinstance(
            recorded.event, BidPlaced | SealedBidPlaced | BidNotRevealed | BidDeleted | BidRemoved
        )
    }


def live_after(
    history: Iterable[VersionedEvent], live_before: Mapping[UUID, int]
) -> dict[UUID, int]:
    """How many live bids the bidders have after the events; those not named before had none."""
    live = dict(live_before)
    for recorded in history:
        match recorded.event:
            case BidPlaced(bidder_id=bidder_id) | SealedBidPlaced(bidder_id=bidder_id):
                live[bidder_id] = live.get(bidder_id, 0) + 1
            case BidDeleted() | BidRemoved() | BidNotRevealed() as gone:
                live[gone.bidder_id] -= 1
            case _:
                continue
    return live


def top_after(
    auction: AuctionDocument | None, changed: Iterable[BidDocument], version: int
) -> tuple[BidDocument, ...] | None:
    """The auction's first live bids at that version, by its document before and the bids changed since.

    None if they don't tell: a bid that is in neither may have moved up.
    """
    top_before = auction.top_bids if auction else ()
    ranked = ranked_at([*top_before, *changed], version)
    if auction and len(top_before) < auction.bid_count:
        # Every other live bid ranks behind the last of them.
        last = top_before[-1].rank
        ranked = [bid for bid in ranked if bid.rank <= last]
        if len(ranked) < TOP:
            return None
    return tuple(ranked[:TOP])


def auction_after(
    auction: AuctionDocument | None,
    history: Sequence[VersionedEvent],
    *,
    top_bids: Sequence[BidDocument],
    live_before: Mapping[UUID, int],
) -> AuctionDocument:
    """The auction's document after the events.

    top_bids are its first live bids after them, live_before how many live bids each bidder had that
    they are about.
    """
    for recorded in history:
        auction = _own_fields_after(auction, recorded)
    assert auction is not None, "a history begins with the auction's creation"
    live_now = live_after(history, live_before)
    bidders = sum(
        (live > 0) - (live_before.get(bidder_id, 0) > 0) for bidder_id, live in live_now.items()
    )
    return replace(
        auction,
        version=history[-1].version,
        top_bids=tuple(top_bids[:TOP]),
        bid_count=auction.bid_count + sum(live_now.values()) - sum(live_before.values()),
        bidder_count=auction.bidder_count + bidders,
    )


def _own_fields_after(auction: AuctionDocument | None, recorded: VersionedEvent) -> AuctionDocument:
    """The auction after the event, but for its version and what is counted and ranked of its bids."""
    event = recorded.event
    if isinstance(event, AuctionCreated):
        return AuctionDocument(
            id=event.auction_id,
            version=recorded.version,
            title=event.title,
            description=event.description,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            rules=event.rules,
        )
    assert auction is not None, "an auction is created before anything else happens to it"
    match event:
        case (
            BidPlaced()
            | SealedBidPlaced()
            | BidDeleted()
            | BidRemoved()
            | BidDoubled()
            | BidRevealed()
            | BidNotRevealed()
            | MaximumSet()
            | MaximumEnded()
            | NothingDrawn()
        ):
            return auction
        case AuctionExtended():
            first = auction.first_ends_at or auction.ends_at
            return replace(auction, ends_at=event.ends_at, first_ends_at=first)
        case AuctionClosedEarly(reason=reason):
            decision = HouseDecision(reason, recorded.recorded_at, recorded.version)
            first = auction.first_ends_at or auction.ends_at
            return replace(
                _detailed(auction, recorded),
                ends_at=event.ends_at,
                first_ends_at=first,
                closed_early=decision,
            )
        case AuctionPaused():
            return _detailed(auction, recorded)
        case AuctionRevised(after=after):
            revised = _detailed(auction, recorded)
            if after.ends_at is None:
                return revised
            return replace(revised, ends_at=after.ends_at, first_ends_at=None)
        case AuctionResumed(ends_at=ends_at):
            return replace(
                _detailed(auction, recorded),
                ends_at=ends_at,
                first_ends_at=auction.first_ends_at or auction.ends_at,
            )
        case BoughtNow(bid_id=bid_id):
            bought = Purchase(bid_id, recorded.recorded_at, recorded.version)
            first = auction.first_ends_at or auction.ends_at
            return replace(auction, ends_at=event.ends_at, first_ends_at=first, bought=bought)
        case ReserveMet() | ReserveMissed():
            return replace(auction, reserve_met=isinstance(event, ReserveMet))
        case ReserveRevealed():
            return replace(auction, reserve=ReservePrice(event.amount, event.salt))
        case WinnerAnnounced():
            return replace(auction, closed=True, winner=_winner(auction, event, recorded))
        case (
            LotOffered()
            | OfferAccepted()
            | OfferDeclined()
            | OfferLapsed()
            | SaleForfeited()
            | SaleFailed()
        ):
            assert auction.winner, "a lot is offered once there is a winner"
            return replace(auction, winner=winner_after(auction.winner, event, recorded))
        case AuctionEndedUnsold():
            return replace(auction, closed=True)
        case AuctionCancelled(reason=reason):
            cancelled = HouseDecision(reason, recorded.recorded_at, recorded.version)
            return replace(_detailed(auction, recorded), closed=True, cancelled=cancelled)
        case _:
            assert_never(event)


def details_after(details: Details, ends_at: datetime, recorded: VersionedEvent) -> Details:
    """The details after the event; `ends_at` is the auction's end before it.

    The same object if it changes none of them.
    """
    match recorded.event:
        case AuctionPaused() as event:
            decision = HouseDecision(event.reason, event.paused_at, recorded.version)
            return replace(details, paused=decision)
        case AuctionResumed() as event:
            rules = later(details.rules, event.ends_at - ends_at)
            return replace(_going_on(details, event.resumed_at), rules=rules)
        case AuctionRevised(after=after):
            # Nobody has bid yet, so no earlier pause matters to a new end.
            pauses = () if after.ends_at else details.pauses
            return replace(details, **after.given, pauses=pauses)
        case AuctionCancelled():
            return replace(details, paused=None) if details.paused else details
        case AuctionClosedEarly() as event:
            return _going_on(details, event.ends_at)
        case _:
            return details


def _going_on(details: Details, moment: datetime) -> Details:
    """Once time goes on from that moment, if it stood still."""
    if details.paused is None:
        return details
    pauses = (*details.pauses, Pause(details.paused.at, moment))
    return replace(details, paused=None, pauses=pauses)


def _detailed(auction: AuctionDocument, recorded: VersionedEvent) -> AuctionDocument:
    """The auction with its details after the event; those that it was created with are kept beside them."""
    before = auction.details
    details = details_after(before, auction.ends_at, recorded)
    if details is before:
        return auction
    return replace(
        auction,
        title=details.title,
        description=details.description,
        starts_at=details.starts_at,
        rules=details.rules,
        paused=details.paused,
        pauses=details.pauses,
        first=auction.first or before,
        details_version=recorded.version,
    )


def _winner(
    auction: AuctionDocument, event: WinnerAnnounced, recorded: VersionedEvent
) -> WinnerDocument:
    bid = BidDocument(
        id=event.bid_id,
        auction_id=auction.id,
        bidder_id=event.bidder_id,
        amount=event.amount,
        effective_amount=event.effective_amount,
        placed_at=event.placed_at,
        placed_version=0,
        reached_version=0,
        doubled=event.doubled,
        version=recorded.version,
        number=event.number,
    )
    return WinnerDocument(
        auction.id,
        auction.title,
        bid,
        announced_at=recorded.recorded_at,
        user_id=event.user_id,
        price=event.price,
    )


def documents_of(
    auction_id: UUID, history: Sequence[VersionedEvent]
) -> tuple[AuctionDocument, dict[UUID, BidDocument]]:
    """The auction's document and those of all its bids, from the whole history at once."""
    bids = bids_after(auction_id, history, {})
    live = ranked_at(bids.values(), history[-1].version)
    return auction_after(None, history, top_bids=live[:TOP], live_before={}), bids


def user_after(
    user: UserDocument | None,
    event: UserEvent,
    version: int,
    *,
    username: str | None,
) -> UserDocument:
    """The user's document after the event; the name is the one they have now, if any."""
    match event:
        case UserCreated():
            return UserDocument(event.user_id, version, event.is_staff, username)
        case UserDeleted():
            assert user is not None, "a user is created before they are deleted"
            return replace(user, version=version, username=None, deleted=True)
        case UserBanned() | BanLifted() | ExposureLimited() | ExposureLimitLifted():
            assert user is not None, "a user is created before anything else happens to them"
            return replace(user, version=version)
        case _:
            assert_never(event)
