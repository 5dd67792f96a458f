"""Ticks by the rounds of a beacon that is asked over the network: named before, waited for, or given up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from pytest_django import Settings

from commands.beacon import drand
from commands.beacon.local import LocalBeacon
from commands.domain.commands import AnnounceWinner
from commands.domain.events import BidDoubled, NoDoubling, NothingDrawn, TickGivenUp
from commands.postgres.connections import Pool
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.tick_records import TickRecord, record_of_tick
from commands.promoter import rounds
from commands.promoter.checks import check_draws, round_problem
from commands.queues import MAILS
from commands.streams import RecordedEvent, Stream
from commands.tasks import MAKE_TICK, wake_waiting_streams
from commands.wake import clear_wake_up
from portal.health import read_health
from projections.upkeep.verify import verify
from projections.wiring import live_documents
from tests.integration.in_process import InProcessPortal
from tests.integration.relays import CHAIN, Relay, honest, running_relay, signature
from tests.integration.working import queued_tasks

NOW, MINUTE = timedelta(0), timedelta(minutes=1)
PROMOTER = "UPDATE django_celery_beat_periodictask SET enabled = %s WHERE name = 'Promoter'"


@pytest.fixture(scope="module")
def running() -> Iterator[Relay]:
    """The relay of this file's tests."""
    with running_relay() as relay:
        yield relay


@pytest.fixture
def relay(
    running: Relay, settings: Settings, monkeypatch: pytest.MonkeyPatch, in_process: InProcessPortal
) -> Relay:
    """The portal draws by this relay's chain, and no tick waits."""
    running.says, running.status = honest, 200
    monkeypatch.setattr(drand, "QUICKNET", CHAIN)
    settings.BEACON, settings.DRAND_RELAYS = "drand", [running.url]
    finish(in_process)
    return running


@pytest.fixture
def auction(in_process: InProcessPortal) -> Stream:
    """An open auction with two bids."""
    stream = in_process.auction()
    for amount in ("1.00", "2.00"):
        in_process.bid(stream, in_process.user(), amount)
    return stream


@pytest.fixture
def scheduled(pool: Pool) -> Iterator[None]:
    """Ticks come every minute, by the schedule."""
    with pool.connection() as connection:
        connection.execute("UPDATE promoter_ticks SET made_at = made_at - interval '2 h'")
        connection.execute(PROMOTER, (True,))
        yield
        connection.execute(PROMOTER, (False,))


def finish(in_process: InProcessPortal) -> None:
    """The draws of the ticks that were made, and their secrets."""
    rounds.accept_all_draws(in_process.pool)
    for stream in in_process.waiting_streams():
        in_process.drain(stream)
    rounds.reveal_secrets(in_process.pool)


def record(in_process: InProcessPortal, number: int | None = None) -> TickRecord:
    """What the events of a tick say; of the last one without a number."""
    with in_process.pool.connection() as connection:
        if number is None:
            row = connection.execute("SELECT max(number) AS last FROM promoter_ticks").fetchone()
            assert row
            number = int(row["last"])
        found = record_of_tick(connection, number)
    assert found
    return found


def stream_of(in_process: InProcessPortal, number: int) -> Stream:
    """A tick's stream."""
    with in_process.pool.connection() as connection:
        row = connection.execute(
            "SELECT stream_id FROM promoter_ticks WHERE number = %s", (number,)
        ).fetchone()
    assert row
    return Stream("tick", row["stream_id"])


def history(in_process: InProcessPortal, stream: Stream) -> list[RecordedEvent]:
    """A stream's events."""
    with in_process.pool.connection() as connection:
        return PostgresEventStore(connection).read(stream.id)


def problems(in_process: InProcessPortal, stream: Stream) -> list[str]:
    """What verify_events finds in a stream."""
    with in_process.pool.connection() as connection:
        return [finding.what for finding in verify(connection, stream, live_documents()).findings]


