"""The documents, as data: each has the version of its stream that it shows. What changes them is in `changes`."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from commands.domain.events import AuctionEvent
from commands.domain.pauses import Pause
from commands.domain.rules.reserve import ReservePrice
from commands.domain.rules.table import Rules
from commands.domain.sale import SaleState

# Bids in the auction's own document, so that the first page is read with it, at one version.
TOP = 20


AuctionStatus = Literal["SCHEDULED", "OPEN", "PAUSED", "ENDED", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class HouseDecision:
    """Why and when the house intervened in an auction, or removed a bid, and the version with it."""

    reason: str
    at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """The bid that bought at the buy-now price, when that was recorded, and the version with it."""

    bid_id: UUID
    at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Details:
    """What the house alone changes of an auction.

    `ends_at` is when it is to end by that. `paused` is why and since when time stands still; in the `pauses` since
    the end was planned, which are over, it did before.
    """

    title: str
    description: str
    starts_at: datetime
    ends_at: datetime
    rules: Rules = ()
    paused: HouseDecision | None = None
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class BidDocument:
    """A bid, with the versions of its auction at which it was placed, doubled and deleted.

    `removed` says why, if it was the house that deleted it. In a masked auction the bidder is an alias, and
    `number` its number. A sealed bid has a commitment, and hidden amounts until it is revealed; `salt` is what it
    was revealed with. `automatic` says that it was placed by its bidder's maximum.
    """

    id: UUID
    auction_id: UUID
    bidder_id: UUID
    amount: Decimal
    effective_amount: Decimal
    placed_at: datetime
    placed_version: int
    reached_version: int
    doubled: bool = False
    deleted_version: int | None = None
    version: int = 0
    removed: HouseDecision | None = None
    number: int | None = None
    commitment: str | None = None
    hidden: bool = False
    salt: str | None = None
    automatic: bool = False

    @property
    def deleted(self) -> bool:
        """Whether the bid was deleted."""
        return self.deleted_version is not None

    @property
    def rank(self) -> tuple[Decimal, int]:
        """Sorts the leading bid first."""
        return (-self.effective_amount, self.reached_version)


OfferOutcome = Literal["ACCEPTED", "DECLINED", "LAPSED", "FORFEITED"]


@dataclass(frozen=True, slots=True)
class OfferStep:
    """What became of an offer, when, and the auction's version with it; `reason` is the house's, if it was forfeited."""

    outcome: OfferOutcome
    at: datetime
    version: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OfferDocument:
    """A lot offered to a bid's bidder for that amount, to be answered before `until`; at the auction's version."""

    bid_id: UUID
    bidder_id: UUID
    amount: Decimal
    until: datetime
    at: datetime
    version: int
    steps: tuple[OfferStep, ...] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class SaleDocument:
    """To whom the lot of an auction with a second chance was offered, first to the winner."""

    offers: tuple[OfferDocument, ...] = ()
    failed_version: int | None = None

    @property
    def version(self) -> int:
        """The auction's version at which it changed last."""
        last = self.offers[-1] if self.offers else None
        versions = [step.version for step in last.steps] if last else []
        return max(*versions, last.version if last else 0, self.failed_version or 0, 0)

    @property
    def state(self) -> SaleState:
        """Where it stands."""
        if self.failed_version:
            return SaleState.FAILED
        match self.offers[-1].steps:
            case ():
                return SaleState.OFFERED
            case (*_, OfferStep(outcome="ACCEPTED")):
                return SaleState.SOLD
            case _:
                return SaleState.PASSED_ON


@dataclass(frozen=True, slots=True)
class WinnerDocument:
    """Who won an auction, with which bid; `user_id` is the user behind an alias, if that is shown.

    `sale` tells to whom its lot went then, if it has a second chance.
    """

    auction_id: UUID
    auction_title: str
    bid: BidDocument
    announced_at: datetime
    user_id: UUID | None = None
    # What is paid, if that is not the bid's amount.
    price: Decimal | None = None
    sale: SaleDocument | None = None

    @property
    def pays(self) -> Decimal:
        """What the winner pays."""
        return self.bid.amount if self.price is None else self.price

    @property
    def version(self) -> int:
        """The auction's version at which it changed last."""
        return max(self.bid.version, self.sale.version if self.sale else 0)


