"""The API's types, built from documents, jobs and events."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry

from commands.domain.rules.table import buy_now_price, hide_amounts, next_bids, proxy_bids
from commands.postgres.addresses import Address, own_address
from notifications.reading import ReaderNotification, preferences_of
from notifications.wording import message
from portal.schema.aliases import Alias, aliases_page, own_bidder, own_id
from portal.schema.bids import (
    Bid,
    Bidder,
    HouseDecision,
    Purchase,
    SealedContent,
    users_among,
)
from portal.schema.context import PortalInfo
from portal.schema.cursors import (
    LARGEST_PAGE,
    PLACE_IN_BIDS,
    PLACE_IN_OWN_BIDS,
    USUAL_PAGE,
    After,
    Connection,
    First,
    FirstHundred,
    connection,
    page_size,
    place,
)
from portal.schema.enums import AuctionStatus, NotificationChannel, NotificationKind
from portal.schema.public import PUBLIC
from portal.schema.reading import Names
from portal.schema.reserves import Reserve
from portal.schema.rules import Rules
from portal.schema.sales import Sale, Winner, users_shown
from portal.schema.why import WhyWinner
from projections.documents import AuctionDocument, BidDocument, UserDocument, status_at
from projections.mongo.past import Page, PastReader, cut
from projections.mongo.why import why
from projections.why_sale import offered


@strawberry.type(description="An auction as it stood at `version`.")
class Auction:
    document: strawberry.Private[AuctionDocument]
    # Whether it is an earlier version, of whose bids the document has the leading one alone.
    past: strawberry.Private[bool]
    id: UUID = strawberry.field(description="The auction's id.")
    version: int = strawberry.field(description="The number of its events so far.")
    title: str = strawberry.field(description="One line of at most 200 characters.")
    description: str = strawberry.field(
        description="Plain text of at most 5,000 characters, perhaps in several lines, or empty."
    )
    status: AuctionStatus = strawberry.field(description="As of `asOf`.")
    starts_at: datetime = strawberry.field(
        description="A bid counts if it is accepted at this moment or later."
    )
    ends_at: datetime = strawberry.field(
        description=(
            "A bid counts if it is accepted before this moment. While the auction is PAUSED it stays as it is, and "
            "then moves by as long as that lasted."
        )
    )
    first_ends_at: datetime | None = strawberry.field(
        description=(
            "The end that it was created with, or revised to, once a bid (see rules), the house (see closedEarly, paused) or a purchase "
            "(see bought) has moved it; else null."
        )
    )
    leading_bid: Bid | None = strawberry.field(
        description=(
            "The live bid of the highest effective amount; of equals, the one that reached it "
            "first. Null without live bids, and where bids are sealed until the winner is announced."
        )
    )
    bid_count: int = strawberry.field(description="Live bids.")
    bidder_count: int = strawberry.field(description="Users with live bids.")
    winner: Winner | None = strawberry.field(
        description="Null until it is announced, and for ever if the auction ended unsold or was cancelled."
    )
    cancelled: HouseDecision | None = strawberry.field(
        description="Why nobody wins, if the house cancelled it; else null."
    )
    closed_early: HouseDecision | None = strawberry.field(
        description="Why it ended before its time, if the house closed it early; else null."
    )
    reserve: Reserve | None = strawberry.field(
        description="Whether its hidden reserve is met; null if it has none."
    )
    bought: Purchase | None = strawberry.field(
        description="The purchase that ended it, if somebody bought it at its buy-now price; else null."
    )
    paused: HouseDecision | None = strawberry.field(
        description="Why, and since when, time stands still in it, while it is PAUSED; else null."
    )
    sale: Sale | None = strawberry.field(
        description=(
            "To whom its lot is offered, if it has a second chance; else null, as long as nobody has won, too."
        )
    )
    as_of: datetime = strawberry.field(
        description="The portal's clock when this state was read, for countdowns."
    )

    @strawberry.field(description="What it goes by beside the plain rules.", metadata=PUBLIC)
    def rules(self) -> Rules:
        """Chosen at its creation."""
        return Rules.of(self.document.rules)

    @strawberry.field(
        description=(
            "Three amounts to offer a bidder, a step apart: each would be accepted, and would lead. Fewer "
            "where amounts end, none once the auction has ended or was cancelled. Where bids are sealed at "
            "most the starting price."
        ),
        metadata=PUBLIC,
    )
    def next_bids(self) -> list[Decimal]:
        """By the auction's rules, so that no client has to know them."""
        if self.status in {AuctionStatus.ENDED, AuctionStatus.CANCELLED}:
            return []
        leading = self.leading_bid
        return list(next_bids(self.document.rules, leading.effective_amount if leading else None))

    @strawberry.field(
        description=(
            "The price at which buyNow would be accepted now; null if the auction has none, if it is not offered any more, "
            "or if the auction is not open."
        ),
        metadata=PUBLIC,
    )
    def buy_now_price(self) -> Decimal | None:
        """By the auction's rules and who leads, so that no client has to know them."""
        if self.status is not AuctionStatus.OPEN:
            return None
        leading = self.leading_bid
        return buy_now_price(self.document.rules, leading.effective_amount if leading else None)

    @strawberry.field(
        description=(
            "Live bids at `version`, leading first, sealed ones in the order they were placed; a page behind another, too."
        ),
        metadata=PUBLIC,
    )
    async def bids(
        self, info: PortalInfo, first: First = USUAL_PAGE, after: After = None
    ) -> Connection[Bid]:
        """The usual first page comes with the auction; others are read from the ranking."""
        auction, size, start = self.document, page_size(first), place(after, *PLACE_IN_BIDS)
        behind = start and (start[0], start[1])
        page = Page(auction.top_bids[:size], None)
        more, documents = auction.bid_count > size, info.context.runtime.documents
        if behind or len(page.bids) < min(size, auction.bid_count):
            if self.past:
                page = await PastReader(documents).bids(auction, size, behind)
            else:
                page = cut(await documents.bids(auction, size + 1, behind), size, None)
            more = page.rest is not None
        names = await info.context.names_of(users_among(page.bids))
        return connection(
            page.bids,
            size,
            lambda bid: Bid.of(bid, names, auction),
            lambda bid: (bid.effective_amount, bid.reached_version),
            more=more,
            rest=page.rest,
        )

    @strawberry.field(
        description=(
            "The reader's own bids on this auction at `version`, deleted ones included, newest "
            "first, at most `first`; myBidsConnection has them page by page. None for those who "
            "are not signed in."
        )
    )
    async def my_bids(self, info: PortalInfo, first: FirstHundred = LARGEST_PAGE) -> list[Bid]:
        """Read by bidder, never filtered from everybody's."""
        found, names = await self._own_bids(info, page_size(first, LARGEST_PAGE), None)
        return [Bid.of(bid, names, self.document) for bid in found]

    @strawberry.field(description="The same bids as in myBids, page by page.")
    async def my_bids_connection(
        self, info: PortalInfo, first: First = USUAL_PAGE, after: After = None
    ) -> Connection[Bid]:
        """Newest first."""
        size, start = page_size(first), place(after, *PLACE_IN_OWN_BIDS)
        found, names = await self._own_bids(info, size + 1, start[0] if start else None)
        return connection(
            found,
            size,
            lambda bid: Bid.of(bid, names, self.document),
            lambda bid: (bid.placed_version,),
        )

    @strawberry.field(
        description=(
            "What the reader's own live sealed bid holds, as of now; null without one, and where bids are open."
        )
    )
    async def my_sealed_bid(self, info: PortalInfo) -> SealedContent | None:
        """Unsealed for its bidder alone."""
        viewer = await info.context.viewer_or_none()
        if viewer is None or not hide_amounts(self.document.rules):
            return None
        runtime = info.context.runtime
        # A bidder has one live bid at most, so it is the one placed last.
        found = await runtime.documents.own_bids(self.document, viewer.user_id, 1)
        if not found or found[0].deleted:
            return None
        bid = found[0]
        where = (self.id, bid.id, viewer.user_id, bid.placed_version)
        content = await runtime.sealing.opened(*where)
        if content is None:
            return None
        return SealedContent(bid_id=bid.id, amount=content.amount, salt=content.salt)

    @strawberry.field(
        description=(
            "As far as the auction bids for the reader, as of now; null without a maximum, and once somebody else leads in "
            "spite of it. Nobody else is told."
        )
    )
    async def my_maximum(self, info: PortalInfo) -> Decimal | None:
        """Unsealed for its bidder alone."""
        if not proxy_bids(self.document.rules) or self.document.closed:
            return None
        viewer = await info.context.viewer_or_none()
        bidder_id = await own_id(info.context, self.document, viewer.user_id) if viewer else None
        if viewer is None or bidder_id is None:
            return None
        return await info.context.runtime.sealing.maximum_of(self.id, bidder_id, viewer.user_id)

    @strawberry.field(
        description="Whether the reader watches it; false for those who are not signed in."
    )
    async def watched(self, info: PortalInfo) -> bool:
        """As of now, whatever the version; those of a list are looked up together."""
        viewer = await info.context.viewer_or_none()
        if viewer is None:
            return False
        return bool(await info.context.runtime.watched.ask((viewer.user_id, self.id)))

    @strawberry.field(
        description=(
            "The reader as a bidder here, as others see them: bids with this bidder's id are the reader's. Null "
            "for those who are not signed in, and in a masked auction until their first bid is placed."
        )
    )
    async def me(self, info: PortalInfo) -> Bidder | None:
        """By the rows, which are never behind."""
        viewer = await info.context.reader_or_none()
        return await own_bidder(info.context, self.document, viewer.user_id) if viewer else None

    @strawberry.field(
        description="Who is who in a masked auction, in the order of first bids (staff only); none in others."
    )
    async def aliases(
        self, info: PortalInfo, first: First = USUAL_PAGE, after: After = None
    ) -> Connection[Alias]:
        """For the house: FORBIDDEN to others."""
        return await aliases_page(info.context, self.id, first, after)

    async def _own_bids(
        self, info: PortalInfo, limit: int, before: int | None
    ) -> tuple[list[BidDocument], Names]:
        viewer = await info.context.reader_or_none()
        bidder_id = await own_id(info.context, self.document, viewer.user_id) if viewer else None
        if viewer is None or bidder_id is None:
            return [], {}
        documents = info.context.runtime.documents
        found = await documents.own_bids(self.document, bidder_id, limit, before)
        names = await info.context.names_of({viewer.user_id} if found else set())
        return found, {bidder_id: names.get(viewer.user_id)}

    @strawberry.field(
        description=(
            "What decided the auction: the events that made its winner, in plain sentences, too. Null "
            "until it is closed, a moment after its end."
        ),
        metadata=PUBLIC,
    )
    async def why_winner(self, info: PortalInfo) -> WhyWinner | None:
        """Of an auction that ended unsold, why it did."""
        if not self.document.closed:
            return None
        past = PastReader(info.context.runtime.documents)
        found = await why(past, self.document)
        users = {*found.bidders(), *offered(self.document.winner)}
        return WhyWinner.of(found, await info.context.names_of(users))

    @classmethod
    def of(
        cls, auction: AuctionDocument, names: Names, now: datetime, *, past: bool = False
    ) -> "Auction":
        """The auction in a document, seen at that time."""
        leading = auction.leading
        # Until all are revealed the leading one is not known.
        if hide_amounts(auction.rules) and not auction.closed:
            leading = None
        winner = Winner.of(auction.winner, names) if auction.winner else None
        return cls(
            document=auction,
            past=past,
            id=auction.id,
            version=auction.version,
            title=auction.title,
            description=auction.description,
            status=AuctionStatus[status_at(auction, now)],
            starts_at=auction.starts_at,
            ends_at=auction.ends_at,
            first_ends_at=auction.first_ends_at,
            leading_bid=Bid.of(leading, names, auction) if leading else None,
            bid_count=auction.bid_count,
            bidder_count=auction.bidder_count,
            winner=winner,
            cancelled=HouseDecision.of(auction.cancelled) if auction.cancelled else None,
            closed_early=HouseDecision.of(auction.closed_early) if auction.closed_early else None,
            reserve=Reserve.of(auction),
            bought=Purchase.of(auction.bought) if auction.bought else None,
            paused=HouseDecision.of(auction.paused) if auction.paused else None,
            sale=winner.sale if winner else None,
            as_of=now,
        )


