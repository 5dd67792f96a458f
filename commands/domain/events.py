"""Events of auctions, users, ticks and policies, in the past tense, with ids instead of personal data."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from commands.domain.revisions import Revision
from commands.domain.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class AuctionCreated:
    """An auction was created; it takes bids from starts_at until ends_at, by these rules beside the plain ones."""

    auction_id: UUID
    title: str
    description: str
    starts_at: datetime
    ends_at: datetime
    created_by: UUID | None
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class BidPlaced:
    """A bid was placed; placed_at is when the portal accepted the command.

    The nonce is what its bidder sent along: as part of the event it changes the auction's hash, and
    with that all later draws. `bought` says that it is a purchase at the buy-now price: BoughtNow follows.
    In a masked auction `bidder_id` is an alias, and `number` counts the bidders in the order of their first
    bids, from 1. `automatic` says that it was placed for its bidder, by their maximum.
    """

    bid_id: UUID
    bidder_id: UUID
    amount: Decimal
    placed_at: datetime
    nonce: str | None = None
    bought: bool = False
    number: int | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class MaximumSet:
    """A bidder set a private maximum, in the place of one that they had.

    `sealed` is readable with the bidder's key alone, which is destroyed with their account. In a masked auction the
    bidder is an alias of that number.
    """

    maximum_id: UUID
    bidder_id: UUID
    sealed: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class MaximumEnded:
    """The bidder's maximum bids no more: since the events before somebody else leads, or they took it back."""

    bidder_id: UUID
    number: int | None = None


@dataclass(frozen=True, slots=True)
class BoughtNow:
    """That bid, which was placed just before, bought at the buy-now price: the end moved to when it was accepted."""

    ends_at: datetime
    bid_id: UUID


@dataclass(frozen=True, slots=True)
class SealedBidPlaced:
    """A bid was placed whose amount is hidden until the auction has ended.

    The commitment is the SHA-256, in hex, of its amount and a salt. `sealed` holds both, readable with
    the bidder's key alone, which is destroyed with their account.
    """

    bid_id: UUID
    bidder_id: UUID
    commitment: str
    sealed: str
    placed_at: datetime
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class BidRevealed:
    """After the auction's end: what a sealed bid offers, with the salt of its commitment.

    All live ones are revealed, those placed first first.
    """

    bid_id: UUID
    amount: Decimal
    salt: str


@dataclass(frozen=True, slots=True)
class BidNotRevealed:
    """A sealed bid counts no more: its key is gone, so nobody knows what it offers."""

    bid_id: UUID
    bidder_id: UUID


@dataclass(frozen=True, slots=True)
class AuctionExtended:
    """That bid, which was placed just before, moved the auction's end, by one of its rules; extensions count from 1."""

    ends_at: datetime
    bid_id: UUID
    extension: int


@dataclass(frozen=True, slots=True)
class ReserveMet:
    """Since the event before, that bid leads and would pay no less than the hidden reserve."""

    bid_id: UUID


@dataclass(frozen=True, slots=True)
class ReserveMissed:
    """Since the event before, no bid leads that would pay the hidden reserve; one did before."""


@dataclass(frozen=True, slots=True)
class ReserveRevealed:
    """The auction is being closed, and its reserve was that; the salt makes its commitment checkable."""

    amount: Decimal
    salt: str


@dataclass(frozen=True, slots=True)
class BidDeleted:
    """A bid was deleted by its bidder, or withdrawn with the bidder's account.

    `withdrawn_at` is when the deletion of the account was accepted, which decides whether the bid was
    withdrawn in time; None if the bidder deleted the bid, and in events from before that was kept.
    """

    bid_id: UUID
    bidder_id: UUID
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BidRemoved:
    """The house deleted a bid. The reason is for everybody to read."""

    bid_id: UUID
    bidder_id: UUID
    reason: str
    removed_by: UUID | None


@dataclass(frozen=True, slots=True)
class BidDoubled:
    """The promoter drew this bid in this tick; its effective amount is now twice its amount.

    Its chance was weight / total_weight by that version of the policies. `staff` are the auction's
    bidders who were staff then. `draw` is its number among the auction's draws, from 1 without gaps.
    Draws from before they were numbered have 0, and those of tick 0 are from before there were
    commitments to secrets.
    """

    bid_id: UUID
    bidder_id: UUID
    effective_amount: Decimal
    tick: int
    policy_version: int
    weight: int
    total_weight: int
    staff: tuple[UUID, ...]
    draw: int = 0


