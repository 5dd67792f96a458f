"""Submitting a command from an admin form, and its outcome as a message."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from commands.admin.links import page_of
from commands.domain.rejections import as_sentence
from commands.inbox.invalid import InvalidInput
from commands.inbox.requests import Caller
from commands.inbox.submitting import submit, wait_for
from commands.jobs import Job as AcceptedJob
from commands.jobs import JobStatus, Submission
from commands.models import Job, User
from commands.postgres.errors import AWAY
from commands.wiring import pool

# How long a form waits for its command's outcome, in seconds.
PATIENCE = 10.0


class Refused(Exception):
    """The command was not carried out. The message is shown to the auctioneer."""


def carry_out(submission: Callable[[], Submission]) -> AcceptedJob:
    """Submit the command and wait for its outcome; Refused if it was not carried out."""
    try:
        job = wait_for(pool(), submit(pool(), submission()).id, PATIENCE)
    except InvalidInput as error:
        raise Refused(as_sentence(str(error))) from error
    except AWAY as error:
        raise Refused("Postgres is away; nothing was changed. Try again.") from error
    assert job is not None
    if job.rejection:
        raise Refused(job.rejection.sentence)
    if job.status is JobStatus.FAILED:
        raise Refused(f"The command failed; see job {job.id}.")
    return job


def caller(request: HttpRequest) -> Caller:
    """The auctioneer who sent the form, as a command's submitter, with the request's correlation id."""
    assert isinstance(request.user, User)
    # Django's test client sends requests without a scope.
    scope = getattr(request, "scope", {})
    return Caller.user(request.user.id, scope.get("correlation_id"))


def not_yet(job: AcceptedJob) -> SafeString:
    """The message for a job that is still waiting, with a link to it."""
    return format_html(
        "The command is accepted, but not carried out yet; see {}.",
        page_of(Job, job.id, "its job"),
    )
