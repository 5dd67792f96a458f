"""Checkpoints are made of all events, each number once, whoever dies and however many make them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from psycopg.errors import RestrictViolation

from commands.checkpoints import making
from commands.checkpoints.json_form import as_json, from_json
from commands.checkpoints.making import LogChanged, NotSettled, make, make_due
from commands.checkpoints.verifying import log_problems
from commands.domain.commands import AnnounceWinner
from commands.domain.events import SecretRevealed
from commands.ids import new_id
from commands.postgres.connections import clock
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.tree import complete_blocks, settled_position
from commands.record.checkpoints import FIRST, Signer, signed_by
from commands.record.merkle import BLOCK, BLOCK_SIZE
from commands.streams import NewEvent, Stream
from commands.tasks import MAKE_CHECKPOINT
from tests.conftest import wait_until
from tests.integration.checkpointing import FILL, CheckpointedLog
from tests.integration.dying import run_and_die
from tests.integration.in_process import SHORTLY, InProcessPortal

WAITING = """
SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_xid IS NOT NULL
AND datname = current_database() AND query LIKE '%INSERT INTO events%' AND pid <> pg_backend_pid()
"""


def problems(log: CheckpointedLog) -> list[str]:
    """What does not agree."""
    with log.pool.connection() as connection:
        return log_problems(connection)


def events(log: CheckpointedLog) -> int:
    """How many there are."""
    with log.pool.connection() as connection:
        row = connection.execute("SELECT count(*) AS events FROM events").fetchone()
    assert row
    return int(row["events"])


def test_each_checkpoint_covers_all_events_and_names_the_one_before(log: CheckpointedLog) -> None:
    log.fill(700)
    first = log.make()
    log.fill(1)
    second = log.make()
    assert (first.checkpoint.number, second.checkpoint.number) == (1, 2)
    assert second.checkpoint.size == first.checkpoint.size + 1 == events(log)
    assert (first.checkpoint.previous, second.checkpoint.previous) == (FIRST, first.checkpoint.hash)
    assert [each.checkpoint for each in log.every()] == [first.checkpoint, second.checkpoint]
    assert signed_by(second.signed, log.signer.public_key)
    assert problems(log) == []


def test_without_news_there_is_no_checkpoint(log: CheckpointedLog) -> None:
    log.fill(1)
    log.make()
    with log.pool.connection() as connection:
        assert make(connection, log.signer) == (None, False)
    assert make_due(log.pool, log.signer) == (None, False)


def test_one_is_due_a_minute_after_the_last(
    log: CheckpointedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.fill(1)
    made, _ = make_due(log.pool, log.signer)
    assert made, "the first one at once"
    log.fill(1)
    assert make_due(log.pool, log.signer) == (None, False)
    monkeypatch.setattr(making, "EVERY", timedelta(0))
    made, _ = make_due(log.pool, log.signer)
    assert made


@pytest.mark.parametrize("bids", [0, 1])
def test_one_is_due_as_soon_as_an_auction_is_closed(
    log: CheckpointedLog, in_process: InProcessPortal, bids: int
) -> None:
    auction = in_process.auction(seconds=0.2)
    ended = in_process.over(auction)
    if bids:
        in_process.bid(auction, in_process.user(), "10.00", at=ended - SHORTLY)
    log.make()
    in_process.settled(auction, AnnounceWinner(auction.id))
    made, _ = make_due(log.pool, log.signer)
    assert made
    assert made.checkpoint.size == events(log)


def test_an_event_that_commits_late_is_waited_for(log: CheckpointedLog) -> None:
    log.fill(3)
    with log.pool.connection() as late, ThreadPoolExecutor(1) as others:
        with late.transaction():
            [row] = late.execute(FILL, (1,)).fetchall()
            [higher] = log.fill(1)
            assert row["position"] < higher
            with log.pool.connection() as connection:
                assert settled_position(connection, patience=0.1) is None
            making_one = others.submit(log.make)
        assert making_one.result().checkpoint.size == events(log)
    log.filled.append(row["position"])
    assert problems(log) == []


def test_one_that_is_missing_for_long_is_an_error(
    log: CheckpointedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.make()
    log.fill(1)
    with log.pool.connection() as writing, writing.transaction():
        writing.execute("SELECT pg_current_xact_id()")
        with log.pool.connection() as connection:
            assert make(connection, log.signer) == (None, False), "not for long yet"
            monkeypatch.setattr(making, "OVERDUE", timedelta(0))
            with pytest.raises(NotSettled, match="no checkpoint since"):
                make(connection, log.signer)
    assert log.make()


def test_a_transaction_has_its_id_before_an_event_has_its_position(log: CheckpointedLog) -> None:
    """Else one that stands still in between would not be waited for."""
    stream, cause = Stream("tick", new_id()), new_id()
    event = NewEvent(SecretRevealed("00"), cause, cause)

    def append() -> None:
        with log.pool.connection() as connection:
            PostgresEventStore(connection).append(stream, 0, [event], clock(connection))

    appending = threading.Thread(target=append)
    with log.pool.connection() as connection, log.pool.connection() as other:
        with connection.transaction():
            # Whoever asks the sequence for a position waits now.
            connection.execute("ALTER SEQUENCE events_position_seq CACHE 1")
            appending.start()
            wait_until(lambda: other.execute(WAITING).fetchone(), 30, "an append with an id")
        appending.join()
        found = other.execute("SELECT position FROM events WHERE stream_id = %s", (stream.id,))
        log.filled += [row["position"] for row in found]
    assert len(log.filled) == 1


STEPS = [
    ("before", "commands.checkpoints.making:settled_position"),
    ("before", "commands.checkpoints.making:complete_blocks"),
    ("after", "commands.checkpoints.making:complete_blocks"),
    ("before", "commands.checkpoints.making:keep"),
    ("after", "commands.checkpoints.making:keep"),
]


@pytest.mark.parametrize(("when", "where"), STEPS)
def test_killed_at_any_step_the_next_one_makes_the_same(
    log: CheckpointedLog, when: str, where: str
) -> None:
    log.fill(3 * BLOCK_SIZE)
    run_and_die(when, where, MAKE_CHECKPOINT)
    done = log.newest() or log.make()
    assert done.checkpoint.number == 1
    assert done.checkpoint.size == events(log)
    assert problems(log) == []
    found = log.subtrees()
    filled, log.filled = log.filled, []
    log.forget()
    log.filled = filled
    assert log.make().checkpoint.root == done.checkpoint.root
    assert log.subtrees() == found


def test_of_two_at_once_each_number_is_kept_once(log: CheckpointedLog) -> None:
    log.fill(2 * BLOCK_SIZE)
    together = threading.Barrier(2)

    def one(_: int) -> int:
        together.wait()
        with log.pool.connection() as connection:
            made, _more = make(connection, log.signer)
        return 1 if made else 0

    made = 0
    with ThreadPoolExecutor(2) as both:
        for _ in range(20):
            log.fill(BLOCK_SIZE // 2)
            made += sum(both.map(one, range(2)))
    numbers = [each.checkpoint.number for each in log.every()]
    assert numbers == list(range(1, made + 1))
    assert made >= 20
    assert problems(log) == []


def test_while_one_makes_checkpoints_another_schedulers_task_does_nothing(
    log: CheckpointedLog,
) -> None:
    log.fill(1)
    with log.pool.connection() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('checkpoints', 0))")
        assert make_due(log.pool, log.signer) == (None, False)
        connection.execute("SELECT pg_advisory_unlock(hashtextextended('checkpoints', 0))")
    made, _ = make_due(log.pool, log.signer)
    assert made


def test_a_long_log_gets_its_first_checkpoint_in_several_runs(
    log: CheckpointedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "complete_blocks", partial(complete_blocks, at_once=2))
    log.fill(9 * BLOCK_SIZE)
    runs = 0
    while (found := make_due(log.pool, log.signer, seconds=0))[1]:
        runs += 1
        kept = [number for level, number, _, _ in log.subtrees() if level == BLOCK]
        assert kept == list(range(2 * runs)), "each run goes on from the one before"
    assert runs >= 4
    assert found[0]
    assert found[0].checkpoint.size == events(log)
    assert problems(log) == []


def test_a_house_whose_log_lost_an_event_signs_nothing_more(log: CheckpointedLog) -> None:
    lost = log.fill(BLOCK_SIZE + 10)[-5]
    log.make()
    with log.unguarded() as connection:
        connection.execute("DELETE FROM events WHERE position = %s", (lost,))
    log.fill(5)
    with (
        log.pool.connection() as connection,
        pytest.raises(LogChanged, match="checkpoint 1 covers"),
    ):
        make(connection, log.signer)
    assert len(log.every()) == 1


@pytest.mark.parametrize("table", ["subtrees", "checkpoints", "checkpoint_keys"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}"])
def test_what_was_kept_is_never_changed(log: CheckpointedLog, table: str, statement: str) -> None:
    log.fill(BLOCK_SIZE)
    log.make()
    with log.pool.connection() as connection, pytest.raises(RestrictViolation, match="append-only"):
        connection.execute(statement.format(table))


def test_what_was_signed_with_an_earlier_key_stays_verifiable(log: CheckpointedLog) -> None:
    log.fill(1)
    first = log.make()
    log.fill(1)
    other = Signer(bytes(32))
    second = log.make(other)
    assert first.checkpoint.key != second.checkpoint.key == other.fingerprint
    assert [each.public_key for each in log.every()] == [log.signer.public_key, other.public_key]
    assert problems(log) == []


def test_what_the_api_gives_can_be_read_back(log: CheckpointedLog) -> None:
    log.fill(1)
    made = log.make()
    for given in (
        as_json(made),
        {"checkpoint": as_json(made)},
        {"data": {"checkpoint": as_json(made)}},
    ):
        assert from_json(given) == (made.signed, made.public_key)
    wrong: Any
    for wrong in ({}, [], 7, None, {"checkpoint": None}, {**as_json(made), "content": "{}"}):
        with pytest.raises(ValueError, match="no checkpoint"):
            from_json(wrong)
