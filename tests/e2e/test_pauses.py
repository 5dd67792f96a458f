"""Pauses, as staff ask for them and everybody sees them."""

from datetime import datetime
from typing import Any

from portal.laptop.demo.client import (
    CLOSE_AUCTION_NOW,
    PAUSE_AUCTION,
    RESUME_AUCTION,
    PortalClient,
)
from tests.conftest import Join, RunningPortal, until
from tests.e2e.acting import Json, create_auction, delete, place
from tests.e2e.outsider import script
from tests.e2e.test_house_interventions import code, happened, told

READ = """query ($id: UUID!, $v: Int, $n: Int) { auction(id: $id, atLeastVersion: $v, atVersion: $n) {
  version status endsAt firstEndsAt paused { reason at } nextBids bidCount
  rules { sentences softClose { hardEnd } } leadingBid { deletableUntil }
  whyWinner { closing { sentence } } } }"""
IN_LIST = """query ($s: AuctionStatus, $o: AuctionOrder) {
  auctions(status: $s, order: $o, first: 100) { edges { node { id } } } }"""
STATUSES = ("SCHEDULED", "OPEN", "PAUSED", "ENDED", "CANCELLED")
FLOOD, DRY = "A flood in the hall.", "It is dry again."


async def read(reader: PortalClient, auction_id: str, **more: int) -> Json:
    found: Json = (await reader.execute(READ, id=auction_id, **more))["auction"]
    return found


async def in_lists(reader: PortalClient, auction_id: str, order: str) -> list[str]:
    """The statuses in whose lists the auction is."""
    found = []
    for status in STATUSES:
        page = (await reader.execute(IN_LIST, s=status, o=order))["auctions"]
        found += [status for edge in page["edges"] if edge["node"]["id"] == auction_id]
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_in_a_pause_nothing_counts_and_its_end_moves_once_it_goes_on(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    rules = {"softClose": {"window": 60, "extension": 60, "hardEnd": "2099-01-01T00:00:00Z"}}
    auction_id = await create_auction(carol, rules=rules)
    first = (await place(alice, auction_id, "10.00"))["result"]["bidId"]
    before = await read(nobody, auction_id, v=2)

    asked: dict[str, Any] = {"auctionId": auction_id, "reason": FLOOD}
    job = await carol.command(PAUSE_AUCTION, **asked, idempotencyKey="pause")
    assert (job["status"], job["result"]["version"]) == ("SUCCEEDED", 3)
    assert (await carol.command(PAUSE_AUCTION, **asked, idempotencyKey="pause"))["id"] == job["id"]
    paused = await read(nobody, auction_id, v=3)
    assert (paused["status"], paused["paused"]["reason"]) == ("PAUSED", FLOOD)
    assert (paused["endsAt"], paused["leadingBid"]["deletableUntil"]) == (before["endsAt"], None)
    for order in ("ENDING_SOONEST", "STARTING_SOONEST", "NEWEST_ENDED", "NEWEST", "MOST_BIDS"):
        assert await in_lists(nobody, auction_id, order) == ["PAUSED"]
    assert code(await place(bob, auction_id, "20.00")) == "AUCTION_PAUSED"
    assert code(await delete(alice, auction_id, first)) == "AUCTION_PAUSED"
    assert code(await carol.command(PAUSE_AUCTION, **asked)) == "AUCTION_PAUSED"

    job = await carol.command(RESUME_AUCTION, auctionId=auction_id, reason=DRY)
    assert job["result"]["version"] == 4
    [pause, resumption] = (await happened(nobody, auction_id, "AuctionResumed"))[-2:]
    assert (pause["__typename"], pause["because"]) == ("AuctionPaused", FLOOD)
    assert (resumption["because"], resumption["version"]) == (DRY, 4)
    after = await read(nobody, auction_id, v=4)
    length = moment(resumption["resumedAt"]) - moment(pause["pausedAt"])
    assert (after["status"], after["paused"]) == ("OPEN", None)
    assert moment(after["endsAt"]) - moment(before["endsAt"]) == length
    assert (after["endsAt"], after["firstEndsAt"]) == (resumption["endsAt"], before["endsAt"])
    assert after["leadingBid"]["deletableUntil"] == after["endsAt"]
    hard_ends = [moment(each["rules"]["softClose"]["hardEnd"]) for each in (before, after)]
    assert hard_ends[1] - hard_ends[0] == length
    assert code(await carol.command(RESUME_AUCTION, **asked)) == "AUCTION_NOT_PAUSED"
    assert code(await place(bob, auction_id, "20.00")) is None

    for version, expected in ((2, before), (3, paused), (4, after)):
        then = await read(nobody, auction_id, n=version)
        for field in ("version", "status", "endsAt", "firstEndsAt", "paused", "rules", "bidCount"):
            assert then[field] == expected[field], (version, field)
    for kind, reason in (("AUCTION_PAUSED", FLOOD), ("AUCTION_RESUMED", DRY)):
        notification = await told(alice, kind)
        assert notification["message"].endswith(f": {reason}")
        assert notification["amount"] is None

    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason=FLOOD)
    await happened(nobody, auction_id, "WinnerAnnounced")
    closed = await read(nobody, auction_id, v=7)
    assert "The house had paused it for " in closed["whyWinner"]["closing"]["sentence"]
    checked = portal.manage("verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    outside = script(portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")


async def test_a_paused_auction_does_not_end_and_is_closed_once_its_time_is_over(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    auction_id = await create_auction(carol, seconds=6)
    await place(await join("alice"), auction_id, "10.00")
    await carol.command(PAUSE_AUCTION, auctionId=auction_id, reason=FLOOD)
    ends_at = moment((await read(nobody, auction_id, v=3))["endsAt"])

    async def passed() -> bool:
        now = (await nobody.execute("{ serverTime }"))["serverTime"]
        return moment(now) > ends_at

    await until(passed)
    assert (await read(nobody, auction_id))["status"] == "PAUSED"
    assert await in_lists(nobody, auction_id, "ENDING_SOONEST") == ["PAUSED"]
    await carol.command(RESUME_AUCTION, auctionId=auction_id, reason=DRY)
    assert (await read(nobody, auction_id, v=4))["status"] == "OPEN"
    history = await happened(nobody, auction_id, "WinnerAnnounced")
    assert [event["version"] for event in history] == [1, 2, 3, 4, 5]
    outside = script(portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")


async def test_operators_pause_and_resume_at_the_command_line(
    portal: RunningPortal, carol: PortalClient, nobody: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    done = portal.manage("pause_auction", auction_id, "--reason", FLOOD)
    assert (done.returncode, done.stdout) == (0, f"Paused auction {auction_id}.\n")
    assert (await read(nobody, auction_id, v=2))["status"] == "PAUSED"
    refused = portal.manage("pause_auction", auction_id, "--reason", FLOOD)
    assert (refused.returncode, "(AUCTION_PAUSED)" in refused.stderr) == (1, True)
    done = portal.manage("resume_auction", auction_id, "--reason", DRY)
    assert (done.returncode, done.stdout) == (0, f"Resumed auction {auction_id}.\n")
    refused = portal.manage("resume_auction", auction_id, "--reason", DRY)
    assert (refused.returncode, "(AUCTION_NOT_PAUSED)" in refused.stderr) == (1, True)
