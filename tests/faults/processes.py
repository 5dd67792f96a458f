"""The portal's processes, two of each, on servers of their own; every connection between two goes through a Wire."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from psycopg.rows import DictRow, dict_row

from commands import queues
from portal.env import database_roles
from portal.laptop.child import spawn
from portal.laptop.management.commands.up import CELERY, WORKER
from portal.laptop.servers import OWNERS_VARIABLE, Mongo, Postgres, Redis, Server
from tests.faults.clients import Webs
from tests.faults.wire import Wire

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0
POLL = 0.05
SERVERS = ("postgres", "redis", "mongodb")
EACH = {name: ",".join(names) for name, names in queues.WORKERS.items()}
COMPACT = {"worker": ",".join(queues.ALL)}
# The house's rounds come often enough to happen within a round of faults.
SCHEDULES = {"Sweep": 2, "Notifications": 2, "Promoter": 2}
SCHEDULE = """
WITH wanted AS (
    INSERT INTO django_celery_beat_intervalschedule (every, period) VALUES (%s, 'seconds')
    RETURNING id
) UPDATE django_celery_beat_periodictask SET interval_id = wanted.id FROM wanted WHERE name = %s
"""


class FellOver(Exception):
    """A process ended by itself."""


@dataclass(slots=True)
class Actor:
    """A process that can be killed, frozen and started again."""

    name: str
    command: Sequence[str]
    log: Path
    environment: dict[str, str] | None = None
    stop_with: signal.Signals = signal.SIGTERM
    unprivileged: bool = False
    pass_fds: Sequence[int] = ()
    child: subprocess.Popen[bytes] | None = None
    wires: dict[str, Wire] = field(default_factory=dict)
    # Ended by us: not a process that fell over.
    ended: bool = False
    # A worker that loses its only child while it starts gives up; its service manager does not.
    hurt: bool = False

    def start(self) -> None:
        """Start it, again if it ran before."""
        with self.log.open("ab") as output:
            self.child = spawn(
                self.command,
                death_signal=self.stop_with,
                unprivileged=self.unprivileged,
                output=output,
                environment=self.environment,
                pass_fds=self.pass_fds,
                folder=ROOT,
            )
        self.ended = self.hurt = False

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.poll() is None

    def family(self) -> list[psutil.Process]:
        """The process and all that it started."""
        if self.child is None:
            return []
        try:
            process = psutil.Process(self.child.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def send(self, number: signal.Signals, to: Sequence[psutil.Process] | None = None) -> None:
        """A signal to all of the family, or some."""
        for process in self.family() if to is None else to:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue

    async def kill(self) -> None:
        """SIGKILL, the whole family at once."""
        self.ended = True
        family = self.family()
        self.send(signal.SIGKILL, family)
        await _gone(family)
        if self.child:
            self.child.wait()

    async def terminate(self, seconds: float = 30.0) -> bool:
        """Ask it to end; whether it did in time."""
        self.ended = True
        family = self.family()
        self.send(signal.SIGCONT, family)
        if self.child and self.child.poll() is None:
            self.child.send_signal(self.stop_with)
        if await _gone(family, seconds):
            return True
        await self.kill()
        return False


async def _gone(family: Sequence[psutil.Process], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while any(_running(process) for process in family):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL)
    return True


def _running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Processes:
    """All processes, and where to find them."""

    def __init__(self, data: Path, sockets: Path, workers: Mapping[str, str]) -> None:
        self.data = data
        self._workers = workers
        self._sockets = sockets
        # Durable, because what Postgres acknowledged must survive its own SIGKILL.
        self._servers: dict[str, Server] = {
            "postgres": Postgres(data / "postgres", sockets, durable=True),
            "redis": Redis(data / "redis", sockets),
            "mongodb": Mongo(data / "mongodb", sockets),
        }
        self.actors: dict[str, Actor] = {}
        # The clients' ways to the webs.
        self.client_wires: list[Wire] = []
        self.webs = Webs([])
        self._listeners: list[socket.socket] = []

    @property
    def wires(self) -> list[Wire]:
        """Every way between two."""
        every = [wire for actor in self.actors.values() for wire in actor.wires.values()]
        return [*every, *self.client_wires]

    @property
    def processes(self) -> list[Actor]:
        """The portal's own processes."""
        return [actor for name, actor in self.actors.items() if name not in SERVERS]

    def sql(self, query: str, parameters: Sequence[Any] = ()) -> list[DictRow]:
        """Rows from Postgres, past all wires."""
        with psycopg.connect(
            self._servers["postgres"].urls[OWNERS_VARIABLE], autocommit=True, row_factory=dict_row
        ) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    @property
    def mongodb_url(self) -> str:
        """MongoDB, past all wires."""
        return self._servers["mongodb"].url

    async def open(self) -> None:
        """Start everything."""
        for name, server in self._servers.items():
            server.prepare()
            self.actors[name] = Actor(
                name,
                server.command(),
                self.data / "logs" / f"{name}.log",
                stop_with=server.stop_with,
                unprivileged=server.unprivileged,
            )
            self.actors[name].start()
        for name in SERVERS:
            await self.answering(name)
            self._servers[name].first_use()
        await self.manage("migrate", "--verbosity", "0", as_json=False)
        for name, seconds in SCHEDULES.items():
            self.sql(SCHEDULE, (seconds, name))
        for number in (1, 2):
            await self._open_web(number)
            for name, names in self._workers.items():
                await self._add(
                    f"{name}{number}",
                    (*WORKER, "--queues", names, "--concurrency", "1"),
                    ("--hostname", f"{name}{number}@%h"),
                )
            await self._add(f"beat{number}", (*CELERY, "beat", "--schedule", os.devnull))
        for actor in self.processes:
            actor.start()

    async def close(self) -> None:
        """End everything, at once."""
        for actor in reversed(self.actors.values()):
            await actor.kill()
        for listener in self._listeners:
            listener.close()

    async def answering(self, name: str) -> None:
        """Returns once the server answers; it is started again if it can't start yet."""
        deadline = time.monotonic() + PATIENCE
        while not await asyncio.to_thread(self._servers[name].answers):
            actor = self.actors[name]
            if time.monotonic() > deadline:
                raise FellOver(f"{name} does not answer; see {actor.log}")
            if not actor.alive:
                # Postgres refuses while the dead one's shared memory is still held.
                actor.start()
            await asyncio.sleep(POLL)

    async def web_answers(self, number: int) -> None:
        """Returns once that web serves."""
        port = self._listeners[number - 1].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as web:
            (await web.get("/healthz")).raise_for_status()

    def revive(self) -> None:
        """Start ended processes again, as a service manager does."""
        for actor in self.processes:
            if actor.hurt and not actor.alive:
                actor.start()

    def fallen(self) -> list[str]:
        """Processes that ended by themselves."""
        return [actor.name for actor in self.processes if not actor.alive and not actor.ended]

    async def manage(self, *words: str, stdin: str = "", as_json: bool = True) -> Any:
        """An operator's command, past all wires; what it prints as JSON."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "manage.py"),
            *words,
            *(["--json"] if as_json else []),
            env=self._environment(
                {name: url for each in self._servers.values() for name, url in each.urls.items()}
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode())
        if not as_json or not out:
            if process.returncode:
                raise FellOver(f"`manage.py {words[0]}` failed: {err.decode()}")
            return None
        return json.loads(out)

    def _environment(self, urls: dict[str, str]) -> dict[str, str]:
        return {
            **os.environ,
            **urls,
            "PORTAL_ENV": "local",
            "PORTAL_DATA": str(self.data),
            # Nobody signs in again during a long run.
            "ACCESS_TOKEN_SECONDS": "86400",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore:You're running the worker",
        }

    async def _open_web(self, number: int) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        self._listeners.append(listener)
        port = listener.getsockname()[1]
        command = ("-m", "portal.web.serve", "--fd", str(listener.fileno()))
        web = await self._add(f"web{number}", command)
        web.pass_fds = (listener.fileno(),)
        wire = Wire(f"clients-web{number}", lambda: asyncio.open_connection("127.0.0.1", port))
        await wire.lay()
        self.client_wires.append(wire)
        self.webs.urls.append(f"http://127.0.0.1:{wire.port}")

    async def _add(self, name: str, *command: Sequence[str]) -> Actor:
        words = [sys.executable, *(word for part in command for word in part)]
        actor = Actor(name, words, self.data / "logs" / f"{name}.log")
        for server in SERVERS:
            actor.wires[server] = Wire(f"{name}-{server}", self._far_end(server))
            await actor.wires[server].lay()
        port = {server: wire.port for server, wire in actor.wires.items()}
        writer, _ = database_roles()
        actor.environment = self._environment(
            {
                "DATABASE_URL": f"postgresql://{writer}@127.0.0.1:{port['postgres']}/portal"
                "?sslmode=disable&gssencmode=disable",
                "REDIS_URL": f"redis://127.0.0.1:{port['redis']}/0",
                "MONGODB_URL": f"mongodb://127.0.0.1:{port['mongodb']}/portal",
            }
        )
        self.actors[name] = actor
        return actor

    def _far_end(self, server: str) -> Any:
        path = {
            "postgres": self._sockets / ".s.PGSQL.5432",
            "redis": self._sockets / "redis.sock",
            "mongodb": self._sockets / "mongodb.sock",
        }[server]
        return lambda: asyncio.open_unix_connection(str(path))


@asynccontextmanager
async def running_processes(data: Path, *, compact: bool) -> AsyncIterator[Processes]:
    """A processes in that folder, ended with everything in it; a compact one has fewer processes."""
    (data / "logs").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="portal-", dir="/tmp") as sockets:
        running = Processes(data, Path(sockets), COMPACT if compact else EACH)
        try:
            await running.open()
            yield running
        finally:
            await running.close()
