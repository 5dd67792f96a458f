"""Checkpoints over the API, and docs/verify_checkpoint.py as outsiders use it, on a portal whose log is tampered with."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from commands.ids import new_id
from commands.postgres.connections import SyncConnection
from portal.laptop.demo.client import PortalClient, Refused
from tests.conftest import PASSWORD, RunningPortal, running_portal, until
from tests.e2e.acting import create_auction, events, place
from tests.e2e.bad_values import NOWHERE
from tests.e2e.outsider import chain_anew
from tests.servers import ROOT

SCRIPT = ROOT / "docs/verify_checkpoint.py"
CHECKPOINT = (
    "query ($n: Int) { checkpoint(number: $n) { number size root content hash signature } }"
)
INCLUSION = """query ($s: UUID!, $v: Int!, $c: Int) {
  inclusionProof(streamId: $s, version: $v, checkpoint: $c) { index leaf path checkpoint { number } } }"""
CONSISTENCY = """query ($a: Int!, $b: Int) {
  consistencyProof(from: $a, to: $b) { path old { number } new { number } } }"""


REWRITE = """UPDATE events SET data = jsonb_set(data, '{amount}', '"11.00"')
    WHERE stream_id = %s AND version = 2"""
CUT_OFF = "DELETE FROM events WHERE stream_id = %s AND version > %s"


@pytest.fixture(scope="module")
def house() -> Iterator[RunningPortal]:
    """A portal of its own, because its log is tampered with."""
    with running_portal("house") as portal:
        made = portal.manage("create_user", "carol", "--staff", stdin=f"{PASSWORD}\n")
        assert made.returncode == 0, made.stderr
        yield portal


@pytest.fixture
async def bob(house: RunningPortal) -> Any:
    """A bidder."""
    client = PortalClient(house.url)
    await client.sign_up(f"bob-{new_id().hex[-12:]}", PASSWORD)
    yield client
    await client.close()


@pytest.fixture
async def carol(house: RunningPortal) -> Any:
    """The auctioneer."""
    client = PortalClient(house.url)
    await client.sign_in("carol", PASSWORD)
    yield client
    await client.close()


async def covering(client: PortalClient, auction_id: str, version: int) -> int:
    """The number of the first checkpoint that covers the event."""

    async def covered() -> int | None:
        with suppress(Refused):
            found = await client.execute(INCLUSION, s=auction_id, v=version)
            return int(found["inclusionProof"]["checkpoint"]["number"])
        return None

    return int(await until(covered, 30, "a checkpoint"))


async def sold(bob: PortalClient, carol: PortalClient) -> tuple[str, int]:
    """An auction that is over, and how many events it has; its close is in a checkpoint."""
    auction_id = await create_auction(carol, seconds=4)
    for amount in ("10.00", "20.00", "30.00"):
        await place(bob, auction_id, amount)
    told = await events(carol, auction_id, until="WinnerAnnounced")
    await covering(carol, auction_id, len(told))
    return auction_id, len(told)


def script(
    portal: RunningPortal, *words: str, alone: bool = False
) -> subprocess.CompletedProcess[str]:
    """The program as an outsider runs it; alone: with nothing but the standard library."""
    command = [sys.executable, "-I", *(["-S"] if alone else []), str(SCRIPT), portal.url, *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


async def test_an_outsider_checks_an_auction_and_keeps_a_checkpoint(
    house: RunningPortal, bob: PortalClient, carol: PortalClient, tmp_path: Path
) -> None:
    auction_id, count = await sold(bob, carol)
    kept = str(tmp_path / "kept.json")
    done = await asyncio.to_thread(script, house, auction_id, "--keep", kept, "--all")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{auction_id}: {count} of {count} events are in checkpoint" in done.stdout
    assert "NOT CHECKED" not in done.stdout
    second, _ = await sold(bob, carol)
    for alone in (False, True):
        done = await asyncio.to_thread(script, house, "--kept", kept, second, alone=alone)
        assert (done.returncode, done.stderr) == (0, "")
        assert "events of checkpoint" in done.stdout
        assert f"{auction_id}: {count} of {count}" in done.stdout
        assert f"{second}: {count} of {count}" in done.stdout
        assert ("NOT CHECKED" in done.stdout) is alone
    mine = {
        "data": await bob.execute(
            "{ checkpoint { content hash signature key { fingerprint publicKey } } }"
        )
    }
    (tmp_path / "answer.json").write_text(json.dumps(mine))
    done = await asyncio.to_thread(script, house, "--kept", str(tmp_path / "answer.json"))
    assert done.returncode == 0, done.stderr
    against = ("verify_events", "--against", kept)
    verified = await asyncio.to_thread(house.manage, *against)
    assert verified.returncode == 0, verified.stdout
    shown = await asyncio.to_thread(house.manage, "checkpoint_key", "--json")
    assert (
        json.loads(shown.stdout)["fingerprint"] == mine["data"]["checkpoint"]["key"]["fingerprint"]
    )


async def test_what_is_not_there_is_refused_by_name(bob: PortalClient, carol: PortalClient) -> None:
    auction_id, count = await sold(bob, carol)
    newest = (await bob.execute(CHECKPOINT))["checkpoint"]["number"]
    assert await bob.execute(CHECKPOINT, n=newest + 1000) == {"checkpoint": None}
    user = (await bob.execute("{ me { id } }"))["me"]["id"]
    refusals = [
        (INCLUSION, {"s": NOWHERE, "v": 1}, "NOT_FOUND", "no such event"),
        (INCLUSION, {"s": auction_id, "v": count + 1}, "NOT_FOUND", "no such event"),
        (INCLUSION, {"s": auction_id, "v": 0}, "NOT_FOUND", "no such event"),
        (INCLUSION, {"s": auction_id, "v": -1}, "NOT_FOUND", "no such event"),
        (INCLUSION, {"s": user, "v": 1}, "NOT_FOUND", "no such event"),
        (INCLUSION, {"s": auction_id, "v": 1, "c": 0}, "NOT_FOUND", "checkpoint"),
        (
            INCLUSION,
            {"s": auction_id, "v": 1, "c": newest + 1000},
            "NOT_FOUND",
            "no such checkpoint",
        ),
        (
            INCLUSION,
            {"s": auction_id, "v": count, "c": 1},
            "BAD_USER_INPUT",
            "from before this event",
        ),
        (CONSISTENCY, {"a": newest, "b": 1}, "BAD_USER_INPUT", "made first"),
        (CONSISTENCY, {"a": 0}, "NOT_FOUND", "checkpoint"),
        (CONSISTENCY, {"a": 1, "b": newest + 1000}, "NOT_FOUND", "no such checkpoint"),
        ("{ leaves(from: -1) }", {}, "BAD_USER_INPUT", "from 0"),
        ("{ leaves(first: 101) }", {}, "BAD_USER_INPUT", "1 to 100"),
        ("{ checkpoints(first: 0) { number } }", {}, "BAD_USER_INPUT", "1 to 100"),
    ]
    for query, variables, code, message in refusals:
        with pytest.raises(Refused, match=message) as refused:
            await bob.execute(query, **variables)
        assert refused.value.code == code, variables
    assert await bob.execute("{ leaves(from: 2000000000) }") == {"leaves": []}
    assert await bob.execute("{ checkpoints(afterNumber: 2000000000) { number } }") == {
        "checkpoints": []
    }


async def test_the_newest_bid_is_in_the_next_checkpoint(
    bob: PortalClient, carol: PortalClient
) -> None:
    auction_id = await create_auction(carol, seconds=600)
    await place(bob, auction_id, "10.00")
    with pytest.raises(Refused, match="the next one will") as refused:
        await bob.execute(INCLUSION, s=auction_id, v=2)
    assert refused.value.code == "UNAVAILABLE"
    await sold(bob, carol)
    assert await covering(bob, auction_id, 2)


async def test_nobody_learns_of_users_from_the_leaves(bob: PortalClient) -> None:
    me = UUID((await bob.execute("{ me { id } }"))["me"]["id"])
    found: list[str] = []
    while page := (await bob.execute("query ($n: Int!) { leaves(from: $n) }", n=len(found)))[
        "leaves"
    ]:
        found += page
    assert {len(entry) for entry in found} == {64, 112}
    assert me.hex not in "".join(found)


@contextmanager
def tampering(house: RunningPortal) -> Iterator[SyncConnection]:
    """Somebody with the rights of the tables' owner; afterwards all is as before."""
    assert house.environment
    url = house.environment["DATABASE_OWNER_URL"]
    with Connection[DictRow].connect(url, row_factory=dict_row) as connection:
        connection.execute("CREATE TEMPORARY TABLE before AS SELECT * FROM events")
        connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        connection.commit()
        try:
            yield connection
        finally:
            connection.rollback()
            connection.execute("INSERT INTO events SELECT * FROM before ON CONFLICT DO NOTHING")
            connection.execute("ALTER TABLE events ENABLE TRIGGER USER")


