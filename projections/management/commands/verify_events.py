"""`manage.py verify_events`."""

import json
import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from commands.checkpoints.json_form import from_json
from commands.checkpoints.verifying import log_problems
from commands.management.operator_command import FAILED, REJECTED
from commands.postgres.connections import SyncConnection
from commands.postgres.facts import moments_since
from commands.record.checkpoints import Signed
from commands.streams import Stream
from commands.wiring import pool
from projections.management.read_side_command import ReadSideCommand
from projections.management.verification.notes import Notes, OtherNotes
from projections.management.verification.processes import verify_all
from projections.management.verification.summary import Summary
from projections.upkeep.every_stream import (
    begins_with,
    count_events,
    every_stream,
    orphans,
    streams_named,
)
from projections.wiring import live_documents

# Each has a connection or two to Postgres.
MOST = 64


class Command(ReadSideCommand):
    """Checks the hash chain, decides and replays each stream's events, and compares rows and documents."""

    help = (
        "Verify that no event was changed, removed or reordered, that each is what the rules give, and that "
        "state rows and documents say what the events say. Exit status 1 if anything was found."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("stream", nargs="*", type=UUID, help="only these auctions and users")
        parser.add_argument(
            "--against",
            type=Path,
            metavar="FILE",
            help="a checkpoint that somebody kept, as the API gives it: the log must still give it",
        )
        parser.add_argument(
            "--processes",
            type=_number,
            default=len(os.sched_getaffinity(0)),
            metavar="N",
            help="how many processes verify (default: as many as there are cores)",
        )
        parser.add_argument(
            "--resume",
            type=Path,
            metavar="FILE",
            help="note in FILE what is verified, and go on behind what is noted there; remove it to begin anew",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        chosen: list[UUID] = sorted(set(options["stream"]))
        with pool().connection() as connection:
            _must_exist(connection, chosen)
        against = _kept_in(options["against"]) if options["against"] else None
        notes = _notes(options["resume"], chosen)
        summary = Summary()
        for verdict in notes.before if notes else []:
            summary.add(verdict)
        done = {verdict.stream.id for verdict in notes.before} if notes else set[UUID]()
        try:
            self._verify(summary, notes, chosen, done, options)
        except BrokenProcessPool as error:
            text = "a process ended before it was done; with --resume FILE one can go on"
            raise CommandError(text, returncode=FAILED) from error
        with pool().connection() as connection:
            log = log_problems(connection, against) if against or not chosen else []
            if not chosen:
                summary.findings += orphans(connection, live_documents())
        self._report(summary, log, options)

    def _verify(
        self,
        summary: Summary,
        notes: Notes | None,
        chosen: list[UUID],
        done: set[UUID],
        options: dict[str, Any],
    ) -> None:
        console = Console(stderr=True)
        shown = console.is_terminal and not options["json"]
        with pool().connection() as connection, _progress(console, shown=shown) as progress:
            wanted = _wanted(connection, chosen, done)
            total = count_events(connection, chosen or None) if shown else None
            task = progress.add_task("Verifying", total=total, completed=summary.events)
            since = moments_since(connection)
            for batch in verify_all(
                options["processes"], wanted, since, partial(progress.advance, task)
            ):
                if notes:
                    notes.add(batch)
                for verdict in batch:
                    summary.add(verdict)

    def _report(self, summary: Summary, log: list[str], options: dict[str, Any]) -> None:
        findings = summary.in_order()
        content = {
            "streams": summary.streams,
            "events": summary.events,
            "behind": summary.behind,
            "jobless": summary.jobless,
            "findings": [
                *({"kind": f.stream.kind, "stream": f.stream.id, "what": f.what} for f in findings),
                *({"kind": "log", "stream": None, "what": what} for what in log),
            ],
        }
        lines = [f"{f.stream.kind} {f.stream.id}: {f.what}" for f in findings]
        lines += [f"log: {what}" for what in log]
        text = f"{summary.events} events in {summary.streams} streams: "
        text += f"{len(lines)} findings." if lines else "everything agrees."
        if summary.behind:
            text += f" Documents of {summary.behind} streams are behind."
        if summary.jobless:
            text += (
                f"\nOf {summary.jobless} events of the last {settings.JOBS_KEPT.days} days no job is kept, so "
                "whether one caused them is not known: JOBS_KEPT_DAYS was raised, they were imported, "
                "or the jobs were removed."
            )
        self.answer(options, content, "\n".join([*lines, text]))
        if lines:
            raise CommandError("the record does not agree with itself", returncode=REJECTED)


def _kept_in(file: Path) -> Signed:
    try:
        signed, _ = from_json(json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise CommandError(f"{file}: {error}", returncode=2) from error
    return signed


def _number(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST:
        raise ArgumentTypeError(f"1 to {MOST} processes, not {text[:40]}")
    return number


def _notes(path: Path | None, chosen: list[UUID]) -> Notes | None:
    """The notes in that file, of this portal and these streams alone."""
    if path is None:
        return None
    with pool().connection() as connection:
        about = {"begins": begins_with(connection), "streams": [str(id) for id in chosen]}
    try:
        return Notes(path, about)
    except (OtherNotes, OSError) as error:
        raise CommandError(f"{path} can't be used: {error}", returncode=2) from error


def _wanted(connection: SyncConnection, chosen: list[UUID], done: set[UUID]) -> Iterator[Stream]:
    streams = streams_named(connection, chosen) if chosen else every_stream(connection)
    return (stream for stream in streams if stream.id not in done)


def _must_exist(connection: SyncConnection, chosen: list[UUID]) -> None:
    if missing := set(chosen) - {stream.id for stream in streams_named(connection, chosen)}:
        raise CommandError(f"no such auction or user: {', '.join(sorted(map(str, missing)))}")


def _progress(console: Console, *, shown: bool) -> Progress:
    """A line with how many events of all are verified, how many a second, and how long the rest takes."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.speed:,.0f} events/s", style="progress.data.speed"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not shown,
    )
