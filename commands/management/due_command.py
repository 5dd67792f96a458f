"""What the operators' commands share that do what is due, without waiting for beat."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from commands.inbox.submitting import wait_for_all
from commands.jobs import Job
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    jobs_as_text,
    succeeded,
)
from commands.postgres.connections import Pool
from commands.wiring import pool


class DueCommand(OperatorCommand):
    """Asks for what is due, waits for the jobs and shows them; `name` is that of their list in JSON."""

    due: ClassVar[Callable[[Pool], Iterator[list[Job]]]]
    name: ClassVar[str]
    nothing: ClassVar[str]

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        asked = [job for batch in type(self).due(pool()) for job in batch]
        jobs = wait_for_all(pool(), asked, options["wait"])
        content = {self.name: [job_as_json(job) for job in jobs]}
        self.answer(options, content, jobs_as_text(jobs) or self.nothing)
        for job in jobs:
            succeeded(job)