TAMPERINGS = [
    # The version that the stream is cut off after, what the program is told, what it says.
    (3, "--kept", "there are 3 events, not 5 or more"),
    (4, "--all", r"give another root|there are \d+ events, not \d+"),
    (4, "", "it ended, and has no close|is not in the tree|does not agree"),
    (0, "--kept", "there are 0 events, not 5 or more"),
]


async def test_a_stream_that_was_cut_off_removed_or_chained_anew_is_missed(
    house: RunningPortal, bob: PortalClient, carol: PortalClient, tmp_path: Path
) -> None:
    auction_id, count = await sold(bob, carol)
    assert count == 5
    kept = str(tmp_path / "kept.json")
    done = await asyncio.to_thread(script, house, auction_id, "--keep", kept)
    assert done.returncode == 0, done.stderr
    for after, option, expected in TAMPERINGS:
        given = [auction_id, option, *([kept] if option == "--kept" else [])]
        with tampering(house) as owner:
            owner.execute(CUT_OFF, (auction_id, after))
            owner.commit()
            done = await asyncio.to_thread(script, house, *filter(None, given))
            assert done.returncode == 1
            assert re.search(rf"^WRONG: .*({expected})", done.stderr), done.stderr
    with tampering(house) as owner:
        owner.execute(CUT_OFF, (auction_id, 0))
        owner.commit()
        against = await asyncio.to_thread(house.manage, "verify_events", "--against", kept)
        assert against.returncode == 1
        assert "log: the kept checkpoint" in against.stdout
    with tampering(house) as owner:
        owner.execute(REWRITE, (auction_id,))
        chain_anew(owner, UUID(auction_id))
        owner.commit()
        anew = await asyncio.to_thread(script, house, "--kept", kept)
        owner.execute(CUT_OFF, (auction_id, 0))
        owner.commit()
    assert (anew.returncode, anew.stderr) == (1, f"WRONG: {auction_id}: event 5 is another\n")
    done = await asyncio.to_thread(script, house, "--kept", kept)
    assert done.returncode == 0, done.stderr
