"""`manage.py redrive [JOB_ID ... | --all]`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from commands.inbox.submitting import redrive, wait_for_all
from commands.jobs import Job, JobStatus
from commands.management.operator_command import (
    REJECTED,
    OperatorCommand,
    add_wait,
    job_as_json,
    jobs_as_text,
    succeeded,
)
from commands.postgres.jobs import PostgresJobInbox
from commands.wiring import pool


class Command(OperatorCommand):
    """Has workers decide failed jobs again."""

    help = (
        "Decide failed jobs again, after the cause is repaired. They keep their time of "
        "acceptance and their deadline, so a job that is too late by now is rejected. "
        "Running it twice does no harm: a job that is not failed is only shown."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", nargs="*", type=UUID, metavar="JOB_ID")
        parser.add_argument("--all", action="store_true", help="every failed job")
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        if bool(options["job"]) == options["all"]:
            raise CommandError("name the jobs, or say --all", returncode=2)
        named = [] if options["all"] else [_find(job_id) for job_id in options["job"]]
        redriven = redrive(pool(), None if options["all"] else options["job"])
        jobs = wait_for_all(pool(), named or redriven, options["wait"])
        content = {"redriven": len(redriven), "jobs": [job_as_json(job) for job in jobs]}
        self.answer(options, content, jobs_as_text(jobs) or "No job failed.")
        for job in jobs:
            if job.status is JobStatus.FAILED and job.id not in {each.id for each in redriven}:
                raise CommandError(
                    f"job {job.id} stays failed: its personal data was erased", returncode=REJECTED
                )
            succeeded(job)


def _find(job_id: UUID) -> Job:
    with pool().connection() as connection:
        job = PostgresJobInbox(connection).find(job_id)
    if job is None:
        raise CommandError(f"there is no job {job_id}", returncode=REJECTED)
    return job
