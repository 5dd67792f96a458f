"""A record moves from one running portal to another: there it is the same, and goes on."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import pytest_asyncio

from portal.laptop.demo.client import PortalClient
from tests.conftest import PASSWORD, RunningPortal, running_portal
from tests.e2e.acting import auction, create_auction, delete, events, place
from tests.servers import ROOT

CHAIN = "query($id: UUID!) { chain(id: $id, afterVersion: 0, first: 100) { version content hash } }"
NOTIFICATIONS = "{ notifications { edges { node { kind } } } }"
SCRIPT = ROOT / "docs/verify_auction.py"


@dataclass(frozen=True, slots=True)
class Left:
    """What happened at the first portal, and the files that it wrote."""

    portal: RunningPortal
    open: str
    sold: str
    record: Path
    users: Path


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """A portal with an auction that goes on and one that is over, each with a draw; and its record."""
    files = tmp_path_factory.mktemp("moving")
    with running_portal("leaving") as source:
        going_on, sold = asyncio.run(_happen(source))
        record, users = files / "record.jsonl.gz", files / "users.jsonl"
        done = source.manage("export_all", str(record), "--with-users", str(users))
        assert done.returncode == 0, done.stderr
        yield Left(source, going_on, sold, record, users)


async def _happen(source: RunningPortal) -> tuple[str, str]:
    made = source.manage("create_user", "carol", "--staff", stdin=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    clients = [PortalClient(source.url) for _ in range(3)]
    carol, alice, bob = clients
    await carol.sign_in("carol", PASSWORD)
    for name, client in (("alice", alice), ("bob", bob)):
        assert (await client.sign_up(name, PASSWORD))["status"] == "SUCCEEDED"
    auctions = [await create_auction(carol, seconds=seconds) for seconds in (3600, 12)]
    for id in auctions:
        for bidder, amount in ((alice, "10.00"), (bob, "20.00"), (alice, "30.00")):
            await place(bidder, id, amount)
        taken_back = await place(bob, id, "90.00")
        await delete(bob, id, taken_back["result"]["bidId"])
    await _tick(source)
    await events(carol, auctions[1], until="WinnerAnnounced")
    await _tick(source)
    for client in clients:
        await client.close()
    return auctions[0], auctions[1]


async def _tick(portal: RunningPortal) -> None:
    done = await asyncio.to_thread(portal.manage, "run_promoter", "--once")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def arrived(left: Left) -> Iterator[RunningPortal]:
    """Another portal, which the record was imported into before its first process started."""

    def prepare(database_url: str) -> None:
        name = urlsplit(database_url).path
        assert left.portal.environment
        mongodb_url = urlsplit(left.portal.environment["MONGODB_URL"])._replace(path=name)
        environment = {
            **left.portal.environment,
            "DATABASE_URL": database_url,
            "MONGODB_URL": urlunsplit(mongodb_url),
            "PORTAL_NAMESPACE": name[1:],
        }
        words = ("import_events", str(left.record), "--users", str(left.users))
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    with running_portal("arriving", prepare) as target:
        yield target


@pytest_asyncio.fixture
async def there(left: Left, arrived: RunningPortal) -> AsyncIterator[dict[str, PortalClient]]:
    """Alice and Bob at the other portal, with the passwords that they had, and somebody at the first."""
    clients = {name: PortalClient(arrived.url) for name in ("alice", "bob")}
    for name, client in clients.items():
        await client.sign_in(name, PASSWORD)
    clients["before"] = PortalClient(left.portal.url)
    yield clients
    for client in clients.values():
        await client.close()


async def test_what_the_api_shows_of_the_past_is_the_same(
    left: Left, there: dict[str, PortalClient]
) -> None:
    for id in (left.open, left.sold):
        for query in (CHAIN,):
            then = await there["before"].execute(query, id=id)
            assert await there["alice"].execute(query, id=id) == then
            assert len(then["chain"]) >= 7
        version = then["chain"][-1]["version"]
        streamed = [await events(there[who], id, until=version) for who in ("before", "bob")]
        assert streamed[0] == streamed[1]
        states = [await auction(there[who], id) for who in ("before", "bob")]
        for state in states:
            del state["myBids"]
        assert states[0] == states[1]


async def test_bidding_goes_on_and_nobody_is_told_of_what_was(
    left: Left, arrived: RunningPortal, there: dict[str, PortalClient]
) -> None:
    assert await _kinds(there["alice"]) == await _kinds(there["bob"]) == []
    job = await place(there["bob"], left.open, "5000.00")
    assert job["status"] == "SUCCEEDED", job
    await _tick(arrived)
    await events(there["bob"], left.open, until="BidDoubled", after=job["result"]["version"])
    done = await asyncio.to_thread(arrived.manage, "verify_events")
    assert done.returncode == 0, done.stdout


async def _kinds(client: PortalClient) -> list[str]:
    found: Any = await client.execute(NOTIFICATIONS)
    return [edge["node"]["kind"] for edge in found["notifications"]["edges"]]
