"""Readiness tells the truth, and in bounded time, when servers are there, refuse, or hang."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
import pytest_asyncio
from pytest_django import Settings

from commands.postgres.connections import Pool
from portal.web.readiness import Readiness
from portal.web.runtime import Runtime, end, running

SERVERS = {
    "postgres": ("DATABASE_URL", "postgresql://nobody@127.0.0.1:{port}/nothing"),
    "redis": ("REDIS_URL", "redis://127.0.0.1:{port}/0"),
    "mongodb": ("MONGODB_URL", "mongodb://127.0.0.1:{port}/nothing"),
}


@pytest.fixture
def silence() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]


@pytest.fixture
def refusal() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest_asyncio.fixture
async def runtime() -> AsyncIterator[Runtime]:
    """A web process's connections, to the real servers."""
    async with running() as found:
        yield found


async def test_with_every_server_it_is_ready(runtime: Runtime) -> None:
    assert await Readiness(runtime).missing() == {}


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_that_refuses_is_named(
    settings: Settings, refusal: int, server: str
) -> None:
    name, url = SERVERS[server]
    setattr(settings, name, url.format(port=refusal))
    async with running() as runtime:
        found = await Readiness(runtime).missing()
    # MongoDB's driver looks for its server as long as we wait.
    assert found == {server: "no answer" if server == "mongodb" else "away"}


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_that_hangs_does_not_make_the_answer_hang(
    settings: Settings, silence: int, server: str
) -> None:
    name, url = SERVERS[server]
    setattr(settings, name, url.format(port=silence))
    async with running() as runtime:
        readiness = Readiness(runtime)
        async with asyncio.timeout(30):
            for _ in range(3):
                assert await readiness.missing() == {server: "no answer"}
        assert sum("_bounded" in repr(task) for task in asyncio.all_tasks()) <= 1


async def test_what_runs_beside_the_web_ends_although_a_cancellation_is_swallowed() -> None:
    async def swallowing() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    task = asyncio.create_task(swallowing())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end(task)
    assert task.cancelled()


async def test_a_database_without_the_newest_migrations_is_not_ready(
    runtime: Runtime, pool: Pool
) -> None:
    newest = "SELECT max(name) FROM django_migrations WHERE app = 'projections'"
    with pool.connection() as connection:
        row = connection.execute(
            f"DELETE FROM django_migrations WHERE app = 'projections' AND name = ({newest}) "
            "RETURNING app, name, applied"
        ).fetchone()
    assert row
    try:
        missing = await Readiness(runtime).missing()
    finally:
        with pool.connection() as connection:
            connection.execute(
                "INSERT INTO django_migrations (app, name, applied) "
                "VALUES (%(app)s, %(name)s, %(applied)s)",
                row,
            )
    assert missing == {"postgres": f"migrations are missing: projections.{row['name']}"}
