"""An event that can't be taken in stops its own stream, loudly, and nothing else.

It was written by a newer release than the one that runs, as after a deploy that was taken back.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from commands.postgres.event_store import PostgresEventStore
from commands.postgres.locks import lock, projecting
from commands.record.upcasters import CURRENT_SCHEMA, UPCASTERS
from commands.streams import Stream, UnreadableEvent
from notifications import notifier
from notifications.notifier import Notified, notify, notify_together, streams_behind
from notifications.postgres.progress import lock_progress
from notifications.tasks import RESTING, UNNOTIFIED
from notifications.tasks import sweep as sweep_notifications
from portal.health import read_health
from projections.mongo.generations import live_generations
from projections.mongo.store import MongoDocuments
from projections.projector import project
from projections.tasks import BEHIND, sweep
from projections.upkeep.rebuild import WouldGoBack, rebuild
from projections.wiring import catch_up, database, live_documents, project_streams
from tests.integration.in_process import InProcessPortal, stored_auctions
from tests.integration.working import on_list, put, work

Release = Callable[[bool], None]


@pytest.fixture
def newer_release(monkeypatch: pytest.MonkeyPatch) -> Release:
    """Switches between a release that writes bids in another form, and one that can't read it."""
    monkeypatch.setitem(UPCASTERS, ("BidPlaced", 1), dict)

    def switch(runs: bool) -> None:
        monkeypatch.setitem(CURRENT_SCHEMA, "BidPlaced", 2 if runs else 1)

    return switch


@pytest.fixture
def poisoned(in_process: InProcessPortal, newer_release: Release) -> Stream:
    """An auction whose fourth of five events can't be read."""
    alice, auction = in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "1.00")
    in_process.bid(auction, in_process.user(), "2.00")
    newer_release(True)
    in_process.bid(auction, alice, "3.00")
    newer_release(False)
    in_process.bid(auction, alice, "4.00")
    return auction


def errors(caplog: pytest.LogCaptureFixture, stream: Stream) -> list[dict[str, Any]]:
    """What was logged at error level about the stream."""
    logged = [record.msg for record in caplog.records if record.levelname == "ERROR"]
    return [msg for msg in logged if isinstance(msg, dict) and msg.get("stream") == str(stream.id)]


def stuck_at(
    in_process: InProcessPortal, stream: Stream, reader: str = "projections"
) -> dict[str, Any] | None:
    with in_process.pool.connection() as connection:
        return connection.execute(
            "SELECT *, retry_after - clock_timestamp() AS pause FROM stuck_streams "
            "WHERE stream_id = %s AND reader = %s",
            (stream.id, reader),
        ).fetchone()


