"""Closing can be asked for until the auction is closed, and each auction is announced once."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from celery import current_app

from commands.domain.commands import DeleteUser, PlaceBid
from commands.domain.events import AuctionEndedUnsold, WinnerAnnounced
from commands.domain.rules.soft_close import SoftClose
from commands.ids import new_id
from commands.inbox import closing
from commands.jobs import Job, JobStatus
from commands.postgres.auctions import due_auctions
from commands.postgres.event_store import PostgresEventStore
from commands.streams import Stream
from tests.integration.dying import run_and_die
from tests.integration.in_process import SHORTLY, InProcessPortal

ANNOUNCE = "commands.announce_winners"


def announced(in_process: InProcessPortal, auction: Stream) -> list[Job]:
    """The jobs to close the auction, in their order."""
    with in_process.pool.connection() as connection:
        rows = connection.execute(
            "SELECT id FROM jobs WHERE stream_id = %s AND command = 'AnnounceWinner'"
            " ORDER BY accepted_at",
            (auction.id,),
        ).fetchall()
    return [in_process.job(row["id"]) for row in rows]


def ends(in_process: InProcessPortal, auction: Stream) -> int:
    """How often the auction was closed, by its events."""
    with in_process.pool.connection() as connection:
        events = PostgresEventStore(connection).read(auction.id)
    return sum(isinstance(item.event, WinnerAnnounced | AuctionEndedUnsold) for item in events)


def ask(in_process: InProcessPortal) -> set[UUID]:
    """One run of the schedule; the auctions that have a job that waits then."""
    batches = closing.announce_winners(in_process.pool)
    return {job.stream.id for jobs in batches for job in jobs if not job.settled}


def settled_at(in_process: InProcessPortal, job: Job, moment: datetime) -> None:
    """The job, and all before it, were settled then."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET settled_at = %s WHERE stream_id = %s AND command = 'AnnounceWinner'",
            (moment, job.stream.id),
        )


@pytest.fixture
def over(in_process: InProcessPortal) -> Stream:
    """An auction with a bid whose time is over."""
    auction, alice = in_process.auction(seconds=0.05), in_process.user()
    in_process.bid(auction, alice, "5.00", at=in_process.over(auction) - SHORTLY)
    return auction


def fail(in_process: InProcessPortal, auction: Stream) -> Job:
    """Have the auction's waiting job to close it fail."""
    job = announced(in_process, auction)[-1]
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET status = 'FAILED', settled_at = clock_timestamp() WHERE id = %s",
            (job.id,),
        )
    return job


def test_an_auction_whose_closing_failed_is_closed_by_the_schedule_later(
    in_process: InProcessPortal, over: Stream
) -> None:
    now = in_process.now()
    for times in range(1, 4):
        assert over.id in ask(in_process)
        job = fail(in_process, over)
        assert over.id not in ask(in_process), "not at once"
        settled_at(in_process, job, in_process.now() - timedelta(seconds=2**times - 1))
        assert over.id not in ask(in_process), "each time it waits twice as long"
        settled_at(in_process, job, now - timedelta(seconds=2**times))
    assert over.id in ask(in_process)
    in_process.drain(over)
    assert over.id not in ask(in_process)
    assert [job.status for job in announced(in_process, over)] == [
        *[JobStatus.FAILED] * 3, JobStatus.SUCCEEDED,
    ]  # fmt: skip
    assert ends(in_process, over) == 1


def test_the_pause_before_another_try_ends_after_five_minutes(
    in_process: InProcessPortal, over: Stream
) -> None:
    for _ in range(12):
        assert over.id in ask(in_process)
        settled_at(in_process, fail(in_process, over), in_process.now() - timedelta(minutes=5))
    assert over.id in ask(in_process)


def test_one_that_failed_and_is_redriven_beside_a_later_one_announces_once(
    in_process: InProcessPortal, over: Stream
) -> None:
    ask(in_process)
    first = fail(in_process, over)
    settled_at(in_process, first, in_process.now() - timedelta(hours=1))
    assert over.id in ask(in_process)
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE jobs SET status = 'QUEUED' WHERE id = %s", (first.id,))
    in_process.drain(over)
    assert {job.status for job in announced(in_process, over)} == {
        JobStatus.SUCCEEDED, JobStatus.REJECTED,
    }  # fmt: skip
    assert ends(in_process, over) == 1


def test_one_that_the_clock_has_rejected_is_asked_for_again(
    in_process: InProcessPortal, over: Stream
) -> None:
    """It was due, and by the time it was accepted the clock had stepped back before the end."""
    ask(in_process)
    [job] = announced(in_process, over)
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET accepted_at = accepted_at - interval '1 h' WHERE id = %s", (job.id,)
        )
    in_process.drain(over)
    assert in_process.job(job.id).status is JobStatus.REJECTED
    settled_at(in_process, job, in_process.now() - timedelta(hours=1))
    assert over.id in ask(in_process)
    in_process.drain(over)
    assert ends(in_process, over) == 1


def test_one_that_failed_in_a_future_that_the_clock_left_is_not_waited_for(
    in_process: InProcessPortal, over: Stream
) -> None:
    ask(in_process)
    settled_at(in_process, fail(in_process, over), in_process.now() + timedelta(hours=1))
    assert over.id in ask(in_process)


def test_one_that_waits_is_asked_for_once(in_process: InProcessPortal, over: Stream) -> None:
    for _ in range(3):
        assert over.id in ask(in_process), "its stream is woken again"
    assert len(announced(in_process, over)) == 1


