"""Answers that many share: never older than the bound, at once what was asked for, nobody's but everybody's."""

import asyncio
import json
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from commands.ids import new_id
from portal.laptop.demo.client import DELETE_USER, PortalClient, Refused
from portal.web.fresh import LONGEST
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.acting import create_auction, place
from tests.webs import web

STATE = """query ($id: UUID!) { auction(id: $id) { version status asOf endsAt
  bids { edges { node { amount placedAt bidder { username } } } } } }"""
AT = "query ($id: UUID!, $v: Int) { auction(id: $id, atLeastVersion: $v) { version } }"
MINE = "query ($id: UUID!) { auction(id: $id) { version myBids { amount } } }"
OPEN = "query ($word: String) { auctions(search: $word) { edges { node { id status } } } }"
# For a deletion to come into the documents, on a machine that does much else.
MOMENT = 2.0
AWAY = "redis://127.0.0.1:1/0"


@pytest.mark.parametrize("redis", [None, AWAY])
async def test_no_answer_is_older_than_the_bound_with_and_without_news(
    portal: RunningPortal, join: Join, carol: PortalClient, redis: str | None
) -> None:
    alice, auction_id = await join("alice"), await create_auction(carol)
    with web(portal, **({"REDIS_URL": redis} if redis else {})) as process:
        reader = PortalClient(process.url)
        for number in range(1, 6):
            before = (await reader.execute(STATE, id=auction_id))["auction"]
            version = (await place(alice, auction_id, f"{number}.00"))["result"]["version"]
            # From here on it is in the documents.
            assert (await alice.execute(AT, id=auction_id, v=version))["auction"]["version"]
            there = time.monotonic()
            assert before["version"] == version - 1
            while True:
                asked = time.monotonic()
                seen = (await reader.execute(STATE, id=auction_id))["auction"]
                if seen["version"] >= version:
                    break
                assert asked - there < LONGEST
                await asyncio.sleep(0.01)
            assert seen["bids"]["edges"][0]["node"]["amount"] == f"{number}.00"
            assert seen["bids"]["edges"][0]["node"]["placedAt"] < seen["asOf"]
        await reader.close()


