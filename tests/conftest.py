"""Fixtures of many tests: connections, users, and a running portal."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from commands.ids import new_id
from commands.postgres.connections import SyncConnection
from commands.wiring import pool as process_pool
from portal.laptop.demo.client import PortalClient
from projections.mongo.store import MongoDocuments
from projections.wiring import live_documents
from tests.servers import PROCESS, ROOT, as_the_portal, world
from tests.waiting import PAUSE as PAUSE
from tests.waiting import until as until
from tests.waiting import wait_until as wait_until

PASSWORD = "correct horse battery staple 7"


@dataclass(frozen=True, slots=True)
class RunningPortal:
    """A portal that a test's own `manage.py up` runs."""

    url: str
    data: Path
    log: Path
    process: subprocess.Popen[bytes]
    environment: Mapping[str, str] | None = None

    def manage(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run an operator's command beside it."""
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words, "--data", str(self.data)],
            capture_output=True,
            text=True,
            input=stdin,
            env=self.environment,
            check=False,
            timeout=120,
        )

    def logged(self) -> str:
        """Its output so far."""
        return self.log.read_text(errors="replace")


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Django's tests use this process's database, too, and need no second one beside it."""


@pytest.fixture
def pool() -> ConnectionPool[SyncConnection]:
    """This process's connections to its own database."""
    return process_pool()


@pytest.fixture
def documents() -> MongoDocuments:
    """This process's own documents."""
    return live_documents()


@contextmanager
def running_portal(
    name: str, prepare: Callable[[str], None] | None = None, /, **more: str
) -> Iterator[RunningPortal]:
    """Web, workers and beat as real processes, in a world that no other test touches.

    They sign in to Postgres as the writer. `more` is added to their environment. `prepare` gets the URL of their database before they start.
    """
    with world(f"{PROCESS}_{name}") as whereabouts:
        data = Path(whereabouts["PORTAL_DATA"])
        log = data / "terminal.log"
        if prepare:
            prepare(whereabouts["DATABASE_URL"])
        environment = {**os.environ, **as_the_portal(whereabouts), **more}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0", "--data", str(data)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        try:
            yield RunningPortal(ready_url(process, log), data, log, process, environment)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0, log.read_text()


@pytest.fixture(scope="session")
def portal() -> Iterator[RunningPortal]:
    """The one that most tests share."""
    with running_portal("portal") as running:
        yield running


@pytest.fixture(scope="session")
def portal_pool(portal: RunningPortal) -> Iterator[ConnectionPool[SyncConnection]]:
    """The owner's connections to the running portal's database, to look what is in it."""
    assert portal.environment
    with ConnectionPool(
        portal.environment["DATABASE_OWNER_URL"],
        connection_class=Connection[DictRow],
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=0,
        max_size=2,
    ) as connections:
        yield connections


@pytest.fixture(scope="session")
def auctioneer(portal: RunningPortal) -> str:
    """The name of a member of staff; the password is everybody's."""
    name = "carol"
    made = portal.manage("create_user", name, "--staff", stdin=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    return name


def ready_url(process: subprocess.Popen[bytes], log: Path) -> str:
    """The URL that `up` prints once it answers."""

    def ready() -> str | None:
        assert process.poll() is None, log.read_text()
        found = re.search(r"^Portal ready at (\S+)$", log.read_text(), re.MULTILINE)
        return found[1] if found else None

    url: str = wait_until(ready, 90, "Portal ready")
    return url


Join = Callable[..., Awaitable[PortalClient]]


@pytest_asyncio.fixture
async def join(portal: RunningPortal) -> AsyncIterator[Join]:
    """Signs somebody up under a name nobody has yet, and in: `alice = await join("alice")`."""
    clients: list[PortalClient] = []

    async def sign_up(name: str, **more: str) -> PortalClient:
        client = PortalClient(portal.url)
        clients.append(client)
        job = await client.sign_up(f"{name}-{new_id().hex[-12:]}", PASSWORD, **more)
        assert job["status"] == "SUCCEEDED", job
        return client

    yield sign_up
    for client in clients:
        await client.close()


@pytest_asyncio.fixture
async def carol(portal: RunningPortal, auctioneer: str) -> AsyncIterator[PortalClient]:
    """The auctioneer, signed in."""
    client = PortalClient(portal.url)
    await client.sign_in(auctioneer, PASSWORD)
    yield client
    await client.close()


@pytest_asyncio.fixture
async def nobody(portal: RunningPortal) -> AsyncIterator[PortalClient]:
    """A client that is not signed in."""
    client = PortalClient(portal.url)
    yield client
    await client.close()