def test_a_deletion_holds_up_the_closing_of_no_auction_that_the_user_has_no_bid_in(
    in_process: InProcessPortal,
) -> None:
    """However long it takes to withdraw what they have elsewhere, and while it waits for its turn."""
    alice, bob = in_process.user(), in_process.user()
    hers, open_still, others = (in_process.auction(seconds=60) for _ in range(3))
    in_process.bid(hers, alice, "5.00")
    in_process.bid(open_still, alice, "5.00")
    in_process.bid(others, bob, "5.00")
    in_process.accept(Stream("user", alice), DeleteUser(alice))
    end_now(in_process, hers, others)
    asked = ask(in_process)
    assert others.id in asked
    assert hers.id not in asked, "her bid counts until it is withdrawn"
    in_process.drain(others)
    assert ends(in_process, others) == 1
    in_process.drain(Stream("user", alice))
    assert hers.id in ask(in_process)
    in_process.drain(hers)
    in_process.drain(open_still)
    assert winners(in_process, hers) == []


def test_a_closing_waits_for_the_deletion_of_a_user_whose_bid_is_still_to_be_placed(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction(seconds=60)
    in_process.accept(auction, PlaceBid(auction.id, new_id(), alice, Decimal("5.00")))
    in_process.accept(Stream("user", alice), DeleteUser(alice))
    end_now(in_process, auction)
    assert auction.id not in ask(in_process)
    in_process.drain(auction)
    assert auction.id not in ask(in_process)
    in_process.drain(Stream("user", alice))
    assert auction.id in ask(in_process)
    in_process.drain(auction)
    assert winners(in_process, auction) == []
    assert ends(in_process, auction) == 1


# Entries of indexes that this transaction has read so far, and rows of scans.
READ = """
SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))
       + max(pg_stat_get_xact_tuples_returned(indrelid)) AS entries
FROM pg_index WHERE indrelid = 'bids'::regclass
"""
FILL = """
INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version,
                  reached_version, doubled, deleted)
SELECT gen_random_uuid(), CASE WHEN n %% 2 = 0 THEN gen_random_uuid() ELSE %(auction)s END,
       CASE WHEN n %% 2 = 0 THEN %(leaving)s ELSE gen_random_uuid() END, n, n, now(), n, n, false, false
FROM generate_series(1, 40000) AS n
"""


def test_whether_a_user_who_is_deleted_has_a_bid_is_found_by_the_index(
    in_process: InProcessPortal,
) -> None:
    auctions, leaving = [in_process.auction(seconds=60) for _ in range(30)], in_process.user()
    with in_process.pool.connection() as connection, connection.transaction(force_rollback=True):
        filling = {"auction": auctions[0].id, "leaving": leaving}
        connection.execute(FILL, filling)
        connection.execute(
            "UPDATE users SET withdrawing_at = now() - interval '1 h' WHERE id = %s", (leaving,)
        )
        connection.execute(
            "UPDATE auctions SET ends_at = now() - interval '1 min' WHERE id = ANY(%s)",
            ([auction.id for auction in auctions],),
        )
        connection.execute("ANALYZE bids")
        before = connection.execute(READ).fetchone()
        due = due_auctions(connection, in_process.now(), None, closing.AT_ONCE)
        after = connection.execute(READ).fetchone()
    assert {auction.id for auction in auctions} <= {each.id for each in due}
    assert before
    assert after
    assert after["entries"] - before["entries"] < 1_000


def end_now(in_process: InProcessPortal, *auctions: Stream) -> None:
    """They end now, after all that was accepted."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE auctions SET ends_at = clock_timestamp() WHERE id = ANY(%s)",
            ([auction.id for auction in auctions],),
        )


def winners(in_process: InProcessPortal, auction: Stream) -> list[UUID]:
    """Who was announced."""
    with in_process.pool.connection() as connection:
        events = PostgresEventStore(connection).read(auction.id)
    return [each.event.bidder_id for each in events if isinstance(each.event, WinnerAnnounced)]


STEPS = {
    "the due ones are read": ("after", "commands.inbox.closing:due_auctions"),
    "a batch is accepted": ("after", "commands.inbox.closing:accept_all"),
    "before it is woken": ("before", "commands.inbox.closing:wake_for"),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_schedule_closes_all(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    auctions = [in_process.auction(seconds=0.05) for _ in range(5)]
    for auction in auctions:
        in_process.over(auction)
    run_and_die(*STEPS[step], ANNOUNCE)
    monkeypatch.setattr(closing, "AT_ONCE", 2)
    current_app.tasks[ANNOUNCE].apply()
    for auction in auctions:
        in_process.drain(auction)
        assert ends(in_process, auction) == 1
        assert len(announced(in_process, auction)) == 1


def test_a_bid_handled_after_the_end_moves_it_and_the_auction_is_asked_to_close_again(
    in_process: InProcessPortal,
) -> None:
    """It was accepted in time, and the closing while it waited."""
    soft = SoftClose(window=60, extension=1, times=2)
    auction, alice = in_process.auction(seconds=0.05, rules=(soft,)), in_process.user()
    for amount in ("5.00", "6.00"):
        bid = PlaceBid(auction.id, new_id(), alice, Decimal(amount))
        in_process.accept(auction, bid, at=in_process.over(auction) - SHORTLY)
        # Asked for beforehand, so it is refused, and holds nothing up after the moved end.
        assert auction.id in ask(in_process)
        in_process.drain(auction)
        assert announced(in_process, auction)[-1].status is JobStatus.REJECTED
        assert auction.id not in ask(in_process)
    assert ends(in_process, auction) == 0
    in_process.over(auction)
    assert auction.id in ask(in_process)
    in_process.drain(auction)
    assert ends(in_process, auction) == 1
    assert len(announced(in_process, auction)) == 3
