"""Auctions whose lot is offered to the next bidder, as users see them."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from portal.laptop.demo.client import ANSWER_OFFER, CLOSE_AUCTION_NOW, FORFEIT_SALE, PortalClient
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, events, place
from tests.e2e.outsider import script
from tests.waiting import until

Json = dict[str, Any]
OFFER = "{ bidId bidder { username } amount offeredAt until answers { outcome reason } }"
READ = f"""query ($id: UUID!, $v: Int, $n: Int) {{ auction(id: $id, atLeastVersion: $v, atVersion: $n) {{
  version status winner {{ bidder {{ username }} pays sale {{ state }} }}
  sale {{ state current {OFFER} offers {OFFER} }} whyWinner {{ sentence sale }} }} }}"""
MINE = """query ($s: Standing!) { myActivity(standing: $s) { edges { node { id } } } }"""
NOTIFICATIONS = "{ notifications { edges { node { kind message amount } } } }"
CHANCE = {"secondChance": {"confirmWithin": 600, "answerWithin": 300, "most": 2}}


async def read(reader: PortalClient, auction_id: str, **more: int) -> Json:
    """As it is once it has at least `v` events, or as it was with `n`."""
    if reached := more.get("v"):
        await events(reader, auction_id, until=reached)
    found: Json = (await reader.execute(READ, id=auction_id, **more))["auction"]
    return found


async def standings(bidder: PortalClient, auction_id: str) -> list[str]:
    """In which of the bidder's lists it is."""
    found = []
    for standing in ("OFFERED", "WON", "LOST", "LEADING", "OUTBID"):
        edges = (await bidder.execute(MINE, s=standing))["myActivity"]["edges"]
        if auction_id in {each["node"]["id"] for each in edges}:
            found.append(standing)
    return found


async def messages(bidder: PortalClient) -> list[str]:
    edges = (await bidder.execute(NOTIFICATIONS))["notifications"]["edges"]
    return [each["node"]["message"] for each in edges]


async def told(bidder: PortalClient) -> list[str]:
    edges = (await bidder.execute(NOTIFICATIONS))["notifications"]["edges"]
    return [each["node"]["kind"] for each in edges]


