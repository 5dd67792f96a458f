"""A deploy without downtime: workers of two releases at once on one database, and neither does what it does not know.

The older release lacks a rule (withdrawal), a command (CloseAuctionNow) and an event (AuctionClosedEarly). Its web,
workers and beat run; workers of the newer one join them.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio
from psycopg.rows import dict_row

from portal.laptop.demo.client import DELETE_BID, PLACE_BID, PortalClient
from tests.conftest import PASSWORD, RunningPortal, wait_until
from tests.e2e.acting import create_auction, place
from tests.e2e.releases import Commands, release, up, worker
from tests.servers import PROCESS, as_the_portal, world

# As in the release that adds an event: those of before don't know it.
NOTED = {"commands/record/codec.py": ['        "AuctionClosedEarly",']}
OLDER = {
    "commands/domain/rules/table.py": ['    "withdrawal": Withdrawal,'],
    "commands/record/codec.py": [
        *NOTED["commands/record/codec.py"],
        '    "AuctionClosedEarly": events.AuctionClosedEarly,',
        '    "CloseAuctionNow": commands.CloseAuctionNow,',
    ],
}
AUCTIONS, BIDDERS = 4, 3
People = Callable[[str], Awaitable[PortalClient]]
LEFT = "left for a newer release"


class Deploy:
    """The older release, which runs, and the newer one, whose workers may join."""

    def __init__(self, older: RunningPortal, codes: dict[str, Path], owners_url: str) -> None:
        assert older.environment
        self.older = older
        self.newer_code = codes["newer"]
        self.ask = {name: Commands(code, older.environment) for name, code in codes.items()}
        self._owners_url = owners_url

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What the database has."""
        with psycopg.connect(self._owners_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def newer_workers(self) -> Any:
        """Workers of the newer release, beside the older ones."""
        return worker(self.newer_code, self.older.environment or {})

    def binding(self, title: str) -> None:
        """Ask for an auction in which bids can't be deleted, without waiting for it."""
        words = (title, "--ends-at", "+1h", "--withdrawal", "never", "--wait", "0")
        assert self.ask["newer"]("create_auction", *words).returncode == 3

    def by_title(self, title: str) -> str:
        """The auction's id, once there is one."""

        def found() -> str | None:
            rows = self.rows(f"SELECT id FROM auctions WHERE title = '{title}'")
            return str(rows[0]["id"]) if rows else None

        auction_id: str = wait_until(found, 60, title)
        return auction_id

    def unsettled(self) -> int:
        """How many jobs wait."""
        return int(self.rows("SELECT count(*) AS n FROM jobs WHERE status = 'QUEUED'")[0]["n"])


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deploy]:
    """The older release alone, on a database of its own."""
    folder = tmp_path_factory.mktemp("releases")
    codes = {
        "older": release(folder / "older", OLDER),
        "newer": release(folder / "newer", NOTED),
    }
    with world(f"{PROCESS}_releases") as whereabouts:
        environment = as_the_portal(whereabouts)
        with up(codes["older"], {**os.environ, **environment}) as running:
            found = Deploy(running, codes, whereabouts["DATABASE_URL"])
            made = found.ask["older"]("create_user", "carol", "--staff", stdin=f"{PASSWORD}\n")
            assert made.returncode == 0, made.stderr
            yield found


@pytest_asyncio.fixture
async def people(deploy: Deploy) -> AsyncIterator[People]:
    """Gives the client of a user of that name, at the older web: of carol, who is staff, or of a new bidder."""
    clients: list[PortalClient] = []

    async def person(name: str) -> PortalClient:
        client = PortalClient(deploy.older.url)
        clients.append(client)
        if name == "carol":
            await client.sign_in(name, PASSWORD)
        else:
            job = await client.sign_up(name, PASSWORD)
            assert job["status"] == "SUCCEEDED", job
        return client

    yield person
    for client in clients:
        await client.close()


