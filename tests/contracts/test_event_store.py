"""What every event store does, and what Postgres adds: no change, and one winner of a race."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from commands.domain.events import (
    AuctionEndedUnsold,
    Event,
    UserCreated,
    UserDeleted,
    WinnerAnnounced,
)
from commands.ids import new_id
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.record.chain import GENESIS, chain_hash, hashed_content
from commands.record.codec import encode, event_name
from commands.record.upcasters import CURRENT_SCHEMA
from commands.streams import Conflict, EventStore, NewEvent, RecordedEvent, Stream, StreamKind
from tests.conftest import wait_until
from tests.domain.scenario import ALICE, CREATED, DURING, FIRST, deleted, doubled, placed
from tests.fakes import MemoryEventStore

ACCEPTED_AT = datetime(2025, 3, 1, 12, 29, 59, 654321, tzinfo=UTC)
RECORDED_AT = datetime(2025, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
BID = placed(FIRST, ALICE, "10.00")
EVERY_KIND: Sequence[Event] = (
    CREATED,
    BID,
    doubled(FIRST, ALICE, "20.00"),
    deleted(FIRST, ALICE),
    WinnerAnnounced(FIRST, ALICE, BID.amount, BID.amount * 2, True, DURING),
    AuctionEndedUnsold(),
    UserCreated(ALICE, is_staff=False),
    UserDeleted(ALICE),
)


@pytest.fixture
def unkept(pool: Pool) -> Iterator[SyncConnection]:
    """A connection whose work leaves nothing behind: the log itself would keep it for ever."""
    with pool.connection() as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> EventStore:
    """Each event store in turn."""
    if request.param == "memory":
        return MemoryEventStore()
    return PostgresEventStore(request.getfixturevalue("unkept"))


def stream(kind: StreamKind = "auction") -> Stream:
    """A stream nobody has written to."""
    return Stream(kind, new_id())


def new(*events: Event) -> list[NewEvent]:
    """The events, each caused by a job of its own, of which every second has a known moment."""
    return [
        NewEvent(event, new_id(), new_id(), ACCEPTED_AT if number % 2 else None)
        for number, event in enumerate(events)
    ]


def append(store: EventStore, to: Stream, after: int, *events: Event) -> list[RecordedEvent]:
    """Add the events to the stream."""
    return store.append(to, after, new(*events), RECORDED_AT)


def test_a_stream_nobody_wrote_to_is_empty(store: EventStore) -> None:
    assert store.read(new_id()) == []


def test_what_is_appended_is_read_again_exactly(store: EventStore) -> None:
    auction, events = stream(), new(*EVERY_KIND)
    recorded = store.append(auction, 0, events, RECORDED_AT)
    assert store.read(auction.id) == recorded
    assert [replace(item, hash=b"") for item in recorded] == [
        RecordedEvent(
            stream=auction,
            version=version,
            event=item.event,
            causation_id=item.causation_id,
            correlation_id=item.correlation_id,
            recorded_at=RECORDED_AT,
            hash=b"",
            accepted_at=item.accepted_at,
        )
        for version, item in enumerate(events, 1)
    ]


def test_versions_have_no_gaps_across_appends(store: EventStore) -> None:
    auction = stream()
    first = append(store, auction, 0, CREATED)
    second = append(store, auction, 1, BID, deleted(FIRST, ALICE))
    third = append(store, auction, 3, AuctionEndedUnsold())
    assert store.read(auction.id) == first + second + third
    assert [item.version for item in store.read(auction.id)] == [1, 2, 3, 4]


def test_streams_do_not_see_each_other(store: EventStore) -> None:
    one, other = stream(), stream()
    append(store, one, 0, CREATED, BID)
    append(store, other, 0, CREATED)
    assert [item.version for item in store.read(one.id)] == [1, 2]
    assert [item.version for item in store.read(other.id)] == [1]


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_appending_anywhere_but_at_the_end_is_a_conflict_and_adds_nothing(
    store: EventStore, expected: int
) -> None:
    auction = stream()
    before = append(store, auction, 0, CREATED, BID)
    with pytest.raises(Conflict):
        append(store, auction, expected, deleted(FIRST, ALICE))
    assert store.read(auction.id) == before


def test_a_stream_that_does_not_exist_stands_at_version_0(store: EventStore) -> None:
    auction = stream()
    with pytest.raises(Conflict):
        append(store, auction, 1, BID)
    assert store.read(auction.id) == []


def test_appending_nothing_adds_nothing_and_still_tells_of_a_conflict(store: EventStore) -> None:
    auction = stream()
    assert append(store, auction, 0) == []
    assert auction.id not in set(store.streams("auction"))
    before = append(store, auction, 0, CREATED)
    assert append(store, auction, 1) == []
    with pytest.raises(Conflict):
        append(store, auction, 0)
    assert store.read(auction.id) == before


@pytest.mark.parametrize(
    ("after", "limit", "versions"),
    [
        (0, 500, [1, 2, 3, 4, 5, 6, 7, 8]),
        (0, 3, [1, 2, 3]),
        (2, 3, [3, 4, 5]),
        (6, 3, [7, 8]),
        (8, 3, []),
        (99, 3, []),
        (2, 0, []),
    ],
)
def test_a_stream_is_read_after_a_version_and_up_to_a_limit(
    store: EventStore, after: int, limit: int, versions: list[int]
) -> None:
    auction = stream()
    recorded = append(store, auction, 0, *EVERY_KIND)
    read = store.read(auction.id, after, limit)
    assert [item.version for item in read] == versions
    assert read == [item for item in recorded if item.version in versions]


def test_one_read_gives_at_most_500_events_unless_told_otherwise(store: EventStore) -> None:
    auction = stream()
    append(store, auction, 0, *[BID] * 501)
    assert [item.version for item in store.read(auction.id)] == list(range(1, 501))
    assert len(store.read(auction.id, limit=501)) == 501


def test_streams_are_listed_by_kind_oldest_first(store: EventStore) -> None:
    third, first, second = stream(), stream(), stream("user")
    append(store, first, 0, CREATED)
    append(store, second, 0, UserCreated(second.id, is_staff=False))
    append(store, third, 0, CREATED)
    append(store, first, 1, BID)
    mine = {first.id, second.id, third.id}
    assert [id_ for id_ in store.streams("auction") if id_ in mine] == [first.id, third.id]
    assert [id_ for id_ in store.streams("user") if id_ in mine] == [second.id]


def test_each_event_is_chained_to_the_one_before_it_within_and_across_appends(
    store: EventStore,
) -> None:
    auction = stream()
    append(store, auction, 0, CREATED, BID)
    append(store, auction, 2, deleted(FIRST, ALICE))
    append(store, stream(), 0, CREATED)
    previous = GENESIS
    for item in store.read(auction.id):
        previous = chain_hash(
            previous,
            hashed_content(
                stream_id=auction.id,
                version=item.version,
                name=event_name(item.event),
                schema_version=CURRENT_SCHEMA.get(event_name(item.event), 1),
                data=encode(item.event),
                causation_id=item.causation_id,
                correlation_id=item.correlation_id,
                recorded_at=RECORDED_AT,
                accepted_at=item.accepted_at,
            ),
        )
        assert item.hash == previous


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = '{}' WHERE stream_id = %(stream)s",
        "UPDATE events SET hash = hash WHERE stream_id = %(stream)s",
        "DELETE FROM events WHERE stream_id = %(stream)s",
        "DELETE FROM events",
        "TRUNCATE events",
        "INSERT INTO events SELECT * FROM events WHERE stream_id = %(stream)s"
        " ON CONFLICT (stream_id, version) DO UPDATE SET hash = ''",
    ],
)
def test_postgres_refuses_to_change_the_log(unkept: SyncConnection, statement: str) -> None:
    store, auction = PostgresEventStore(unkept), stream()
    recorded = append(store, auction, 0, CREATED, BID)
    parameters = {"stream": auction.id} if "%" in statement else None
    with (
        pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
        unkept.transaction(),
    ):
        unkept.execute(statement, parameters)
    assert store.read(auction.id) == recorded


@pytest.fixture
def forgotten(pool: Pool) -> Iterator[Stream]:
    """A stream for what must really be committed, erased again by the table's owner."""
    auction = stream()
    yield auction
    with pool.connection() as connection, connection.transaction():
        connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        connection.execute("DELETE FROM events WHERE stream_id = %s", (auction.id,))
        connection.execute("ALTER TABLE events ENABLE TRIGGER USER")


