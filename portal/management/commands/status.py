"""`manage.py status`."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from rich.console import Console
from rich.table import Table

from commands.management.operator_command import REJECTED, UNAVAILABLE, OperatorCommand
from commands.postgres.parts import COUNTED
from portal import env
from portal.database.warning import MAY_CHANGE_EVENTS
from portal.health import Health, read_health

# What a row is about, and its text.
Row = tuple[str, str]


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
    for name, text in rows(found):
        table.add_row(name, text)
    return table


def rows(found: Health) -> Iterator[Row]:
    """What is shown of the portal's health."""
    yield from (*_servers(found), *_jobs(found), *_streams(found), *_upkeep(found))


def _servers(found: Health) -> Iterator[Row]:
    yield from found.servers.items()
    if role := found.may_change_events:
        yield "[red]database role[/red]", f"[red]{role}: {MAY_CHANGE_EVENTS}[/red]"
    for name, depth in (found.queues or {}).items():
        yield f"queue {name}", f"{depth} messages"


def _jobs(found: Health) -> Iterator[Row]:
    for row in found.waiting_jobs or []:
        age = f"{row['jobs']} jobs, the oldest for {row['oldest_seconds']:.1f} s"
        yield f"waiting {row['command']}", age
    if found.waiting_jobs == []:
        yield "waiting jobs", "none"
    yield "failed jobs", _known(found.failed_jobs)
    for row in found.waiting_for_newer or []:
        waits = f"{row['jobs']} jobs in {row['streams']} streams, the oldest for {row['oldest_seconds']:.1f} s"
        yield f"[red]needs a newer release: {row['what']}[/red]", f"[red]{waits}[/red]"


def _streams(found: Health) -> Iterator[Row]:
    yield "documents behind", f"{_known(found.streams_behind)} streams"
    yield "events behind", _known(found.events_behind)
    if rest := found.events_of_no_year:
        many = f"{rest} or more" if rest == COUNTED else str(rest)
        yield "events of no year", f"{many} in events_rest, whose streams no part of the log is for"
    for row in found.stuck_streams or []:
        stream = f"{row['stream_kind']} {row['stream_id']} at version {row['version']}"
        yield f"stopped {row['reader']}", f"{stream}: {row['error']}"


def _upkeep(found: Health) -> Iterator[Row]:
    """Failing tasks, the tick that waits for its beacon, mails and the audit."""
    for row in found.failing_tasks or []:
        times = f"{row['failures']} times since {row['since']:%F %T}: {row['error']}"
        yield f"[red]failing {row['task']}[/red]", f"[red]{row['arguments']} {times}[/red]"
    if tick := found.waiting_tick:
        named = f"round {tick['round']} of {tick['beacon']}, public since {tick['public_at']:%F %T}"
        yield f"[red]tick {tick['tick']} waits[/red]", f"[red]for {named}[/red]"
    if found.mails:
        yield "mails waiting", str(found.mails["waiting"])
        yield "mails given up", str(found.mails["given_up"])
    if found.audit:
        done = found.audit["completed_at"]
        yield "documents audited", f"all, until {done:%F %T}" if done else "not all yet"
        yield "documents differing", str(found.audit["differing"])
        yield "documents repaired", f"{found.audit['repaired_today']} in a day"


def _known(value: int | None) -> str:
    return "unknown" if value is None else str(value)