def next_status(auction: AuctionDocument, now: datetime) -> datetime | None:
    """When time alone changes the auction's status next; None once it has ended, or was cancelled, and while it is paused."""
    if auction.cancelled or auction.paused:
        return None
    return next((each for each in (auction.starts_at, auction.ends_at) if now < each), None)


def named_in(auctions: Iterable[AuctionDocument]) -> set[UUID]:
    """The users whose names an auction's own fields need."""
    found = set[UUID]()
    for auction in auctions:
        found |= users_among(auction.top_bids[:1])
        found |= users_shown(auction.winner) if auction.winner else set()
    return found


@strawberry.type(description="Whether a kind of notification is sent through a channel.")
class NotificationPreference:
    kind: NotificationKind = strawberry.field(description="The kind of notification.")
    channel: NotificationChannel = strawberry.field(
        description="The channel that it comes through."
    )
    enabled: bool = strawberry.field(description="Whether it is.")


@strawberry.type(description="The reader themselves; nobody sees this of somebody else.")
class User:
    id: UUID = strawberry.field(description="As a bidder's id.")
    username: str = strawberry.field(description="What the reader signs in with; others see it.")
    is_staff: bool = strawberry.field(description="Whether the reader is an auctioneer.")

    @strawberry.field(
        description="Where mail goes; null if none was given. Only the reader sees it."
    )
    async def email(self, info: PortalInfo) -> str | None:
        """From their row: no document holds it."""
        known = await self._address(info)
        return known.address if known else None

    @strawberry.field(
        description=(
            "Whether somebody who reads mail at that address confirmed it. Until then nothing but "
            "the mail that asks for it is sent there."
        )
    )
    async def email_confirmed(self, info: PortalInfo) -> bool:
        known = await self._address(info)
        return known is not None and known.confirmed_at is not None

    async def _address(self, info: PortalInfo) -> Address | None:
        async with info.context.runtime.pool.connection() as connection:
            return await own_address(connection, self.id)

    @strawberry.field(description="Which notifications the reader receives, and how.")
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
        return cls(id=user.id, username=user.username, is_staff=user.is_staff)


