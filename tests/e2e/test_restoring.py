"""The restore drill: a portal is backed up while it runs and killed with all its servers; new ones go on from the backup."""

import asyncio
import json
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from portal.laptop.demo.client import PLACE_BID, PortalClient
from tests.conftest import PASSWORD, RunningPortal
from tests.e2e.acting import auction, create_auction, place
from tests.e2e.test_account_mails import confirm, mailed, mails_to
from tests.e2e.test_processes import processes, up
from tests.waiting import until, wait_until

LOG = "SELECT stream_id, version, hash FROM events ORDER BY transaction_id, position"
SECRETS = "SELECT number, commitment, secret FROM promoter_ticks ORDER BY number"
# Not whether they were read: what one's own raise overtakes counts as read.
NOTICES = "SELECT id, user_id, auction_id, kind FROM notifications ORDER BY id"
SETTLED_MAILS = "SELECT id, kind, settled_at, attempts FROM mails WHERE due IS NULL ORDER BY id"
CLOSED = "SELECT id::text FROM auctions WHERE closed"
# Whoever took part was told of the end, and no mail waits.
UNTOLD = """
SELECT FROM auctions LEFT JOIN notification_progress AS progress ON auction_id = id
WHERE auctions.version > coalesce(progress.version, 0)
UNION ALL SELECT FROM mails WHERE due IS NOT NULL LIMIT 1
"""
TOLD_TWICE = """
SELECT user_id, auction_id, kind FROM notifications WHERE kind IN ('AUCTION_WON', 'AUCTION_LOST')
GROUP BY user_id, auction_id, kind HAVING count(*) > 1
"""
BOB = "bob@example.org"


@dataclass(frozen=True, slots=True)
class Before:
    """What the first portal had when it was backed up."""

    people: Sequence[PortalClient]
    sold: str
    ending: str
    open: str
    shown: dict[str, Any]
    waiting: str
    rows: dict[str, list[DictRow]]


def sql(portal: RunningPortal, query: str) -> list[DictRow]:
    """Rows of the portal's database."""
    url = json.loads((portal.data / "servers.json").read_text())["DATABASE_OWNER_URL"]
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


async def manage(portal: RunningPortal, *words: str, stdin: str = "") -> None:
    """An operator's command, which must succeed."""
    done = await asyncio.to_thread(portal.manage, *words, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr


async def live(portal: RunningPortal, backup: Path) -> Before:
    """Sell something, leave an auction open, one about to end, and a bid accepted that no worker has seen; back it up."""
    carol, alice, bob = people = [PortalClient(portal.url) for _ in range(3)]
    await manage(portal, "create_user", "carol", "--staff", stdin=f"{PASSWORD}\n")
    await carol.sign_in("carol", PASSWORD)
    for client, name, address in ((alice, "alice", None), (bob, "bob", BOB)):
        assert (await client.sign_up(name, PASSWORD, email=address))["status"] == "SUCCEEDED"
    await confirm(portal, await mailed(portal, BOB, "Is this your address?"))
    sold, goes_on = await create_auction(carol, 10), await create_auction(carol, 3600)
    await bids(alice, bob, sold, goes_on)
    await manage(portal, "run_promoter", "--once")
    await until(lambda: won(carol, sold), 60, "the first auction's winner")
    wait_until(lambda: sql(portal, "SELECT FROM checkpoints"), 60, "the checkpoint of the end")
    ending = await create_auction(carol, 25, title="A lamp")
    await bids(alice, bob, ending)
    wait_until(lambda: not sql(portal, UNTOLD), 60, "everybody's mails")
    for worker in processes(portal, "--queues bids"):
        worker.suspend()
    waiting = await alice.submit(PLACE_BID, **bid_that_waited(goes_on))
    # There may be a tick meanwhile.
    rows = {query: sql(portal, query) for query in (LOG, SECRETS, NOTICES, SETTLED_MAILS)}
    await manage(portal, "backup", str(backup))
    assert sql(portal, CLOSED) == [{"id": sold}], "the other one ends while the portal is gone"
    return Before(people, sold, ending, goes_on, await auction(carol, sold), waiting["id"], rows)


def bid_that_waited(auction_id: str) -> dict[str, str]:
    """The request for it, which may be repeated."""
    return {
        "auctionId": auction_id,
        "amount": "50.00",
        "idempotencyKey": "accepted-before-the-backup",
    }


async def bids(alice: PortalClient, bob: PortalClient, *auctions: str) -> None:
    """Bob leads in each, and wins it, whichever of the bids is doubled."""
    for each in auctions:
        for client, amount in ((alice, "2.00"), (bob, "6.00")):
            assert (await place(client, each, amount))["status"] == "SUCCEEDED"


async def won(reader: PortalClient, auction_id: str) -> bool:
    """Whether the auction's winner was announced."""
    return bool((await auction(reader, auction_id))["winner"])


def kill_everything(portal: RunningPortal) -> None:
    """SIGKILL every process, servers included, and remove all that was on disk."""
    main = psutil.Process(portal.process.pid)
    family = [main, *main.children(recursive=True)]
    for process in family:
        # Others end with their parent.
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=60)
    shutil.rmtree(portal.data)


