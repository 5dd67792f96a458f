"""Mutations: commands are checked for shape and accepted as jobs; sessions are answered in place."""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry
import structlog

from commands.domain.rejections import RejectionCode
from commands.inbox import requests
from commands.jobs import Job as AcceptedJob
from commands.jobs import Submission
from commands.postgres.jobs import cancel_async
from notifications.postgres.preferences import Choice
from notifications.reading import choose, mark_read
from portal.errors import bad_input, forbidden, not_found
from portal.schema.account import AccountMutation, count_mail
from portal.schema.context import Context, PortalInfo
from portal.schema.enums import NotificationChannel, NotificationKind
from portal.schema.jobs import Job
from portal.schema.reading import find_job, own_user
from portal.schema.rules import RulesInput, chosen
from portal.schema.types import User
from portal.schema.watching import WatchingMutation
from portal.signin.tokens import Viewer

log = structlog.get_logger("portal")

MOST_CHOICES = 100
IDEMPOTENCY_KEY = (
    "1 to 200 printable ASCII characters. The same key with the same content gives the same job, "
    "until seven days after it was settled; with other content it is refused with BAD_USER_INPUT."
)
EXPIRES_IN = (
    "Seconds after which the job, if it still waits, is rejected as EXPIRED instead of run. "
    "At most, and without it, the command's own limit."
)
REASON = "One line of 1 to 500 characters, for everybody to read and for good: no personal data belongs in it."
# The commands of people. The portal's own commands can't be cancelled.
CANCELLABLE = {
    "CreateUser",
    "DeleteUser",
    "CreateAuction",
    "CancelAuction",
    "CloseAuctionNow",
    "PlaceBid",
    "DeleteBid",
    "RemoveBid",
}
MOST_IDS = 1000


@strawberry.input(description="A sign-up.")
class CreateUserInput:
    username: str = strawberry.field(
        description=(
            "3 to 30 ASCII letters, digits, dots, dashes or underscores; begins with a letter or "
            "digit. Others see it."
        )
    )
    password: str = strawberry.field(description="8 to 200 characters, not a common one.")
    email: str | None = strawberry.field(
        default=None,
        description="Where notifications go; an empty one is none. Users may share one.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description=(
            "1 to 200 printable ASCII characters. The same key with the same content gives the same "
            "job, until seven days after it was settled; with other content it gives another job."
        ),
    )
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="The user to delete.")
class DeleteUserInput:
    user_id: UUID | None = strawberry.field(
        default=None, description="Null means the reader. Only staff may name another."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="A new auction.")
