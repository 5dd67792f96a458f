"""`manage.py verify_events`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import track

from commands.management.operator_command import REJECTED
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

    def handle(self, *_: Any, **options: Any) -> None:
        chosen = set(options["stream"])
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
        self._report(verdicts, [] if chosen else orphans(kept, every), options)

    def _report(
        self, verdicts: list[Verdict], orphaned: list[Finding], options: dict[str, Any]
    ) -> None:
        findings = [*orphaned, *(finding for verdict in verdicts for finding in verdict.findings)]
        behind = sum(1 for verdict in verdicts if verdict.behind)
        events = sum(verdict.events for verdict in verdicts)
        content = {
            "streams": len(verdicts),
            "events": events,
            "behind": behind,
            "findings": [
                {"kind": f.stream.kind, "stream": f.stream.id, "what": f.what} for f in findings
            ],
        }
        lines = [f"{f.stream.kind} {f.stream.id}: {f.what}" for f in findings]
        summary = f"{events} events in {len(verdicts)} streams: "
        summary += f"{len(findings)} findings." if findings else "everything agrees."
        if behind:
            summary += f" Documents of {behind} streams are behind."
        self.answer(options, content, "\n".join([*lines, summary]))
        if findings:
            raise CommandError("the record does not agree with itself", returncode=REJECTED)