def at_the_other(before: Before, portal: RunningPortal) -> list[PortalClient]:
    """Those who were signed in at the first portal, at the other one, without signing in again."""
    clients = [PortalClient(portal.url) for _ in before.people]
    for client, person in zip(clients, before.people, strict=True):
        client.access_token = person.access_token
    return clients


async def what_was_is_there(portal: RunningPortal, before: Before, reader: PortalClient) -> None:
    """The same events in the same order, the secrets of ticks, and documents, made anew."""
    assert sql(portal, LOG)[: len(before.rows[LOG])] == before.rows[LOG]
    secrets = {row["number"]: row for row in sql(portal, SECRETS)}
    assert [secrets[row["number"]] for row in before.rows[SECRETS]] == before.rows[SECRETS]
    assert await auction(reader, before.sold) == before.shown


async def what_waited_is_done(portal: RunningPortal, before: Before, alice: PortalClient) -> None:
    """The bid that no worker had seen counts, once; the request for it can be repeated."""
    settled = await alice.settled(before.waiting)
    assert settled["status"] == "SUCCEEDED"
    again = await alice.submit(PLACE_BID, **bid_that_waited(before.open))
    assert again["id"] == before.waiting
    seen = await auction(alice, before.open, at_least=settled["result"]["version"])
    assert (seen["bidCount"], seen["leadingBid"]["amount"]) == (3, "50.00")


def nobody_is_told_twice(portal: RunningPortal, before: Before) -> None:
    """What people were told before is there as it was; of each end each hears once."""
    for query in (NOTICES, SETTLED_MAILS):
        then, now = before.rows[query], sql(portal, query)
        assert [row for row in now if row in then] == then
    assert sql(portal, TOLD_TWICE) == []
    won = [mail["Subject"] for mail in mails_to(portal, BOB) if "won" in mail["Subject"]]
    assert won == ["You won “A lamp” for 6.00."], "not the one that was sold before"


async def test_a_portal_goes_on_from_its_backup_on_new_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Kept elsewhere than in the backup, as SECRET_KEY is.
    monkeypatch.setenv("CHECKPOINT_KEY", "5e" * 32)
    backup = tmp_path / "backup"
    with up(tmp_path / "first") as first:
        before = await live(first, backup)
        kill_everything(first)
    with up(tmp_path / "second", "--restore", str(backup)) as second:
        carol, alice, bob = at_the_other(before, second)
        await what_was_is_there(second, before, carol)
        await what_waited_is_done(second, before, alice)
        assert (await place(bob, before.open, "60.00"))["status"] == "SUCCEEDED", "bids go on"
        await until(lambda: won(carol, before.ending), 60, "the auction that ended meanwhile")
        wait_until(lambda: not sql(second, UNTOLD), 60, "everybody's mails")
        nobody_is_told_twice(second, before)
        kept = str(backup / "checkpoint.json")
        await manage(second, "verify_events", "--against", kept, "--processes", "1")
        for client in (*before.people, carol, alice, bob):
            await client.close()
