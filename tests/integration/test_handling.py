"""Jobs, drained in this process: what happens when things come together or go wrong."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

from commands.domain.commands import AnnounceWinner, DeleteUser, PlaceBid
from commands.domain.events import BidDeleted
from commands.domain.rejections import RejectionCode
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.inbox import closing
from commands.inbox.submitting import WAITING
from commands.jobs import JobStatus
from commands.postgres.auctions import read_auction
from commands.postgres.event_store import PostgresEventStore, all_stored_events, content_of
from commands.promoter.rounds import run_promoter
from commands.queues import BIDS
from commands.streams import Stream
from commands.tasks import wake_waiting_streams
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.working import on_list, work


def place(stream: Stream, bidder_id: object, amount: str) -> PlaceBid:
    return PlaceBid(stream.id, new_id(), bidder_id, Decimal(amount))  # type: ignore[arg-type]


def announce(in_process: InProcessPortal) -> list[Stream]:
    """What the schedule does; the streams that have a job to close them then."""
    return [job.stream for jobs in closing.announce_winners(in_process.pool) for job in jobs]


def test_workers_that_drain_one_stream_at_once_handle_each_job_once(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    jobs = [in_process.accept(auction, place(auction, alice, f"{n}.00")) for n in range(1, 61)]
    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(work, WAITING[BIDS], auction) for _ in range(8)]:
            done.result()
    settled = [in_process.job(job.id) for job in jobs]
    assert {job.status for job in settled} == {JobStatus.SUCCEEDED}
    assert [job.version for job in settled] == list(range(2, 62))


def test_an_event_says_when_the_command_that_caused_it_was_accepted(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    stream = Stream("user", alice)
    jobs = [in_process.settled(auction, place(auction, alice, f"{n}.00")) for n in (1, 2)]
    deletion = in_process.settled(stream, DeleteUser(alice))
    in_process.drain(auction)
    with in_process.pool.connection() as connection:
        store = PostgresEventStore(connection)
        [_, *placed, one, other] = store.read(auction.id)
        [_, deleted] = store.read(alice)
        stored = [content_of(row) for row in all_stored_events(connection, auction.id)]
    assert [item.accepted_at for item in placed] == [job.accepted_at for job in jobs]
    assert deleted.accepted_at == deletion.accepted_at
    for item in (one, other):
        assert isinstance(item.event, BidDeleted)
        assert item.event.withdrawn_at == deletion.accepted_at
        assert item.accepted_at
        assert item.accepted_at > deletion.accepted_at
    assert all(b'"accepted_at":"' in content for content in stored)


def test_a_stream_that_somebody_has_is_left_to_them(in_process: InProcessPortal) -> None:
    alice, auction, other = in_process.user(), in_process.auction(), in_process.auction()
    job = in_process.accept(auction, place(auction, alice, "1.00"))
    elsewhere = in_process.accept(other, place(other, alice, "1.00"))
    with in_process.pool.connection() as connection, connection.transaction():
        connection.execute("SELECT 1 FROM auctions WHERE id = %s FOR UPDATE", (auction.id,))
        handled = drain_batch([auction, other], in_process.pool)
        assert [outcome.job.id for outcome in handled.outcomes] == [elsewhere.id]
        assert handled.unfinished == [auction], "it is looked at again"
        work(WAITING[BIDS], auction)
        assert on_list(WAITING[BIDS]) == {auction}
    work(WAITING[BIDS], auction)
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED


def test_jobs_that_nobody_was_woken_for_are_swept_up(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.accept(auction, place(auction, alice, "1.00"))
    assert auction not in in_process.waiting_streams(timedelta(hours=1))
    assert auction in in_process.waiting_streams()
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET accepted_at = accepted_at - interval '1 min' WHERE id = %s", (job.id,)
        )
    assert wake_waiting_streams() >= 1
    assert auction in on_list(WAITING[BIDS])


def test_a_job_that_waited_too_long_is_rejected_and_changes_nothing(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.settled(auction, place(auction, alice, "1.00"), expires_after=timedelta(0))
    assert job.rejection
    assert job.rejection.code is RejectionCode.EXPIRED
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    assert (state.version, dict(state.bids)) == (1, {})


def test_a_job_that_can_not_be_read_fails_alone(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    first = in_process.accept(auction, place(auction, alice, "1.00"))
    broken = in_process.accept(auction, place(auction, alice, "2.00"))
    last = in_process.accept(auction, place(auction, alice, "3.00"))
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE jobs SET payload = '{}' WHERE id = %s", (broken.id,))
    in_process.drain(auction)
    statuses = [in_process.job(job.id).status for job in (first, broken, last)]
    assert statuses == [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.SUCCEEDED]
    with in_process.pool.connection() as connection:
        row = connection.execute("SELECT error FROM jobs WHERE id = %s", (broken.id,)).fetchone()
    assert row
    assert "KeyError" in row["error"]


def test_a_job_that_can_not_be_written_fails_alone(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    first = in_process.accept(auction, place(auction, alice, "1.00"))
    huge = in_process.accept(auction, place(auction, alice, "9" * 40))
    last = in_process.accept(auction, place(auction, alice, "3.00"))
    in_process.drain(auction)
    statuses = [in_process.job(job.id).status for job in (first, huge, last)]
    assert statuses == [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.SUCCEEDED]


def test_a_close_waits_for_what_was_accepted_before_the_end(in_process: InProcessPortal) -> None:
    alice = in_process.user()
    auction = in_process.auction(seconds=0.05)
    at = in_process.over(auction) - SHORTLY
    waiting = [in_process.accept(auction, place(auction, alice, f"{n}.00"), at=at) for n in (1, 2)]
    late = in_process.accept(auction, place(auction, alice, "9.00"))
    announce(in_process)
    announce(in_process)
    in_process.drain(auction)
    assert {in_process.job(job.id).status for job in waiting} == {JobStatus.SUCCEEDED}
    rejection = in_process.job(late.id).rejection
    assert rejection
    assert rejection.code is RejectionCode.AUCTION_ENDED
    with in_process.pool.connection() as connection:
        closed = read_auction(connection, auction.id)
        announcements = connection.execute(
            "SELECT count(*) AS n FROM jobs WHERE stream_id = %s AND command = 'AnnounceWinner'",
            (auction.id,),
        ).fetchone()
    assert closed
    assert (closed.closed, closed.version) == (True, 4)
    assert announcements == {"n": 1}


def test_a_deletion_accepted_before_the_end_counts_before_the_close(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(seconds=0.05)
    at = in_process.over(auction) - SHORTLY
    in_process.bid(auction, alice, "50.00", at=at)
    winning = in_process.bid(auction, bob, "10.00", at=at)
    deletion = in_process.accept(Stream("user", alice), DeleteUser(alice), at=at)
    assert auction not in announce(in_process)
    in_process.drain(Stream("user", alice))
    assert in_process.job(deletion.id).status is JobStatus.SUCCEEDED
    announce(in_process)
    in_process.drain(auction)
    with in_process.pool.connection() as connection:
        closed = read_auction(connection, auction.id)
    assert closed
    assert closed.winning_bid_id == winning


def test_an_early_announcement_is_rejected(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    job = in_process.settled(auction, AnnounceWinner(auction.id))
    assert job.rejection
    assert job.rejection.code is RejectionCode.AUCTION_NOT_ENDED


def test_a_tick_draws_at_most_once_per_auction_however_many_schedulers_run(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    for amount in ("1.00", "2.00", "3.00"):
        in_process.bid(auction, alice, amount)
    apart = timedelta(hours=1)
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE promoter_ticks SET made_at = made_at - interval '2 h'")
    with ThreadPoolExecutor(4) as schedulers:
        ticks = list(schedulers.map(lambda _: run_promoter(in_process.pool, apart), range(4)))
    assert sum(tick is not None for tick, _ in ticks) == 1
    in_process.drain(auction)
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    assert sum(bid.doubled for bid in state.bids.values()) == 1


def test_deleting_a_user_erases_what_is_personal(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "5.00")
    in_process.settled(Stream("user", alice), DeleteUser(alice))
    in_process.drain(auction)
    with in_process.pool.connection() as connection:
        row = connection.execute("SELECT * FROM users WHERE id = %s", (alice,)).fetchone()
        payloads = connection.execute(
            "SELECT payload::text AS payload FROM jobs WHERE stream_id = %s", (alice,)
        ).fetchall()
        state = read_auction(connection, auction.id)
    assert row
    assert (row["username"], row["email"], row["password"]) == (None, None, "")
    assert row["deleted_at"]
    assert not any("password_hash" in job["payload"] for job in payloads)
    assert state
    assert [bid.deleted for bid in state.bids.values()] == [True]
