"""The portal's own processes for a benchmark, and what processor time they use."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psutil

from benchmarks.harness import WRITERS_VARIABLE
from commands.ids import new_id
from commands.postgres.connections import Pool
from portal.signin.tokens import issue
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
SERVERS = ("postgres", "mongod", "valkey-server")
# Beside the users that benchmarks make by themselves.
SESSIONS = """
INSERT INTO sessions (id, user_id, seed, generation, created_at, used_at, expires_at)
SELECT session_id, user_id, sha256('bench'), 0, clock_timestamp(), clock_timestamp(),
       clock_timestamp() + interval '1 day'
FROM unnest(%s::uuid[], %s::uuid[]) AS new (session_id, user_id)
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours that serves at the URL."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def graphql(self) -> str:
        """Where GraphQL is asked."""
        return f"{self.url}/graphql"


@contextmanager
def web(**environment: str) -> Iterator[Running]:
    """One web process alone."""
    with _serving(["-m", "portal.web.serve", "--fd"], environment) as running:
        yield running


@contextmanager
def bare() -> Iterator[Running]:
    """One process of the bare ASGI application."""
    with _serving(["-m", "benchmarks.references.bare"], {}) as running:
        yield running


@contextmanager
def _serving(module: Sequence[str], environment: Mapping[str, str]) -> Iterator[Running]:
    """A process that takes over a listening socket, whose number is its last argument."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        command = [sys.executable, *module, str(listening.fileno())]
        more = {"PUBLIC_URL": url, **environment}
        with _running(command, more, (listening.fileno(),)) as (process, _):
            wait_until(lambda: _healthy(url), 60, "the web process")
            yield Running(url, process)


@contextmanager
def up(*options: str, **environment: str) -> Iterator[Running]:
    """The whole portal, as `manage.py up` starts it."""
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0", *options]

    def url(log: Path) -> str | None:
        found = re.search(r"Portal ready at (http://\S+)", log.read_text())
        return found[1] if found else None

    with _running(command, environment) as (process, log):
        yield Running(wait_until(lambda: url(log), 60, "the portal"), process)


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], pass_fds: Sequence[int] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "DATABASE_URL": os.environ[WRITERS_VARIABLE],
                    "PORTAL_DATA": folder,
                    **environment,
                },
                cwd=ROOT,
                pass_fds=pass_fds,
            )
        try:
            yield process, log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def tokens(pool: Pool, users: Sequence[UUID]) -> list[str]:
    """An access token for each of the users, in a session of its own."""
    sessions = [new_id() for _ in users]
    with pool.connection() as connection:
        connection.execute(SESSIONS, (sessions, list(users)))
    return [issue(user, False, session)[0] for user, session in zip(users, sessions, strict=True)]


def processor_time(running: Running) -> dict[str, float]:
    """Seconds of processor time so far: of each kind of the portal's processes, and of each server."""
    used: defaultdict[str, float] = defaultdict(float)
    own = psutil.Process(running.process.pid)
    ours = {process.pid: process for process in [own, *own.children(recursive=True)]}
    servers = psutil.Process().children(recursive=True)
    for process in [*ours.values(), *(each for each in servers if each.pid not in ours)]:
        try:
            words, times = process.cmdline(), process.cpu_times()
        except psutil.Error:
            continue
        name = _kind(words, process.name())
        if process.pid in ours or name in SERVERS:
            # Of children that ended, too: a server's process for each connection is one.
            used[name] += times.user + times.system + times.children_user + times.children_system
    return dict(used)


def _kind(words: Sequence[str], program: str) -> str:
    if server := next((name for name in SERVERS if name in program or name in words[0:1]), None):
        return server
    if "--hostname" in words:
        return words[words.index("--hostname") + 1].split("@")[0]
    line = " ".join(words)
    for name in ("portal.web.serve", "beat", "manage.py"):
        if name in line:
            return name.removeprefix("portal.").split(".")[0]
    return program