class NoDoubling(StrEnum):
    """Why a draw doubled no bid.

    CHANCE: by the policy's chance there was none this time. NOBODY: the policy excludes every bid.
    GONE: the bid that was drawn was deleted or doubled after the cut-off. LATE: it was accepted after the
    auction's end, not handled in time, or not before the secret was revealed. FAILED: by a fault of
    the portal.
    """

    CHANCE = "CHANCE"
    NOBODY = "NOBODY"
    GONE = "GONE"
    LATE = "LATE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class NothingDrawn:
    """The auction's draw in this tick doubled no bid. `bid_id` is the one that is gone."""

    tick: int
    policy_version: int
    reason: NoDoubling
    draw: int
    staff: tuple[UUID, ...] = ()
    bid_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WinnerAnnounced:
    """The auction was closed, and this bid won. The winner pays the price, or without one the bid's amount.

    In a masked auction `number` is that of its bidder, an alias, and `user_id` the user behind it, if the rules
    show who won.
    """

    bid_id: UUID
    bidder_id: UUID
    amount: Decimal
    effective_amount: Decimal
    doubled: bool
    placed_at: datetime
    number: int | None = None
    user_id: UUID | None = None
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class AuctionEndedUnsold:
    """The auction was closed without live bids, or the leading one did not meet the reserve."""


@dataclass(frozen=True, slots=True)
class LotOffered:
    """By its second chance the auction's lot is offered to that bid's bidder for that amount, first to the winner.

    An answer counts if it is accepted before `until`. `passed_over` are those whose turn it would have been, and whose
    accounts are deleted. In a masked auction bidders are aliases, and `number` is this one's.
    """

    bid_id: UUID
    bidder_id: UUID
    amount: Decimal
    until: datetime
    passed_over: tuple[UUID, ...] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """The one to whom the lot is offered buys it."""

    bid_id: UUID
    bidder_id: UUID


@dataclass(frozen=True, slots=True)
class OfferDeclined:
    """The one to whom the lot is offered does not want it, or deleted their account.

    `withdrawn_at` is when the deletion of the account was accepted; None if they declined.
    """

    bid_id: UUID
    bidder_id: UUID
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OfferLapsed:
    """The time to answer was over without an answer."""

    bid_id: UUID
    bidder_id: UUID


@dataclass(frozen=True, slots=True)
class SaleForfeited:
    """The house took the lot from whoever had bought it, or was offered it. The reason is for everybody to read."""

    bid_id: UUID
    bidder_id: UUID
    reason: str
    forfeited_by: UUID | None


@dataclass(frozen=True, slots=True)
class SaleFailed:
    """Nobody is left to whom the lot could be offered; `passed_over` as in LotOffered."""

    passed_over: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class AuctionClosedEarly:
    """The house moved the auction's end to ends_at, when its command was accepted; the winner is announced as usual.

    The reason is for everybody to read.
    """

    ends_at: datetime
    reason: str
    closed_by: UUID | None


@dataclass(frozen=True, slots=True)
class AuctionPaused:
    """The house has time stand still since paused_at, when its command was accepted: no bid counts until it goes on.

    The reason is for everybody to read.
    """

    paused_at: datetime
    reason: str
    paused_by: UUID | None


@dataclass(frozen=True, slots=True)
class AuctionResumed:
    """Time goes on since resumed_at, when the house's command was accepted; the end moved by the length of the pause.

    So does what else rules say of time, such as a soft close's hard end. The reason is for everybody to read.
    """

    resumed_at: datetime
    ends_at: datetime
    reason: str
    resumed_by: UUID | None


@dataclass(frozen=True, slots=True)
class AuctionRevised:
    """The house changed the auction's details: what it changed, as that was before, and as it is now."""

    before: Revision
    after: Revision
    revised_by: UUID | None


@dataclass(frozen=True, slots=True)
class AuctionCancelled:
    """The house closed the auction, and nobody wins. The reason is for everybody to read."""

    reason: str
    cancelled_by: UUID | None


