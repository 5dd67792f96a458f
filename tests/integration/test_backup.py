"""Backups and restoring them: whole or not at all, into an empty database of the same release."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from psycopg.rows import dict_row

from commands.domain.commands import PlaceBid
from commands.ids import new_id
from commands.postgres.connections import SyncConnection
from portal.database import manifest as manifests
from portal.database.backup import back_up
from portal.database.manifest import Manifest, Unusable
from portal.database.restore import FILLED_BY_MIGRATE, _use_up_numbers, load
from tests.integration.in_process import InProcessPortal
from tests.servers import PROCESS, ROOT, as_the_portal, world

LOG = "SELECT position, stream_id, version, hash FROM events ORDER BY transaction_id, position"
# What a database has that no backup brings back, because it is about this server's transactions.
NUMBERS = {"events": {"transaction_id"}, "projection_checkpoints": None}

AN_EVENT = """
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, correlation_id,
                    causation_id, recorded_at, hash)
SELECT 'auction', id, 1, 'x', 1, '{}', id, id, now(), '' FROM gen_random_uuid() AS id
"""


@pytest.fixture
def elsewhere() -> Iterator[dict[str, str]]:
    """A world of its own, with empty servers, as its owner sees it."""
    with world(f"{PROCESS}_restored") as whereabouts:
        yield whereabouts


@pytest.fixture
def there(elsewhere: dict[str, str]) -> Iterator[SyncConnection]:
    """The owner's connection to that world's database."""
    with connected(elsewhere["DATABASE_URL"]) as connection:
        yield connection


@pytest.fixture
def backup(in_process: InProcessPortal, tmp_path: Path) -> Path:
    """A backup of this process's database, in which somebody bid."""
    auction, bob = in_process.auction(), in_process.user(email="bob@example.org")
    in_process.bid(auction, bob, "5.00")
    folder = tmp_path / "backup"
    back_up(settings.DATABASE_URL, folder)
    return folder


def connected(url: str) -> SyncConnection:
    """A connection in autocommit mode."""
    return psycopg.connect(url, autocommit=True, row_factory=dict_row)


def manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """An operator's command in that world."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def rows(connection: SyncConnection, table: str) -> list[str]:
    """The table's rows as JSON, in no order of their own."""
    query = f"SELECT to_jsonb(t) AS row FROM {table} AS t"
    left_out = NUMBERS.get(table, set()) or set()
    found = [row["row"] for row in connection.execute(query.encode())]
    return sorted(
        json.dumps({k: v for k, v in row.items() if k not in left_out}, sort_keys=True)
        for row in found
    )


def test_every_table_is_restored_as_it_was_and_ids_go_on(
    backup: Path, there: SyncConnection, in_process: InProcessPortal
) -> None:
    manifest = manifests.read(backup)
    assert load(there, backup, manifest)
    with in_process.pool.connection() as here:
        for table in manifest.tables:
            if NUMBERS.get(table.table, set()) is not None and table.table != "django_migrations":
                assert rows(there, table.table) == rows(here, table.table), table.table
        assert there.execute(LOG).fetchall() == here.execute(LOG).fetchall()
    assert rows(there, "projection_checkpoints") == []
    [row] = there.execute(
        "SELECT nextval(pg_get_serial_sequence('events', 'position')) AS next, "
        "(SELECT max(position) FROM events) AS last"
    )
    assert row["next"] > row["last"]


def test_positions_go_on_though_none_was_given_out_since_the_log_was_parted(
    in_process: InProcessPortal, there: SyncConnection, tmp_path: Path
) -> None:
    """As right after the migration that makes the log's own sequence."""
    in_process.auction()
    folder = tmp_path / "backup"
    with in_process.pool.connection() as here:
        [last] = here.execute("SELECT max(position) AS position FROM events").fetchall()
        start = last["position"] + 1
        here.execute(f"ALTER SEQUENCE events_position_seq START {start} RESTART".encode())
    back_up(settings.DATABASE_URL, folder)
    load(there, folder, manifests.read(folder))
    [row] = there.execute("SELECT nextval('events_position_seq') AS next")
    assert row["next"] == start


