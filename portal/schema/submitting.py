"""Accepting commands as jobs: what every mutation that submits one has in common."""

from typing import Protocol

import structlog

from commands.inbox.requests import How
from commands.jobs import Submission
from portal.schema.context import Context
from portal.schema.jobs import Job

log = structlog.get_logger("portal")

IDEMPOTENCY_KEY = (
    "1 to 200 printable ASCII characters. The same key with the same content gives the same job, "
    "until seven days after it was settled; with other content it is refused with BAD_USER_INPUT."
)
EXPIRES_IN = (
    "Seconds after which the job, if it still waits, is rejected as EXPIRED instead of run. "
    "At most, and without it, the command's own limit."
)


class Sent(Protocol):
    """An input of a command."""

    idempotency_key: str | None
    expires_in: float | None


def how(input: Sent) -> How:
    """What the command is to be sent with."""
    return {"idempotency_key": input.idempotency_key, "expires_in": input.expires_in}


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
