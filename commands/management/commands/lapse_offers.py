"""`manage.py lapse_offers`."""

from argparse import ArgumentParser
from typing import Any

from commands.inbox.lapsing import lapse_offers
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
    """Ends every offer of a lot whose time to answer is over; the next bidder is offered it."""

    help = "End every offer of a lot that was not answered in time, without waiting for beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        asked = [job for batch in lapse_offers(pool()) for job in batch]
        jobs = wait_for_all(pool(), asked, options["wait"])
        content = {"lapsed": [job_as_json(job) for job in jobs]}
        self.answer(options, content, jobs_as_text(jobs) or "No offer was due.")
        for job in jobs:
            succeeded(job)