def test_the_restored_portal_goes_on(backup: Path, elsewhere: dict[str, str]) -> None:
    done = manage(elsewhere, "restore", str(backup), "--json")
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    assert outcome["loaded"]
    verified = manage(elsewhere, "verify_events", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["events"] == outcome["events"]
    as_writer = manage(as_the_portal(elsewhere), "status", "--json")
    found = json.loads(as_writer.stdout)
    assert (found["streams_behind"], found["may_change_events"]) == (0, None), as_writer.stderr


def test_events_keep_their_global_order_and_come_before_all_new_ones(
    in_process: InProcessPortal, there: SyncConnection, tmp_path: Path
) -> None:
    """Of two transactions side by side the one with the lower number can have the higher position."""
    with (
        world(f"{PROCESS}_ordered") as ordered,
        connected(ordered["DATABASE_URL"]) as first,
        connected(ordered["DATABASE_URL"]) as second,
    ):
        with first.transaction():
            first.execute("SELECT pg_current_xact_id()")
            second.execute(AN_EVENT)
            first.execute(AN_EVENT)
        second.execute(AN_EVENT)
        order = second.execute(LOG).fetchall()
        assert [row["position"] for row in order] == [2, 1, 3]
        back_up(ordered["DATABASE_URL"], tmp_path / "backup")
    assert load(there, tmp_path / "backup", manifests.read(tmp_path / "backup"))
    assert there.execute(LOG).fetchall() == order
    in_process.wait_for_the_order()
    above = "SELECT FROM events WHERE transaction_id >= pg_snapshot_xmin(pg_current_snapshot())"
    assert there.execute(above).fetchall() == []


def test_a_server_that_is_new_gets_past_the_numbers_of_restored_transactions(
    there: SyncConnection,
) -> None:
    [row] = there.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next")
    ahead = row["next"] + 1000
    there.execute(
        "INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, correlation_id, "
        "causation_id, recorded_at, hash, transaction_id) SELECT 'auction', id, 1, 'x', 1, '{}', id, id, now(), "
        "'', %s::text::xid8 FROM gen_random_uuid() AS id",
        (str(ahead),),
    )
    _use_up_numbers(there)
    [row] = there.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next")
    assert row["next"] > ahead


def test_a_backup_shows_one_moment_while_others_write(
    in_process: InProcessPortal, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    """State rows and events are written by one transaction; a torn backup would have one without the other."""
    auction, bob = in_process.auction(), in_process.user()
    over = threading.Event()

    def bid() -> None:
        amount = 0
        while not over.is_set():
            amount += 1
            in_process.settled(auction, PlaceBid(auction.id, new_id(), bob, Decimal(amount)))

    bidding = threading.Thread(target=bid)
    bidding.start()
    try:
        back_up(settings.DATABASE_URL, tmp_path / "backup")
    finally:
        over.set()
        bidding.join()
    assert manage(elsewhere, "restore", str(tmp_path / "backup")).returncode == 0
    verified = manage(elsewhere, "verify_events")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_another_backup_to_the_same_folder_is_refused_and_the_first_is_whole(
    in_process: InProcessPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_process.user()
    folder, refused = tmp_path / "backup", list[str]()

    def meanwhile(draft: Path, manifest: Manifest) -> None:
        with pytest.raises(Unusable, match="another backup") as refusal:
            back_up(settings.DATABASE_URL, folder)
        refused.append(str(refusal.value))
        manifests.write(draft, manifest)

    monkeypatch.setattr("portal.database.backup.write", meanwhile)
    back_up(settings.DATABASE_URL, folder)
    assert len(refused) == 1
    manifests.check_files(folder, manifests.read(folder))


def test_only_its_owner_can_read_a_backup(backup: Path) -> None:
    assert backup.stat().st_mode & 0o077 == 0
    assert [file.name for file in backup.iterdir() if file.stat().st_mode & 0o077] == []


def test_a_backup_takes_no_folder_that_is_there(backup: Path) -> None:
    before = manifests.read(backup)
    with pytest.raises(Unusable, match="is there already"):
        back_up(settings.DATABASE_URL, backup)
    assert manifests.read(backup) == before
    assert not backup.with_name("backup.partial").exists()


def cut(file: Path) -> None:
    """Lose the last byte."""
    file.write_bytes(file.read_bytes()[:-1])


def cut_short(file: Path) -> None:
    """Lose half of it."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flip(file: Path) -> None:
    """Change a byte in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def rewrite(manifest: Path) -> None:
    """Say of another table that it has as many rows, in a manifest that is JSON still."""
    content = json.loads(manifest.read_text())
    content["tables"][0]["rows"] += 1
    manifest.write_text(json.dumps(content))


DAMAGES = {
    "a file cut short": ("events.copy.gz", cut, "events.copy.gz is damaged"),
    "a byte changed": ("bids.copy.gz", flip, "bids.copy.gz is damaged"),
    "a file gone": ("jobs.copy.gz", Path.unlink, "jobs.copy.gz is missing"),
    "a manifest cut short": ("manifest.json", cut_short, "is damaged"),
    "a manifest changed": ("manifest.json", rewrite, "does not have its hash"),
    "a manifest gone": ("manifest.json", Path.unlink, "is no backup"),
}


@pytest.mark.parametrize(("name", "damage", "expected_text"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_backup_is_refused_before_anything_is_loaded(
    backup: Path, elsewhere: dict[str, str], there: SyncConnection,
    name: str, damage: Any, expected_text: str,
) -> None:  # fmt: skip
    damage(backup / name)
    done = manage(elsewhere, "restore", str(backup))
    assert (done.returncode, expected_text in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
    assert there.execute("SELECT FROM events").fetchall() == []


@pytest.mark.parametrize("table", ["projection_checkpoints", "failing_tasks"])
def test_a_database_with_rows_is_refused(backup: Path, there: SyncConnection, table: str) -> None:
    values = {
        "projection_checkpoints": "('sweep', 0, 0)",
        "failing_tasks": "(1, 'x', '', 1, now(), now(), '')",
    }
    there.execute(f"INSERT INTO {table} VALUES {values[table]}".encode())
    with pytest.raises(Unusable, match=f"not empty: {table} has rows"):
        load(there, backup, manifests.read(backup))
    assert there.execute("SELECT FROM events").fetchall() == []


def test_what_migrating_fills_is_known(there: SyncConnection, backup: Path) -> None:
    filled = {
        table.table
        for table in manifests.read(backup).tables
        if there.execute(f"SELECT FROM {table.table} LIMIT 1".encode()).fetchone() is not None
    }
    assert filled - {"django_migrations"} == set(FILLED_BY_MIGRATE)


@pytest.mark.parametrize(
    ("statement", "expected_text"),
    [
        (
            "INSERT INTO django_migrations (app, name, applied) VALUES ('commands', '9999_later', now())",
            "of an older release, without the migrations commands.9999_later",
        ),
        (
            "DELETE FROM django_migrations WHERE app = 'commands' AND name = '0001_initial'",
            "of a newer release, with the migrations commands.0001_initial",
        ),
        (
            "ALTER TABLE drifts ADD COLUMN more int",
            "different tables, columns or sequences: drifts",
        ),
        ("CREATE TABLE more ()", "different tables, columns or sequences: more"),
    ],
)
def test_another_schema_is_refused(
    backup: Path, there: SyncConnection, statement: str, expected_text: str
) -> None:
    there.execute(statement.encode())
    with pytest.raises(Unusable, match=expected_text):
        load(there, backup, manifests.read(backup))
    assert there.execute("SELECT FROM events").fetchall() == []


DYING = """
import os, signal, sys
from django import setup
setup()
import importlib
from django.core.management import call_command
module, name, number = importlib.import_module(sys.argv[1]), sys.argv[2], int(sys.argv[3])
really = getattr(module, name)

def dying(*positional, **named):
    global number
    number -= 1
    if not number:
        os.kill(os.getpid(), signal.SIGKILL)
    return really(*positional, **named)

setattr(module, name, dying)
call_command(*sys.argv[4:])
"""


def die(environment: dict[str, str], where: str, *words: str, at: int = 1) -> None:
    """Run the command in a process that is killed at that call of the function (module:name)."""
    module, _, name = where.partition(":")
    done = subprocess.run(
        [sys.executable, "-c", DYING, module, name, str(at), *words],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("where", "at"),
    [
        ("portal.database.backup:_table", 5),
        ("portal.database.backup:write", 1),
    ],
)
def test_a_killed_backup_leaves_none_and_the_next_one_is_whole(
    in_process: InProcessPortal, tmp_path: Path, where: str, at: int
) -> None:
    in_process.user()
    folder = tmp_path / "backup"
    die({}, where, "backup", str(folder), at=at)
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "backup.partial"]
    back_up(settings.DATABASE_URL, folder)
    manifests.check_files(folder, manifests.read(folder))
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("where", "at", "loaded"),
    [
        ("portal.database.restore:_load_table", 9, False),
        ("portal.database.restore:_set_note", 1, False),
        ("portal.database.restore:_use_up_numbers", 1, True),
        ("portal.management.commands.restore:rebuild", 2, True),
        ("portal.database.restore:finish", 1, True),
    ],
)
def test_a_killed_restore_is_begun_again_or_goes_on(
    backup: Path, elsewhere: dict[str, str], there: SyncConnection,
    where: str, at: int, loaded: bool,
) -> None:  # fmt: skip
    die(elsewhere, where, "restore", str(backup), at=at)
    assert (there.execute("SELECT FROM events").fetchone() is not None) is loaded
    done = manage(elsewhere, "restore", str(backup), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["loaded"] is not loaded
    verified = manage(elsewhere, "verify_events")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_two_restores_at_once_load_it_once(backup: Path, elsewhere: dict[str, str]) -> None:
    manifest: Manifest = manifests.read(backup)
    outcomes: list[bool] = []

    def restore() -> None:
        with connected(elsewhere["DATABASE_URL"]) as connection:
            outcomes.append(load(connection, backup, manifest))

    threads = [threading.Thread(target=restore) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True]


def test_once_it_is_restored_another_backup_is_refused(
    backup: Path, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    back_up(settings.DATABASE_URL, other)
    assert manage(elsewhere, "restore", str(backup)).returncode == 0
    for folder in (backup, other):
        again = manage(elsewhere, "restore", str(folder))
        assert (again.returncode, "not empty" in again.stderr) == (1, True), again.stderr


def test_a_folder_that_cannot_be_made_is_named(backup: Path) -> None:
    file = backup / "manifest.json"
    done = manage({}, "backup", str(file / "below"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    shutil.rmtree(backup)
