"""`manage.py verify_events`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import track

from commands.checkpoints.json_form import from_json
from commands.checkpoints.verifying import log_problems
from commands.management.operator_command import REJECTED
from commands.record.checkpoints import Signed
from commands.wiring import pool
from projections.management.read_side_command import ReadSideCommand
from projections.upkeep.verify import Finding, Verdict, documents_kept, orphans, streams, verify
from projections.wiring import live_documents


class Command(ReadSideCommand):
    """Checks the hash chain, replays each stream, and compares it with state rows and documents."""

    help = (
        "Verify that no event was changed, removed or reordered, and that state rows and documents "
        "say what the events say. Exit status 1 if anything was found."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("stream", nargs="*", type=UUID, help="only these auctions and users")
        parser.add_argument(
            "--against",
            type=Path,
            metavar="FILE",
            help="a checkpoint that somebody kept, as the API gives it: the log must still give it",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        chosen = set(options["stream"])
        against = _kept_in(options["against"]) if options["against"] else None
        with pool().connection() as connection:
            kept = documents_kept(live_documents())
            every = streams(connection)
            wanted = [s for s in every if not chosen or s.id in chosen]
            if missing := chosen - {stream.id for stream in wanted}:
                raise CommandError(f"no such auction or user: {', '.join(map(str, missing))}")
            console = Console(stderr=True, quiet=options["json"])
            verdicts = [
                verify(connection, stream, live_documents())
                for stream in track(wanted, "Verifying", console=console, transient=True)
            ]
            log = [] if chosen and not against else log_problems(connection, against)
        self._report(verdicts, [] if chosen else orphans(kept, every), log, options)

    def _report(
        self,
        verdicts: list[Verdict],
        orphaned: list[Finding],
        log: list[str],
        options: dict[str, Any],
    ) -> None:
        findings = [*orphaned, *(finding for verdict in verdicts for finding in verdict.findings)]
        behind = sum(1 for verdict in verdicts if verdict.behind)
        events = sum(verdict.events for verdict in verdicts)
        content = {
            "streams": len(verdicts),
            "events": events,
            "behind": behind,
            "findings": [
                *({"kind": f.stream.kind, "stream": f.stream.id, "what": f.what} for f in findings),
                *({"kind": "log", "stream": None, "what": what} for what in log),
            ],
        }
        lines = [f"{f.stream.kind} {f.stream.id}: {f.what}" for f in findings]
        lines += [f"log: {what}" for what in log]
        summary = f"{events} events in {len(verdicts)} streams: "
        summary += f"{len(lines)} findings." if lines else "everything agrees."
        if behind:
            summary += f" Documents of {behind} streams are behind."
        self.answer(options, content, "\n".join([*lines, summary]))
        if lines:
            raise CommandError("the record does not agree with itself", returncode=REJECTED)


def _kept_in(file: Path) -> Signed:
    try:
        signed, _ = from_json(json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise CommandError(f"{file}: {error}", returncode=2) from error
    return signed