def public_since(in_process: InProcessPortal, ago: timedelta) -> None:
    """The round of the tick that waits has been public for so long."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE promoter_ticks SET public_at = clock_timestamp() - %s WHERE made_at IS NULL",
            (ago,),
        )


def test_a_tick_is_drawn_by_the_value_of_the_round_that_it_was_committed_to(
    in_process: InProcessPortal, relay: Relay, auction: Stream
) -> None:
    rounds.commit(in_process.pool)
    named = record(in_process)
    assert (named.beacon, named.public_at) == (CHAIN.name, named.committed_at)
    late = in_process.bid(auction, in_process.user(), "3.00")
    assert rounds.tick(in_process.pool, NOW) == named.number
    finish(in_process)
    made = record(in_process, named.number)
    assert named.round
    assert (made.value, made.cutoff) == (signature(named.round).hex(), named.public_at)
    drawn = history(in_process, auction)[-1].event
    assert isinstance(drawn, BidDoubled)
    assert (drawn.total_weight, drawn.bid_id == late) == (2, False), "cut off before the third bid"
    assert problems(in_process, auction) == []
    assert problems(in_process, stream_of(in_process, named.number)) == []


def test_a_tick_whose_round_is_not_public_is_not_due(
    in_process: InProcessPortal, relay: Relay, auction: Stream
) -> None:
    rounds.commit(in_process.pool, MINUTE)
    named, asked = record(in_process), len(relay.asked)
    assert rounds.tick(in_process.pool, NOW) is None
    assert (record(in_process), len(relay.asked)) == (named, asked), "nothing changed"
    with in_process.pool.connection() as connection:
        waiting = rounds.waiting_tick(connection)
    assert waiting
    assert named.public_at
    assert (waiting.tick, waiting.public_at, waiting.is_due) == (
        named.number,
        named.public_at,
        False,
    )
    assert named.public_at - named.committed_at == MINUTE


def test_while_the_beacon_is_silent_ticks_wait_and_all_else_goes_on(
    in_process: InProcessPortal, relay: Relay, auction: Stream, scheduled: None
) -> None:
    over = in_process.auction(seconds=0.3)
    rounds.commit(in_process.pool)
    named = record(in_process)
    relay.status = 500
    assert rounds.tick(in_process.pool, NOW) is None
    in_process.bid(auction, in_process.user(), "3.00")
    in_process.over(over)
    assert in_process.settled(over, AnnounceWinner(over.id)).version == 2
    public_since(in_process, MINUTE * 2)
    waiting = read_health().waiting_tick
    assert waiting
    assert (waiting["tick"], waiting["round"]) == (named.number, named.round)
    clear_wake_up(MAKE_TICK, ())
    before = queued_tasks(MAILS, MAKE_TICK)
    wake_waiting_streams()
    assert queued_tasks(MAILS, MAKE_TICK) == before + 1
    relay.status = 200
    current_app.tasks[MAKE_TICK].apply()
    finish(in_process)
    assert record(in_process, named.number).made_at, "once the beacon is back"
    assert read_health().waiting_tick is None
    following = record(in_process)
    assert following.public_at
    assert following.public_at - following.committed_at == timedelta(seconds=55)


def test_closings_do_not_wait_for_the_beacon(
    in_process: InProcessPortal, relay: Relay, auction: Stream, scheduled: None
) -> None:
    """The task of the schedule, which is of the worker that closes auctions, asks no relay."""
    clear_wake_up(MAKE_TICK, ())
    asked, before = len(relay.asked), queued_tasks(MAILS, MAKE_TICK)
    current_app.tasks["commands.run_promoter"].apply()
    assert (len(relay.asked), queued_tasks(MAILS, MAKE_TICK)) == (asked, before + 1)


def test_after_a_day_without_the_value_a_tick_is_given_up_and_that_shows(
    in_process: InProcessPortal, relay: Relay, auction: Stream
) -> None:
    rounds.commit(in_process.pool)
    number = record(in_process).number
    relay.says = lambda asked: honest(asked + 1)
    for ago, given_up in ((timedelta(hours=23), False), (timedelta(hours=25), True)):
        public_since(in_process, ago)
        assert rounds.tick(in_process.pool, NOW) is None
        events = history(in_process, stream_of(in_process, number))
        assert (events[-1].event == TickGivenUp()) == given_up
    relay.says = honest
    assert rounds.tick(in_process.pool, NOW) == number + 1
    finish(in_process)
    assert isinstance(history(in_process, auction)[-1].event, BidDoubled)
    assert problems(in_process, auction) == []


def test_a_tick_of_another_beacon_is_given_up(
    in_process: InProcessPortal, relay: Relay, auction: Stream, settings: Settings
) -> None:
    rounds.commit(in_process.pool)
    number = record(in_process).number
    settings.BEACON = "local"
    assert rounds.tick(in_process.pool, NOW) is None
    assert history(in_process, stream_of(in_process, number))[-1].event == TickGivenUp()
    assert rounds.tick(in_process.pool, NOW) == number + 1
    assert record(in_process, number + 1).beacon == LocalBeacon.name


def test_a_tick_from_before_there_was_a_beacon_is_made_as_it_was(
    in_process: InProcessPortal, auction: Stream
) -> None:
    """Its cut-off is the moment at which it is made."""
    finish(in_process)
    rounds.commit(in_process.pool)
    number = record(in_process).number
    without_a_round(in_process, number)
    in_process.bid(auction, in_process.user(), "3.00")
    assert rounds.tick(in_process.pool, NOW) == number
    finish(in_process)
    made = record(in_process, number)
    assert (made.value, made.cutoff) == (None, made.made_at)
    drawn = history(in_process, auction)[-1].event
    assert isinstance(drawn, BidDoubled)
    assert drawn.total_weight == 3
    with in_process.pool.connection() as connection:
        [checked] = check_draws(connection, history(in_process, auction))
    assert (checked.revealed, checked.problem) == (True, None)


def without_a_round(in_process: InProcessPortal, number: int) -> None:
    """As a release without a beacon committed to it."""
    stream = stream_of(in_process, number)
    with in_process.pool.connection() as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            "UPDATE events SET data = data - 'beacon' - 'round' - 'public_at' WHERE stream_id = %s",
            (stream.id,),
        )
        connection.execute(
            "UPDATE promoter_ticks SET beacon = NULL, round = NULL, public_at = NULL WHERE number = %s",
            (number,),
        )


def test_an_auction_that_ends_between_cut_off_and_draw_keeps_its_bids_as_they_are(
    in_process: InProcessPortal, auction: Stream
) -> None:
    """One that is closed gets no draw; of one that is over and not closed the draw is late."""
    ending, closed = in_process.auction(seconds=1), in_process.auction(seconds=1)
    for stream in (ending, closed):
        in_process.bid(stream, in_process.user(), "1.00")
    rounds.commit(in_process.pool)
    in_process.over(ending)
    in_process.over(closed)
    assert in_process.settled(closed, AnnounceWinner(closed.id)).version == 3
    assert rounds.tick(in_process.pool, NOW)
    finish(in_process)
    nothing = history(in_process, ending)[-1].event
    assert isinstance(nothing, NothingDrawn)
    assert nothing.reason is NoDoubling.LATE
    for stream in (ending, closed):
        assert problems(in_process, stream) == []


TAMPERINGS: dict[str, tuple[dict[str, Any], str]] = {
    "another round's value": ({"value": signature(1).hex()}, "is not that of round 2"),
    "another round": ({"round": 3}, "round 3 is public at"),
    "a round that is none": ({"round": 0}, "there is no round 0"),
    "no value": ({"value": None}, "the value of round 2 is missing"),
    "no hex": ({"value": "zz"}, "is not that of round 2"),
    "another cut-off": ({"public_at": CHAIN.genesis}, "round 2 is public at"),
    "a round that was public before": (
        {"committed_at": CHAIN.genesis + timedelta(seconds=1)},
        "was public before the house named it",
    ),
    "no round, and a value": (
        {"beacon": None, "round": None, "public_at": None},
        "names no round of a beacon",
    ),
    "another beacon": ({"beacon": "a crystal ball"}, "nobody here knows"),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_a_round_that_was_tampered_with_is_found(relay: Relay, tampering: str) -> None:
    public = CHAIN.genesis + CHAIN.period
    right = TickRecord(
        1, CHAIN.genesis, made_at=public, beacon=CHAIN.name, round=2, public_at=public,
        value=signature(2).hex(),
    )  # fmt: skip
    assert round_problem(right) is None
    change, expected = TAMPERINGS[tampering]
    assert expected in (round_problem(replace(right, **change)) or "")
