"""Commands: what somebody asks of an auction or of a user, in the imperative."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CreateAuction:
    """Open a new auction; without starts_at it starts the moment it was accepted."""

    auction_id: UUID
    title: str
    description: str
    starts_at: datetime | None
    ends_at: datetime
    created_by: UUID | None


@dataclass(frozen=True, slots=True)
class PlaceBid:
    """Offer an amount in an auction."""

    auction_id: UUID
    bid_id: UUID
    bidder_id: UUID
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DeleteBid:
    """Take one's own live bid back."""

    auction_id: UUID
    bid_id: UUID
    bidder_id: UUID


@dataclass(frozen=True, slots=True)
class DoubleBid:
    """Draw one live, not yet doubled bid by that version of the policies, and double it."""

    auction_id: UUID
    tick: int
    policy_version: int


@dataclass(frozen=True, slots=True)
class AnnounceWinner:
    """Close an auction whose time is over: the leading bid wins, without one it ends unsold."""

    auction_id: UUID


@dataclass(frozen=True, slots=True)
class WithdrawBids:
    """Take back all live bids of a user whose deletion was accepted at `deletion_accepted_at`."""

    auction_id: UUID
    bidder_id: UUID
    deletion_accepted_at: datetime


@dataclass(frozen=True, slots=True)
class CreateUser:
    """Sign somebody up; the password comes hashed."""

    user_id: UUID
    username: str
    email: str | None
    password_hash: str
    is_staff: bool


@dataclass(frozen=True, slots=True)
class DeleteUser:
    """End a user: sessions, personal data, and live bids in every open auction."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """Have the promoter follow these options, in one auction or, without one, in the portal."""

    auction_id: UUID | None
    chance: Decimal
    weight: tuple[str, ...]
    exclude: tuple[str, ...]
    limit: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WithdrawPolicy:
    """Have the auction follow the portal's policy again, or the portal the first one."""

    auction_id: UUID | None


AuctionCommand = CreateAuction | PlaceBid | DeleteBid | DoubleBid | AnnounceWinner | WithdrawBids
UserCommand = CreateUser | DeleteUser
PolicyCommand = ChangePolicy | WithdrawPolicy
Command = AuctionCommand | UserCommand | PolicyCommand
