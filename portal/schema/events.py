"""The events of an auction as subscribers get them."""

from datetime import datetime
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

import strawberry

from commands.domain import events
from commands.domain.revisions import Revision
from commands.streams import RecordedEvent
from portal.schema.bids import Bid, Bidder, shown_behind
from portal.schema.enums import NoDoubling
from portal.schema.reading import Names
from portal.schema.rules import Rules


@strawberry.interface(description="Something that happened in an auction.")
class AuctionEvent:
    auction_id: UUID = strawberry.field(description="The auction it happened in.")
    version: int = strawberry.field(
        description="Its number among the auction's events, from 1 without gaps."
    )
    recorded_at: datetime = strawberry.field(
        description=(
            "When it was recorded, by the portal's clock: a moment after the command was accepted."
        )
    )
    hash: str = strawberry.field(
        description="SHA-256 over the auction's event before and this one, in hex; see chain."
    )


@strawberry.type(description="The auction exists; the first event of each.")
class AuctionCreated(AuctionEvent):
    title: str = strawberry.field(description="Its title.")
    starts_at: datetime = strawberry.field(
        description="A bid counts if it is accepted at this moment or later."
    )
    ends_at: datetime = strawberry.field(
        description="A bid counts if it is accepted before this moment."
    )
    rules: Rules = strawberry.field(description="What it goes by beside the plain rules.")


@strawberry.type(description="A bid was placed, and counts.")
class BidPlaced(AuctionEvent):
    bid: Bid = strawberry.field(description="As it was then, neither doubled nor deleted.")
    nonce: str | None = strawberry.field(
        description="What its bidder sent along; with the event's hash it is part of later draws."
    )
    bought: bool = strawberry.field(
        description="Whether it is a purchase at the buy-now price; then BoughtNow follows."
    )


@strawberry.type(
    description=(
        "The bid placed just before bought at the auction's buy-now price, which ended it; the winner is announced a "
        "moment later, as usual."
    )
)
class BoughtNow(AuctionEvent):
    ends_at: datetime = strawberry.field(
        description="A bid counts if it is accepted before this moment, when the purchase was."
    )
    bid_id: UUID = strawberry.field(description="The bid that bought.")


@strawberry.type(description="A bid was placed whose amount is hidden until the auction has ended.")
class SealedBidPlaced(AuctionEvent):
    bid: Bid = strawberry.field(description="As it was then: with its commitment, without amounts.")
    nonce: str | None = strawberry.field(description="What its bidder sent along.")


@strawberry.type(
    description="A bidder set a maximum, in the place of one that they had. How high it is nobody else is told."
)
class MaximumSet(AuctionEvent):
    bidder: Bidder = strawberry.field(description="Who set it.")


@strawberry.type(
    description="A bidder's maximum bids no more: somebody else leads in spite of it, or they took it back."
)
class MaximumEnded(AuctionEvent):
    bidder: Bidder = strawberry.field(description="Whose it was.")


