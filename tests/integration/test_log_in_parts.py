"""The log in parts: a stream is in one of them, each is guarded, and the rest is left alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from django.db import connection as django_connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Index, Q
from psycopg import sql
from pytest_django import DjangoDbBlocker

from commands.domain.events import UserCreated, UserDeleted
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.indexes import BuildIndex
from commands.postgres.parts import Part, events_of_no_year, parts
from commands.streams import Conflict, NewEvent, Stream
from portal.health import read_health
from portal.management.commands import status

CREATED, DELETED = UserCreated(UUID(int=1), is_staff=False), UserDeleted(UUID(int=1))
PARTS = """
SELECT relname AS name, oid FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'events'::regclass ORDER BY relname
"""
# What this transaction has done to each part, by its table and its indexes.
TOUCHED = """
SELECT relname AS name, n_tup_ins + seq_scan + coalesce(idx_scan, 0) AS times
FROM pg_inherits JOIN pg_stat_xact_user_tables ON relid = inhrelid
WHERE inhparent = 'events'::regclass
"""
COVERED = """
SELECT relname AS name, count(pg_inherits.inhparent) AS of_the_log,
       count(*) FILTER (WHERE indisprimary AND indisvalid) AS primary_keys
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid LEFT JOIN pg_inherits ON inhrelid = indexrelid
WHERE indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'events'::regclass)
GROUP BY 1
"""
AGAIN = """
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, causation_id,
                    correlation_id, recorded_at, hash)
SELECT stream_kind, stream_id, version, type, schema_version, data, causation_id, correlation_id,
       recorded_at, hash FROM events WHERE stream_id = %(stream)s AND version = 2
"""
# What a build leaves that was killed after the first of the parts.
LEFT = "CREATE INDEX events_test_rest ON events_rest (version)"
BUILT = """
SELECT indisvalid AS valid, (SELECT count(*) FROM pg_inherits WHERE inhparent = indexrelid) AS parts
FROM pg_index WHERE indexrelid = 'events_test'::regclass
"""
INDEXES = "SELECT count(*) AS of_the_log FROM pg_index WHERE indrelid = 'events'::regclass"


def names(connection: SyncConnection) -> list[str]:
    return [row["name"] for row in connection.execute(PARTS)]


def years(connection: SyncConnection) -> Sequence[Part]:
    """The parts of years to come, as they are there."""
    there = set(names(connection))
    return [part for part in parts(datetime.now(UTC)) if f"events_{part.name}" in there]


def append(connection: SyncConnection, stream_id: UUID, at: int = 0) -> None:
    """Two events more of that stream."""
    new = [NewEvent(event, UUID(int=2), UUID(int=3)) for event in (CREATED, DELETED)]
    store = PostgresEventStore(connection)
    store.append(Stream("user", stream_id), at, new, datetime.now(UTC))


def every_part(connection: SyncConnection) -> dict[str, UUID]:
    """For each part an id whose stream belongs there."""
    ids = {f"events_{part.name}": part.first for part in years(connection)}
    [before] = [name for name in names(connection) if name.startswith("events_before_")]
    return {before: UUID(int=1), **ids, "events_rest": UUID(int=2**128 - 1)}


@pytest.fixture
def unkept(pool: Pool) -> Iterator[SyncConnection]:
    """A connection whose work leaves nothing behind."""
    with pool.connection() as connection, connection.transaction(force_rollback=True):
        yield connection


def touched(connection: SyncConnection) -> dict[str, int]:
    """How often this transaction has looked into each part, or added to it."""
    return {row["name"]: row["times"] for row in connection.execute(TOUCHED)}


def test_who_reads_and_writes_a_stream_touches_its_part_alone(unkept: SyncConnection) -> None:
    resting, busy = years(unkept)[:2]
    append(unkept, resting.first)
    before = touched(unkept)
    store = PostgresEventStore(unkept)
    # Often enough for the plans that are kept.
    for version in range(0, 40, 2):
        append(unkept, busy.first, version)
        assert len(store.read(busy.first, version)) == 2
        assert len(store.read_several({busy.first: version}, 10)[busy.first]) == 2
    after = touched(unkept)
    assert {name for name in after if after[name] != before[name]} == {f"events_{busy.name}"}


def test_status_shows_what_no_part_is_for(unkept: SyncConnection, pool: Pool) -> None:
    for stream_id in [part.first for part in years(unkept)]:
        append(unkept, stream_id)
    assert events_of_no_year(unkept) == 0
    assert read_health().events_of_no_year == 0
    append(unkept, UUID(int=2**128 - 1))
    assert events_of_no_year(unkept) == 2
    found = replace(read_health(), events_of_no_year=2)
    assert (
        "events of no year",
        "2 in events_rest, whose streams no part of the log is for",
    ) in status.rows(found)
    assert "events of no year" not in dict(status.rows(read_health()))


def test_the_order_of_a_stream_is_guarded_in_every_part(unkept: SyncConnection) -> None:
    for stream_id in every_part(unkept).values():
        append(unkept, stream_id)
        with pytest.raises(psycopg.errors.UniqueViolation), unkept.transaction():
            unkept.execute(AGAIN, {"stream": stream_id})
        with pytest.raises(Conflict):
            append(unkept, stream_id, 1)


@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET hash = hash", "DELETE FROM {}", "TRUNCATE {}"]
)
def test_no_part_can_be_changed_behind_the_log(unkept: SyncConnection, statement: str) -> None:
    for part, stream_id in every_part(unkept).items():
        append(unkept, stream_id)
        query = sql.SQL(statement).format(sql.Identifier(part))
        with (
            pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
            unkept.transaction(),
        ):
            unkept.execute(query)


def test_every_part_has_the_indexes_of_the_log_and_one_of_positions(pool: Pool) -> None:
    with pool.connection() as connection:
        found = {row.pop("name"): row for row in connection.execute(COVERED)}
        of_the_log = connection.execute(INDEXES).fetchone()
        assert of_the_log
        assert found == {name: {**of_the_log, "primary_keys": 1} for name in names(connection)}


def test_an_index_of_the_log_is_built_part_by_part_and_again_after_a_kill(
    pool: Pool, django_db_blocker: DjangoDbBlocker
) -> None:
    index = Index(fields=["causation_id", "-position"], name="events_test", condition=Q(version=1))
    with django_db_blocker.unblock():
        state = MigrationLoader(django_connection).project_state()
        for killed in (False, True):
            with pool.connection() as connection:
                if killed:
                    connection.execute("DROP INDEX events_test")
                    connection.execute(LEFT)
            build, after = BuildIndex("event", index), state.clone()
            build.state_forwards("commands", after)
            with django_connection.schema_editor(atomic=False) as editor:
                build.database_forwards("commands", editor, state, after)
            with pool.connection() as connection:
                row = connection.execute(BUILT).fetchone()
                assert row == {"valid": True, "parts": len(names(connection))}
    with pool.connection() as connection:
        connection.execute("DROP INDEX events_test")
