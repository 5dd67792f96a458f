"""A database whose clock jumps, back and forth, as by a failover: order stays, and nothing waits for it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from commands.domain.commands import DeleteUser, PlaceBid
from commands.domain.events import BidDoubled, NothingDrawn
from commands.domain.rejections import RejectionCode
from commands.ids import new_id
from commands.inbox import closing
from commands.jobs import JobStatus, Submission
from commands.postgres.accepting import accept
from commands.postgres.auctions import Due, due_auctions, read_auction
from commands.postgres.connections import Pool, SyncConnection, new_pool
from commands.postgres.event_store import PostgresEventStore
from commands.promoter import rounds
from commands.promoter.checks import check_draws
from commands.streams import Stream
from notifications.notifier import Notified, notify
from projections.upkeep import stuck
from tests.integration.in_process import InProcessPortal
from tests.integration.test_accepting import place

# The portal's statements name the clock without a schema, so that another one comes before Postgres' own.
PLANT = """
CREATE SCHEMA shifted;
CREATE TABLE shifted.by (amount interval NOT NULL);
INSERT INTO shifted.by VALUES (interval '0');
CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + amount FROM shifted.by';
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = shifted, public, pg_catalog',
                   current_database());
END $$;
"""
CLEAR = """
DROP SCHEMA shifted CASCADE;
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I RESET search_path', current_database());
END $$;
"""
HOUR = timedelta(hours=1)
NOW = timedelta(0)
Shift = Callable[[timedelta], None]


@pytest.fixture
def shifting(pool: Pool) -> Iterator[Pool]:
    """Connections to the process's own database, whose clock can be shifted."""
    with pool.connection() as connection:
        connection.execute(PLANT)
    try:
        with new_pool() as connections:
            yield connections
    finally:
        with pool.connection() as connection:
            connection.execute(CLEAR)


@pytest.fixture
def in_process(shifting: Pool) -> InProcessPortal:
    """The portal on these connections."""
    return InProcessPortal(shifting)


@pytest.fixture
def shift(shifting: Pool) -> Shift:
    """Sets the clock that much ahead of the real one."""

    def to(amount: timedelta) -> None:
        with shifting.connection() as connection:
            connection.execute("UPDATE shifted.by SET amount = %s", (amount,))

    return to


def test_bids_stay_in_their_order_however_the_clock_jumps(
    in_process: InProcessPortal, shift: Shift
) -> None:
    alice, auction = in_process.user(), in_process.auction(seconds=24 * 3600)
    before, jobs = in_process.now(), []
    for n, hours in enumerate((0, 1, -1, 0, 2, 1, -3, 0, 0.5), 1):
        shift(hours * HOUR)
        jobs.append(in_process.accept(auction, place(auction, alice, f"{n}.00")))
        if n % 3:
            in_process.drain(auction)
    in_process.drain(auction)
    settled = [in_process.job(job.id) for job in jobs]
    assert [job.version for job in settled] == list(range(2, 11))
    moments = [job.accepted_at for job in settled]
    assert moments == sorted(set(moments))
    assert moments[2] - moments[1] == timedelta(microseconds=1), "it went back, they did not"
    with in_process.pool.connection() as connection:
        events = PostgresEventStore(connection).read(auction.id)
    assert [e for e in events if not e.accepted_at or e.accepted_at >= e.recorded_at] == []
    shift(NOW)
    assert in_process.now() - before < HOUR


@pytest.mark.parametrize("hours", [-1, 1])
def test_an_auction_ends_and_is_closed_by_the_clock_there_is(
    in_process: InProcessPortal, shift: Shift, hours: float
) -> None:
    shift(hours * HOUR)
    alice, auction = in_process.user(), in_process.auction(seconds=600)
    winning = in_process.bid(auction, alice, "5.00")
    shift(-hours * HOUR)
    if hours > 0:
        assert auction.id not in ask(in_process), "there are more than two hours to go"
        assert in_process.bid(auction, alice, "6.00"), "and it takes bids"
        winning = bids_of(in_process, auction)[-1]
        shift(hours * HOUR + timedelta(minutes=11))
    late = in_process.settled(auction, place(auction, alice, "9.00"))
    assert late.rejection
    assert late.rejection.code is RejectionCode.AUCTION_ENDED
    assert auction.id in ask(in_process)
    in_process.drain(auction)
    assert winner(in_process, auction) == winning


def test_an_auction_that_was_due_before_the_clock_stepped_back_is_closed_at_its_end(
    in_process: InProcessPortal, shift: Shift, monkeypatch: pytest.MonkeyPatch
) -> None:
    auction = in_process.auction(seconds=600)
    winning = in_process.bid(auction, in_process.user(), "5.00")
    shift(timedelta(minutes=11))

    def then_back(
        connection: SyncConnection, *arguments: object
    ) -> list[Due]:  # as if it had stepped back just then
        found = due_auctions(connection, *arguments)  # type: ignore[arg-type]  # passed on
        shift(NOW)
        return found

    monkeypatch.setattr(closing, "due_auctions", then_back)
    assert auction.id in ask(in_process)
    monkeypatch.undo()
    in_process.drain(auction)
    assert winner(in_process, auction) is None, "by the clock there is it goes on"
    assert auction.id not in ask(in_process)
    shift(timedelta(minutes=11))
    assert auction.id in ask(in_process)
    in_process.drain(auction)
    assert winner(in_process, auction) == winning


