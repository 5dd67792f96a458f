"""A tick and its draws, batch by batch: cut off anywhere, it is finished, and each auction draws once."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from decimal import Decimal

import pytest
from celery import current_app
from pytest_django.plugin import DjangoDbBlocker

from commands.domain.commands import ChangePolicy
from commands.domain.events import (
    BidDoubled,
    DrawsAccepted,
    SecretRevealed,
    TickCommitted,
    TickMade,
)
from commands.inbox.requests import POLICIES
from commands.jobs import Job
from commands.postgres.connections import Pool
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.jobs import PostgresJobInbox
from commands.promoter import rounds
from commands.promoter.checks import check_draws
from commands.queues import AUCTIONS
from commands.streams import Stream
from commands.tasks import ACCEPT_DRAWS, REVEAL, wake_waiting_streams
from commands.wake import clear_wake_up
from tests.integration.dying import run_and_die
from tests.integration.in_process import InProcessPortal
from tests.integration.many import drain, opened
from tests.integration.working import queued_tasks

NOW = timedelta(0)
MANY = rounds.AT_ONCE + 20


@pytest.fixture
def auctions(in_process: InProcessPortal) -> Iterator[list[Stream]]:
    """More open auctions than one batch takes, each with two bids; no other is open."""
    in_process.close_auctions()
    age_ticks(in_process.pool)
    finish(in_process)
    clear_wake_up(ACCEPT_DRAWS, ())
    yield opened(in_process, MANY)
    in_process.close_auctions()
    age_ticks(in_process.pool)
    finish(in_process)


def age_ticks(pool: Pool) -> None:
    """Have the last tick long ago."""
    with pool.connection() as connection:
        connection.execute("UPDATE promoter_ticks SET made_at = made_at - interval '2 h'")


@contextmanager
def scheduled(pool: Pool) -> Iterator[None]:
    """As on a portal whose ticks come every minute."""
    enable = "UPDATE django_celery_beat_periodictask SET enabled = %s WHERE name = 'Promoter'"
    with pool.connection() as connection:
        connection.execute(enable, (True,))
        yield
        connection.execute(enable, (False,))


def finish(in_process: InProcessPortal) -> None:
    """What the sweep leads to."""
    wake_waiting_streams()
    current_app.tasks[ACCEPT_DRAWS].apply()
    drain(in_process, in_process.waiting_streams())
    current_app.tasks[REVEAL].apply()


def draws_of(in_process: InProcessPortal, number: int) -> list[Job]:
    with in_process.pool.connection() as connection:
        return PostgresJobInbox(connection).draws_of(number)


def next_tick(in_process: InProcessPortal) -> int:
    """The number of the tick that is committed to."""
    rounds.commit(in_process.pool)
    with in_process.pool.connection() as connection:
        row = connection.execute("SELECT max(number) AS number FROM promoter_ticks").fetchone()
    assert row
    return int(row["number"])


def story(in_process: InProcessPortal, number: int) -> list[object]:
    """The events of a tick, but for what its secret and its round make of them."""
    with in_process.pool.connection() as connection:
        row = connection.execute(
            "SELECT stream_id FROM promoter_ticks WHERE number = %s", (number,)
        ).fetchone()
        assert row
        events = [item.event for item in PostgresEventStore(connection).read(row["stream_id"])]
    return [
        type(event) if isinstance(event, TickCommitted | TickMade | SecretRevealed) else event
        for event in events
    ]


def assert_drawn_once(in_process: InProcessPortal, auctions: list[Stream], number: int) -> None:
    """That tick drew once in each auction, by the secret that it had committed to, and in no other."""
    jobs = draws_of(in_process, number)
    assert sorted(job.stream.id for job in jobs) == sorted(stream.id for stream in auctions)
    assert story(in_process, number) == [
        TickCommitted, TickMade, DrawsAccepted(len(auctions)), SecretRevealed,
    ]  # fmt: skip
    with in_process.pool.connection() as connection:
        for stream in auctions[:: len(auctions) // 5]:
            history = PostgresEventStore(connection).read(stream.id)
            assert sum(isinstance(item.event, BidDoubled) for item in history) == 1
            [checked] = check_draws(connection, history)
            assert (checked.tick, checked.revealed, checked.problem) == (number, True, None)


# Where it dies, and whether the tick was made by then.
STEPS = {
    "the tick is recorded": ("after", "commands.promoter.rounds:make_tick", False),
    "the next one is committed to": ("after", "commands.promoter.rounds:commit_to_tick", False),
    "the tick is committed": ("before", "commands.promoter.rounds:accept_draws", True),
    "a batch is counted": ("after", "commands.promoter.rounds:note_accepted", True),
    "a batch is accepted": ("after", "commands.promoter.rounds:accept_all", True),
    "a batch is committed": ("before", "commands.promoter.rounds:wake_for", True),
    "all are counted": ("after", "commands.promoter.rounds:all_accepted", True),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_a_tick_is_finished_by_the_sweep(
    in_process: InProcessPortal, auctions: list[Stream], step: str
) -> None:
    when, where, made = STEPS[step]
    number = next_tick(in_process)
    # Without a schedule the next one is committed to when it is asked for.
    with scheduled(in_process.pool) if "commit_to_tick" in where else nullcontext():
        run_and_die(when, where, "commands.run_promoter")
    finish(in_process)
    if not made:
        assert draws_of(in_process, number) == []
        rounds.run_promoter(in_process.pool, NOW)
        finish(in_process)
    assert_drawn_once(in_process, auctions, number)
    assert next_tick(in_process) == number + 1


def test_killed_while_it_reveals_the_secret_it_is_revealed_later(
    in_process: InProcessPortal, auctions: list[Stream]
) -> None:
    number, _ = rounds.run_promoter(in_process.pool, NOW)
    assert number
    drain(in_process, auctions)
    run_and_die("after", "commands.promoter.rounds:reveal", REVEAL)
    assert len(story(in_process, number)) == 3
    finish(in_process)
    assert_drawn_once(in_process, auctions, number)


def test_killed_again_and_again_it_goes_on_where_it_was(
    in_process: InProcessPortal, auctions: list[Stream]
) -> None:
    number = next_tick(in_process)
    for task in ("commands.run_promoter", ACCEPT_DRAWS):
        run_and_die("before", "commands.promoter.rounds:wake_for", task)
    assert len(draws_of(in_process, number)) == MANY, "each time one batch"
    finish(in_process)
    assert_drawn_once(in_process, auctions, number)


def test_each_batch_is_committed_by_itself(
    in_process: InProcessPortal, auctions: list[Stream]
) -> None:
    """So nobody waits for the others: the gates of a batch are free again before the next one."""
    number = rounds.tick(in_process.pool, NOW)
    assert number
    batches = rounds.accept_draws(in_process.pool)
    assert next(batches) == rounds.AT_ONCE
    assert len(draws_of(in_process, number)) == rounds.AT_ONCE
    with in_process.pool.connection() as connection:
        held = connection.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").fetchall()
    assert held == []
    assert list(batches) == [MANY - rounds.AT_ONCE, 0]


def test_the_secret_is_kept_until_all_draws_are_accepted_and_settled(
    in_process: InProcessPortal, auctions: list[Stream]
) -> None:
    number = rounds.tick(in_process.pool, NOW)
    assert number
    batches = rounds.accept_draws(in_process.pool)
    next(batches)
    drain(in_process, auctions)
    assert number not in rounds.reveal_secrets(in_process.pool), "some are not accepted"
    list(batches)
    assert number not in rounds.reveal_secrets(in_process.pool), "some are not settled"
    drain(in_process, auctions)
    assert number in rounds.reveal_secrets(in_process.pool)


def test_an_auction_that_opened_after_the_tick_is_not_drawn_in(
    in_process: InProcessPortal, auctions: list[Stream]
) -> None:
    number = rounds.tick(in_process.pool, NOW)
    assert number
    [late] = opened(in_process, 1)
    finish(in_process)
    assert late not in [job.stream for job in draws_of(in_process, number)]
    assert_drawn_once(in_process, auctions, number)


def test_draws_follow_the_policies_that_were_in_force_at_the_commitment(
    in_process: InProcessPortal, auctions: list[Stream]
) -> None:
    first, last = auctions[0], auctions[-1]
    policy = ChangePolicy(last.id, Decimal("100.00"), ("by_amount",), (), ())
    before = in_process.settled(POLICIES, policy)
    rounds.tick(in_process.pool, NOW)
    finish(in_process)
    number = next_tick(in_process)
    for stream in (first, last):
        policy = ChangePolicy(stream.id, Decimal("0.00"), ("constant",), (), ())
        assert in_process.settled(POLICIES, policy).version
    assert rounds.tick(in_process.pool, NOW) == number
    finish(in_process)
    versions = {job.stream: job.payload["policy_version"] for job in draws_of(in_process, number)}
    assert versions[last] == before.version
    assert versions[first] != versions[last]


def test_there_is_no_other_tick_before_the_last_one_has_its_draws(
    in_process: InProcessPortal, auctions: list[Stream]
) -> None:
    number = rounds.tick(in_process.pool, NOW)
    assert number
    assert rounds.tick(in_process.pool, NOW) is None
    later, jobs = rounds.run_promoter(in_process.pool, NOW)
    assert later == number + 1, "the one before was finished first"
    assert len(draws_of(in_process, number)) == len(jobs) == MANY


def test_a_turn_that_is_over_goes_on_behind_what_else_waits(
    in_process: InProcessPortal, auctions: list[Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.tasks.TURN", 0)
    number = rounds.tick(in_process.pool, NOW)
    assert number
    before = queued_tasks(AUCTIONS, ACCEPT_DRAWS)
    current_app.tasks[ACCEPT_DRAWS].apply()
    assert len(draws_of(in_process, number)) == rounds.AT_ONCE
    assert queued_tasks(AUCTIONS, ACCEPT_DRAWS) == before + 1
    monkeypatch.undo()
    finish(in_process)
    assert_drawn_once(in_process, auctions, number)


def test_of_two_schedulers_tasks_for_one_interval_the_first_makes_the_tick(
    in_process: InProcessPortal, auctions: list[Stream], django_db_blocker: DjangoDbBlocker
) -> None:
    number = next_tick(in_process)
    for _ in range(2):
        with django_db_blocker.unblock():
            assert current_app.tasks["commands.run_promoter"].apply().successful()
    assert next_tick(in_process) == number + 1
    finish(in_process)
    assert_drawn_once(in_process, auctions, number)


def test_the_sweep_goes_on_with_a_tick(in_process: InProcessPortal, auctions: list[Stream]) -> None:
    assert rounds.tick(in_process.pool, NOW)
    before = queued_tasks(AUCTIONS, ACCEPT_DRAWS)
    wake_waiting_streams()
    assert queued_tasks(AUCTIONS, ACCEPT_DRAWS) == before + 1
