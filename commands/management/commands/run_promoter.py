"""`manage.py run_promoter [--once]`."""

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from commands.inbox.submitting import wait_for_all
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    answered,
    job_as_json,
    jobs_as_text,
)
from commands.promoter.rounds import run_promoter
from commands.wiring import pool


class Command(OperatorCommand):
    """Makes ticks of the promoter, which doubles bids in open auctions."""

    help = "Run the promoter: one tick every --every seconds until Ctrl-C, or one now with --once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="make one tick now")
        parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS")
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        if options["once"]:
            return self._tick(options, timedelta(0))
        while True:
            # If beat is running, too, whichever comes first makes the tick.
            self._tick(options, timedelta(seconds=options["every"] / 2))
            time.sleep(options["every"])

    def _tick(self, options: dict[str, Any], at_least_apart: timedelta) -> None:
        tick, drawn = run_promoter(pool(), at_least_apart)
        jobs = wait_for_all(pool(), drawn, options["wait"])
        content = {"tick": tick, "draws": [job_as_json(job) for job in jobs]}
        self.answer(options, content, f"Tick {tick}.\n{jobs_as_text(jobs)}".rstrip())
        # A draw that found nothing to double is no failure.
        for job in jobs:
            answered(job)