def test_a_deletion_from_the_future_holds_up_no_closing(
    in_process: InProcessPortal, shift: Shift
) -> None:
    alice, auction = in_process.user(), in_process.auction(seconds=1)
    in_process.bid(auction, alice, "5.00")
    shift(HOUR)
    in_process.accept(Stream("user", alice), DeleteUser(alice))
    shift(NOW)
    in_process.over(auction)
    assert auction.id in ask(in_process)
    in_process.drain(Stream("user", alice))
    in_process.drain(auction)
    assert winner(in_process, auction) is not None, "she was deleted after its end"


def test_jobs_from_the_future_are_swept_up(in_process: InProcessPortal, shift: Shift) -> None:
    alice, auction = in_process.user(), in_process.auction(seconds=24 * 3600)
    shift(HOUR)
    in_process.accept(auction, place(auction, alice, "1.00"))
    shift(NOW)
    assert auction in in_process.waiting_streams(timedelta(seconds=5))
    in_process.drain(auction)
    assert auction not in in_process.waiting_streams()


def test_jobs_expire_by_the_clock_there_is_and_none_stays(
    in_process: InProcessPortal, shift: Shift
) -> None:
    alice, auction = in_process.user(), in_process.auction(seconds=24 * 3600)
    jobs = []
    for hours in (0, 1, 0):
        shift(hours * HOUR)
        command = PlaceBid(
            auction.id, new_id(), alice, place(auction, alice, "1.00").amount + hours
        )
        submission = Submission(auction, command, {}, "test", expires_after=timedelta(minutes=15))
        with in_process.pool.connection() as connection:
            jobs.append(accept(connection, submission))
    shift(HOUR)
    in_process.drain(auction)
    expired, *others = [in_process.job(job.id) for job in jobs]
    assert expired.rejection
    assert expired.rejection.code is RejectionCode.EXPIRED
    assert [job.status for job in others] == [JobStatus.SUCCEEDED, JobStatus.REJECTED]


def test_the_promoter_goes_on_and_its_draws_are_found_fair(
    in_process: InProcessPortal, shift: Shift
) -> None:
    """Committed to, made, drawn and revealed, each by an earlier clock than the one before."""
    rounds.accept_all_draws(in_process.pool)
    auction = in_process.auction(seconds=24 * 3600)
    for amount in ("1.00", "2.00", "3.00"):
        in_process.bid(auction, in_process.user(), amount)
    shift(5 * HOUR)
    apart = timedelta(seconds=30)
    first = rounds.tick(in_process.pool, NOW)
    rounds.accept_all_draws(in_process.pool)
    in_process.drain(auction)
    shift(4 * HOUR)
    second = rounds.tick(in_process.pool, apart)
    assert first
    assert second == first + 1, "a tick from the future is not waited for"
    assert rounds.tick(in_process.pool, apart) is None, "and there is one tick, not two"
    shift(3 * HOUR)
    rounds.accept_all_draws(in_process.pool)
    in_process.drain(auction)
    shift(2 * HOUR)
    for stream in in_process.waiting_streams():
        in_process.drain(stream)
    assert {first, second} <= set(rounds.reveal_secrets(in_process.pool))
    with in_process.pool.connection() as connection:
        history = PostgresEventStore(connection).read(auction.id)
        checked = list(check_draws(connection, history))
    assert [(each.tick, each.revealed, each.problem) for each in checked] == [
        (first, True, None), (second, True, None),
    ]  # fmt: skip
    # By the clock the second is among the bids before the first one's doubling, and may hit the same bid.
    of_draws = [item.event for item in history if isinstance(item.event, BidDoubled | NothingDrawn)]
    assert [each.draw for each in of_draws] == [1, 2]
    shift(NOW)
    _, jobs = rounds.run_promoter(in_process.pool, NOW)
    for job in jobs:
        in_process.drain(job.stream)
    assert second + 1 in rounds.reveal_secrets(in_process.pool), "the next one is of this time"


def test_a_stopped_stream_is_tried_again_after_the_clock_stepped_back(
    in_process: InProcessPortal, shift: Shift
) -> None:
    stream = Stream("auction", new_id())
    with in_process.pool.connection() as connection:
        connection.execute(
            "INSERT INTO stuck_streams (reader, stream_id, stream_kind, version, error, attempts,"
            " since, retry_after) SELECT 'projections', %s, 'auction', 1, '', 1, now,"
            " now + interval '1 min' FROM clock_timestamp() AS now",
            (stream.id,),
        )
    assert stuck.is_paused(in_process.pool, "projections", stream) is True
    shift(-HOUR)
    assert stuck.is_paused(in_process.pool, "projections", stream) is False
    with in_process.pool.connection() as connection:
        connection.execute("DELETE FROM stuck_streams WHERE stream_id = %s", (stream.id,))


def test_people_are_notified_after_the_clock_stepped_back(
    in_process: InProcessPortal, shift: Shift
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    notify(auction.id, in_process.pool)
    in_process.bid(auction, bob, "20.00")
    assert notify(auction.id, in_process.pool).again_in, "its last run was just now"
    shift(-HOUR)
    assert notify(auction.id, in_process.pool) == Notified({alice}), "its last run is to come"


def ask(in_process: InProcessPortal) -> set[UUID]:
    """The auctions that have a job to close them after a run of the schedule."""
    batches = closing.announce_winners(in_process.pool)
    return {job.stream.id for jobs in batches for job in jobs}


def winner(in_process: InProcessPortal, auction: Stream) -> UUID | None:
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    return state.winning_bid_id


def bids_of(in_process: InProcessPortal, auction: Stream) -> list[UUID]:
    """The auction's bids in the order they were placed."""
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    return [bid.id for bid in sorted(state.bids.values(), key=lambda bid: bid.placed_version)]
