"""Mutations: commands are checked for shape and accepted as jobs; sessions are answered in place."""

import asyncio
from typing import Annotated
from uuid import UUID

import strawberry
import structlog

from commands.domain.rejections import RejectionCode
from commands.inbox import requests
from commands.jobs import Job as AcceptedJob
from commands.postgres.jobs import cancel_async
from notifications.postgres.preferences import Choice
from notifications.reading import choose, mark_read
from portal.errors import bad_input, forbidden, not_found
from portal.schema.account import AccountMutation, count_mail
from portal.schema.bans import BanMutation
from portal.schema.bidding import BiddingMutation
from portal.schema.context import Context, PortalInfo
from portal.schema.enums import NotificationChannel, NotificationKind
from portal.schema.exposure import ExposureMutation
from portal.schema.house import HouseMutation
from portal.schema.jobs import Job
from portal.schema.reading import find_job, own_user
from portal.schema.submitting import EXPIRES_IN, IDEMPOTENCY_KEY, accepted, how
from portal.schema.types import User
from portal.schema.watching import WatchingMutation

log = structlog.get_logger("portal")

MOST_CHOICES = 100
# The commands of people. The portal's own commands can't be cancelled.
CANCELLABLE = {
    "CreateUser",
    "DeleteUser",
    "CreateAuction",
    "CancelAuction",
    "CloseAuctionNow",
    "PauseAuction",
    "ResumeAuction",
    "ReviseAuction",
    "PlaceBid",
    "BuyNow",
    "PlaceSealedBid",
    "SetMaximum",
    "ClearMaximum",
    "DeleteBid",
    "RemoveBid",
    "BanUser",
    "LiftBan",
    "LimitExposure",
    "LiftExposureLimit",
    "AnswerOffer",
    "ForfeitSale",
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


@strawberry.input(description="A kind of notification to receive, or not, over a channel.")
class NotificationPreferenceInput:
    kind: NotificationKind = strawberry.field(description="The kind of notification.")
    channel: NotificationChannel = strawberry.field(
        description="The channel that it comes through."
    )
    enabled: bool = strawberry.field(description="Whether to receive it.")


async def cancelled(context: Context, job: AcceptedJob) -> AcceptedJob:
    """The job, cancelled unless a worker was first; its subscribers are notified."""
    async with context.runtime.pool.connection() as connection:
        now = await cancel_async(connection, job.id)
    assert now is not None, "jobs are never deleted"
    if now.rejection and now.rejection.code is RejectionCode.CANCELLED and not job.settled:
        context.runtime.publisher.publish_job(now)
        log.info("job cancelled", job_id=str(now.id), correlation_id=str(now.correlation_id))
    return now


@strawberry.type(description="What can be changed.")
class Mutation(
    AccountMutation, WatchingMutation, HouseMutation, BanMutation, ExposureMutation, BiddingMutation
):
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
            **how(input),
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
            **how(input),
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
