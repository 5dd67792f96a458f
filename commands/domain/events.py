"""Events: what happened to an auction or a user, in the past tense, with ids instead of personal data."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AuctionCreated:
    """An auction exists and takes bids from starts_at until ends_at."""

    auction_id: UUID
    title: str
    description: str
    starts_at: datetime
    ends_at: datetime
    created_by: UUID | None


@dataclass(frozen=True, slots=True)
class BidPlaced:
    """A bid counts; placed_at is the moment the portal accepted it."""

    bid_id: UUID
    bidder_id: UUID
    amount: Decimal
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class BidDeleted:
    """A bid counts no longer: its bidder took it back, or was deleted."""

    bid_id: UUID
    bidder_id: UUID


@dataclass(frozen=True, slots=True)
class BidDoubled:
    """The house drew this bid in this tick of the promoter, and it ranks with twice its amount.

    Its chance was weight / total_weight by that version of the policies; `staff` are the bidders
    who then belonged to the house. Tick 0: drawn before the house committed to its draws.
    """

    bid_id: UUID
    bidder_id: UUID
    effective_amount: Decimal
    tick: int
    policy_version: int
    weight: int
    total_weight: int
    staff: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class WinnerAnnounced:
    """The auction is closed and this bid won."""

    bid_id: UUID
    bidder_id: UUID
    amount: Decimal
    effective_amount: Decimal
    doubled: bool
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class AuctionEndedUnsold:
    """The auction is closed and nobody had a live bid."""


@dataclass(frozen=True, slots=True)
class UserCreated:
    """A user exists; their name and address are kept apart from the events."""

    user_id: UUID
    is_staff: bool


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """A user was deleted; the id is all that stays."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class TickCommitted:
    """The house chose a secret for its next tick; the commitment is the secret's SHA-256 in hex."""

    number: int
    commitment: str


@dataclass(frozen=True, slots=True)
class TickMade:
    """That many auctions got a draw; which bids it hits is settled by now, whoever looks when."""

    draws: int


@dataclass(frozen=True, slots=True)
class SecretRevealed:
    """All draws of the tick are made, and here is the secret, in hex."""

    secret: str


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """From the next tick on the promoter follows these options, for one auction or for the portal."""

    auction_id: UUID | None
    chance: Decimal
    weight: tuple[str, ...]
    exclude: tuple[str, ...]
    limit: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyWithdrawn:
    """The auction follows the portal's policy again; without an auction, the portal the first one."""

    auction_id: UUID | None


AuctionEvent = (
    AuctionCreated | BidPlaced | BidDeleted | BidDoubled | WinnerAnnounced | AuctionEndedUnsold
)
UserEvent = UserCreated | UserDeleted
TickEvent = TickCommitted | TickMade | SecretRevealed
PolicyEvent = PolicyChanged | PolicyWithdrawn
Event = AuctionEvent | UserEvent | TickEvent | PolicyEvent