async def test_what_the_older_release_does_not_know_waits_and_all_else_goes_on(
    deploy: Deploy, people: People
) -> None:
    carol, alice = await people("carol"), await people("alice")
    deploy.binding("First of binding bids")
    wait_until(lambda: LEFT in deploy.older.logged(), 60, "the job is looked at")
    plain = await create_auction(carol)
    assert (await place(alice, plain, "10.00"))["status"] == "SUCCEEDED"
    assert deploy.unsettled() == 1
    async with httpx.AsyncClient() as client:
        ready = await client.get(f"{deploy.older.url}/readyz")
    assert (ready.status_code, ready.json()["needs_newer_release"]) == (200, ["rule withdrawal"])
    status = json.loads(deploy.ask["older"]("status", "--json").stdout)
    assert [row["what"] for row in status["waiting_for_newer"]] == ["rule withdrawal"]
    with deploy.newer_workers():
        binding = deploy.by_title("First of binding bids")
        # The older web shows what it knows, and takes bids.
        wait_until(lambda: not deploy.unsettled(), 60, "all jobs are settled")
        assert (await place(alice, binding, "10.00"))["status"] == "SUCCEEDED"
        query = "query ($id: UUID!) { auction(id: $id, atLeastVersion: 2) { rules { sentences } } }"
        shown = (await alice.execute(query, id=binding))["auction"]["rules"]["sentences"]
    assert "It has a further rule, which can't be explained here yet: withdrawal." in shown


async def test_side_by_side_all_is_decided_by_the_rules(deploy: Deploy, people: People) -> None:
    carol = await people("carol")
    bidders = [await people(f"bidder-{n}") for n in range(BIDDERS)]
    for number in range(AUCTIONS):
        deploy.binding(f"Binding {number}")
    plain = [await create_auction(carol) for _ in range(AUCTIONS)]
    with deploy.newer_workers():
        binding = [deploy.by_title(f"Binding {number}") for number in range(AUCTIONS)]
        jobs = await asyncio.gather(
            *(
                bid_and_delete(bidder, auction_id)
                for bidder in bidders
                for auction_id in (*plain, *binding)
            )
        )
        outcomes = Counter(
            (auction_id in binding, code) for auction_id, codes in jobs for code in codes
        )
        assert outcomes == {
            (False, None): 2 * AUCTIONS * BIDDERS,
            (True, None): AUCTIONS * BIDDERS,
            (True, "BID_BINDING"): AUCTIONS * BIDDERS,
        }
        # An event that the older one does not know: nobody bids on after it.
        closed = plain[0]
        done = deploy.ask["newer"]("close_auction", closed, "--reason", "The roof leaks")
        assert done.returncode == 0, done.stderr
        late = [await place(bidder, closed, "99.00") for bidder in bidders]
        assert {job["rejection"]["code"] for job in late} == {"AUCTION_ENDED"}
        settle(deploy)
        checked = deploy.ask["newer"]("verify_events", "--json", "--processes", "1")
        assert checked.returncode == 0, checked.stdout + checked.stderr
    failed = "SELECT command, error FROM jobs WHERE status = 'FAILED'"
    assert deploy.rows(failed) == []
    assert deploy.older.logged().count(LEFT) > 1, "the older one met what it does not know"


async def bid_and_delete(bidder: PortalClient, auction_id: str) -> tuple[str, list[str | None]]:
    """With which rejection a bid, and its deletion, end; None without one."""
    bid = await bidder.command(PLACE_BID, auctionId=auction_id, amount="10.00")
    gone = await bidder.command(DELETE_BID, auctionId=auction_id, bidId=bid["result"]["bidId"])
    assert {bid["status"], gone["status"]} <= {"SUCCEEDED", "REJECTED"}
    return auction_id, [job["rejection"] and job["rejection"]["code"] for job in (bid, gone)]


def settle(deploy: Deploy) -> None:
    """Until nothing waits: jobs, documents, notifications."""
    behind = """
        SELECT auctions.id FROM auctions LEFT JOIN notification_progress AS told ON told.auction_id = auctions.id
        WHERE told.version IS DISTINCT FROM auctions.version OR EXISTS (
            SELECT FROM stuck_streams WHERE stream_id = auctions.id
        )
    """
    wait_until(lambda: not deploy.unsettled(), 60, "all jobs are settled")
    wait_until(lambda: not deploy.rows(behind), 120, "all is told, and nothing is stuck")
