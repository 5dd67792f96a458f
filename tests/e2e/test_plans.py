"""No query of the API, of a worker or of beat reads a large table from end to end.

The servers themselves count what was read while everything that can be asked for is asked for (the API's page) and
all schedules run: Postgres by table and index, whatever process asked, MongoDB by its profiler. So a
new query is covered by being made, and a new table must be filled here or be said to stay small.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from pymongo import MongoClient
from pymongo.database import Database

from commands.checkpoints.making import make
from commands.postgres.connections import SyncConnection
from commands.record.checkpoints import Signer
from portal.laptop.demo.client import PortalClient
from tests.conftest import PASSWORD, RunningPortal, running_portal
from tests.e2e.test_api_page import run_the_page

ROWS = 40_000
# Far fewer than there are, and far more than what the portal does here needs.
MOST_READ = 20_000
FILLED = {
    "users": """
        INSERT INTO users (id, username, password, is_staff, version, created_at)
        SELECT id, 'filler' || n, '!', false, 1, old FROM filling
    """,
    "auctions": """
        INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)
        SELECT id, 2, 'Filling ' || n, '', old, old + interval '1 hour', true FROM filling
    """,
    "bids": """
        INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version,
                          reached_version, doubled, deleted)
        SELECT id, id, id, 1, 1, old, 2, 2, n % 9 = 0, n % 7 = 0 FROM filling
    """,
    "events": """
        INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, causation_id,
                            correlation_id, recorded_at, hash)
        SELECT 'auction', id, 1, CASE WHEN n % 9 = 0 THEN 'BidDoubled' ELSE 'BidPlaced' END, 1, '{}', id,
               id, old, sha256(id::text::bytea) FROM filling
    """,
    "jobs": """
        INSERT INTO jobs (id, stream_kind, stream_id, command, payload, submitted_by, idempotency_scope,
                          idempotency_key, fingerprint, correlation_id, accepted_at, status, settled_at)
        SELECT id, 'auction', id, CASE n % 9 WHEN 0 THEN 'DoubleBid' WHEN 1 THEN 'CreateUser' ELSE 'PlaceBid' END,
               '{"tick": 1}', id, 'user:' || id, id, '', id, old,
               CASE WHEN n % 5 = 0 THEN 'FAILED' WHEN n % 5 = 1 THEN 'REJECTED' ELSE 'SUCCEEDED' END, old
        FROM filling
    """,
    "secret_keys": "INSERT INTO secret_keys (owner_id, key) SELECT id, '' FROM filling",
    "bans": """
        INSERT INTO bans (id, user_id, since, until, reason) SELECT id, id, old, old, '' FROM filling
    """,
    "exposure_limits": """
        INSERT INTO exposure_limits (user_id, id, amount, since, reason) SELECT id, id, 1, old, '' FROM filling
    """,
    "stakes": "INSERT INTO stakes (user_id, auction_id, bidder_id) SELECT id, id, id FROM filling",
    "aliases": "INSERT INTO aliases (id, auction_id, number, user_id) SELECT id, id, 1, id FROM filling",
    "sessions": """
        INSERT INTO sessions (id, user_id, seed, generation, created_at, used_at, expires_at)
        SELECT id, id, '', 0, old, old, CASE WHEN n % 2 = 0 THEN old ELSE now() + interval '1 day' END
        FROM filling
    """,
    "notifications": """
        INSERT INTO notifications (id, user_id, kind, auction_id, version, amount, in_app, created_at,
                                   changed_at, read_at)
        SELECT id, id, 'OUTBID', id, 2, 1, true, old, old, CASE WHEN n % 2 = 0 THEN old END FROM filling
    """,
    "notification_preferences": """
        INSERT INTO notification_preferences (user_id, kind, channel, enabled)
        SELECT id, 'OUTBID', 'EMAIL', true FROM filling
    """,
    "watches": """
        INSERT INTO watches (user_id, auction_id, watched_at, told_at)
        SELECT id, id, old, CASE WHEN n % 2 = 0 THEN old END FROM filling
    """,
    "notification_progress": """
        INSERT INTO notification_progress (auction_id, version, ran_at) SELECT id, 2, old FROM filling
    """,
    "mails": """
        INSERT INTO mails (id, user_id, kind, context, version, urgent, due, attempts, given_up, settled_at)
        SELECT id, id, 'CONFIRM_EMAIL', '{}', 0, n % 2 = 0,
               CASE WHEN n % 3 = 0 THEN now() + interval '1 hour' END, 1, n % 5 = 1, old FROM filling
    """,
    "promoter_ticks": """
        INSERT INTO promoter_ticks (number, stream_id, version, commitment, secret, committed_at, made_at,
                                    accepted, draws, revealed_at)
        SELECT -n, id, 3, '', '', old, old, 0, 0, old FROM filling
    """,
    "subtrees": "INSERT INTO subtrees (level, number, last_position, root) SELECT 8, -n, -n, '' FROM filling",
    "checkpoints": """
        INSERT INTO checkpoints (number, size, root, made_at, previous, key, signature, last_position)
        SELECT -n, 0, '', old, '', 'filling', '', 0 FROM filling
    """,
    "drifts": """
        INSERT INTO drifts (stream_id, stream_kind, what, repaired, found_at)
        SELECT id, 'auction', 'x', true, old FROM filling
    """,
    "django_session": "INSERT INTO django_session SELECT id, '', now() + interval '1 day' FROM filling",
    "django_admin_log": """
        INSERT INTO django_admin_log (action_time, object_repr, action_flag, change_message, user_id)
        SELECT old, 'x', 1, '', id FROM filling
    """,
}
# Tables that stay small, with why; and what is read as a whole because it is.
SMALL = {
    "promoter_policies": "one row for each decision of a person about the promoter",
    "projection_checkpoints": "one row for each reader of the log",
    "checkpoint_keys": "one row for each key that ever signed",
    "witnesses": "one row for each of those who are told of checkpoints",
    "projection_lagging": "what is behind right now",
    "stuck_streams": "what an event of another release stops, until it is repaired",
    "audit_progress": "one row",
    "imports": "one row",
    "failing_tasks": "what fails right now",
    "django_migrations": "one row for each migration",
    "django_content_type": "one row for each model",
    "auth_permission": "a few rows for each model",
    "auth_group": "unused",
    "auth_group_permissions": "unused",
    "django_celery_beat_clockedschedule": "what operators add by hand",
    "django_celery_beat_crontabschedule": "what operators add by hand",
    "django_celery_beat_intervalschedule": "what operators add by hand",
    "django_celery_beat_solarschedule": "what operators add by hand",
    "django_celery_beat_periodictask": "what operators add by hand",
    "django_celery_beat_periodictasks": "one row",
}
# Young enough for nothing to end by its age.
FILLING = """
CREATE TEMPORARY TABLE filling AS
SELECT n, uuidv7(interval '-2 hours') AS id, now() - interval '2 hours' AS old
FROM generate_series(1, %s) AS n
"""
# What the sweeps have seen.
SEEN = """
INSERT INTO projection_checkpoints (name, transaction_id, position)
SELECT name, pg_snapshot_xmax(pg_current_snapshot())::text::numeric, (SELECT max(position) FROM events)
FROM unnest(ARRAY['sweep', 'notifications']) AS name
ON CONFLICT (name) DO UPDATE SET transaction_id = excluded.transaction_id, position = excluded.position
"""
SCANNED = """
SELECT relname AS name, seq_scan AS times, seq_tup_read AS read FROM pg_stat_user_tables
WHERE seq_tup_read > %s
"""
WALKED = """
SELECT indexrelname AS name, idx_scan AS times, idx_tup_read AS read FROM pg_stat_user_indexes
WHERE idx_tup_read > %s
"""
TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""
SCHEDULED = 45


@pytest.fixture(scope="module")
def full_portal() -> Iterator[RunningPortal]:
    """A portal of its own with much in its databases."""
    with running_portal("plans", fill_postgres) as portal:
        yield portal


def fill_postgres(url: str) -> None:
    """Before anything runs there: nothing else is counted then, and nobody plans without statistics."""
    with Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        with connection.transaction():
            connection.execute(FILLING, (ROWS,))
            for statement in FILLED.values():
                connection.execute(statement)
            connection.execute("DROP TABLE filling")
        connection.execute("ANALYZE")
        connection.execute(SEEN)
        make(connection, Signer(bytes(32)), seconds=60)
        # What this session read is counted at once, not after the counters are set back.
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT pg_stat_reset()")


def fill_mongodb(database: Database[dict[str, Any]]) -> None:
    """As many documents in each collection of documents, like enough to real ones for the indexes."""
    for name in database.list_collection_names():
        base = name.rpartition("_")[0]
        if base in {"auctions", "bids", "bidders", "moments", "users", "winners"}:
            database[name].insert_many([_document(number) for number in range(ROWS)])


def _document(number: int) -> dict[str, Any]:
    moment = f"2020-01-01T00:00:00.{number:06}+00:00"
    return {
        "_id": f"filler-{number}", "auction_id": number, "bidder_id": number, "version": 2,
        "live": True, "effective_amount": number, "reached_version": 2, "placed_version": 2,
        "doubled": True, "amount": number, "led": True,
        "starts_at": moment, "ends_at": moment, "announced_at": moment, "title_words": [f"w{number}"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def postgres(full_portal: RunningPortal) -> Iterator[SyncConnection]:
    """A connection to its database."""
    assert full_portal.environment
    url = full_portal.environment["DATABASE_OWNER_URL"]
    with Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture(scope="module")
def mongodb(full_portal: RunningPortal) -> Iterator[Database[dict[str, Any]]]:
    """Its documents' database, which is filled and says from then on what each command read."""
    assert full_portal.environment
    url = full_portal.environment["MONGODB_URL"]
    with MongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database()
        fill_mongodb(database)
        database.create_collection("system.profile", capped=True, size=256 * 2**20)
        database.command("profile", 2)
        yield database
        database.command("profile", 0)


