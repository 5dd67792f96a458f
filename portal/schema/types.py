"""The API's types, built from documents, jobs and events."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

import strawberry

from commands.domain.rejections import RejectionCode
from commands.jobs import Job as AcceptedJob
from commands.jobs import JobStatus
from notifications.preferences import NotificationChannel, NotificationKind
from notifications.reading import ReaderNotification, preferences_of
from notifications.wording import message
from portal.schema.context import PortalInfo
from portal.schema.cursors import PLACE_IN_BIDS, Connection, connection, page_size, place
from portal.schema.reading import Names
from projections.documents import TOP, AuctionDocument, BidDocument, UserDocument, WinnerDocument

strawberry.enum(
    JobStatus,
    description=(
        "Where a job stands. FAILED: a fault of the system, kept for an operator to re-drive; "
        "nothing was changed."
    ),
)
strawberry.enum(RejectionCode, description="The rule that a command would break.")
strawberry.enum(NotificationKind, description="What a notification is about.")
strawberry.enum(NotificationChannel, description="How a notification reaches its reader.")


@strawberry.enum(description="Where an auction stands by the portal's clock.")
class AuctionStatus(Enum):
    """By the portal's clock."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    ENDED = "ENDED"


@strawberry.type(description="Who placed a bid.")
class Bidder:
    """A bidder, by name."""

    id: UUID
    username: str | None = strawberry.field(description="Null once the user was deleted.")


@strawberry.type(description="An offer in an auction.")
class Bid:
    """A bid with its bidder's name."""

    id: UUID
    auction_id: UUID
    bidder: Bidder
    amount: Decimal = strawberry.field(description="What the bidder pays.")
    effective_amount: Decimal = strawberry.field(
        description="What ranks the bid: twice the amount once it was doubled."
    )
    doubled: bool
    deleted: bool
    placed_at: datetime = strawberry.field(description="When the portal accepted it.")

    @classmethod
    def of(cls, bid: BidDocument, names: Names) -> "Bid":
        """The bid in a document."""
        return cls(
            id=bid.id,
            auction_id=bid.auction_id,
            bidder=Bidder(id=bid.bidder_id, username=names.get(bid.bidder_id)),
            amount=bid.amount,
            effective_amount=bid.effective_amount,
            doubled=bid.doubled,
            deleted=bid.deleted,
            placed_at=bid.placed_at,
        )


@strawberry.type(description="Who won an auction, with which bid.")
class Winner:
    """An announced winner."""

    auction_id: UUID
    auction_title: str
    bidder: Bidder
    bid: Bid
    announced_at: datetime

    @classmethod
    def of(cls, winner: WinnerDocument, names: Names) -> "Winner":
        """The winner in a document."""
        bid = Bid.of(winner.bid, names)
        return cls(
            auction_id=winner.auction_id,
            auction_title=winner.auction_title,
            bidder=bid.bidder,
            bid=bid,
            announced_at=winner.announced_at,
        )


@strawberry.type(description="An auction as it stood at `version`.")
class Auction:
    """An auction at one version of its stream."""

    document: strawberry.Private[AuctionDocument]
    id: UUID
    version: int = strawberry.field(description="The number of its events so far.")
    title: str
    description: str
    status: AuctionStatus
    starts_at: datetime
    ends_at: datetime
    leading_bid: Bid | None
    bid_count: int = strawberry.field(description="Live bids.")
    bidder_count: int = strawberry.field(description="Users with live bids.")
    winner: Winner | None
    as_of: datetime = strawberry.field(
        description=(
            "The server's clock when this state was read: countdowns must not trust the client's."
        )
    )

    @strawberry.field(description="Live bids, leading first.")
    async def bids(
        self, info: PortalInfo, first: int | None = 20, after: str | None = None
    ) -> Connection[Bid]:
        """The first page comes with the auction, at its version; later ones from the ranking."""
        size, documents = page_size(first), info.context.runtime.documents
        found = self.document.top_bids[: size + 1]
        whole = len(self.document.top_bids) < TOP or size < TOP
        if after is not None or not whole:
            start = place(after, *PLACE_IN_BIDS)
            found = tuple(await documents.bids(self.id, size + 1, start and (start[0], start[1])))
        names = await info.context.names_of({bid.bidder_id for bid in found})
        return connection(
            found,
            size,
            lambda bid: Bid.of(bid, names),
            lambda bid: (bid.effective_amount, bid.reached_version),
        )

    @strawberry.field(
        description=(
            "The reader's own bids on this auction, deleted ones included, newest first. "
            "None for those who are not signed in."
        )
    )
    async def my_bids(self, info: PortalInfo) -> list[Bid]:
        """Read by bidder, never filtered from everybody's."""
        viewer = await info.context.reader_or_none()
        if viewer is None:
            return []
        found = await info.context.runtime.documents.own_bids(self.id, viewer.user_id)
        names = await info.context.names_of({viewer.user_id} if found else set())
        return [Bid.of(bid, names) for bid in found]

    @classmethod
    def of(cls, auction: AuctionDocument, names: Names, now: datetime) -> "Auction":
        """The auction in a document, seen at that time."""
        leading = auction.top_bids[0] if auction.top_bids else None
        return cls(
            document=auction,
            id=auction.id,
            version=auction.version,
            title=auction.title,
            description=auction.description,
            status=status_at(auction, now),
            starts_at=auction.starts_at,
            ends_at=auction.ends_at,
            leading_bid=Bid.of(leading, names) if leading else None,
            bid_count=auction.bid_count,
            bidder_count=auction.bidder_count,
            winner=Winner.of(auction.winner, names) if auction.winner else None,
            as_of=now,
        )