@strawberry.type(
    description="The auction has ended, and a sealed bid was revealed; all live ones are, before the winner is announced."
)
class BidRevealed(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid.")
    amount: Decimal = strawberry.field(description="What was offered.")
    salt: str = strawberry.field(
        description="With it and the amount the bid's commitment can be checked."
    )


@strawberry.type(
    description="A sealed bid can't be revealed, because its key is gone: it counts no more, as after BidRemoved."
)
class BidNotRevealed(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid.")


@strawberry.type(
    description="The bid placed just before moved the auction's end, by the auction's soft close."
)
class AuctionExtended(AuctionEvent):
    ends_at: datetime = strawberry.field(
        description="A bid counts if it is accepted before this moment."
    )
    bid_id: UUID = strawberry.field(description="The bid that moved it.")


@strawberry.type(description="A bid counts no more: its bidder took it back, or was deleted.")
class BidDeleted(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid that was deleted.")


@strawberry.type(description="The house deleted a bid: it counts no more, as after BidDeleted.")
class BidRemoved(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid that was removed.")
    because: str = strawberry.field(description="The reason, in the house's own words.")


@strawberry.type(description="The promoter drew a bid, and it ranks with twice its amount.")
class BidDoubled(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid that was drawn.")
    effective_amount: Decimal = strawberry.field(description="Twice its amount.")
    tick: int = strawberry.field(
        description=(
            "The number of the tick whose secret drew it; 0 if it was drawn before the house "
            "committed to its draws."
        )
    )
    policy_version: int = strawberry.field(
        description=(
            "The version of the policies it was drawn by, see promoterPolicy; -1: by the auction's own options, see Rules."
        )
    )
    chance: float = strawberry.field(description="The bid's share of the draw, from 0 to 1.")
    draw: int | None = strawberry.field(
        description=(
            "Its number among the auction's draws, from 1 without gaps; null if it was drawn before "
            "draws were numbered."
        )
    )


@strawberry.type(description="A draw of the promoter doubled no bid.")
class NothingDrawn(AuctionEvent):
    tick: int = strawberry.field(description="The number of the tick that it belongs to.")
    policy_version: int = strawberry.field(
        description=(
            "The version of the policies it was made by, see promoterPolicy; -1: by the auction's own options, see Rules."
        )
    )
    reason: NoDoubling = strawberry.field(description="Why no bid was doubled.")
    draw: int = strawberry.field(
        description="Its number among the auction's draws, from 1 without gaps."
    )
    bid_id: UUID | None = strawberry.field(description="The bid that is gone, if that is why.")


@strawberry.type(description="The auction is closed and has a winner.")
class WinnerAnnounced(AuctionEvent):
    bid: Bid = strawberry.field(description="The bid that won.")
    pays: Decimal = strawberry.field(
        description="What the winner pays: the bid's amount, or by the auction's rules another price."
    )


@strawberry.type(description="The auction is closed without a live bid.")
class AuctionEndedUnsold(AuctionEvent):
    pass


@strawberry.type(
    description="Since the event before, the leading bid's amount meets the hidden reserve."
)
class ReserveMet(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid that leads.")


@strawberry.type(
    description="Since the event before, the leading bid's amount does not meet the hidden reserve any more."
)
class ReserveMissed(AuctionEvent):
    pass


@strawberry.type(description="The auction is being closed; this was its reserve.")
class ReserveRevealed(AuctionEvent):
    amount: Decimal = strawberry.field(description="Nobody wins with a lower bid.")
    salt: str = strawberry.field(description="Belongs to the commitment, see `Rules.reserve`.")


@strawberry.type(description="The house cancelled the auction: it is closed, and nobody wins.")
class AuctionCancelled(AuctionEvent):
    because: str = strawberry.field(description="The reason, in the house's own words.")


@strawberry.type(
    description="The house ended the auction at once; the winner is announced a moment later, as usual."
)
class AuctionClosedEarly(AuctionEvent):
    ends_at: datetime = strawberry.field(
        description="A bid counts if it is accepted before this moment, when the house asked for it."
    )
    because: str = strawberry.field(description="The reason, in the house's own words.")


@strawberry.type(
    description="The house paused the auction: time stands still, and no bid counts until AuctionResumed."
)
class AuctionPaused(AuctionEvent):
    paused_at: datetime = strawberry.field(
        description="When the house asked for it: a bid counts if it is accepted before this moment."
    )
    because: str = strawberry.field(description="The reason, in the house's own words.")


@strawberry.type(
    description="The house resumed the auction: its end, and a soft close's hard end, moved by as long as it was paused."
)
class AuctionResumed(AuctionEvent):
    resumed_at: datetime = strawberry.field(
        description="When the house asked for it: bids count again from this moment on."
    )
    ends_at: datetime = strawberry.field(
        description="A bid counts if it is accepted before this moment."
    )
    because: str = strawberry.field(description="The reason, in the house's own words.")


@strawberry.type(
    description="Those details of an auction that a revision changed; the others are null."
)
class AuctionDetails:
    title: str | None = strawberry.field(description="Its title.")
    description: str | None = strawberry.field(description="Its description, perhaps an empty one.")
    starts_at: datetime | None = strawberry.field(description="From when bids count.")
    ends_at: datetime | None = strawberry.field(description="Until when bids count.")
    rules: Rules | None = strawberry.field(description="What it goes by beside the plain rules.")

    @classmethod
    def of(cls, revision: Revision) -> "AuctionDetails":
        """In the API's form."""
        return cls(
            title=revision.title,
            description=revision.description,
            starts_at=revision.starts_at,
            ends_at=revision.ends_at,
            rules=Rules.of(revision.rules) if revision.rules is not None else None,
        )


@strawberry.type(
    description="The house changed what was said of the auction: all of it before somebody bid, or its description."
)
class AuctionRevised(AuctionEvent):
    before: AuctionDetails = strawberry.field(description="What was changed, as it was.")
    after: AuctionDetails = strawberry.field(description="The same, as it is now.")


@strawberry.type(
    description="By the auction's second chance its lot is offered to a bidder, first to the winner."
)
class LotOffered(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid with which they are next.")
    bidder: Bidder = strawberry.field(description="To whom it is offered.")
    amount: Decimal = strawberry.field(description="What they would pay.")
    until: datetime = strawberry.field(
        description="An answer counts if it is accepted before this moment."
    )


@strawberry.type(description="The one to whom the lot is offered buys it.")
class OfferAccepted(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid for which it was offered.")


@strawberry.type(
    description="The one to whom the lot is offered does not want it, or deleted their account."
)
class OfferDeclined(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid for which it was offered.")


@strawberry.type(
    description="The lot is not offered to them any more: they did not answer in time."
)
class OfferLapsed(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid for which it was offered.")


@strawberry.type(
    description="The house took the lot from whoever had bought it, or was offered it."
)
class SaleForfeited(AuctionEvent):
    bid_id: UUID = strawberry.field(description="The bid for which it was offered.")
    because: str = strawberry.field(description="The reason, in the house's own words.")


@strawberry.type(description="Nobody is left to whom the lot could be offered.")
class SaleFailed(AuctionEvent):
    pass


EVENT_TYPES = (
    AuctionCreated,
    BidPlaced,
    BoughtNow,
    SealedBidPlaced,
    MaximumSet,
    MaximumEnded,
    BidRevealed,
    BidNotRevealed,
    AuctionExtended,
    ReserveMet,
    ReserveMissed,
    ReserveRevealed,
    BidDeleted,
    BidRemoved,
    BidDoubled,
    NothingDrawn,
    WinnerAnnounced,
    AuctionEndedUnsold,
    AuctionCancelled,
    AuctionClosedEarly,
    AuctionPaused,
    AuctionResumed,
    AuctionRevised,
    LotOffered,
    OfferAccepted,
    OfferDeclined,
    OfferLapsed,
    SaleForfeited,
    SaleFailed,
)


def bidder_of(recorded: RecordedEvent) -> UUID | None:
    """The user whose name the event shows; nobody who is masked."""
    match recorded.event:
        case events.WinnerAnnounced(user_id=UUID() as user_id):
            return user_id
        case (
            events.BidPlaced(number=None)
            | events.SealedBidPlaced()
            | events.WinnerAnnounced(number=None)
            | events.LotOffered(number=None)
            | events.MaximumSet(number=None)
            | events.MaximumEnded(number=None)
        ):
            return recorded.event.bidder_id
        case _:
            return None


def auction_event(recorded: RecordedEvent, names: Names) -> AuctionEvent:
    """The recorded event in the API's form."""
    common: _Common = {
        "auction_id": recorded.stream.id,
        "version": recorded.version,
        "recorded_at": recorded.recorded_at,
        "hash": recorded.hash.hex(),
    }
    match recorded.event:
        case events.AuctionCreated() as event:
            return AuctionCreated(
                **common,
                title=event.title,
                starts_at=event.starts_at,
                ends_at=event.ends_at,
                rules=Rules.of(event.rules),
            )
        case events.BidPlaced() as event:
            bid = _bid(recorded, event, names, effective_amount=event.amount, doubled=False)
            return BidPlaced(**common, bid=bid, nonce=event.nonce, bought=event.bought)
        case events.BoughtNow() as event:
            return BoughtNow(**common, ends_at=event.ends_at, bid_id=event.bid_id)
        case events.SealedBidPlaced() as event:
            return SealedBidPlaced(**common, bid=_sealed(recorded, event, names), nonce=event.nonce)
        case events.MaximumSet() as event:
            return MaximumSet(**common, bidder=Bidder.of(event.bidder_id, event.number, names))
        case events.MaximumEnded() as event:
            return MaximumEnded(**common, bidder=Bidder.of(event.bidder_id, event.number, names))
        case events.BidRevealed() as event:
            return BidRevealed(**common, bid_id=event.bid_id, amount=event.amount, salt=event.salt)
        case events.BidNotRevealed() as event:
            return BidNotRevealed(**common, bid_id=event.bid_id)
        case events.AuctionExtended() as event:
            return AuctionExtended(**common, ends_at=event.ends_at, bid_id=event.bid_id)
        case events.ReserveMet() as event:
            return ReserveMet(**common, bid_id=event.bid_id)
        case events.ReserveMissed():
            return ReserveMissed(**common)
        case events.ReserveRevealed() as event:
            return ReserveRevealed(**common, amount=event.amount, salt=event.salt)
        case events.BidDeleted() as event:
            return BidDeleted(**common, bid_id=event.bid_id)
        case events.BidRemoved() as event:
            return BidRemoved(**common, bid_id=event.bid_id, because=event.reason)
        case events.BidDoubled() as event:
            return BidDoubled(
                **common,
                bid_id=event.bid_id,
                effective_amount=event.effective_amount,
                tick=event.tick,
                policy_version=event.policy_version,
                chance=event.weight / event.total_weight if event.total_weight else 0.0,
                draw=event.draw or None,
            )
        case events.NothingDrawn() as event:
            return NothingDrawn(
                **common,
                tick=event.tick,
                policy_version=event.policy_version,
                reason=event.reason,
                draw=event.draw,
                bid_id=event.bid_id,
            )
        case events.WinnerAnnounced() as event:
            amount, doubled = event.effective_amount, event.doubled
            bid = _bid(recorded, event, names, effective_amount=amount, doubled=doubled)
            bid.bidder = shown_behind(bid.bidder, event.user_id, names)
            pays = event.amount if event.price is None else event.price
            return WinnerAnnounced(**common, bid=bid, pays=pays)
        case events.AuctionEndedUnsold():
            return AuctionEndedUnsold(**common)
        case events.AuctionCancelled() as event:
            return AuctionCancelled(**common, because=event.reason)
        case events.AuctionClosedEarly() as event:
            return AuctionClosedEarly(**common, ends_at=event.ends_at, because=event.reason)
        case events.AuctionRevised() as event:
            before, after = AuctionDetails.of(event.before), AuctionDetails.of(event.after)
            return AuctionRevised(**common, before=before, after=after)
        case events.AuctionPaused() as event:
            return AuctionPaused(**common, paused_at=event.paused_at, because=event.reason)
        case events.AuctionResumed() as event:
            at, ends_at = event.resumed_at, event.ends_at
            return AuctionResumed(**common, resumed_at=at, ends_at=ends_at, because=event.reason)
        case events.LotOffered() as event:
            bidder = Bidder.of(event.bidder_id, event.number, names)
            return LotOffered(
                **common,
                bid_id=event.bid_id,
                bidder=bidder,
                amount=event.amount,
                until=event.until,
            )
        case events.OfferAccepted() as event:
            return OfferAccepted(**common, bid_id=event.bid_id)
        case events.OfferDeclined() as event:
            return OfferDeclined(**common, bid_id=event.bid_id)
        case events.OfferLapsed() as event:
            return OfferLapsed(**common, bid_id=event.bid_id)
        case events.SaleForfeited() as event:
            return SaleForfeited(**common, bid_id=event.bid_id, because=event.reason)
        case events.SaleFailed():
            return SaleFailed(**common)
        case _:
            raise ValueError(f"{recorded.event} is no event of an auction")


def _sealed(recorded: RecordedEvent, event: events.SealedBidPlaced, names: Names) -> Bid:
    return Bid(
        id=event.bid_id,
        auction_id=recorded.stream.id,
        bidder=Bidder.of(event.bidder_id, None, names),
        amount=None,
        effective_amount=None,
        doubled=False,
        deleted=False,
        placed_at=event.placed_at,
        commitment=event.commitment,
    )


class _Common(TypedDict):
    auction_id: UUID
    version: int
    recorded_at: datetime
    hash: str


def _bid(
    recorded: RecordedEvent,
    event: events.BidPlaced | events.WinnerAnnounced,
    names: Names,
    *,
    effective_amount: Decimal,
    doubled: bool,
) -> Bid:
    return Bid(
        id=event.bid_id,
        auction_id=recorded.stream.id,
        bidder=Bidder.of(event.bidder_id, event.number, names),
        amount=event.amount,
        effective_amount=effective_amount,
        doubled=doubled,
        deleted=False,
        placed_at=event.placed_at,
        automatic=isinstance(event, events.BidPlaced) and event.automatic,
    )