@pytest.fixture(scope="module")
def staff(full_portal: RunningPortal) -> str:
    """The name of a member of staff of that portal."""
    made = full_portal.manage("create_user", "carol", "--staff", stdin=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    return "carol"


async def test_no_query_reads_a_large_table_from_end_to_end(
    full_portal: RunningPortal,
    staff: str,
    postgres: SyncConnection,
    mongodb: Database[dict[str, Any]],
) -> None:
    began = datetime.now(UTC)
    bob, carol = PortalClient(full_portal.url), PortalClient(full_portal.url)
    assert (await bob.sign_up("bob-of-plans", PASSWORD))["status"] == "SUCCEEDED"
    await bob.sign_in("bob-of-plans", PASSWORD)
    await carol.sign_in(staff, PASSWORD)
    await run_the_page(full_portal, bob, carol)
    drawn = await asyncio.to_thread(full_portal.manage, "run_promoter", "--once")
    assert drawn.returncode == 0, drawn.stderr
    # Until each schedule has run.
    await asyncio.sleep(max(0.0, SCHEDULED - (datetime.now(UTC) - began).total_seconds()))
    for client in (bob, carol):
        await client.close()
    for query in (SCANNED, WALKED):
        found = postgres.execute(query, (MOST_READ,)).fetchall()
        assert [row for row in found if row["name"] not in SMALL] == []
    assert list(read_too_much(mongodb)) == []


def read_too_much(database: Database[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The commands that read a collection from end to end, or very much of it."""
    for each in database["system.profile"].find():
        collection = each["ns"].partition(".")[2]
        if collection in {"generations", "system.profile"} or collection.startswith("$cmd"):
            continue
        read = each.get("docsExamined", 0) + each.get("keysExamined", 0)
        if "COLLSCAN" in each.get("planSummary", "") or read > MOST_READ:
            yield {name: each.get(name) for name in ("ns", "planSummary", "command")}


def test_every_table_is_filled_or_stays_small(postgres: SyncConnection) -> None:
    rows = postgres.execute(TABLES).fetchall()
    assert {row["relname"] for row in rows} == FILLED.keys() | SMALL.keys()
    assert not FILLED.keys() & SMALL.keys()