async def test_the_winner_declines_the_next_one_does_not_pay_and_the_third_buys(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob, dora = await join("alice"), await join("bob"), await join("dora")
    auction_id = await create_auction(carol, rules=CHANCE)
    for bidder, amount in ((dora, "10.00"), (bob, "15.00"), (alice, "20.00")):
        await place(bidder, auction_id, amount)
    assert (await read(nobody, auction_id, v=4))["sale"] is None
    early = await alice.command(ANSWER_OFFER, auctionId=auction_id, accept=True)
    assert early["rejection"]["code"] == "AUCTION_NOT_ENDED"
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="The hall closes.")

    # 5 is the early end, 6 the winner, 7 the offer to them.
    won = await read(nobody, auction_id, v=7)
    offer = won["sale"]["current"]
    assert (won["status"], won["sale"]["state"]) == ("ENDED", "OFFERED")
    assert (offer["bidder"]["username"], offer["amount"]) == (alice.user["username"], "20.00")
    given = datetime.fromisoformat(offer["until"]) - datetime.fromisoformat(offer["offeredAt"])
    # It counts from the moment at which the announcement was decided, just before it was recorded.
    assert timedelta(seconds=570) < given <= timedelta(seconds=600)
    assert won["winner"]["sale"] == {"state": "OFFERED"}
    assert await standings(alice, auction_id) == ["OFFERED"]
    assert await standings(bob, auction_id) == ["LOST"]
    await until(partial(_has, alice, "AUCTION_WON"))
    assert (await messages(alice))[0].startswith(
        "You won “A clock” for 20.00: confirm or decline the purchase until "
    )

    for impatient in (bob, carol):
        refused = await impatient.command(ANSWER_OFFER, auctionId=auction_id, accept=True)
        assert refused["rejection"]["code"] == "NOT_OFFERED"
    declined = await alice.command(ANSWER_OFFER, auctionId=auction_id, accept=False)
    assert declined["status"] == "SUCCEEDED"
    again = await alice.command(ANSWER_OFFER, auctionId=auction_id, accept=True)
    assert again["rejection"]["code"] == "OFFER_OVER"

    second = await read(nobody, auction_id, v=9)
    assert second["winner"]["bidder"]["username"] == alice.user["username"]
    assert second["sale"]["current"]["amount"] == "15.00"
    assert await standings(alice, auction_id) == ["LOST"]
    assert await standings(bob, auction_id) == ["OFFERED"]
    assert (await bob.command(ANSWER_OFFER, auctionId=auction_id, accept=True))[
        "status"
    ] == "SUCCEEDED"
    sold = await read(nobody, auction_id, v=10)
    assert sold["sale"]["state"] == "SOLD"
    assert await standings(bob, auction_id) == ["WON"]

    forfeit = {
        "auctionId": auction_id,
        "bidId": second["sale"]["current"]["bidId"],
        "reason": "Never paid.",
    }
    assert (await carol.command(FORFEIT_SALE, **forfeit))["status"] == "SUCCEEDED"
    # Asked for once more, it hits nobody else.
    assert (await carol.command(FORFEIT_SALE, **forfeit))["rejection"]["code"] == "NOT_OFFERED"
    third = await read(nobody, auction_id, v=12)
    assert third["sale"]["current"]["bidder"]["username"] == dora.user["username"]
    assert await standings(bob, auction_id) == ["LOST"]
    await until(partial(_has, bob, "LOT_LOST"))
    await dora.command(ANSWER_OFFER, auctionId=auction_id, accept=True)

    done = await read(nobody, auction_id, v=13)
    assert [[step["outcome"] for step in each["answers"]] for each in done["sale"]["offers"]] == [
        ["DECLINED"], ["ACCEPTED", "FORFEITED"], ["ACCEPTED"],
    ]  # fmt: skip
    first, offered, taken, last = done["whyWinner"]["sale"]
    assert first.startswith(
        f"{alice.user['username']} was asked to confirm the purchase for 20.00, and declined "
    )
    assert offered.startswith(
        f"The lot was offered to {bob.user['username']} for 15.00, who bought it "
    )
    assert taken.endswith(" after that. The reason: “Never paid.”")
    assert last.startswith(
        f"The lot was offered to {dora.user['username']} for 10.00, who bought it "
    )
    assert done["whyWinner"]["sentence"].startswith(f"{alice.user['username']} won with 20.00")
    for version, state in (
        (5, None),
        (6, None),
        (7, "OFFERED"),
        (8, "PASSED_ON"),
        (10, "SOLD"),
        (12, "OFFERED"),
    ):
        then = (await read(nobody, auction_id, n=version))["sale"]
        assert (then and then["state"]) == state, version
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    outside = await asyncio.to_thread(script, portal, auction_id)
    assert (outside.returncode, outside.stderr) == (0, "")


async def test_nobody_answers_and_the_lot_is_not_sold(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    chance = {"secondChance": {"confirmWithin": 1, "answerWithin": 1, "most": 5}}
    auction_id = await create_auction(carol, rules=chance)
    for bidder, amount in ((bob, "15.00"), (alice, "20.00")):
        await place(bidder, auction_id, amount)
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="The hall closes.")
    # 6 offers it to the winner, 7 lapses, 8 and 9 with the next one, 10 is the failure.
    done = await read(nobody, auction_id, v=10)
    assert (done["sale"]["state"], done["sale"]["current"]) == ("FAILED", None)
    assert done["whyWinner"]["sale"][-1] == "Nobody was left to whom it could be offered."
    for bidder in (alice, bob):
        await until(partial(_has, bidder, "LOT_LOST"))
        assert await standings(bidder, auction_id) == ["LOST"]
        late = await bidder.command(ANSWER_OFFER, auctionId=auction_id, accept=True)
        assert late["rejection"]["code"] == "OFFER_OVER"


async def test_without_the_rule_there_is_no_sale(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    job = await place(alice, auction_id, "20.00")
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="The hall closes.")
    done = await read(nobody, auction_id, v=4)
    assert (done["sale"], done["winner"]["sale"], done["whyWinner"]["sale"]) == (None, None, [])
    refused = await alice.command(ANSWER_OFFER, auctionId=auction_id, accept=True)
    assert refused["rejection"]["code"] == "NOT_OFFERED"
    forfeit = {"auctionId": auction_id, "bidId": job["result"]["bidId"], "reason": "Never paid."}
    assert (await carol.command(FORFEIT_SALE, **forfeit))["rejection"]["code"] == "NOT_OFFERED"
    assert await standings(alice, auction_id) == ["WON"]


async def _has(bidder: PortalClient, kind: str) -> bool:
    return kind in await told(bidder)
