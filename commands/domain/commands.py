"""Commands to auctions, users and the promoter's policies, named in the imperative."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commands.domain.revisions import Revision
from commands.domain.rules.masked import Alias
from commands.domain.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class CreateAuction:
    """Create an auction; without starts_at it starts at the moment of acceptance.

    The rules are those chosen beside the plain ones, in their order; see commands.domain.rules.
    """

    auction_id: UUID
    title: str
    description: str
    starts_at: datetime | None
    ends_at: datetime
    created_by: UUID | None
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceBid:
    """Offer an amount in an auction; the nonce is the bidder's own part in the draws to come.

    In a masked auction the bid is placed under the alias, which the bidder gets when it is decided.
    """

    auction_id: UUID
    bid_id: UUID
    bidder_id: UUID
    amount: Decimal
    nonce: str | None = None
    alias: Alias | None = None

    @property
    def placed_by(self) -> UUID:
        """The id under which the bid is placed."""
        return self.alias.id if self.alias else self.bidder_id


@dataclass(frozen=True, slots=True)
class BuyNow:
    """Buy at the auction's buy-now price, which ends it; in a masked auction under the alias."""

    auction_id: UUID
    bid_id: UUID
    bidder_id: UUID
    alias: Alias | None = None

    @property
    def placed_by(self) -> UUID:
        """The id under which the bid is placed."""
        return self.alias.id if self.alias else self.bidder_id


@dataclass(frozen=True, slots=True)
class PlaceSealedBid:
    """Offer an amount that nobody is to know before the auction has ended.

    `sealed` is readable with the bidder's key alone, and holds the amount and the salt of the commitment.
    """

    auction_id: UUID
    bid_id: UUID
    bidder_id: UUID
    commitment: str
    sealed: str
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class SetMaximum:
    """Have the auction bid for the bidder up to a private maximum, in the place of an earlier one.

    `sealed` holds it, readable with the bidder's key alone. In a masked auction it is set under the alias.
    """

    auction_id: UUID
    maximum_id: UUID
    bidder_id: UUID
    sealed: str
    alias: Alias | None = None

    @property
    def placed_by(self) -> UUID:
        """The id under which it is set, and bids are placed by it."""
        return self.alias.id if self.alias else self.bidder_id


@dataclass(frozen=True, slots=True)
class ClearMaximum:
    """Take the bidder's maximum back; bids that are placed already stay."""

    auction_id: UUID
    bidder_id: UUID


@dataclass(frozen=True, slots=True)
class DeleteBid:
    """Delete one of the bidder's own live bids."""

    auction_id: UUID
    bid_id: UUID
    bidder_id: UUID


@dataclass(frozen=True, slots=True)
class DoubleBid:
    """Draw a live bid that was not doubled, by that version of the policies, and double it."""

    auction_id: UUID
    tick: int
    policy_version: int


@dataclass(frozen=True, slots=True)
class AnnounceWinner:
    """Close an auction after its end: the leading bid wins; without live bids it ends unsold.

    Sealed bids are revealed before.
    """

    auction_id: UUID


@dataclass(frozen=True, slots=True)
class CancelAuction:
    """Close an auction without a winner, for a reason that everybody can read; without a user an operator does."""

    auction_id: UUID
    reason: str
    cancelled_by: UUID | None


@dataclass(frozen=True, slots=True)
class CloseAuctionNow:
    """End an open auction at the moment of acceptance, for a reason that everybody can read."""

    auction_id: UUID
    reason: str
    closed_by: UUID | None


@dataclass(frozen=True, slots=True)
class PauseAuction:
    """Have time stand still in an open auction, for a reason that everybody can read."""

    auction_id: UUID
    reason: str
    paused_by: UUID | None


@dataclass(frozen=True, slots=True)
class ResumeAuction:
    """Have time go on in a paused auction, for a reason that everybody can read."""

    auction_id: UUID
    reason: str
    resumed_by: UUID | None


@dataclass(frozen=True, slots=True)
class ReviseAuction:
    """Change an auction's details to those given; once there was a bid its description alone."""

    auction_id: UUID
    changes: Revision
    revised_by: UUID | None


@dataclass(frozen=True, slots=True)
class RemoveBid:
    """Delete somebody's live bid in the house's name, for a reason that everybody can read."""

    auction_id: UUID
    bid_id: UUID
    reason: str
    removed_by: UUID | None


@dataclass(frozen=True, slots=True)
class AnswerOffer:
    """Accept the lot that the bidder won or is offered, or decline it."""

    auction_id: UUID
    bidder_id: UUID
    accept: bool


@dataclass(frozen=True, slots=True)
class LapseOffer:
    """End the offer for that bid, once the time to answer it is over."""

    auction_id: UUID
    bid_id: UUID


@dataclass(frozen=True, slots=True)
class ForfeitSale:
    """Take the lot from that bid's bidder in the house's name, for a reason that everybody can read."""

    auction_id: UUID
    bid_id: UUID
    reason: str
    forfeited_by: UUID | None


@dataclass(frozen=True, slots=True)
class WithdrawBids:
    """Delete all live bids of a user whose deletion was accepted at `deletion_accepted_at`; decline what they are offered."""

    auction_id: UUID
    bidder_id: UUID
    deletion_accepted_at: datetime


@dataclass(frozen=True, slots=True)
class CreateUser:
    """Create a user; the password is hashed already."""

    user_id: UUID
    username: str
    email: str | None
    password_hash: str
    is_staff: bool


@dataclass(frozen=True, slots=True)
class DeleteUser:
    """Delete a user: their sessions, personal data, and live bids in open auctions."""

    user_id: UUID


@dataclass(frozen=True, slots=True)
class BanUser:
    """Let a user place no bids in an auction or, without one, in the portal, until then or for good.

    The reason is sealed with the user's key already.
    """

    user_id: UUID
    ban_id: UUID
    until: datetime | None
    reason: str
    banned_by: UUID | None
    auction_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LiftBan:
    """End a user's ban from an auction or, without one, from the portal."""

    user_id: UUID
    lifted_by: UUID | None
    auction_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LimitExposure:
    """Limit what a user would pay at most in all open auctions together, or change that limit.

    The reason is sealed with the user's key already.
    """

    user_id: UUID
    limit_id: UUID
    amount: Decimal
    reason: str
    limited_by: UUID | None


@dataclass(frozen=True, slots=True)
class LiftExposureLimit:
    """End the limit on a user's exposure."""

    user_id: UUID
    lifted_by: UUID | None


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """Set the promoter's options for one auction or, without one, for the whole portal."""

    auction_id: UUID | None
    chance: Decimal
    weight: tuple[str, ...]
    exclude: tuple[str, ...]
    limit: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WithdrawPolicy:
    """Remove the auction's policy, or without an auction the portal's; the default then applies."""

    auction_id: UUID | None


AuctionCommand = (
    CreateAuction
    | PlaceBid
    | BuyNow
    | PlaceSealedBid
    | SetMaximum
    | ClearMaximum
    | DeleteBid
    | DoubleBid
    | AnnounceWinner
    | CancelAuction
    | CloseAuctionNow
    | PauseAuction
    | ResumeAuction
    | ReviseAuction
    | RemoveBid
    | AnswerOffer
    | LapseOffer
    | ForfeitSale
    | WithdrawBids
)
UserCommand = CreateUser | DeleteUser | BanUser | LiftBan | LimitExposure | LiftExposureLimit
PolicyCommand = ChangePolicy | WithdrawPolicy
Command = AuctionCommand | UserCommand | PolicyCommand
