"""`manage.py announce_winners`."""

from argparse import ArgumentParser
from typing import Any

from commands.inbox.closing import announce_winners
from commands.inbox.submitting import wait_for_all
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    jobs_as_text,
    succeeded,
)
from commands.wiring import pool


class Command(OperatorCommand):
    """Closes every auction whose end has passed, and announces its winner."""

    help = "Close every auction whose end has passed and announce its winner, without waiting for beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        asked = [job for batch in announce_winners(pool()) for job in batch]
        jobs = wait_for_all(pool(), asked, options["wait"])
        content = {"announced": [job_as_json(job) for job in jobs]}
        self.answer(options, content, jobs_as_text(jobs) or "No auction was due.")
        for job in jobs:
            succeeded(job)
