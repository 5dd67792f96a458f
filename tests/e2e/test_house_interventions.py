"""What the house does to auctions with a reason, as staff ask for it and everybody sees it."""

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from portal.laptop.demo.client import CANCEL_AUCTION, CLOSE_AUCTION_NOW, REMOVE_BID, PortalClient
from tests.conftest import Join, RunningPortal, until
from tests.e2e.acting import Json, create_auction, delete, place
from tests.e2e.outsider import script
from tests.e2e.test_notifications import listed

READ = """query ($id: UUID!, $v: Int, $n: Int) { auction(id: $id, atLeastVersion: $v, atVersion: $n) {
  version status endsAt cancelled { reason at } closedEarly { reason at } firstEndsAt winner { announcedAt } nextBids bidCount
  whyWinner { sentence closing { sentence } ranking { place } deletions { sentence } } } }"""
IN_LIST = """query ($s: AuctionStatus, $o: AuctionOrder) {
  auctions(status: $s, order: $o, first: 100) { edges { node { id } } } }"""
HAPPENED = """subscription ($id: UUID!) { event: auctionEvents(id: $id) {
  __typename version recordedAt ... on AuctionCancelled { because } ... on AuctionClosedEarly { because endsAt }
  ... on BidRemoved { bidId because } ... on AuctionPaused { pausedAt because }
  ... on AuctionResumed { resumedAt endsAt because } } }"""
FLOOD = "A flood in the hall."


async def read(reader: PortalClient, auction_id: str, **more: int) -> Json:
    found: Json = (await reader.execute(READ, id=auction_id, **more))["auction"]
    return found


async def in_lists(
    reader: PortalClient, auction_id: str, order: str = "ENDING_SOONEST"
) -> list[str]:
    """The statuses in whose lists the auction is."""
    found = []
    for status in ("SCHEDULED", "OPEN", "PAUSED", "ENDED", "CANCELLED"):
        page = (await reader.execute(IN_LIST, s=status, o=order))["auctions"]
        found += [status for edge in page["edges"] if edge["node"]["id"] == auction_id]
    return found


async def happened(reader: PortalClient, auction_id: str, until_type: str) -> list[Json]:
    """The auction's events up to the first of that type."""
    found: list[Json] = []
    async with (
        asyncio.timeout(30),
        aclosing(reader.subscribe(HAPPENED, id=auction_id)) as results,
    ):
        async for data in results:
            found.append(data["event"])
            if found[-1]["__typename"] == until_type:
                break
    return found


async def told(client: PortalClient, kind: str) -> Json:
    """The one notification of that kind."""

    async def mine() -> list[Json] | None:
        return [each for each in await listed(client) if each["kind"] == kind] or None

    [notification] = await until(mine)
    found: Json = notification
    return found


def code(job: Json) -> str | None:
    """What the job was rejected with."""
    return str(job["rejection"]["code"]) if job["rejection"] else None