@dataclass(frozen=True, slots=True)
class UserCreated:
    """A user was created. Name and address are in the users' table only, so that they can be erased."""

    user_id: UUID
    is_staff: bool


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """A user was deleted. Only the id is kept."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class TickCommitted:
    """A secret was chosen for the next tick; the commitment is the secret's SHA-256 in hex.

    Its draws follow the policies of that version, whatever is changed until then. Ticks from before
    that was fixed have None, and not each of their draws left an event. They are drawn by that round of
    the beacon, too, and its public time is their cut-off. Ticks from before there was a beacon have None.
    """

    number: int
    commitment: str
    policies: int | None = None
    beacon: str | None = None
    round: int | None = None
    public_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TickMade:
    """The tick was made, with the value of its round of the beacon, in hex.

    There is a draw in each auction that was open at the cut-off and had a live bid that was not doubled,
    by the bids accepted before. That is the round's public time; without a round it is this moment. The
    draws are accepted some at a time, and DrawsAccepted counts them. `draws` is None, but in ticks from
    before: these accepted theirs together with this event, which has their number.
    """

    draws: int | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class DrawsAccepted:
    """Each of the tick's `draws` has its place among its auction's commands.

    Secret and bids determine the results from here on.
    """

    draws: int


@dataclass(frozen=True, slots=True)
class SecretRevealed:
    """All draws of the tick are settled; the secret, in hex, is now public."""

    secret: str


@dataclass(frozen=True, slots=True)
class TickGivenUp:
    """The tick draws no more, and its secret stays unknown.

    The portal was made of a record without it, or the value of its round could not be had for a day, or
    the house has changed to another beacon.
    """


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """These options apply to one auction or, without one, to the portal, in ticks committed to later."""

    auction_id: UUID | None
    chance: Decimal
    weight: tuple[str, ...]
    exclude: tuple[str, ...]
    limit: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyWithdrawn:
    """The auction's policy was removed or, without an auction, the portal's; the default then applies."""

    auction_id: UUID | None


@dataclass(frozen=True, slots=True)
class UserBanned:
    """The house lets the user place no bids that are accepted from `since` until `until`; without that for good.

    Without an auction it holds in all of them. The reason is sealed with the user's key, so that it goes with
    them. It takes the place of a ban from the same auction, or from the portal, that is in force.
    """

    user_id: UUID
    ban_id: UUID
    auction_id: UUID | None
    since: datetime
    until: datetime | None
    reason: str
    banned_by: UUID | None


@dataclass(frozen=True, slots=True)
class BanLifted:
    """The user's ban from the auction, or without one from the portal, holds for no bid accepted from then on."""

    user_id: UUID
    auction_id: UUID | None
    lifted_at: datetime
    lifted_by: UUID | None


@dataclass(frozen=True, slots=True)
class ExposureLimited:
    """From now on no bid of the user is placed that takes what they would pay at most in all open auctions above the amount.

    It takes the place of a limit that they have. The reason is sealed with the user's key, so that it goes with them.
    """

    user_id: UUID
    limit_id: UUID
    amount: Decimal
    since: datetime
    reason: str
    limited_by: UUID | None


@dataclass(frozen=True, slots=True)
class ExposureLimitLifted:
    """The user has no limit on their exposure any more."""

    user_id: UUID
    lifted_at: datetime
    lifted_by: UUID | None


SaleEvent = LotOffered | OfferAccepted | OfferDeclined | OfferLapsed | SaleForfeited | SaleFailed
EventOfBid = (
    BidPlaced
    | SealedBidPlaced
    | BidRevealed
    | BidNotRevealed
    | BidDeleted
    | BidRemoved
    | BidDoubled
)
# Those of an auction that change none of its bids.
EventOfNoBid = (
    AuctionCreated
    | AuctionRevised
    | AuctionPaused
    | AuctionResumed
    | AuctionExtended
    | AuctionClosedEarly
    | BoughtNow
    | MaximumSet
    | MaximumEnded
    | ReserveMet
    | ReserveMissed
    | ReserveRevealed
    | NothingDrawn
    | WinnerAnnounced
    | AuctionEndedUnsold
    | AuctionCancelled
    | SaleEvent
)
AuctionEvent = EventOfBid | EventOfNoBid
UserEvent = (
    UserCreated | UserDeleted | UserBanned | BanLifted | ExposureLimited | ExposureLimitLifted
)
TickEvent = TickCommitted | TickMade | DrawsAccepted | SecretRevealed | TickGivenUp
PolicyEvent = PolicyChanged | PolicyWithdrawn
Event = AuctionEvent | UserEvent | TickEvent | PolicyEvent
