"""Two private maxima, looked for in all that is stored, sent between processes, logged, exported and told, whatever goes wrong."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from psycopg.rows import dict_row
from pymongo import MongoClient
from redis import Redis

from commands.record.maxima import opened_maximum
from portal.laptop.demo.client import (
    CLOSE_AUCTION_NOW,
    DELETE_USER,
    SET_MAXIMUM,
    PortalClient,
    Refused,
)
from tests.conftest import PASSWORD, RunningPortal, running_portal, until, wait_until
from tests.e2e.acting import create_auction, events, place
from tests.e2e.everything import shown_of
from tests.e2e.outsider import script
from tests.e2e.test_admin import Browser
from tests.e2e.test_exposure import LIMIT, shown
from tests.e2e.test_masked import known
from tests.e2e.test_maxima import MAXIMA, read, set_maximum
from tests.e2e.test_notifications import listed
from tests.e2e.test_secrets_in_logs import broken, code

# Their digits occur nowhere else. No bid reaches them.
SECRET, HIGHER = "7316948.25", "8405739.62"
LITERAL = (
    """mutation {{ setMaximum(input: {{auctionId: "{auction}", amount: "{amount}"}}) {{ id }} }}"""
)
MINE = "query ($id: UUID!) { job(id: $id) { id } }"


def forms(amount: str) -> Iterator[str]:
    """How the amount may be written: with and without separators, in hex, and in Base64 wherever it begins."""
    whole, cents = amount.split(".")
    for text in (amount, whole + cents, f"{int(whole):,}"):
        yield text
        yield text.encode().hex()
        for before in range(3):
            # Without the characters that depend on what stands before and after.
            cut = b64encode(b"\0" * before + text.encode()).decode().rstrip("=")
            yield cut[(0, 2, 3)[before] : -1]
    yield whole


ALL_FORMS = {form for amount in (SECRET, HIGHER) for form in forms(amount)}


@dataclass
class Found:
    """Where something was looked at, and where a maximum was found; never the maximum itself."""

    looked: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    def look(self, where: str, text: str) -> None:
        """Look for all forms of the amounts."""
        self.looked.append(where)
        if any(form in text for form in ALL_FORMS):
            self.leaks.append(where)


@pytest.fixture(scope="module")
def talkative() -> Iterator[RunningPortal]:
    """A portal that logs all that it can."""
    with running_portal("hidden_maxima", LOG_LEVEL="DEBUG", LOG_FORMAT="json") as running:
        made = running.manage("create_user", "carol", "--staff", stdin=f"{PASSWORD}\n")
        assert made.returncode == 0, made.stderr
        yield running


@dataclass(frozen=True)
class People:
    """Bidders, who has no limit and who has one, somebody of the house, and somebody who is not signed in."""

    alice: PortalClient
    bob: PortalClient
    carol: PortalClient
    nobody: PortalClient


@pytest_asyncio.fixture
async def people(talkative: RunningPortal) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        clients = [PortalClient(talkative.url) for _ in range(4)]
        for each in clients:
            stack.push_async_callback(each.close)
        alice, bob, carol, nobody = clients
        for client, name in ((alice, "alice"), (bob, "bob")):
            await client.sign_up(f"{name}-bids", PASSWORD, email=f"{name}@example.org")
        await carol.sign_in("carol", PASSWORD)
        yield People(alice, bob, carol, nobody)


@contextmanager
def overheard(portal: RunningPortal) -> Iterator[list[str]]:
    """All that is said to Redis meanwhile."""
    assert portal.environment
    said, over, begun = list[str](), Event(), Event()

    def listen() -> None:
        with Redis.from_url(portal.environment["REDIS_URL"]) as redis, redis.monitor() as monitor:  # type: ignore[index]  # as asserted
            begun.set()
            while not over.is_set():
                said.append(str(monitor.next_command()["command"]))

    with ThreadPoolExecutor(1) as thread:
        listening = thread.submit(listen)
        assert begun.wait(30)
        try:
            yield said
        finally:
            over.set()
            with Redis.from_url(portal.environment["REDIS_URL"]) as redis:
                redis.ping()
            listening.result(timeout=30)


def look_into_postgres(portal: RunningPortal, found: Found) -> None:
    """Each row of each table, as text; and what the server says of running statements."""
    assert portal.environment
    with psycopg.connect(
        portal.environment["DATABASE_OWNER_URL"], row_factory=dict_row
    ) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') "
            "UNION ALL VALUES ('pg_stat_activity')"
        ).fetchall()
        for table in tables:
            rows = connection.execute(f"SELECT t::text AS row FROM {table['name']} AS t".encode())
            found.look(f"table {table['name']}", "\n".join(row["row"] for row in rows))


def look_into_mongodb(portal: RunningPortal, found: Found) -> None:
    """Each document of each collection."""
    assert portal.environment
    with MongoClient[dict[str, Any]](portal.environment["MONGODB_URL"]) as client:
        database = client.get_default_database()
        for name in database.list_collection_names():
            found.look(f"collection {name}", "\n".join(map(str, database[name].find())))


def look_into_redis(portal: RunningPortal, found: Found) -> None:
    """Each key, with its value as it is stored."""
    assert portal.environment
    with Redis.from_url(portal.environment["REDIS_URL"]) as redis:
        for key in redis.scan_iter(count=1000):
            found.look(f"key {key!r}", f"{key!r} {redis.dump(key)!r}")


def look_into_files(portal: RunningPortal, found: Found, made: Path) -> None:
    """The logs of all processes, those of the servers, and what was exported."""
    assert portal.environment
    with psycopg.connect(portal.environment["DATABASE_OWNER_URL"]) as connection:
        row = connection.execute("SELECT current_setting('data_directory')").fetchone()
    assert row
    servers = Path(row[0]).parent / "logs"
    files = [*portal.data.rglob("*"), *servers.glob("*.log"), *made.iterdir()]
    for file in files:
        if file.is_file() and not file.is_socket():
            found.look(str(file), file.read_text(errors="replace"))


def look_into_commands(portal: RunningPortal, found: Found, auction_id: str, made: Path) -> None:
    """What an operator is told and can write to files."""
    for words in (
        ("verify_events",),
        ("verify_events", auction_id),
        ("show_auction", auction_id),
        ("status",),
        ("export_all", str(made / f"{auction_id}.all"), "--with-users", str(made / auction_id)),
        ("export_auction", auction_id, str(made / f"{auction_id}.jsonl")),
        ("rebuild_projections",),
    ):
        done = portal.manage(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        found.look(" ".join(words), done.stdout + done.stderr)


def look_into_admin(portal: RunningPortal, found: Found, auction_id: str, user_id: str) -> None:
    """The pages about the auction, its bidder and their jobs."""
    with Browser(base_url=portal.url, follow_redirects=True, timeout=60) as desk:
        desk.submit("/admin/login/?next=/admin/", {"username": "carol", "password": PASSWORD})
        pages = [
            "/admin/commands/job/",
            "/admin/commands/bid/",
            "/admin/commands/event/",
            f"/admin/commands/auction/{auction_id}/change/",
            f"/admin/commands/user/{user_id}/change/",
            f"/admin/commands/event/stream/{auction_id}/",
            f"/admin/commands/event/stream/{user_id}/",
        ]
        assert portal.environment
        with psycopg.connect(portal.environment["DATABASE_OWNER_URL"]) as connection:
            jobs = connection.execute("SELECT id FROM jobs WHERE command = 'SetMaximum'").fetchall()
        pages += [f"/admin/commands/job/{row[0]}/change/" for row in jobs]
        for page in pages:
            answer = desk.get(page)
            assert answer.status_code == 200, page
            found.look(page, answer.text)


async def look_at_answers(people: People, found: Found, auction_id: str, versions: int) -> None:
    """All that others can be shown of the auction, at each version, their jobs and notifications, and who is behind it."""
    for name in ("bob", "carol", "nobody"):
        reader: PortalClient = getattr(people, name)
        # What the house may see beside is who is behind a mask; at each version it is the same for all.
        text = await shown_of(reader, auction_id, versions if reader is people.bob else 3)
        found.look(f"the answers to {name}", text)
        assert reader is people.carol or known(text, people.alice) == [], name
    for reader in (people.alice, people.bob):
        found.look("notifications", str(await listed(reader)))
    for who, of in ((people.bob, people.bob), (people.carol, people.alice)):
        found.look("a limit", str(await shown(who, u=of.user["id"], a=auction_id)))


async def wrong_ones(people: People, auction_id: str) -> None:
    """Amounts that are none are refused; the answer may repeat them, and nothing else does."""
    for wrong in (f"{SECRET}5", f"{SECRET}x", f"-{SECRET}"):
        with pytest.raises(Refused):
            await set_maximum(people.alice, auction_id, wrong)
        query = LITERAL.format(auction=auction_id, amount=wrong)
        assert "errors" in (await people.alice.post({"query": query})).json()
    asked = {"auctionId": auction_id, "amount": SECRET, "idempotencyKey": auction_id}
    job = await people.alice.command(SET_MAXIMUM, **asked)
    assert (await people.alice.command(SET_MAXIMUM, **asked))["id"] == job["id"]
    with pytest.raises(Refused, match="key"):
        await people.alice.command(SET_MAXIMUM, **asked | {"amount": HIGHER})
    seen = (await people.bob.execute(MINE, id=job["id"]))["job"]
    assert seen is None, "nobody else sees the job"


async def failing_ones(portal: RunningPortal, people: People, auction_id: str) -> None:
    """The database refuses the job, then the events of a decision that was made."""
    with broken(
        portal,
        "ALTER TABLE jobs ADD CONSTRAINT broken CHECK (command <> 'SetMaximum') NOT VALID",
        "ALTER TABLE jobs DROP CONSTRAINT broken",
    ):
        query = LITERAL.format(auction=auction_id, amount=HIGHER)
        assert code((await people.alice.post({"query": query})).json()) == "INTERNAL"
    before = portal.logged().count("broken_events")
    with broken(
        portal,
        "ALTER TABLE events ADD CONSTRAINT broken_events CHECK (type <> 'MaximumSet') NOT VALID",
        "ALTER TABLE events DROP CONSTRAINT broken_events",
    ):
        setting = asyncio.create_task(set_maximum(people.alice, auction_id, HIGHER))
        await until(lambda: _is(portal.logged().count("broken_events") > before))
    await setting
    assert (await set_maximum(people.alice, auction_id, HIGHER))["status"] == "SUCCEEDED"


async def _is(what: bool) -> bool:
    return what


def nobody_can_open(portal: RunningPortal, auction_id: str) -> bool:
    """Whether no key that is left opens one of the two in the auction."""
    assert portal.environment
    with psycopg.connect(
        portal.environment["DATABASE_OWNER_URL"], row_factory=dict_row
    ) as connection:
        keys = [bytes(row["key"]) for row in connection.execute("SELECT key FROM secret_keys")]
        rows = connection.execute(
            "SELECT data FROM events WHERE type = 'MaximumSet' AND stream_id = %s", (auction_id,)
        ).fetchall()
    sealed = [
        (each["sealed"], UUID(auction_id), UUID(each["maximum_id"]))
        for each in (row["data"] for row in rows)
    ]
    opened = {str(opened_maximum(key, *each)) for key in keys for each in sealed}
    assert "20.00" in opened, "that of somebody who is there"
    return opened.isdisjoint({SECRET, HIGHER})


async def test_a_maximum_is_nowhere_to_be_found_and_with_the_account_nobody_can_open_it(
    talkative: RunningPortal, people: People, tmp_path: Path
) -> None:
    alice, bob, carol = people.alice, people.bob, people.carol
    found, alices = Found(), alice.user["id"]
    with overheard(talkative) as said:
        # A hidden reserve that no maximum reaches is checked at the end by what the maxima are.
        rules = {**MAXIMA, "masked": {}, "reserve": "90000000.00"}
        auction_id = await create_auction(carol, rules=rules)
        await wrong_ones(people, auction_id)
        await carol.command(LIMIT, userId=alices, amount="9000000", reason="Not paid.")
        await failing_ones(talkative, people, auction_id)
        control = Found()
        control.look("her own answer", str(await read(alice, auction_id)))
        assert control.leaks, "what looks for it finds it"
        over = await place(alice, await create_auction(carol), "8999999.00")
        assert over["rejection"]["code"] == "OVER_LIMIT"
        await place(bob, auction_id, "12.00")
        beaten = await set_maximum(bob, auction_id, "20.00")
        low = await set_maximum(alice, auction_id, "20.99")
        assert low["rejection"]["code"] == "MAXIMUM_TOO_LOW"
        found.look("what is refused", json.dumps([over, low]))
        await look_at_answers(people, found, auction_id, beaten["result"]["version"])
        await asyncio.to_thread(look_into_commands, talkative, found, auction_id, tmp_path)
        await asyncio.to_thread(look_into_admin, talkative, found, auction_id, alices)
        outside = await asyncio.to_thread(script, talkative, auction_id)
        assert outside.returncode == 0, outside.stderr
        found.look("verify_auction.py", outside.stdout + outside.stderr)
        await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood.")
        await events(people.nobody, auction_id, until="AuctionEndedUnsold")
        assert not nobody_can_open(talkative, auction_id)
        await alice.command(DELETE_USER)
        opened = partial(nobody_can_open, talkative, auction_id)
        await asyncio.to_thread(wait_until, opened, 30, "the key is gone")
        checked = await asyncio.to_thread(talkative.manage, "verify_events", auction_id)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        found.look("verify_events at the end", checked.stdout + checked.stderr)
    for line in said:
        found.look("what was said to Redis", line)
    for look in (look_into_postgres, look_into_mongodb, look_into_redis):
        await asyncio.to_thread(look, talkative, found)
    await asyncio.to_thread(look_into_files, talkative, found, tmp_path)
    assert sorted(set(found.leaks)) == []
    looked = " ".join(found.looked)
    for where in (
        *("table public.jobs", "table public.events", "collection auctions", "key b'"),
        *("said to Redis", "terminal.log", "postgres", ".jsonl", ".all"),
    ):
        assert where in looked, where
    assert any("auction" in line for line in said)
