"""The API's jobs, built from those in the inbox."""

from datetime import datetime
from uuid import UUID

import strawberry

from commands.jobs import Job as AcceptedJob
from commands.postgres.bans import ban_in_force
from portal.schema.banned import Ban, opened
from portal.schema.context import PortalInfo
from portal.schema.enums import JobStatus, RejectionCode


@strawberry.type(description="Why a command was refused; a refused command changes nothing.")
class Rejection:
    code: RejectionCode = strawberry.field(description="The rule, for programs.")
    message: str = strawberry.field(description="The reason in English, for people.")
    # The command that was refused.
    job: strawberry.Private[AcceptedJob]

    @strawberry.field(
        description="By which ban a bid was refused, with the house's words; null for what was refused otherwise."
    )
    async def ban(self, info: PortalInfo) -> Ban | None:
        """Of several the one that holds longest, as the message says."""
        job = self.job
        if self.code is not RejectionCode.BANNED or job.submitted_by is None:
            return None
        pool = info.context.runtime.pool
        found = await ban_in_force(pool, job.submitted_by, job.stream.id, job.accepted_at)
        shown = await opened(pool, job.submitted_by, [found]) if found else []
        return shown[0] if shown else None


@strawberry.type(description="What a command led to.")
class JobResult:
    auction_id: UUID | None = strawberry.field(
        description="The auction the command was about, or made; null for commands about users."
    )
    bid_id: UUID | None = strawberry.field(
        description="The bid that was placed, deleted or removed, or whose bidder the lot was taken from; null for other commands."
    )
    user_id: UUID | None = strawberry.field(
        description="The user that was created, deleted, banned or limited, or whose ban or limit was lifted; null for commands about auctions."
    )
    version: int = strawberry.field(
        description="The version of the auction or user after the command; see auction(atLeastVersion)."
    )


@strawberry.type(description="An accepted command and its outcome.")
class Job:
    id: UUID = strawberry.field(description="The job's id, for job, jobUpdated and cancelJob.")
    command: str = strawberry.field(
        description="What was asked for: PlaceBid, CreateAuction and the like."
    )
    status: JobStatus = strawberry.field(
        description="Once it is not QUEUED it never changes, unless a FAILED job is run again."
    )
    rejection: Rejection | None = strawberry.field(description="Null unless REJECTED.")
    result: JobResult | None = strawberry.field(description="Null unless SUCCEEDED.")
    accepted_at: datetime = strawberry.field(
        description=(
            "When the portal accepted the command, by its clock: it is decided as of this moment, "
            "whenever a worker gets to it."
        )
    )
    settled_at: datetime | None = strawberry.field(
        description="When it was decided; null while QUEUED."
    )

    @classmethod
    def of(cls, job: AcceptedJob) -> "Job":
        """The job in the inbox."""
        rejection = job.rejection
        return cls(
            id=job.id,
            command=job.command,
            status=job.status,
            rejection=Rejection(code=rejection.code, message=rejection.message, job=job)
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