class CreateAuctionInput:
    title: str = strawberry.field(description="One line of 1 to 200 characters.")
    description: str | None = strawberry.field(
        default=None, description="Plain text of at most 5,000 characters."
    )
    starts_at: datetime | None = strawberry.field(
        default=None,
        description="From when bids count, not in the past; null means when it is accepted.",
    )
    ends_at: datetime = strawberry.field(description="Until when bids count, after it starts.")
    rules: RulesInput | None = strawberry.field(
        default=None,
        description="What it goes by beside the plain rules; null means by these alone.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="The auction to cancel, and why.")
class CancelAuctionInput:
    auction_id: UUID = strawberry.field(description="The auction, which is not closed yet.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="The auction to end at once, and why.")
class CloseAuctionNowInput:
    auction_id: UUID = strawberry.field(description="The auction, which is open.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(
    description="The same idempotencyKey from the same user gives the same job, and one bid."
)
class PlaceBidInput:
    auction_id: UUID = strawberry.field(description="The auction to bid in.")
    amount: Decimal = strawberry.field(description="What is offered, from 0.01 to 9999999999.99.")
    nonce: str | None = strawberry.field(
        default=None,
        description=(
            "1 to 64 printable ASCII characters without spaces, best at random: they are kept in the "
            "bid's event, are public, and have a part in every later draw here."
        ),
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="A bid to take back.")
class DeleteBidInput:
    auction_id: UUID = strawberry.field(description="The auction it was placed in.")
    bid_id: UUID = strawberry.field(description="The bid, which must be the reader's own.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="A bid to remove in the house's name, and why.")
class RemoveBidInput:
    auction_id: UUID = strawberry.field(description="The auction it was placed in.")
    bid_id: UUID = strawberry.field(description="The bid, which is live.")
    reason: str = strawberry.field(description=REASON)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)
    expires_in: float | None = strawberry.field(default=None, description=EXPIRES_IN)


@strawberry.input(description="A kind of notification to receive, or not, over a channel.")
class NotificationPreferenceInput:
    kind: NotificationKind = strawberry.field(description="The kind of notification.")
    channel: NotificationChannel = strawberry.field(
        description="The channel that it comes through."
    )
    enabled: bool = strawberry.field(description="Whether to receive it.")


async def accepted(context: Context, submission: Submission) -> Job:
    """Accept the command: once the row is committed, it will be handled, whatever happens."""
    job = await context.runtime.acceptor.accept(submission)
    log.info(
        "job accepted",
        job_id=str(job.id),
        correlation_id=str(job.correlation_id),
        command=job.command,
        stream=str(job.stream.id),
        submitted_by=job.submitted_by and str(job.submitted_by),
    )
    return Job.of(job)


async def cancelled(context: Context, job: AcceptedJob) -> AcceptedJob:
    """The job, cancelled unless a worker was first; its subscribers are notified."""
    async with context.runtime.pool.connection() as connection:
        now = await cancel_async(connection, job.id)
    assert now is not None, "jobs are never deleted"
    if now.rejection and now.rejection.code is RejectionCode.CANCELLED and not job.settled:
        context.runtime.publisher.publish_job(now)
        log.info("job cancelled", job_id=str(now.id), correlation_id=str(now.correlation_id))
    return now


async def count_bid(context: Context, viewer: Viewer) -> None:
    """RATE_LIMITED beyond what one user, or one address, may bid and delete."""
    await context.runtime.rates.spend(
        ("BIDS_PER_USER", str(viewer.user_id)), ("BIDS_PER_ADDRESS", context.address)
    )


@strawberry.type(description="What can be changed.")
class Mutation(AccountMutation, WatchingMutation):
    @strawberry.mutation(description="Sign up. The job's result has the new user's id.")
    async def create_user(self, info: PortalInfo, input: CreateUserInput) -> Job:
        await info.context.runtime.rates.spend(("SIGN_UP_PER_ADDRESS", info.context.address))
        await count_mail(info.context, input.email or "")
        submission = await asyncio.to_thread(
            requests.create_user,
            info.context.caller(None),
            username=input.username,
            password=input.password,
            email=input.email,
            idempotency_key=input.idempotency_key,
            expires_in=input.expires_in,
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Delete a user: live bids in open auctions are withdrawn, sessions end, personal data "
            "is erased."
        )
    )
    async def delete_user(self, info: PortalInfo, input: DeleteUserInput) -> Job:
        viewer = await info.context.viewer()
        user_id = input.user_id or viewer.user_id
        if user_id != viewer.user_id and not viewer.is_staff:
            raise forbidden("only auctioneers may delete somebody else")
        submission = requests.delete_user(
            info.context.caller(viewer),
            user_id=user_id,
            idempotency_key=input.idempotency_key,
            expires_in=input.expires_in,
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description="Create an auction (staff only). Without startsAt it starts at once."
    )
    async def create_auction(self, info: PortalInfo, input: CreateAuctionInput) -> Job:
        viewer = await info.context.auctioneer()
        submission = requests.create_auction(
            info.context.caller(viewer),
            title=input.title,
            description=input.description or "",
            starts_at=input.starts_at,
            ends_at=input.ends_at,
            rules=chosen(input.rules),
            idempotency_key=input.idempotency_key,
            expires_in=input.expires_in,
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Cancel an auction (staff only), until it is closed: nobody wins, and those with live bids are told "
            "why."
        )
    )
    async def cancel_auction(self, info: PortalInfo, input: CancelAuctionInput) -> Job:
        viewer = await info.context.auctioneer()
        submission = requests.cancel_auction(
            info.context.caller(viewer),
            auction_id=input.auction_id,
            reason=input.reason,
            idempotency_key=input.idempotency_key,
            expires_in=input.expires_in,
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "End an open auction at the moment at which this is accepted (staff only). What was accepted before "
            "counts, and the winner is announced as usual."
        )
    )
    async def close_auction_now(self, info: PortalInfo, input: CloseAuctionNowInput) -> Job:
        viewer = await info.context.auctioneer()
        submission = requests.close_auction_now(
            info.context.caller(viewer),
            auction_id=input.auction_id,
            reason=input.reason,
            idempotency_key=input.idempotency_key,
            expires_in=input.expires_in,
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Place a bid. It may be lower than the leading bid, but must be higher than the "
            "bidder's own highest live bid in this auction."
        )
    )
    async def place_bid(self, info: PortalInfo, input: PlaceBidInput) -> Job:
        viewer = info.context.claimed_viewer()
        await count_bid(info.context, viewer)
        submission = requests.place_bid(
            info.context.caller_in_session(viewer),
            bidder_id=viewer.user_id,
            auction_id=input.auction_id,
            amount_text=str(input.amount),
            nonce=input.nonce,
            idempotency_key=input.idempotency_key,
            expires_in=input.expires_in,
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(description="Delete an own live bid, until the auction ends.")
    async def delete_bid(self, info: PortalInfo, input: DeleteBidInput) -> Job:
        viewer = info.context.claimed_viewer()
        await count_bid(info.context, viewer)
        submission = requests.delete_bid(
            info.context.caller_in_session(viewer),
            bidder_id=viewer.user_id,
            auction_id=input.auction_id,
            bid_id=input.bid_id,
            idempotency_key=input.idempotency_key,
            expires_in=input.expires_in,
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Delete anybody's live bid in the house's name (staff only), until the auction ends. Its bidder is told why."
        )
    )
    async def remove_bid(self, info: PortalInfo, input: RemoveBidInput) -> Job:
        viewer = await info.context.auctioneer()
        submission = requests.remove_bid(
            info.context.caller(viewer),
            auction_id=input.auction_id,
            bid_id=input.bid_id,
            reason=input.reason,
            idempotency_key=input.idempotency_key,
            expires_in=input.expires_in,
        )
        return await accepted(info.context, submission)

    @strawberry.mutation(
        description=(
            "Cancel an own job that still waits: it is then REJECTED as CANCELLED, and nothing was "
            "changed. A job that is settled, or that a worker is at, is answered as it stands. "
            "Staff may cancel anybody's, and they alone a sign-up."
        )
    )
    async def cancel_job(
        self,
        info: PortalInfo,
        id: Annotated[UUID, strawberry.argument(description="The job's id.")],
    ) -> Job:
        """Knowing a job's id, as of a sign-up, is not being its submitter."""
        viewer = await info.context.viewer()
        job = await find_job(info.context.runtime, id, viewer)
        if job is None:
            raise not_found("there is no such job, or it is not yours")
        if job.command not in CANCELLABLE:
            raise forbidden("what the house itself asks for can't be cancelled")
        if job.submitted_by != viewer.user_id and not viewer.is_staff:
            raise forbidden("only its submitter and auctioneers may cancel a job")
        return Job.of(await cancelled(info.context, job))

    @strawberry.mutation(
        description="Mark own notifications as read. How many of them were unread."
    )
    async def mark_notifications_read(
        self,
        info: PortalInfo,
        ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="At most 1,000; null means all of the reader's."),
        ] = None,
        auction_id: Annotated[
            UUID | None,
            strawberry.argument(description="Of these, only those about that auction."),
        ] = None,
    ) -> int:
        """Ids of others' notifications count for nothing."""
        viewer = await info.context.viewer()
        if ids is not None and len(ids) > MOST_IDS:
            raise bad_input("ids", f"at most {MOST_IDS} notifications at once")
        wanted = None if ids is None else [_notification_id(text) for text in ids]
        runtime = info.context.runtime
        count = await mark_read(runtime.pool, viewer.user_id, wanted, auction_id)
        if count:
            runtime.publisher.publish_notifications(viewer.user_id)
        return count

    @strawberry.mutation(
        description="Choose which notifications to receive, and how; the other choices stay."
    )
    async def set_notification_preferences(
        self, info: PortalInfo, input: list[NotificationPreferenceInput]
    ) -> User:
        viewer = await info.context.viewer()
        if len(input) > MOST_CHOICES:
            raise bad_input("input", f"at most {MOST_CHOICES} choices at once")
        choices = [Choice(each.kind, each.channel, each.enabled) for each in input]
        await choose(info.context.runtime.pool, viewer.user_id, choices)
        return User.of(await own_user(info.context.runtime, viewer))


def _notification_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise bad_input("ids", f"{text[:60]!r} is not a notification's id") from None