async def test_at_least_version_is_honoured_whatever_is_shared(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    """Without news, so that what is shared is old; others ask for it all the time."""
    alice, auction_id = await join("alice"), await create_auction(carol)
    with web(portal, REDIS_URL=AWAY) as process:
        reader = PortalClient(process.url)

        async def ask() -> None:
            while True:
                for query in (STATE, AT):
                    await reader.execute(query, id=auction_id)

        asking = asyncio.create_task(ask())
        for number in range(1, 9):
            version = (await place(alice, auction_id, f"{number}.00"))["result"]["version"]
            seen = await reader.execute(AT, id=auction_id, v=version)
            assert seen["auction"]["version"] >= version
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        await reader.close()


async def test_a_deleted_users_name_is_shown_no_longer_than_the_bound(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, auction_id = await join("alice"), await create_auction(carol)
    bob = await join("bob")
    await place(alice, auction_id, "1.00")
    placed = await place(bob, auction_id, "2.00")
    await nobody.execute(AT, id=auction_id, v=placed["result"]["version"])
    names = "query ($id: UUID!) { auction(id: $id) { ended: title bids { edges { node { bidder { username } } } } } }"

    async def shown() -> set[str]:
        edges = (await nobody.execute(names, id=auction_id))["auction"]["bids"]["edges"]
        return {edge["node"]["bidder"]["username"] for edge in edges}

    assert await shown() == {alice.user["username"], bob.user["username"]}
    job = await alice.command(DELETE_USER)
    assert job["status"] == "SUCCEEDED"
    deleted = time.monotonic()
    while alice.user["username"] in await shown():
        assert time.monotonic() - deleted < LONGEST + MOMENT
        await asyncio.sleep(0.01)


async def test_a_request_for_ones_own_is_answered_to_each_with_their_own(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    people = [await join("alice"), await join("bob")]
    auction_id = await create_auction(carol)
    for number, bidder in enumerate(people, 1):
        last = await place(bidder, auction_id, f"{number}.00")
    await nobody.execute(AT, id=auction_id, v=last["result"]["version"])
    answers = await asyncio.gather(
        *(each.execute(MINE, id=auction_id) for _ in range(5) for each in (*people, nobody))
    )
    own = [[bid["amount"] for bid in answer["auction"]["myBids"]] for answer in answers]
    assert own == [["1.00"], ["2.00"], []] * 5


async def test_a_status_that_time_changes_is_not_kept(
    carol: PortalClient, nobody: PortalClient
) -> None:
    word = f"ending{time.monotonic_ns()}"
    auction_id = await create_auction(carol, seconds=8, title=word)
    # From here on it is in the documents.
    assert (await nobody.execute(AT, id=auction_id, v=1))["auction"]["version"]
    wanted = {"node": {"id": auction_id, "status": "OPEN"}}
    assert (await nobody.execute(OPEN, word=word))["auctions"]["edges"] == [wanted]
    while True:
        asked = datetime.now(UTC)
        seen = (await nobody.execute(STATE, id=auction_id))["auction"]
        as_of, ends_at = (datetime.fromisoformat(seen[each]) for each in ("asOf", "endsAt"))
        assert seen["status"] == ("OPEN" if as_of < ends_at else "ENDED")
        # Its end is no matter of news.
        assert asked - as_of < timedelta(seconds=LONGEST)
        if seen["status"] == "ENDED":
            break
    while True:
        asked = datetime.now(UTC)
        if not (await nobody.execute(OPEN, word=word))["auctions"]["edges"]:
            break
        assert asked < ends_at + timedelta(seconds=LONGEST)


async def test_versions_that_were_never_reached_are_refused_at_once_and_hold_nobody_up(
    portal: RunningPortal, carol: PortalClient, nobody: PortalClient
) -> None:
    auction_id = await create_auction(carol)
    many = " ".join(
        f'a{n}: auction(id: "{auction_id}", atLeastVersion: {2_000_000_000 + n}) {{ id }}'
        for n in range(30)
    )
    assert carol.user["username"]

    async def ask() -> float:
        began = time.monotonic()
        with pytest.raises(Refused, match="is at version 1, and has not reached") as refused:
            await nobody.execute(f"{{ {many} }}")
        assert len(refused.value.errors) == 30
        return time.monotonic() - began

    async def sign_in() -> float:
        began = time.monotonic()
        client = PortalClient(portal.url)
        await client.sign_in(carol.user["username"], PASSWORD)
        await client.close()
        return time.monotonic() - began

    alone = min([await sign_in() for _ in range(3)])
    over = asyncio.Event()

    async def keep_asking() -> list[float]:
        took = []
        while not over.is_set():
            took.append(await ask())
        return took

    asking = [asyncio.create_task(keep_asking()) for _ in range(4)]
    among = min([await sign_in() for _ in range(3)])
    over.set()
    took = [each for task in asking for each in await task]
    # Waiting for a version takes three seconds; signing in took as long before.
    assert min(took) < 1, took
    assert among < alone + 1, (alone, among)


async def test_a_request_that_is_refused_for_its_header_is_refused_alone(
    portal: RunningPortal,
) -> None:
    body = json.dumps({"query": OPEN, "variables": {"word": new_id().hex}})
    good = {"Content-Type": "application/json"}
    headers = [good | {"Content-Encoding": "gzip"}, good, good, good | {"Content-Encoding": "br"}]
    async with httpx.AsyncClient(base_url=portal.url, timeout=30) as client:
        for _ in range(5):
            answers = await asyncio.gather(
                *(client.post("/graphql", content=body, headers=each) for each in headers)
            )
            assert [answer.status_code for answer in answers] == [415, 200, 200, 415]
