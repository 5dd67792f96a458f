"""Starting the embedded servers, restarting them when they die, and writing down their URLs."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from portal.env import SERVERS_FILE
from portal.laptop.child import CannotStart, last_lines, spawn, stop
from portal.laptop.servers import Mongo, Postgres, Redis, Server

PATIENCE = 60.0
POLL = 0.02
# Between two starts of a server, in seconds.
PAUSE = 0.3
# Exit statuses of servers that were killed, rather than failed.
KILLED = {0, -signal.SIGINT, -signal.SIGKILL, -signal.SIGTERM}


class Cluster:
    """The embedded servers of one data folder."""

    def __init__(self, data: Path, sockets: Path, *, durable: bool) -> None:
        self._data = data
        every: tuple[Server, ...] = (
            Postgres(data / "postgres", sockets, durable),
            Redis(data / "redis", sockets),
            Mongo(data / "mongodb", sockets),
        )
        given = [server for server in every if os.environ.get(server.variable)]
        self._given = {
            name: os.environ[name] for s in given for name in s.urls if os.environ.get(name)
        }
        self._servers = [server for server in every if server not in given]
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def urls(self) -> Mapping[str, str]:
        """Where all three are: DATABASE_URL, also as its owner, REDIS_URL and MONGODB_URL."""
        own = {name: url for each in self._servers for name, url in each.urls.items()}
        return {**self._given, **own}

    @property
    def names(self) -> list[str]:
        """The servers that run here."""
        return [server.name for server in self._servers]

    def start(self) -> None:
        """Start all, then wait until each answers."""
        for server in self._servers:
            self._spawn(server)
        self.wait()

    def wait(self) -> None:
        """Until each answers. One that is killed meanwhile is started again; CannotStart if it fails."""
        for server in self._servers:
            self._wait_for(server)

    def revive(self) -> list[str]:
        """Restart the servers that have died; their names."""
        dead = [s for s in self._servers if self._children[s.name].poll() is not None]
        for server in dead:
            self._spawn(server)
        return [server.name for server in dead]

    def stop(self) -> None:
        """Stop all servers, cleanly, so that their data is on disk."""
        for server in reversed(self._servers):
            if child := self._children.get(server.name):
                stop(child, server.stop_with, seconds=20)

    def _log(self, server: Server) -> Path:
        return self._data / "logs" / f"{server.name}.log"

    def _spawn(self, server: Server) -> None:
        server.prepare()
        with self._log(server).open("ab") as log:
            self._children[server.name] = spawn(
                server.command(),
                death_signal=server.stop_with,
                unprivileged=server.unprivileged,
                output=log,
            )

    def _wait_for(self, server: Server) -> None:
        deadline = time.monotonic() + PATIENCE
        killed = False
        while not (server.answers() and server.first_use()):
            status = self._children[server.name].poll()
            killed = killed or status in KILLED
            # What a killed one leaves (locks, shared memory) may end the next few, too.
            if time.monotonic() > deadline or (status is not None and not killed):
                what = "does not answer" if status is None else f"ended with status {status}"
                log = self._log(server)
                raise CannotStart(f"{server.name} {what}; its log {log} ends:\n{last_lines(log)}")
            if status is not None:
                self._spawn(server)
            time.sleep(POLL if status is None else PAUSE)


@contextmanager
def cluster(data: Path, *, fresh: bool = False, durable: bool = True) -> Iterator[Cluster]:
    """The servers of that data folder, started and stopped; those with a *_URL are left alone.

    `fresh` empties the folder first. CannotStart if another portal has the folder. Others find
    the servers by the folder's servers.json.
    """
    data.mkdir(parents=True, exist_ok=True)
    with _only_one(data):
        if fresh:
            _empty(data)
        (data / "logs").mkdir(exist_ok=True)
        with _sockets(data) as sockets:
            running = Cluster(data, sockets, durable=durable)
            try:
                running.start()
                write_whereabouts(data, running.urls)
                yield running
            finally:
                running.stop()
                (data / SERVERS_FILE).unlink(missing_ok=True)


@contextmanager
def _sockets(data: Path) -> Iterator[Path]:
    """A folder for sockets, whose paths may not be longer than about a hundred characters.

    A link in the data folder keeps it, so that what a killed portal left is removed with the next.
    """
    link = data / "sockets"

    def remove() -> None:
        if link.is_symlink():
            shutil.rmtree(link.readlink(), ignore_errors=True)
            link.unlink()

    remove()
    folder = Path(tempfile.mkdtemp(prefix="portal-", dir="/tmp"))
    link.symlink_to(folder)
    try:
        yield folder
    finally:
        remove()


def write_whereabouts(data: Path, whereabouts: Mapping[str, str]) -> None:
    """Write the servers' URLs for commands that run beside; readable by the owner only."""
    file = data / SERVERS_FILE
    descriptor, draft = tempfile.mkstemp(dir=data)
    with os.fdopen(descriptor, "w") as new:
        json.dump(dict(whereabouts), new, indent=1)
    Path(draft).rename(file)


def _empty(data: Path) -> None:
    for name in ("postgres", "postgres.new", "redis", "mongodb", "logs", SERVERS_FILE):
        path = data / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another portal runs on {data}: stop it, or choose another folder with --data"
            ) from None
        yield
