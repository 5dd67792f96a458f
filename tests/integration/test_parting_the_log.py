"""A log that was one table becomes one in parts, whole, wherever the migration is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from commands.domain.events import Event, UserCreated, UserDeleted
from commands.ids import new_id
from commands.postgres.connections import SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.streams import NewEvent, Stream
from tests.servers import PROCESS, ROOT, world
from tests.waiting import wait_until

BEFORE = "0019_imports"
BOUND = "0020_bound_of_the_first_part"
PARTED = "0021_log_in_parts"
# The stream of the promoter's policies, one with an id that no time is in, and others.
STREAMS = (UUID(int=0xAC), UUID("f81d4fae-7dec-41d0-a765-00a0c91e6bf6"), new_id(), new_id())
INDEXES = """
SELECT indexrelid, indrelid FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relkind = 'r' AND (relname = 'events' OR relname LIKE 'events\\_before\\_%')
ORDER BY indexrelid
"""
WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%CREATE TABLE%%'
"""
GONE = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"


@pytest.fixture
def url() -> Iterator[str]:
    """A database of its own."""
    with world(f"{PROCESS}_parting") as whereabouts:
        yield whereabouts["DATABASE_URL"]


@pytest.fixture
def old(url: str) -> Iterator[SyncConnection]:
    """A connection to it, as the release before left it."""
    with Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        finish(migrating(url, BEFORE))
        yield connection


def migrating(url: str, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "commands", name]
    return subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url}, cwd=ROOT)


def finish(process: subprocess.Popen[bytes]) -> None:
    assert process.wait(timeout=120) == 0


def fill(connection: SyncConnection, at: int = 0) -> None:
    """Ten events more in each stream."""
    created, deleted = UserCreated(UUID(int=1), is_staff=False), UserDeleted(UUID(int=1))
    events: Sequence[Event] = (created, *[deleted] * 9)
    new = [NewEvent(event, new_id(), new_id()) for event in events]
    for stream_id in STREAMS:
        stream = Stream("user", stream_id)
        PostgresEventStore(connection).append(stream, at, new, datetime.now(UTC))


def log(connection: SyncConnection) -> Sequence[dict[str, Any]]:
    return connection.execute("SELECT * FROM events ORDER BY position").fetchall()


def test_a_log_becomes_one_in_parts_whole_wherever_that_is_killed(
    old: SyncConnection, url: str
) -> None:
    fill(old)
    before, indexes = log(old), old.execute(INDEXES).fetchall()

    # Killed between its statements, the first migration is not recorded, and runs again.
    finish(migrating(url, BOUND))
    old.execute("DELETE FROM django_migrations WHERE name = %s", (BOUND,))
    finish(migrating(url, BOUND))

    # The second one is killed while it waits in the middle of its work.
    with Connection.connect(url) as other:
        other.execute(f"CREATE TABLE events_{datetime.now(UTC).year + 9} ()")
        process = migrating(url, PARTED)
        waiting = wait_until(lambda: old.execute(WAITING).fetchone(), 60, "the migration's lock")
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        other.rollback()
    wait_until(
        lambda: not old.execute(GONE, (waiting["pid"],)).fetchone(), 30, "the end of its connection"
    )
    assert (log(old), old.execute(INDEXES).fetchall()) == (before, indexes)

    finish(migrating(url, PARTED))
    assert log(old) == before
    assert {row["indexrelid"] for row in old.execute(INDEXES)} == {
        row["indexrelid"] for row in indexes
    }
    fill(old, 10)
    assert log(old)[: len(before)] == before
    found = PostgresEventStore(old)
    assert {id: len(found.read(id)) for id in STREAMS} == dict.fromkeys(STREAMS, 20)
