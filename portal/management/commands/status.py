"""`manage.py status`."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from rich.console import Console
from rich.table import Table

from commands.management.operator_command import REJECTED, UNAVAILABLE, OperatorCommand
from portal import env
from portal.health import Health, read_health


class Command(OperatorCommand):
    """Shows servers, queues, waiting jobs and lag."""

    help = "Show how the portal is doing. Exit status 5 if a server is away, 1 if a task keeps failing."

    def handle(self, *_: Any, **options: Any) -> None:
        found = read_health()
        url = env.server_url("PUBLIC_URL", settings.PORTAL_DATA) or None
        if options["json"]:
            self.answer(options, {"portal": url, **asdict(found)}, "")
        else:
            Console().print(_table(url, found))
        if not found.complete:
            away = [name for name, state in found.servers.items() if state != "up"]
            raise CommandError(f"away: {', '.join(away)}", returncode=UNAVAILABLE)
        if found.failing_tasks:
            names = sorted({row["task"] for row in found.failing_tasks})
            raise CommandError(f"keeps failing: {', '.join(names)}", returncode=REJECTED)


def _table(url: str | None, found: Health) -> Table:
    table = Table(show_header=False, box=None)
    if url:
        table.add_row("portal", url)
    for name, state in found.servers.items():
        table.add_row(name, state)
    for name, depth in (found.queues or {}).items():
        table.add_row(f"queue {name}", f"{depth} messages")
    for row in found.waiting_jobs or []:
        age = f"{row['jobs']} jobs, the oldest for {row['oldest_seconds']:.1f} s"
        table.add_row(f"waiting {row['command']}", age)
    if found.waiting_jobs == []:
        table.add_row("waiting jobs", "none")
    table.add_row("failed jobs", _known(found.failed_jobs))
    table.add_row("documents behind", f"{_known(found.streams_behind)} streams")
    table.add_row("events behind", _known(found.events_behind))
    for row in found.stuck_streams or []:
        stream = f"{row['stream_kind']} {row['stream_id']} at version {row['version']}"
        table.add_row(f"stopped {row['reader']}", f"{stream}: {row['error']}")
    for row in found.failing_tasks or []:
        times = f"{row['failures']} times since {row['since']:%F %T}: {row['error']}"
        table.add_row(f"[red]failing {row['task']}[/red]", f"[red]{row['arguments']} {times}[/red]")
    if found.mails:
        table.add_row("mails waiting", str(found.mails["waiting"]))
        table.add_row("mails given up", str(found.mails["given_up"]))
    if found.audit:
        audit = found.audit
        done = audit["completed_at"]
        table.add_row("documents audited", f"all, until {done:%F %T}" if done else "not all yet")
        table.add_row("documents differing", str(audit["differing"]))
        table.add_row("documents repaired", f"{audit['repaired_today']} in a day")
    return table


def _known(value: int | None) -> str:
    return "unknown" if value is None else str(value)
