"""`manage.py run_promoter [--once]`."""

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from commands.inbox.submitting import wait_for_all
from commands.jobs import Job
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    answered,
    job_as_json,
    jobs_as_text,
)
from commands.postgres.connections import clock
from commands.postgres.schedules import promoter_interval
from commands.promoter.rounds import Waiting, run_promoter, waiting_tick
from commands.wiring import pool

# Seconds between two tries to get the value of a round that is public.
PAUSE = 0.5


class Command(OperatorCommand):
    """Makes ticks of the promoter, which doubles bids in open auctions."""

    help = (
        "Run the promoter: one tick every --every seconds until Ctrl-C, or one now with --once. A tick "
        "comes when its round of the beacon is public; --wait is for that, too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="make one tick now")
        parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS")
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        if options["once"]:
            with pool().connection() as connection:
                interval = promoter_interval(connection)
            return self._tick(options, timedelta(0), interval)
        every = timedelta(seconds=options["every"])
        while True:
            # If beat is running, too, whichever comes first makes the tick.
            self._tick(options, every / 2, every)
            time.sleep(options["every"])

    def _tick(
        self, options: dict[str, Any], at_least_apart: timedelta, interval: timedelta | None
    ) -> None:
        tick, drawn, waiting = _waited(at_least_apart, interval, options["wait"])
        jobs = wait_for_all(pool(), drawn, options["wait"])
        content = {
            "tick": tick,
            "draws": [job_as_json(job) for job in jobs],
            "due": waiting.public_at.isoformat() if waiting else None,
        }
        text = _said(waiting) if waiting else f"Tick {tick}.\n{jobs_as_text(jobs)}".rstrip()
        self.answer(options, content, text)
        # A draw that found nothing to double is no failure.
        for job in jobs:
            answered(job)


def _waited(
    at_least_apart: timedelta, interval: timedelta | None, seconds: float
) -> tuple[int | None, list[Job], Waiting | None]:
    """A tick and its draws, if its round's value can be had within so many seconds; else what it waits for."""
    ends = time.monotonic() + seconds
    while True:
        tick, drawn = run_promoter(pool(), at_least_apart, interval)
        with pool().connection() as connection:
            waiting = None if tick else waiting_tick(connection)
            now = clock(connection)
        if waiting is None:
            return tick, drawn, None
        pause = max((waiting.public_at - now).total_seconds(), PAUSE)
        if time.monotonic() + pause > ends:
            return None, [], waiting
        time.sleep(pause)


def _said(waiting: Waiting) -> str:
    named = f"round {waiting.round} of {waiting.beacon}"
    if waiting.is_due:
        since = f"{waiting.public_at:%F %T}"
        return f"No tick: {named} is public since {since} UTC, and its value can't be had."
    return f"No tick: tick {waiting.tick} is due at {waiting.public_at:%F %T} UTC, by {named}."