async def test_a_cancelled_auction_is_closed_without_a_winner_and_says_why(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00")
    lost = await place(bob, auction_id, "20.00")
    asked: dict[str, Any] = {"auctionId": auction_id, "reason": f"  {FLOOD} "}
    job = await carol.command(CANCEL_AUCTION, **asked, idempotencyKey="flood")
    assert (job["status"], job["result"]["version"]) == ("SUCCEEDED", 4)
    again = await carol.command(CANCEL_AUCTION, **asked, idempotencyKey="flood")
    assert again["id"] == job["id"]

    event = (await happened(nobody, auction_id, "AuctionCancelled"))[-1]
    assert (event["version"], event["because"]) == (4, FLOOD)
    found = await read(nobody, auction_id, v=4)
    assert (found["status"], found["winner"], found["nextBids"]) == ("CANCELLED", None, [])
    assert found["cancelled"] == {"reason": FLOOD, "at": event["recordedAt"]}
    why = found["whyWinner"]
    assert why["sentence"] == f"Nobody won: the house cancelled the auction. The reason: “{FLOOD}”"
    assert why["closing"]["sentence"].endswith(" before its end.")
    assert (why["ranking"], why["deletions"]) == ([], [])
    for order in ("ENDING_SOONEST", "STARTING_SOONEST", "NEWEST_ENDED"):
        assert await in_lists(nobody, auction_id, order) == ["CANCELLED"]
    then = await read(nobody, auction_id, n=3)
    assert (then["status"], then["cancelled"], then["bidCount"]) == ("OPEN", None, 2)
    then = await read(nobody, auction_id, n=4)
    assert (then["status"], then["cancelled"]) == ("CANCELLED", found["cancelled"])

    for bidder in (alice, bob):
        notification = await told(bidder, "AUCTION_CANCELLED")
        assert notification["message"] == f"The house cancelled “A clock”, and nobody wins: {FLOOD}"
        assert (notification["auctionId"], notification["amount"]) == (auction_id, None)
    assert code(await place(alice, auction_id, "99.00")) == "AUCTION_CANCELLED"
    assert code(await delete(bob, auction_id, lost["result"]["bidId"])) == "AUCTION_CANCELLED"
    assert code(await carol.command(CANCEL_AUCTION, **asked)) == "AUCTION_CANCELLED"
    checked = portal.manage("verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    outside = script(portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")
    assert f"4 AuctionCancelled: the house cancelled it, and nobody wins: {FLOOD}" in outside.stdout


async def test_an_auction_is_cancelled_before_it_starts_and_not_after_its_close(
    carol: PortalClient, nobody: PortalClient, join: Join
) -> None:
    alice = await join("alice")
    coming = await create_auction(carol, startsAt="2099-01-01T00:00:00Z", seconds=4_000_000_000)
    job = await carol.command(CANCEL_AUCTION, auctionId=coming, reason=FLOOD)
    assert job["result"]["version"] == 2
    assert (await read(nobody, coming, v=2))["status"] == "CANCELLED"
    assert await in_lists(nobody, coming) == ["CANCELLED"]
    assert code(await place(alice, coming, "1.00")) == "AUCTION_CANCELLED"
    over = await create_auction(carol, seconds=1)
    await happened(nobody, over, "AuctionEndedUnsold")
    assert (
        code(await carol.command(CANCEL_AUCTION, auctionId=over, reason=FLOOD)) == "AUCTION_ENDED"
    )
    nowhere = "01890a5d-ac96-774b-bcce-b302099a8057"
    job = await carol.command(CANCEL_AUCTION, auctionId=nowhere, reason=FLOOD)
    assert code(job) == "AUCTION_NOT_FOUND"


async def test_an_operator_cancels(
    portal: RunningPortal, carol: PortalClient, nobody: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    done = portal.manage("cancel_auction", auction_id, "--reason", FLOOD)
    assert (done.returncode, done.stdout) == (0, f"Cancelled auction {auction_id}.\n")
    found = await read(nobody, auction_id, v=2)
    assert found["cancelled"]["reason"] == FLOOD
    assert datetime.fromisoformat(found["cancelled"]["at"]) < datetime.fromisoformat(
        found["endsAt"]
    )
    refused = portal.manage("cancel_auction", auction_id, "--reason", FLOOD)
    assert refused.returncode == 1
    assert "This auction is cancelled already. (AUCTION_CANCELLED)" in refused.stderr
    shown = portal.manage("show_auction", auction_id).stdout
    assert ": CANCELLED" in shown
    assert f"The reason: “{FLOOD}”" in shown


async def test_an_auction_that_is_closed_now_ends_then_and_has_its_winner_at_once(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    soft = {"softClose": {"window": 3600, "extension": 60, "times": 9}}
    auction_id = await create_auction(carol, rules=soft)
    created = (await read(nobody, auction_id))["endsAt"]
    await place(alice, auction_id, "10.00")
    moved = (await read(nobody, auction_id, v=3))["endsAt"]
    job = await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason=FLOOD)
    assert (job["status"], job["result"]["version"]) == ("SUCCEEDED", 4)
    assert code(await place(bob, auction_id, "20.00")) == "AUCTION_ENDED"
    assert code(await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason=FLOOD)) == (
        "AUCTION_ENDED"
    )
    history = await happened(nobody, auction_id, "WinnerAnnounced")
    assert [each["__typename"] for each in history] == [
        "AuctionCreated", "BidPlaced", "AuctionExtended", "AuctionClosedEarly", "WinnerAnnounced",
    ]  # fmt: skip
    early, won = history[-2:]
    assert early["because"] == FLOOD
    ended = datetime.fromisoformat(early["endsAt"])
    assert datetime.fromisoformat(won["recordedAt"]) - ended < timedelta(seconds=30)
    found = await read(nobody, auction_id, v=5)
    assert (found["status"], found["endsAt"]) == ("ENDED", early["endsAt"])
    assert found["firstEndsAt"] == created
    assert found["closedEarly"] == {"reason": FLOOD, "at": early["recordedAt"]}
    closing = found["whyWinner"]["closing"]["sentence"]
    assert "The house ended it " in closing
    assert f"early. The reason: “{FLOOD}”" in closing
    assert found["whyWinner"]["sentence"].startswith(f"{alice.user['username']} won with 10.00")
    for version, ends_at, status in (
        (2, created, "OPEN"),
        (3, moved, "OPEN"),
        (4, early["endsAt"], "ENDED"),
    ):
        then = await read(nobody, auction_id, n=version)
        assert (then["endsAt"], then["status"]) == (ends_at, status)
        assert (then["closedEarly"] is not None) == (version == 4)
    assert await in_lists(nobody, auction_id) == ["ENDED"]
    assert await in_lists(nobody, auction_id, "NEWEST_ENDED") == ["ENDED"]
    checked = portal.manage("verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    outside = script(portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")
    assert f"UTC: {FLOOD}; leading: 10.00" in outside.stdout


async def test_an_operator_closes_now_and_only_what_is_open(
    portal: RunningPortal, carol: PortalClient, nobody: PortalClient
) -> None:
    coming = await create_auction(carol, startsAt="2099-01-01T00:00:00Z", seconds=4_000_000_000)
    refused = portal.manage("close_auction", coming, "--reason", FLOOD)
    assert (refused.returncode, "(AUCTION_NOT_STARTED)" in refused.stderr) == (1, True)
    auction_id = await create_auction(carol)
    done = portal.manage("close_auction", auction_id, "--reason", FLOOD)
    assert (done.returncode, "has ended" in done.stdout) == (0, True)
    await happened(nobody, auction_id, "AuctionEndedUnsold")


async def test_a_removed_bid_counts_no_more_and_says_why(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=8)
    await place(alice, auction_id, "10.00")
    bid_id = (await place(bob, auction_id, "9000.00"))["result"]["bidId"]
    asked = {"auctionId": auction_id, "bidId": bid_id, "reason": "A typing error."}
    job = await carol.command(REMOVE_BID, **asked)
    assert job["status"] == "SUCCEEDED"
    assert (job["result"]["bidId"], job["result"]["version"]) == (bid_id, 4)
    assert code(await carol.command(REMOVE_BID, **asked)) == "BID_ALREADY_DELETED"
    assert code(await delete(bob, auction_id, bid_id)) == "BID_ALREADY_DELETED"
    notification = await told(bob, "BID_REMOVED")
    assert notification["amount"] == "9000.00"
    assert notification["message"] == (
        "The house removed your bid on “A clock”, which counted 9,000.00: A typing error."
    )
    read_bids = "query ($id: UUID!, $n: Int) { auction(id: $id, atVersion: $n) { myBids { deleted removed { reason } } } }"
    for version, bid in (
        (3, {"deleted": False, "removed": None}),
        (4, {"deleted": True, "removed": {"reason": "A typing error."}}),
    ):
        assert (await bob.execute(read_bids, id=auction_id, n=version))["auction"]["myBids"] == [
            bid
        ]
    event = (await happened(nobody, auction_id, "BidRemoved"))[-1]
    assert (event["bidId"], event["because"]) == (bid_id, "A typing error.")
    await happened(nobody, auction_id, "WinnerAnnounced")
    told_why = await nobody.execute(
        """query ($id: UUID!) { auction(id: $id, atLeastVersion: 5) { whyWinner { sentence
          deletions { sentence bid { removed { reason } } } leads { edges { node { cause sentence } } } } } }""",
        id=auction_id,
    )
    why, name = told_why["auction"]["whyWinner"], bob.user["username"]
    assert why["sentence"].startswith(f"{alice.user['username']} won with 10.00")
    [deletion] = why["deletions"]
    assert deletion["bid"] == {"removed": {"reason": "A typing error."}}
    assert deletion["sentence"].startswith(
        f"{name}’s bid of 9,000.00 was removed by the house (“A typing error.”); "
    )
    change = why["leads"]["edges"][0]["node"]
    assert change["cause"] == "REMOVED"
    assert change["sentence"] == (
        f"{name}’s leading bid of 9,000.00 was removed by the house (“A typing error.”): "
        f"{alice.user['username']}’s bid of 10.00 led."
    )
    assert code(await carol.command(REMOVE_BID, **asked)) == "BID_ALREADY_DELETED"
    checked = portal.manage("verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_an_operator_removes_a_bid(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    bid_id = (await place(alice, auction_id, "10.00"))["result"]["bidId"]
    done = portal.manage("remove_bid", auction_id, bid_id, "--reason", FLOOD)
    assert (done.returncode, done.stdout) == (0, f"Removed bid {bid_id}.\n")
    assert (await read(nobody, auction_id, v=3))["bidCount"] == 0
    refused = portal.manage("remove_bid", auction_id, bid_id, "--reason", FLOOD)
    assert (refused.returncode, "(BID_ALREADY_DELETED)" in refused.stderr) == (1, True)
