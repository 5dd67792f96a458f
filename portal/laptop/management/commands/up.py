"""`manage.py up`: the whole portal in one terminal."""

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from commands.queues import WORKERS
from commands.worklists import SLOTS
from portal.laptop.child import CannotStart, launcher
from portal.laptop.cluster import Cluster, cluster, write_whereabouts
from portal.laptop.servers import OWNERS_VARIABLE
from portal.laptop.supervisor import Supervisor
from portal.laptop.terminal import Terminal

LOOK = 0.2
CELERY = ("-m", "celery", "--quiet", "-A", "portal")
WORKER = (*CELERY, "worker", "--without-gossip", "--without-mingle", "--without-heartbeat")


class Command(BaseCommand):
    """Starts servers, web, workers and beat, and ends all of it cleanly on Ctrl-C."""

    help = (
        "Run the portal in this terminal: whichever of Postgres, Redis and MongoDB has no *_URL "
        "set (from the installed wheels), then web, workers and beat. Ctrl-C ends all of it and "
        "keeps the data."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 (Django's own declaration)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="0 picks a free one")
        parser.add_argument(
            "--data", metavar="DIR", help=f"where data is kept (default: {settings.PORTAL_DATA})"
        )
        parser.add_argument(
            "--cores",
            type=int,
            default=len(os.sched_getaffinity(0)),
            help="start as many processes as these can use (default: the machine's, %(default)s)",
        )
        parser.add_argument("--fresh", action="store_true", help="begin with empty servers")
        parser.add_argument(
            "--import", dest="record", metavar="FILE", help="import what export_all wrote first"
        )
        parser.add_argument("--restore", metavar="DIR", help="restore what backup wrote first")

    def handle(self, *_: Any, **options: Any) -> None:
        terminal = Terminal(sys.stdout)
        stopping = _stop_on_signals()
        try:
            with (
                _listen(options["port"]) as listener,
                cluster(settings.PORTAL_DATA, fresh=options["fresh"]) as servers,
            ):
                terminal.say(
                    f"Servers: {', '.join(servers.names) or 'those of the *_URL variables'}"
                )
                counts = processes_for(options["cores"])
                first = _first(options)
                _run(terminal, servers, listener, counts, stopping, first)
        except (CannotStart, OSError) as error:
            raise CommandError(str(error)) from error


def processes_for(cores: int) -> dict[str, int]:
    """How many web processes, and how many children of each worker, so many cores can use.

    The servers and the workers take more of the processor than the web.
    """
    return {
        "web": max(1, cores // 3),
        "bids": max(2, min(SLOTS, cores // 4)),
        "projections": max(1, min(SLOTS, cores // 4)),
        "notices": max(1, min(SLOTS, cores // 8)),
    }


def _stop_on_signals() -> threading.Event:
    """An event that the first Ctrl-C or SIGTERM sets; a second one ends the process as usual."""
    stopping = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        stopping.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return stopping


def _listen(port: int) -> socket.socket:
    """A listening socket, which the web process inherits: no other program can take the port in between."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    return listener


def _run(
    terminal: Terminal,
    servers: Cluster,
    listener: socket.socket,
    counts: Mapping[str, int],
    stopping: threading.Event,
    first: Sequence[Sequence[str]],
) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    environment = _environment(servers.urls, url)
    _migrate(terminal, servers, environment)
    for words in first:
        _manage(words, environment)
    if not settings.EMAIL_HOST:
        terminal.say(f"Mails land in {settings.EMAIL_FILE_PATH}.")
    # No process of the portal's changes tables.
    environment.pop(OWNERS_VARIABLE, None)
    supervisor = Supervisor(terminal, settings.BASE_DIR, environment)
    try:
        terminal.say(f"Starts {_said(counts)}.")
        _start(supervisor, listener, counts)
        ready = False
        while not stopping.wait(LOOK):
            supervisor.look_after()
            _revived(terminal, servers)
            if not ready and _answers(url):
                ready = True
                write_whereabouts(
                    settings.PORTAL_DATA, {**servers.urls, "PUBLIC_URL": environment["PUBLIC_URL"]}
                )
                terminal.say(f"Portal ready at {url}")
                for line in _next_steps(url):
                    terminal.say(line)
        terminal.say("Stopping.")
    finally:
        supervisor.stop()


def _next_steps(url: str) -> list[str]:
    manage = "python manage.py"
    if settings.PORTAL_DATA != settings.BASE_DIR / ".portal":
        manage += f" --data {settings.PORTAL_DATA}"
    return [
        f"  Bidders' page   {url}/",
        f"  Admin           {url}/admin/, for staff: {manage} create_user NAME --staff",
        f"  An auction      {manage} create_auction 'A lamp' --ends-at +10m",
        f"  All commands    {manage} help; how the portal is doing: {manage} status",
    ]


def _environment(urls: Mapping[str, str], url: str) -> dict[str, str]:
    return {
        "PUBLIC_URL": url,
        **os.environ,
        **urls,
        "PORTAL_ENV": settings.PORTAL_ENV,
        "PORTAL_DATA": str(settings.PORTAL_DATA),
        "PYTHONUNBUFFERED": "1",
        # Celery warns at length when it runs as root, which is usual in a container.
        "PYTHONWARNINGS": "ignore:You're running the worker",
    }


def _migrate(terminal: Terminal, servers: Cluster, environment: Mapping[str, str]) -> None:
    manage = str(Path(settings.BASE_DIR) / "manage.py")
    command = [sys.executable, manage, "migrate", "--verbosity", "0"]
    while True:
        done = subprocess.run(
            [*launcher(signal.SIGKILL), *command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            break
        if not _revived(terminal, servers):
            raise CommandError(f"the migration failed:\n{done.stdout}{done.stderr}")
        servers.wait()
    terminal.say("Database is up to date.")


def _first(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The commands that fill an empty portal, with their arguments; before anything happens in it."""
    given = (("restore", options["restore"]), ("import_events", options["record"]))
    return [(command, what) for command, what in given if what]


def _manage(words: Sequence[str], environment: Mapping[str, str]) -> None:
    manage = str(Path(settings.BASE_DIR) / "manage.py")
    command = [*launcher(signal.SIGKILL), sys.executable, manage, *words]
    if subprocess.run(command, env=environment, check=False).returncode:
        raise CommandError(f"`manage.py {' '.join(words)}` failed")


def _revived(terminal: Terminal, servers: Cluster) -> bool:
    """Start servers again that ended by themselves; whether there was one."""
    dead = servers.revive()
    for name in dead:
        terminal.labelled(name, "died and was started again")
    return bool(dead)


def _said(counts: Mapping[str, int]) -> str:
    workers = ", ".join(f"{name} {counts.get(name, 1)}" for name in WORKERS)
    return f"{counts['web']} web, workers ({workers}) and beat"


def _start(supervisor: Supervisor, listener: socket.socket, counts: Mapping[str, int]) -> None:
    python = sys.executable
    web = (python, "-m", "portal.web.serve", "--fd", str(listener.fileno()))
    for number in range(1, counts["web"] + 1):
        name = f"web{number}" if counts["web"] > 1 else "web"
        supervisor.run(name, web, pass_fds=(listener.fileno(),))
    for name, queues in WORKERS.items():
        options = (
            *("--queues", ",".join(queues), "--concurrency", str(counts.get(name, 1))),
            *("--hostname", f"{name}@%h"),
        )
        supervisor.run(name, (python, *WORKER, *options))
    supervisor.run("beat", (python, *CELERY, "beat", "--schedule", os.devnull))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=1) as answer:  # noqa: S310 (our own)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
