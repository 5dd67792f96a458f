"""A standby of Postgres serves the log: the chain and the events of auctions are read from it."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from portal.laptop.child import launcher, spawn, stop
from portal.laptop.demo.client import PortalClient
from portal.laptop.servers import Postgres
from tests.conftest import Join, RunningPortal, wait_until
from tests.e2e.acting import EVENTS, create_auction, place
from tests.webs import web

CHAIN = "query ($id: UUID!) { chain(id: $id) { version } }"


@pytest.fixture(scope="module")
def standby(portal: RunningPortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the portal's database on a standby of its server."""
    assert portal.environment
    primary = portal.environment["DATABASE_OWNER_URL"]
    if not str(conninfo_to_dict(primary).get("host")).startswith("/"):
        pytest.skip("the server is not one that the tests started")
    folder = tmp_path_factory.mktemp("standby")
    sockets = folder / "s"
    sockets.mkdir()
    sockets.chmod(0o777)
    copy = Postgres(folder / "data", sockets, durable=False)
    folder.chmod(0o777)
    backup = [str(Path(copy.command()[0]).with_name("pg_basebackup"))]
    subprocess.run(
        [
            *launcher(signal.SIGKILL, unprivileged=True),
            *(*backup, "--dbname", make_conninfo(primary), "--pgdata", str(copy.data)),
            *("--write-recovery-conf", "--checkpoint", "fast", "--no-sync"),
        ],
        check=True,
        env={**os.environ, "PGAPPNAME": "backup"},
    )
    with (folder / "log").open("wb") as log:
        server = spawn(copy.command(), death_signal=signal.SIGINT, unprivileged=True, output=log)
    url = make_conninfo(primary, host=str(sockets))
    try:
        wait_until(copy.answers, 60, "the standby")
        yield (
            "postgresql:///"
            + "?"
            + "&".join(f"{name}={value}" for name, value in conninfo_to_dict(url).items())
        )
    finally:
        stop(server, signal.SIGINT, seconds=20)


@pytest_asyncio.fixture
async def reader(portal: RunningPortal, standby: str) -> AsyncIterator[PortalClient]:
    """A client of a web process that reads the log from the standby."""
    with web(portal, LOG_DATABASE_URL=standby) as process:
        client = PortalClient(process.url)
        yield client
        await client.close()


def replay(standby: str, *, pause: bool) -> None:
    """Pause what the standby applies of the primary's changes, or go on."""
    with psycopg.connect(standby, autocommit=True) as connection:
        connection.execute(f"SELECT pg_wal_replay_{'pause' if pause else 'resume'}()")
        wanted = "paused" if pause else "not paused"
        state = "SELECT pg_get_wal_replay_pause_state()"
        wait_until(lambda: connection.execute(state).fetchone() == (wanted,), 10, wanted)


async def test_the_chain_and_events_come_from_the_standby_without_gaps(
    portal: RunningPortal, standby: str, reader: PortalClient, join: Join, carol: PortalClient
) -> None:
    alice, auction_id = await join("alice"), await create_auction(carol)
    async with aclosing(reader.subscribe(EVENTS, id=auction_id)) as events:
        assert (await anext(events))["event"]["version"] == 1
        replay(standby, pause=True)
        try:
            for amount in ("5.00", "6.00"):
                assert (await place(alice, auction_id, amount))["status"] == "SUCCEEDED"
            assert len((await carol.execute(CHAIN, id=auction_id))["chain"]) == 3
            behind = (await reader.execute(CHAIN, id=auction_id))["chain"]
            assert [link["version"] for link in behind] == [1], "it reads the standby"
            coming = asyncio.ensure_future(anext(events))
        finally:
            replay(standby, pause=False)
        assert (await asyncio.wait_for(coming, 10))["event"]["version"] == 2
        assert (await anext(events))["event"]["version"] == 3


async def test_while_the_standby_is_away_the_log_is_read_from_postgres(
    portal: RunningPortal, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    nowhere = "postgresql:///portal?host=/nowhere&user=postgres"
    with web(portal, LOG_DATABASE_URL=nowhere) as process:
        client = PortalClient(process.url)
        links = (await client.execute(CHAIN, id=auction_id))["chain"]
        assert [link["version"] for link in links] == [1]
        async with aclosing(client.subscribe(EVENTS, id=auction_id)) as events:
            assert (await anext(events))["event"]["version"] == 1
        await client.close()