def rested(in_process: InProcessPortal, stream: Stream) -> None:
    """As if the pause were over."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE stuck_streams SET retry_after = clock_timestamp() WHERE stream_id = %s",
            (stream.id,),
        )


def test_what_comes_before_the_event_is_projected_and_the_stop_is_reported(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    poisoned: Stream,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert catch_up(poisoned) == 3
    document = documents.auction(poisoned.id)
    assert document
    assert (document.version, document.bid_count) == (3, 2)
    (error,) = errors(caplog, poisoned)
    assert (error["event"], error["version"]) == ("an event stops its stream", 4)
    assert "BidPlaced" in error["error"]
    shown = read_health().stuck_streams or []
    (stuck,) = [each for each in shown if each["stream_id"] == poisoned.id]
    assert (stuck["reader"], stuck["version"]) == ("projections", 4)
    assert "version 4 (BidPlaced) can't be read" in stuck["error"]


def test_a_stopped_stream_rests_longer_after_each_try(
    in_process: InProcessPortal, poisoned: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    pauses = []
    for attempt in range(1, 8):
        for _ in range(3):
            assert catch_up(poisoned) == 3
        stuck = stuck_at(in_process, poisoned)
        assert stuck
        assert stuck["attempts"] == len(errors(caplog, poisoned)) == attempt
        pauses.append(stuck["pause"].total_seconds())
        rested(in_process, poisoned)
    assert pauses[3] > 2 * pauses[0]
    assert max(pauses) <= 300 * 1.25


def test_the_sweep_goes_past_it(
    in_process: InProcessPortal, documents: MongoDocuments, poisoned: Stream
) -> None:
    catch_up(poisoned)
    later = in_process.auction()
    put(BEHIND)
    in_process.wait_for_the_order()
    sweep()
    woken = on_list(BEHIND)
    assert later in woken
    assert poisoned not in woken, "it rests"
    rested(in_process, poisoned)
    sweep()
    assert poisoned in on_list(BEHIND), "its time has come"


def test_once_the_code_is_repaired_it_goes_on_by_itself(
    in_process: InProcessPortal, documents: MongoDocuments, poisoned: Stream, newer_release: Release
) -> None:
    catch_up(poisoned)
    assert catch_up(poisoned) == 3, "it rests"
    newer_release(True)
    assert catch_up(poisoned) == 5, "who knows the event does not rest"
    document = documents.auction(poisoned.id)
    assert document
    assert document.bid_count == 4
    assert stuck_at(in_process, poisoned) is None


def test_the_notifier_stops_at_it_and_tells_of_other_auctions(
    in_process: InProcessPortal,
    poisoned: Stream,
    newer_release: Release,
    caplog: pytest.LogCaptureFixture,
) -> None:
    alice, other = in_process.user(), in_process.auction()
    in_process.bid(other, alice, "1.00")
    in_process.bid(other, in_process.user(), "2.00")
    for _ in range(3):
        work(UNNOTIFIED, poisoned)
    (error,) = errors(caplog, poisoned)
    assert (error["reader"], error["version"]) == ("notifications", 4)
    in_process.wait_for_the_order()
    behind = streams_behind(in_process.pool)
    assert other in behind
    assert poisoned not in behind, "it rests"
    assert notify(other.id, in_process.pool).users == {alice}
    newer_release(True)
    rested(in_process, poisoned)
    work(UNNOTIFIED, poisoned)
    assert stuck_at(in_process, poisoned, "notifications") is None
    assert notify(poisoned.id, in_process.pool) == Notified()


def test_a_try_that_another_worker_forestalls_leaves_it_stuck(
    in_process: InProcessPortal, poisoned: Stream
) -> None:
    """Who holds the stream may be stopped by the event as well: nobody has come past it yet."""
    catch_up(poisoned)
    work(UNNOTIFIED, poisoned)
    rested(in_process, poisoned)
    with in_process.pool.connection() as connection:
        lock_progress(connection, [poisoned.id])  # so that there is a row to lock
    with in_process.pool.connection() as connection, connection.transaction():
        lock(connection, projecting(poisoned.id))
        lock_progress(connection, [poisoned.id])
        assert project_streams([poisoned]) == [poisoned]
        work(UNNOTIFIED, poisoned)
    for reader in ("projections", "notifications"):
        stuck = stuck_at(in_process, poisoned, reader)
        assert stuck, reader
        assert stuck["attempts"] == 1, "neither did it fail again"


def test_what_stops_is_not_taken_for_unfinished(
    in_process: InProcessPortal, poisoned: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "MOST_EVENTS", 4)
    done = notify_together([poisoned.id], in_process.pool)
    assert [(poison.stream, poison.version) for poison in done.stopped] == [(poisoned, 4)]
    assert done.unfinished == []


def test_whoever_came_past_it_and_died_leaves_it_to_the_sweep(
    in_process: InProcessPortal, poisoned: Stream, newer_release: Release
) -> None:
    catch_up(poisoned)
    work(UNNOTIFIED, poisoned)
    newer_release(True)
    project(poisoned, in_process.pool, live_documents())
    notify(poisoned.id, in_process.pool)
    rested(in_process, poisoned)
    in_process.wait_for_the_order()
    for worklist, task in ((BEHIND, sweep), (UNNOTIFIED, sweep_notifications)):
        put(worklist)
        task()
        assert poisoned in on_list(worklist)
        work(worklist, poisoned)
    assert stuck_at(in_process, poisoned) is None
    assert stuck_at(in_process, poisoned, "notifications") is None


def test_commands_go_on(in_process: InProcessPortal, poisoned: Stream) -> None:
    """Deciding needs no event, only state rows."""
    assert in_process.bid(poisoned, in_process.user(), "99.00")
    with in_process.pool.connection() as connection, pytest.raises(UnreadableEvent):
        PostgresEventStore(connection).read(poisoned.id)


def test_a_rebuild_goes_past_it_but_never_back_behind_what_is_in_service(
    in_process: InProcessPortal, poisoned: Stream, newer_release: Release
) -> None:
    catch_up(poisoned)
    other = in_process.auction()
    done = rebuild("auctions", in_process.pool, database(), lambda todo, *_: todo)
    assert poisoned in done.stopped
    rebuilt = MongoDocuments(database(), live_generations(database()))
    assert versions(rebuilt, poisoned, other) == [3, 1]
    newer_release(True)
    rested(in_process, poisoned)
    assert catch_up(poisoned) == 5
    newer_release(False)
    with pytest.raises(WouldGoBack, match=f"{poisoned.id} comes only to version 3"):
        rebuild("auctions", in_process.pool, database(), lambda todo, *_: todo)
    assert versions(rebuilt, poisoned, other) == [5, 1], "they stay in service"
    assert live_generations(database())["auctions"] == done.generation


def versions(documents: MongoDocuments, *streams: Stream) -> list[int]:
    ids: list[UUID] = [stream.id for stream in streams]
    found = documents.versions("auction", ids)
    return [found.get(stream_id, 0) for stream_id in ids]


@pytest.fixture(autouse=True)
def forget(in_process: InProcessPortal, poisoned: Stream) -> Any:
    """Leave nothing behind that other tests would stumble over."""
    yield
    for worklist in (BEHIND, UNNOTIFIED, RESTING):
        put(worklist)
    with in_process.pool.connection() as connection:
        connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        for table, column in (
            ("events", "stream_id"),
            ("stuck_streams", "stream_id"),
            ("projection_lagging", "stream_id"),
            ("bids", "auction_id"),
            ("auctions", "id"),
        ):
            connection.execute(f"DELETE FROM {table} WHERE {column} = %s", (poisoned.id,))
        connection.execute("ALTER TABLE events ENABLE TRIGGER USER")
    stored_auctions().delete_one({"_id": poisoned.id})
