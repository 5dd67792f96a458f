"""Re-driving failed jobs, by an operator and by an auctioneer."""

import json
import re

from commands.ids import new_id
from commands.postgres.connections import Pool
from commands.streams import Stream
from portal.laptop.demo.client import WAIT_FOR_JOB, PortalClient
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import Json, create_auction, place
from tests.e2e.test_admin import Browser, browser  # noqa: F401  (a fixture)
from tests.integration.faults import faults
from tests.integration.in_process import InProcessPortal

REJECTED, USAGE = 1, 2


async def failed_bid(
    alice: PortalClient, carol: PortalClient, in_process: InProcessPortal, amount: str
) -> Json:
    auction_id = await create_auction(carol)
    with faults(in_process, Stream("auction", auction_id), "XX000"):  # type: ignore[arg-type]  # as text
        job = await place(alice, auction_id, amount)
    assert (job["status"], job["result"], job["rejection"]) == ("FAILED", None, None)
    return job


async def test_an_operator_redrives_what_failed(
    portal: RunningPortal,
    join: Join,
    carol: PortalClient,
    portal_pool: Pool,
) -> None:
    alice, in_process = await join("alice"), InProcessPortal(portal_pool)
    first, second = [
        await failed_bid(alice, carol, in_process, amount) for amount in ("1.00", "2.00")
    ]
    status = json.loads(portal.manage("status", "--json").stdout)
    assert status["failed_jobs"] >= 2
    done = portal.manage("redrive", first["id"], "--json")
    assert done.returncode == 0, done.stderr
    assert [job["status"] for job in json.loads(done.stdout)["jobs"]] == ["SUCCEEDED"]
    again = portal.manage("redrive", first["id"], "--json")
    assert (again.returncode, json.loads(again.stdout)["redriven"]) == (0, 0)
    everything = portal.manage("redrive", "--all", "--json")
    assert everything.returncode == 0, everything.stderr
    assert second["id"] in [job["job"] for job in json.loads(everything.stdout)["jobs"]]
    for failed in (first, second):
        job = (await alice.execute(WAIT_FOR_JOB, id=failed["id"]))["job"]
        assert (job["status"], job["acceptedAt"]) == ("SUCCEEDED", failed["acceptedAt"])
    assert "No job failed." in portal.manage("redrive", "--all").stdout


def test_redriving_tells_what_is_wrong_with_its_words(portal: RunningPortal) -> None:
    unknown = portal.manage("redrive", str(new_id()))
    assert (unknown.returncode, "there is no job" in unknown.stderr) == (REJECTED, True)
    for words in ((), ("--all", str(new_id())), ("x",)):
        assert portal.manage("redrive", *words).returncode == USAGE


async def test_an_auctioneer_redrives_in_admin(
    browser: Browser,  # noqa: F811  (the fixture)
    join: Join,
    carol: PortalClient,
    portal_pool: Pool,
) -> None:
    alice = await join("alice")
    failed = await failed_bid(alice, carol, InProcessPortal(portal_pool), "1.00")
    listed = browser.get("/admin/commands/job/?status__exact=FAILED").text
    assert failed["id"] in listed
    assert re.search(r'<option value="redrive_failed">Re-drive failed jobs', listed)
    assert "delete_selected" not in listed
    chosen = {"action": "redrive_failed", "_selected_action": failed["id"]}
    answer = browser.submit("/admin/commands/job/?status__exact=FAILED", chosen)
    assert "1 of 1 failed jobs are in line again." in answer.text
    job = (await alice.execute(WAIT_FOR_JOB, id=failed["id"]))["job"]
    assert job["status"] == "SUCCEEDED"