@dataclass(frozen=True, slots=True)
class AuctionDocument:
    """An auction as the API shows it; top_bids are its first live bids, leading first."""

    id: UUID
    version: int
    title: str
    description: str
    starts_at: datetime
    ends_at: datetime
    closed: bool = False
    bid_count: int = 0
    bidder_count: int = 0
    top_bids: tuple[BidDocument, ...] = ()
    winner: WinnerDocument | None = None
    rules: Rules = ()
    # The end that it was created with, or was revised to, once something has moved it.
    first_ends_at: datetime | None = None
    cancelled: HouseDecision | None = None
    closed_early: HouseDecision | None = None
    # Whether the leading bid would pay the reserve; and that, once it is revealed.
    reserve_met: bool = False
    reserve: ReservePrice | None = None
    bought: Purchase | None = None
    # Why and since when time stands still in it; and the pauses that are over.
    paused: HouseDecision | None = None
    pauses: tuple[Pause, ...] = ()
    # What it was created with, once the house has changed any of that, or paused it; and the version at which it did last.
    first: Details | None = None
    details_version: int | None = None

    @property
    def details(self) -> Details:
        """What the house alone changes of it, as it is."""
        return Details(
            self.title,
            self.description,
            self.starts_at,
            self.first_ends_at or self.ends_at,
            self.rules,
            self.paused,
            self.pauses,
        )

    @property
    def leading(self) -> BidDocument | None:
        """The bid that leads, if that is known."""
        first = self.top_bids[0] if self.top_bids else None
        return None if first is None or first.hidden else first


def status_at(auction: AuctionDocument, now: datetime) -> AuctionStatus:
    """Time alone decides, unless it was cancelled, or time stands still; the announcement follows a moment after the end."""
    if auction.cancelled:
        return "CANCELLED"
    if auction.paused:
        return "PAUSED"
    if now < auction.starts_at:
        return "SCHEDULED"
    return "OPEN" if now < auction.ends_at else "ENDED"


@dataclass(frozen=True, slots=True)
class Draw:
    """With which chance a bid was drawn: `weight` of `total_weight`, in that tick, by that version of the policies."""

    tick: int
    policy_version: int
    weight: int
    total_weight: int


@dataclass(frozen=True, slots=True)
class Moment:
    """An auction in brief, as it stood after one of its events; there is one for each.

    `kind` names the event, `bid_id` is the bid that it changed. `led` says whether it changed who leads, or
    what the leading bid counts. `last_bid` is the bid placed last so far, `closed_version` the version at which
    the auction was closed, if it was. `draw` tells of a doubling. `ends_at` is the auction's end once it was
    moved. `reserve_met` says whether the leading bid would pay the reserve. `details_version` is that of
    the last event that changed the auction's details, whose moment has them.
    """

    auction_id: UUID
    version: int
    recorded_at: datetime
    kind: str
    bid_count: int = 0
    bidder_count: int = 0
    leading: UUID | None = None
    led: bool = False
    bid_id: UUID | None = None
    last_bid: UUID | None = None
    closed_version: int | None = None
    draw: Draw | None = None
    ends_at: datetime | None = None
    reserve_met: bool = False
    details_version: int | None = None
    details: Details | None = None


@dataclass(frozen=True, slots=True)
class UserDocument:
    """A user; the name is None after their deletion."""

    id: UUID
    version: int
    is_staff: bool
    username: str | None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class BidderDocument:
    """How many live bids a bidder has in an auction, when the auction has that version."""

    auction_id: UUID
    bidder_id: UUID
    live: int
    version: int


@dataclass(frozen=True, slots=True)
class Lifespan:
    """The versions from and to which a bid of that bidder was live in that auction."""

    auction_id: UUID
    bidder_id: UUID
    placed_version: int
    deleted_version: int | None

    def covers(self, version: int) -> bool:
        """Whether the bid was live at that version of the auction."""
        gone = self.deleted_version is not None and self.deleted_version <= version
        return self.placed_version <= version and not gone


@dataclass(frozen=True, slots=True)
class VersionedEvent:
    """An auction's event with its version and time in the log."""

    event: AuctionEvent
    version: int
    recorded_at: datetime
