"""Subscriptions to an auction: no event is missed or comes twice, whichever version one begins at."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import pytest

from portal.laptop.demo.client import PLACE_BID, PortalClient, Refused
from tests.conftest import Join
from tests.e2e.acting import (
    AUCTION_UPDATED,
    EVENTS,
    Json,
    auction,
    create_auction,
    delete,
    events,
    place,
)

JOB_UPDATED = "subscription ($id: UUID!) { job: jobUpdated(id: $id) { id status settledAt } }"
NOTIFICATIONS = "subscription { notificationReceived { id } }"
CARDS = "subscription { card: auctionsUpdated { id version title status } }"


async def refusal(client: PortalClient, query: str, **variables: Any) -> str:
    """The code in the protocol's `error`, which is all that a refused subscription gives."""
    async with client.socket() as socket:
        payload = {"query": query, "variables": variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        message = json.loads(await socket.recv())
        # The id can be used again at once, and nothing more comes of the first.
        again = {"id": "1", "type": "subscribe", "payload": {"query": "{ serverTime }"}}
        await socket.send(json.dumps(again))
        types = [json.loads(await socket.recv())["type"] for _ in range(2)]
    assert (message["type"], message["id"], types) == ("error", "1", ["next", "complete"])
    [error] = message["payload"]
    code: str = error["extensions"]["code"]
    return code


async def first(results: AsyncGenerator[Json, None]) -> Json:
    """The first that comes; then hang up."""
    async with aclosing(results):
        return await anext(results)


async def test_events_resumed_from_any_version_are_exactly_those_that_were_missed(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    for amount in ("10.00", "20.00", "30.00"):
        placed = await place(alice, auction_id, amount)
        await place(bob, auction_id, amount)
    gone = await delete(alice, auction_id, placed["result"]["bidId"])
    last = gone["result"]["version"]
    history = await events(carol, auction_id, until=last)
    assert [event["version"] for event in history] == list(range(1, last + 1))
    for version in range(last):
        resumed = await events(carol, auction_id, after=version, until=last)
        assert resumed == history[version:]


async def test_events_go_over_from_past_to_live_without_a_gap(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    count = 40

    async def bid() -> None:
        for amount in range(1, count + 1):
            await alice.submit(PLACE_BID, auctionId=auction_id, amount=f"{amount}.00")

    bidding = asyncio.create_task(bid())
    followers = [
        asyncio.create_task(events(carol, auction_id, after=after, until=count + 1))
        for after in (0, 1, 3)
    ]
    for after, follower in zip((0, 1, 3), followers, strict=True):
        versions = [event["version"] for event in await follower]
        assert versions == list(range(after + 1, count + 2))
    await bidding


async def test_a_version_that_is_not_there_yet_is_waited_for(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    waiting = asyncio.create_task(events(carol, auction_id, after=2, until=3))
    await place(alice, auction_id, "1.00")
    await place(alice, auction_id, "2.00")
    assert [event["version"] for event in await waiting] == [3]


def after(state: Json, event: Json) -> Json:
    """A client's own bookkeeping: what a list of bids looks like after an event."""
    bids = {bid["id"]: bid for bid in state["bids"]}
    match event["__typename"]:
        case "BidPlaced":
            bids[event["bid"]["id"]] = event["bid"] | {"reached": event["version"]}
        case "BidDeleted":
            del bids[event["bidId"]]
        case "BidDoubled":
            amount = event["effectiveAmount"]
            bids[event["bidId"]] |= {
                "doubled": True,
                "effectiveAmount": amount,
                "reached": event["version"],
            }
    ranked = sorted(bids.values(), key=lambda b: (-float(b["effectiveAmount"]), b["reached"]))
    return {"version": event["version"], "bids": ranked}


async def test_a_stale_state_and_the_events_since_equal_a_fresh_read(
    join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    first = await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "12.00")
    stale = await auction(carol, auction_id, at_least=3)
    await place(bob, auction_id, "15.00")
    await delete(alice, auction_id, first["result"]["bidId"])
    last = (await place(alice, auction_id, "15.00"))["result"]["version"]

    bids = [edge["node"] for edge in stale["bids"]["edges"]]
    # Of a stale state, a client knows the order, and so who reached an amount first.
    state: Json = {"bids": [bid | {"reached": place} for place, bid in enumerate(bids)]}
    for event in await events(carol, auction_id, after=stale["version"], until=last):
        state = after(state, event)
    fresh = await auction(carol, auction_id, at_least=last)
    known = [{k: v for k, v in bid.items() if k != "reached"} for bid in state["bids"]]
    assert known == [edge["node"] for edge in fresh["bids"]["edges"]]


async def test_states_come_in_order_and_end_with_the_newest(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, seconds=4)
    states: list[Json] = []

    async def follow() -> None:
        async with aclosing(carol.subscribe(AUCTION_UPDATED, id=auction_id)) as results:
            async for data in results:
                states.append(data["auction"])
                if states[-1]["winner"]:
                    return

    following = asyncio.create_task(follow())
    for amount in range(1, 11):
        await place(alice, auction_id, f"{amount}.00")
    async with asyncio.timeout(20):
        await following
    versions = [state["version"] for state in states]
    assert versions == sorted(versions)
    assert versions[-1] == 12
    fresh = await auction(carol, auction_id, at_least=12)
    assert states[-1] == fresh
    # Time alone ended it before the winner was announced.
    assert [state["status"] for state in states if state["version"] == 11][-1] == "ENDED"


async def test_a_job_is_followed_until_it_is_settled(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    job = await alice.submit(PLACE_BID, auctionId=auction_id, amount="5.00")
    seen = [data["job"]["status"] async for data in alice.subscribe(JOB_UPDATED, id=job["id"])]
    assert seen in (["QUEUED", "SUCCEEDED"], ["SUCCEEDED"])
    with pytest.raises(Refused) as refused:
        await first(carol.subscribe(JOB_UPDATED, id="01890a5d-ac96-774b-bcce-b302099a8057"))
    assert refused.value.code == "NOT_FOUND"


async def test_cards_tell_of_auctions_that_were_created_and_changed(
    join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    cards: asyncio.Queue[Json] = asyncio.Queue()

    async def follow() -> None:
        async with aclosing(alice.subscribe(CARDS)) as results:
            async for data in results:
                cards.put_nowait(data["card"])

    following = asyncio.create_task(follow())

    async def card_of(auction_id: str, version: int) -> Json:
        async with asyncio.timeout(20):
            while True:
                card = await cards.get()
                if card["id"] == auction_id and card["version"] == version:
                    return card

    # Until the first card comes, the subscription may not have begun.
    known = await create_auction(carol)
    for amount in range(1, 100):
        await place(alice, known, f"{amount}.00")
        if not cards.empty():
            break
    auction_id = await create_auction(carol)
    assert (await card_of(auction_id, 1))["title"] == "A clock"
    await place(alice, auction_id, "5.00")
    assert (await card_of(auction_id, 2))["status"] == "OPEN"
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def test_what_is_not_there_can_not_be_followed(join: Join) -> None:
    alice = await join("alice")
    nowhere = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert await refusal(alice, AUCTION_UPDATED, id=nowhere) == "NOT_FOUND"
    assert await refusal(alice, EVENTS, id=nowhere, after=0) == "NOT_FOUND"
    assert await refusal(alice, EVENTS, id=nowhere, after=-1) == "BAD_USER_INPUT"
    assert await refusal(alice, JOB_UPDATED, id=nowhere) == "NOT_FOUND"
    alice.access_token = None
    assert await refusal(alice, NOTIFICATIONS) == "UNAUTHENTICATED"


async def test_an_auction_can_be_read_and_followed_as_soon_as_its_creation_succeeded(
    carol: PortalClient,
) -> None:
    for _ in range(10):
        auction_id = await create_auction(carol)
        assert await auction(carol, auction_id)
        assert await first(carol.subscribe(AUCTION_UPDATED, id=auction_id))