def status_at(auction: AuctionDocument, now: datetime) -> AuctionStatus:
    """Time alone decides; the announcement follows a moment after the end."""
    if now < auction.starts_at:
        return AuctionStatus.SCHEDULED
    return AuctionStatus.OPEN if now < auction.ends_at else AuctionStatus.ENDED


def named_in(auctions: Iterable[AuctionDocument]) -> set[UUID]:
    """The bidders whose names an auction's own fields need."""
    return {
        bid.bidder_id
        for auction in auctions
        for bid in (*auction.top_bids[:1], *([auction.winner.bid] if auction.winner else []))
    }


@strawberry.type(description="Why a command was refused; a refused command changes nothing.")
class Rejection:
    """A refusal by rule."""

    code: RejectionCode
    message: str


@strawberry.type(description="What a command led to.")
class JobResult:
    """The ids a command was about, and the version to read at."""

    auction_id: UUID | None
    bid_id: UUID | None
    user_id: UUID | None
    version: int = strawberry.field(
        description="Where the auction or user stood after the command; see auction(atLeastVersion)."
    )


@strawberry.type(description="An accepted command and its outcome.")
class Job:
    """A job as its submitter sees it."""

    id: UUID
    command: str = strawberry.field(description="PlaceBid, CreateAuction, ...")
    status: JobStatus
    rejection: Rejection | None = strawberry.field(description="When REJECTED.")
    result: JobResult | None = strawberry.field(description="When SUCCEEDED.")
    accepted_at: datetime = strawberry.field(
        description="The moment that counts: whenever a worker gets to it, it is decided as of now."
    )
    settled_at: datetime | None

    @classmethod
    def of(cls, job: AcceptedJob) -> "Job":
        """The job in the inbox."""
        rejection = job.rejection
        return cls(
            id=job.id,
            command=job.command,
            status=job.status,
            rejection=Rejection(code=rejection.code, message=rejection.message)
            if rejection
            else None,
            result=_result(job) if job.version is not None else None,
            accepted_at=job.accepted_at,
            settled_at=job.settled_at,
        )


def _result(job: AcceptedJob) -> JobResult:
    def found(name: str) -> UUID | None:
        return UUID(job.payload[name]) if name in job.payload else None

    assert job.version is not None
    return JobResult(
        auction_id=found("auction_id"),
        bid_id=found("bid_id"),
        user_id=found("user_id"),
        version=job.version,
    )


@strawberry.type(description="Whether a kind of notification is sent through a channel.")
class NotificationPreference:
    """One switch."""

    kind: NotificationKind
    channel: NotificationChannel
    enabled: bool


@strawberry.type(description="The reader themselves.")
class User:
    """A user as they see themselves."""

    id: UUID
    username: str
    email: str | None
    is_staff: bool

    @strawberry.field(description="What the reader is told about, and how.")
    async def notification_preferences(self, info: PortalInfo) -> list[NotificationPreference]:
        """Their choices, and the defaults for the rest."""
        chosen = await preferences_of(info.context.runtime.pool, self.id)
        return [
            NotificationPreference(kind=kind, channel=channel, enabled=enabled)
            for (kind, channel), enabled in chosen.items()
        ]

    @classmethod
    def of(cls, user: UserDocument) -> "User":
        """The user in a document, who is not deleted."""
        assert user.username is not None, "names go when the user goes"
        return cls(id=user.id, username=user.username, email=user.email, is_staff=user.is_staff)


@strawberry.type(description="Something its reader is told about.")
class Notification:
    """A notification; the one about an auction's highest bid is brought up to date while unread."""

    id: strawberry.ID
    kind: NotificationKind
    auction_id: UUID
    auction_title: str
    message: str
    amount: Decimal | None = strawberry.field(
        description="What to pay for a won auction; otherwise what a bid counts now."
    )
    read: bool
    created_at: datetime = strawberry.field(description="When it came, or last changed.")

    @classmethod
    def of(cls, told: ReaderNotification) -> "Notification":
        """In the API's form."""
        return cls(
            id=strawberry.ID(str(told.id)),
            kind=told.kind,
            auction_id=told.auction_id,
            auction_title=told.title,
            message=message(told.kind, told.title, told.amount),
            amount=told.amount,
            read=told.read,
            created_at=told.changed_at,
        )


@strawberry.type(description="A sign-in.")
class Session:
    """The tokens of a sign-in."""

    access_token: str = strawberry.field(
        description=(
            "Goes into the header 'Authorization: Bearer ...', and into connection_init's payload "
            "under 'Authorization'."
        )
    )
    expires_at: datetime = strawberry.field(description="When the access token expires.")
    refresh_token: str = strawberry.field(
        description="Good for one refreshSession, which gives the next one."
    )
    user: User
