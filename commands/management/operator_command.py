"""What the operators' commands share: where the servers are, JSON output, and exit codes."""

import getpass
import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from commands.inbox.invalid import InvalidInput
from commands.inbox.submitting import submit, wait_for
from commands.jobs import IdempotencyConflict, Job, JobStatus, Submission
from commands.postgres.errors import AWAY
from commands.postgres.users import id_of
from commands.wiring import pool

REJECTED, UNSETTLED, FAILED, UNAVAILABLE = 1, 3, 4, 5
EXIT_CODES = """exit status: 0 done, 1 refused or something was found wrong, 2 wrong usage,
3 not settled in time (it stays queued), 4 failed, 5 a server is away"""

LONGEST_WAIT = 86_400.0
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Unsettled(Exception):
    """A job that did not succeed, with the exit status that says how."""

    def __init__(self, status: int, job: Job, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.job = job


class OperatorCommand(BaseCommand):
    """A command against the running portal."""

    # What the drivers raise when a server is away.
    away: tuple[type[Exception], ...] = AWAY

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The command's own arguments with those that all have."""
        parser = super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)
        parser.add_argument(
            "--data",
            metavar="DIR",
            help=f"the data folder of the portal to talk to (default: {settings.PORTAL_DATA}); "
            "the *_URL variables come first",
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run, with every expected trouble in one line."""
        if not settings.DATABASE_URL:
            raise CommandError(
                f"no portal runs on {settings.PORTAL_DATA}: start one with `manage.py up`, "
                "or set DATABASE_URL, REDIS_URL and MONGODB_URL",
                returncode=UNAVAILABLE,
            )
        try:
            return super().execute(*args, **options)
        except InvalidInput as error:
            raise CommandError(f"{error.field}: {error}", returncode=2) from error
        except IdempotencyConflict as error:
            raise CommandError(str(error), returncode=2) from error
        except Unsettled as error:
            if options["json"]:
                self.stdout.write(json.dumps(job_as_json(error.job)))
            raise CommandError(str(error), returncode=error.status) from error
        except self.away as error:
            raise CommandError(f"a server is away: {error}", returncode=UNAVAILABLE) from error

    def answer(self, options: dict[str, Any], content: dict[str, Any], text: str) -> None:
        """Print the outcome, as JSON if that was asked for."""
        self.stdout.write(json.dumps(content, default=str) if options["json"] else text)


def seconds(text: str) -> float:
    """A finite number of seconds, as a type for argparse, which reports the error."""
    value = float(text)
    if not 0 <= value <= LONGEST_WAIT:
        raise ArgumentTypeError(f"seconds lie between 0 and {LONGEST_WAIT:.0f}, not {text[:40]}")
    return value


def add_wait(parser: ArgumentParser) -> None:
    """How long to wait for the outcome."""
    parser.add_argument(
        "--wait",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="for the outcome (default: 30)",
    )


def read_password() -> str:
    """From the terminal without showing it, or a line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")


def user_named(name_or_id: str) -> UUID:
    """The id of the user of that name, or that id itself, whether there is such a user or not; CommandError."""
    try:
        return UUID(name_or_id)
    except ValueError:
        with pool().connection() as connection:
            found = id_of(connection, name_or_id)
    if found is None:
        raise CommandError(f"there is no user named {name_or_id!r}", returncode=REJECTED)
    return found


def settled(submission: Submission, seconds: float) -> Job:
    """Submit the command and wait until it succeeded; Unsettled if it does not."""
    job = wait_for(pool(), submit(pool(), submission).id, seconds)
    assert job is not None, "jobs are never deleted"
    return succeeded(job)


def succeeded(job: Job) -> Job:
    """The job, if it succeeded; Unsettled otherwise."""
    if job.rejection:
        raise Unsettled(REJECTED, job, f"{job.rejection.sentence} ({job.rejection.code})")
    return answered(job)


def answered(job: Job) -> Job:
    """The job, if it succeeded or was refused; Unsettled otherwise."""
    match job.status:
        case JobStatus.SUCCEEDED | JobStatus.REJECTED:
            return job
        case JobStatus.QUEUED:
            what = f"job {job.id} is accepted, but not settled yet; are the workers up?"
            raise Unsettled(UNSETTLED, job, what)
        case JobStatus.FAILED:
            raise Unsettled(FAILED, job, f"job {job.id} failed; admin shows its error")
        case _:
            assert_never(job.status)


def moment(text: str, now: datetime) -> datetime:
    """An ISO time with its zone, or an offset from now such as +30s, +10m, +2h or +1d; InvalidInput."""
    if text.startswith("+") and text[-1:] in UNITS and text[1:-1].isascii():
        try:
            return now + timedelta(**{UNITS[text[-1]]: float(text[1:-1])})
        except (ValueError, OverflowError):
            pass
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise InvalidInput(
            "time", f"{text!r} is neither a time like 2030-01-31T18:00:00Z nor an offset like +30s"
        )
    return parsed.astimezone(UTC)


def job_as_json(job: Job) -> dict[str, Any]:
    """The job's outcome, as the commands print it."""
    ids: dict[str, Any] = {
        name: job.payload[name]
        for name in ("auction_id", "bid_id", "user_id")
        if name in job.payload
    }
    return {
        "job": str(job.id),
        "command": job.command,
        "status": job.status.value,
        **ids,
        "version": job.version,
        "rejection": job.rejection and job.rejection.code.value,
    }


def jobs_as_text(jobs: Sequence[Job]) -> str:
    """A line for each job: its command, its stream and its outcome."""
    return "\n".join(
        f"{job.command} {job.stream.id}: "
        + (
            f"{job.rejection.sentence} ({job.rejection.code})"
            if job.rejection
            else job.status.value
        )
        for job in jobs
    )
