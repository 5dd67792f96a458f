"""Revisions, as staff ask for them and everybody sees them."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from portal.laptop.demo.client import CLOSE_AUCTION_NOW, REVISE_AUCTION, PortalClient
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import Json, create_auction, place
from tests.e2e.outsider import script
from tests.e2e.test_house_interventions import code, happened

READ = """query ($id: UUID!, $v: Int, $n: Int) { auction(id: $id, atLeastVersion: $v, atVersion: $n) {
  version title description status startsAt endsAt firstEndsAt rules { startingPrice reserve sentences }
  whyWinner { closing { sentence } } } }"""
DETAILS = "title description startsAt endsAt rules { startingPrice }"
REVISIONS = f"""subscription ($id: UUID!) {{ event: auctionEvents(id: $id) {{
  __typename version ... on AuctionRevised {{ before {{ {DETAILS} }} after {{ {DETAILS} }} }} }} }}"""
SEARCH = (
    """query ($q: String) { auctions(status: SCHEDULED, search: $q) { edges { node { id } } } }"""
)
NOTHING = dict.fromkeys(("title", "description", "startsAt", "endsAt", "rules"))


async def read(reader: PortalClient, auction_id: str, **more: int) -> Json:
    found: Json = (await reader.execute(READ, id=auction_id, **more))["auction"]
    return found


async def revisions(reader: PortalClient, auction_id: str, version: int) -> list[Json]:
    """The auction's revisions up to that version."""
    found: list[Json] = []
    async with (
        asyncio.timeout(30),
        aclosing(reader.subscribe(REVISIONS, id=auction_id)) as results,
    ):
        async for data in results:
            if data["event"]["__typename"] == "AuctionRevised":
                found.append(data["event"])
            if data["event"]["version"] == version:
                break
    return found


def after(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


async def test_all_of_it_is_revised_before_a_bid_and_both_versions_are_kept(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    auction_id = await create_auction(
        carol, title="A zither", seconds=7200, startsAt=after(hours=1), description="Old"
    )
    before = await read(nobody, auction_id, v=1)
    changes = {
        "title": "A hurdy-gurdy",
        "description": "",
        "startsAt": after(seconds=2),
        "endsAt": after(hours=3),
        "rules": {"startingPrice": "10.00"},
    }
    job = await carol.command(
        REVISE_AUCTION, auctionId=auction_id, idempotencyKey="revise", **changes
    )
    assert (job["status"], job["result"]["version"]) == ("SUCCEEDED", 2)
    again = await carol.command(
        REVISE_AUCTION, auctionId=auction_id, idempotencyKey="revise", **changes
    )
    assert again["id"] == job["id"]

    now = await read(nobody, auction_id, v=2)
    assert (now["title"], now["description"], now["firstEndsAt"]) == ("A hurdy-gurdy", "", None)
    assert now["rules"]["startingPrice"] == "10.00"
    assert "Bids start at 10.00." in now["rules"]["sentences"]
    [event] = await revisions(nobody, auction_id, 2)
    for side, state in (("before", before), ("after", now)):
        told = event[side]
        assert [told[name] for name in ("title", "description", "startsAt", "endsAt")] == [
            state[name] for name in ("title", "description", "startsAt", "endsAt")
        ]
        assert told["rules"]["startingPrice"] == state["rules"]["startingPrice"]
    then = await read(nobody, auction_id, n=1)
    assert {**then, "status": ""} == {**before, "status": ""}
    for word, expected in (("zither", []), ("hurdy", [auction_id])):
        edges = (await nobody.execute(SEARCH, q=word))["auctions"]["edges"]
        assert [edge["node"]["id"] for edge in edges] == expected
    outside = script(portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")


async def test_after_a_bid_only_the_description_is_revised(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    auction_id = await create_auction(carol, description="Brass")
    await place(await join("alice"), auction_id, "10.00")
    for changes in ({"title": "A lamp"}, {"endsAt": after(hours=1)}, {"rules": {}, "title": "B"}):
        job = await carol.command(REVISE_AUCTION, auctionId=auction_id, **changes)
        assert code(job) == "AUCTION_HAS_BIDS", changes
    same = {"title": "A clock", "description": "Brass"}
    assert code(await carol.command(REVISE_AUCTION, auctionId=auction_id, **same)) == (
        "NOTHING_TO_REVISE"
    )
    job = await carol.command(REVISE_AUCTION, auctionId=auction_id, **same | {"description": "Tin"})
    assert job["result"]["version"] == 3
    [event] = await revisions(nobody, auction_id, 3)
    assert event["before"] == NOTHING | {"description": "Brass"}
    assert event["after"] == NOTHING | {"description": "Tin"}
    assert (await read(nobody, auction_id, n=2))["description"] == "Brass"
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    await happened(nobody, auction_id, "WinnerAnnounced")
    assert (
        code(await carol.command(REVISE_AUCTION, auctionId=auction_id, description="Gold"))
        == "AUCTION_ENDED"
    )
    checked = portal.manage("verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_an_end_that_was_revised_is_no_late_bids_doing(
    carol: PortalClient, nobody: PortalClient, join: Join
) -> None:
    auction_id = await create_auction(carol)
    await carol.command(REVISE_AUCTION, auctionId=auction_id, endsAt=after(seconds=5))
    await place(await join("alice"), auction_id, "10.00")
    await happened(nobody, auction_id, "WinnerAnnounced")
    closing = (await read(nobody, auction_id, v=4))["whyWinner"]["closing"]["sentence"]
    assert "moved the end" not in closing


async def test_operators_revise_at_the_command_line(
    portal: RunningPortal, carol: PortalClient, nobody: PortalClient
) -> None:
    auction_id = await create_auction(carol, rules={"startingPrice": "5.00"})
    done = portal.manage("revise_auction", auction_id, "--title", "A lamp", "--ends-at", "+1h")
    assert (done.returncode, done.stdout) == (0, f"Revised auction {auction_id}.\n")
    found = await read(nobody, auction_id, v=2)
    assert (found["title"], found["rules"]["startingPrice"]) == ("A lamp", "5.00")
    done = portal.manage("revise_auction", auction_id, "--reserve", "50", "--preset", "english")
    assert done.returncode == 0, done.stderr
    found = await read(nobody, auction_id, v=3)
    assert (found["rules"]["startingPrice"], bool(found["rules"]["reserve"])) == (None, True)
    done = portal.manage("revise_auction", auction_id, "--preset", "plain")
    assert done.returncode == 0, done.stderr
    assert (await read(nobody, auction_id, v=4))["rules"]["reserve"] is None
    nothing = portal.manage("revise_auction", auction_id)
    assert nothing.returncode == 2, nothing.stderr
    assert "needs something that it changes" in nothing.stderr