@pytest.mark.parametrize("first_commits", [True, False])
def test_of_two_who_append_at_the_same_version_the_second_waits_and_wins_only_if_the_first_gives_up(
    pool: Pool, forgotten: Stream, first_commits: bool
) -> None:
    with pool.connection() as watch, pool.connection() as second, ThreadPoolExecutor() as thread:
        with (
            pool.connection() as first,
            first.transaction(force_rollback=not first_commits),
        ):
            [bid] = append(PostgresEventStore(first), forgotten, 0, CREATED)
            late: Future[list[RecordedEvent]] = thread.submit(
                append, PostgresEventStore(second), forgotten, 0, replace(CREATED, title="A vase")
            )
            wait_until(lambda: waits(watch, second), what="the second to wait for the first")
        if first_commits:
            with pytest.raises(Conflict):
                late.result(timeout=10)
            assert PostgresEventStore(watch).read(forgotten.id) == [bid]
        else:
            won = late.result(timeout=10)
            assert PostgresEventStore(watch).read(forgotten.id) == won


def waits(watch: SyncConnection, other: SyncConnection) -> bool:
    """Whether the other connection waits for somebody's transaction to end."""
    row = watch.execute(
        "SELECT cardinality(pg_blocking_pids(%s)) AS blockers", (other.info.backend_pid,)
    ).fetchone()
    return row is not None and row["blockers"] > 0


def test_of_many_who_append_at_the_same_version_exactly_one_wins(
    pool: Pool, forgotten: Stream
) -> None:
    def attempt(number: int) -> list[RecordedEvent] | None:
        with pool.connection() as connection:
            try:
                event = replace(CREATED, title=f"Lamp {number}")
                return append(PostgresEventStore(connection), forgotten, 0, event)
            except Conflict:
                return None

    with ThreadPoolExecutor(4) as threads:
        won = [recorded for recorded in threads.map(attempt, range(12)) if recorded]
    with pool.connection() as connection:
        assert won == [PostgresEventStore(connection).read(forgotten.id)]