@strawberry.type(description="A message to its reader about an auction.")
class Notification:
    """The one about an auction's highest bid is brought up to date while unread."""

    id: strawberry.ID = strawberry.field(
        description="The notification's id, for markNotificationsRead."
    )
    kind: NotificationKind = strawberry.field(description="What it is about.")
    auction_id: UUID = strawberry.field(description="The auction it is about.")
    auction_title: str = strawberry.field(description="Its title.")
    message: str = strawberry.field(description="The whole of it, as an English sentence.")
    amount: Decimal | None = strawberry.field(
        description=(
            "What to pay for a won auction, or what a lost one went for; otherwise what a bid "
            "counts now. Null if it is about no amount."
        )
    )
    read: bool = strawberry.field(
        description="Whether its reader marked it as read, or something the reader did overtook it."
    )
    created_at: datetime = strawberry.field(description="When it came, or last changed.")

    @classmethod
    def of(cls, notification: ReaderNotification) -> "Notification":
        """In the API's form."""
        return cls(
            id=strawberry.ID(str(notification.id)),
            kind=notification.kind,
            auction_id=notification.auction_id,
            auction_title=notification.title,
            message=message(
                notification.kind, notification.title, notification.amount, notification.reason
            ),
            amount=notification.amount,
            read=notification.read,
            created_at=notification.changed_at,
        )


@strawberry.type(description="A sign-in.")
class Session:
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
    user: User = strawberry.field(description="Who signed in.")
