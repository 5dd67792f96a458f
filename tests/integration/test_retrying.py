"""Faults that pass are tried again; the rest is kept as failed, and can be re-driven."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.commands import AnnounceWinner, CreateUser, DeleteUser, PlaceBid
from commands.domain.rejections import RejectionCode
from commands.handling.drain import TRIES, drain_batch
from commands.handling.retrying import LONGEST_PAUSE, RETRIES, pause_before
from commands.ids import new_id
from commands.inbox.submitting import WAITING, redrive
from commands.inbox.sweeping import endings
from commands.jobs import Job, JobStatus
from commands.postgres.auctions import read_auction
from commands.postgres.connections import Pool
from commands.postgres.pruning import prune
from commands.queues import BIDS
from commands.streams import Stream
from tests.integration.faults import faults
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.working import work

PASSING = {
    "08006": "connection failure",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53300": "too many connections",
    "55P03": "lock timeout",
    "57014": "statement timeout",
    "57P01": "shutdown",
    "57P03": "starting up",
    "25006": "still a replica",
    "kill": "connection lost",
}
LASTING = {"XX000": "internal error", "22003": "out of range", "42P01": "no such table"}


def place(stream: Stream, bidder_id: UUID, amount: str) -> PlaceBid:
    return PlaceBid(stream.id, new_id(), bidder_id, Decimal(amount))


def row_of(in_process: InProcessPortal, job: Job) -> dict[str, object]:
    with in_process.pool.connection() as connection:
        row = connection.execute("SELECT * FROM jobs WHERE id = %s", (job.id,)).fetchone()
    assert row
    return row


def failed(in_process: InProcessPortal, stream: Stream, jobs: Sequence[Job]) -> None:
    """The jobs meet a fault that does not pass."""
    with faults(in_process, stream, "XX000"):
        in_process.drain(stream)
    assert {in_process.job(job.id).status for job in jobs} == {JobStatus.FAILED}


@pytest.mark.parametrize("code", PASSING, ids=PASSING.get)
def test_a_fault_that_passes_is_tried_again_until_it_has(
    in_process: InProcessPortal, code: str
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    jobs = [in_process.accept(auction, place(auction, alice, f"{n}.00")) for n in (1, 2, 3)]
    with faults(in_process, auction, code, times=TRIES - 1):
        # As a worker runs it, without the pauses.
        work(WAITING[BIDS], auction)
    assert [in_process.job(job.id).version for job in jobs] == [2, 3, 4]


def test_pauses_double_with_jitter_up_to_a_bound() -> None:
    for retries in range(20):
        pauses = {pause_before(retries) for _ in range(200)}
        assert max(pauses) <= min(2**retries, LONGEST_PAUSE)
        assert len(pauses) > 1
    assert max(pause_before(10) for _ in range(200)) > LONGEST_PAUSE / 2


def test_while_a_server_is_away_tries_are_bounded_and_count_against_no_job(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.accept(auction, place(auction, alice, "1.00"))
    with Pool(
        "postgresql://127.0.0.1:1/nowhere", min_size=0, max_size=1, timeout=0.05, open=True
    ) as nowhere:
        monkeypatch.setattr("commands.tasks.pool", lambda: nowhere)
        work(WAITING[BIDS], auction, turns=1)
    monkeypatch.undo()
    tries = [r for r in caplog.records if "transient fault, retrying" in str(r.msg)]
    assert len(tries) == RETRIES + 1
    assert (in_process.job(job.id).status, row_of(in_process, job)["attempts"]) == (
        JobStatus.QUEUED,
        0,
    )
    in_process.drain(auction)
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED


def test_a_job_that_meets_passing_faults_for_ever_fails_alone(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.accept(auction, place(auction, alice, "1.00"))
    with faults(in_process, auction, "40P01"):
        work(WAITING[BIDS], auction)
    assert in_process.job(job.id).status is JobStatus.FAILED
    assert row_of(in_process, job)["attempts"] == TRIES
    assert in_process.settled(auction, place(auction, alice, "2.00")).version == 2


@pytest.mark.parametrize("code", LASTING, ids=LASTING.get)
def test_what_does_not_pass_fails_at_once_and_is_kept_with_its_error(
    in_process: InProcessPortal, code: str
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.accept(auction, place(auction, alice, "1.00"))
    with faults(in_process, auction, code):
        assert [outcome.status for outcome in drain_batch([auction], in_process.pool).outcomes] == [
            JobStatus.FAILED
        ]
    error = str(row_of(in_process, job)["error"])
    assert "planted" in error
    assert "Traceback" in error
    assert "alice@example.org" not in error, "Postgres's details may quote personal data"
    assert read(in_process, auction) == 1, "nothing was changed"


def read(in_process: InProcessPortal, auction: Stream) -> int:
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    return state.version


def test_a_redriven_job_counts_as_accepted_when_it_was(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction(seconds=0.05)
    at = in_process.over(auction) - SHORTLY
    job = in_process.accept(auction, place(auction, alice, "1.00"), at=at)
    failed(in_process, auction, [job])
    assert [again.id for again in redrive(in_process.pool, [job.id])] == [job.id]
    in_process.drain(auction)
    redriven = in_process.job(job.id)
    assert (redriven.status, redriven.accepted_at) == (JobStatus.SUCCEEDED, at)


def test_a_redriven_bid_never_reaches_an_auction_that_was_closed_since(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction(seconds=0.05)
    at = in_process.over(auction) - SHORTLY
    job = in_process.accept(auction, place(auction, alice, "1.00"), at=at)
    failed(in_process, auction, [job])
    in_process.settled(auction, AnnounceWinner(auction.id))
    redrive(in_process.pool, [job.id])
    in_process.drain(auction)
    rejection = in_process.job(job.id).rejection
    assert rejection
    assert rejection.code is RejectionCode.AUCTION_ENDED
    assert read(in_process, auction) == 2


def test_a_redriven_job_is_past_its_deadline_all_the_same(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    job = in_process.accept(
        auction, place(auction, alice, "1.00"), expires_after=timedelta(hours=1)
    )
    failed(in_process, auction, [job])
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE jobs SET expires_at = accepted_at WHERE id = %s", (job.id,))
    redrive(in_process.pool, [job.id])
    in_process.drain(auction)
    rejection = in_process.job(job.id).rejection
    assert rejection
    assert rejection.code is RejectionCode.EXPIRED


def test_redriving_at_once_is_redriving_once(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    jobs = [in_process.accept(auction, place(auction, alice, f"{n}.00")) for n in range(1, 21)]
    failed(in_process, auction, jobs)
    ids = [job.id for job in jobs]
    with ThreadPoolExecutor(4) as operators:
        redriven = operators.map(
            lambda wanted: redrive(in_process.pool, wanted), [ids, ids[::-1], None, ids]
        )
        assert sum(len(set(ids) & {job.id for job in found}) for found in redriven) == 20
    in_process.drain(auction)
    assert [in_process.job(job_id).version for job_id in ids] == list(range(2, 22))
    assert redrive(in_process.pool, ids) == [], "what is not failed is left alone"


def sign_up(in_process: InProcessPortal, expires_after: timedelta | None = None) -> Job:
    """A sign-up that failed."""
    user_id = new_id()
    name = f"u{user_id.hex[-20:]}"
    stream = Stream("user", user_id)
    command = CreateUser(user_id, name, f"{name}@example.org", "secret-hash", False)
    job = in_process.accept(stream, command, expires_after=expires_after)
    failed(in_process, stream, [job])
    return job


def test_a_failed_sign_up_keeps_what_it_needs_until_it_is_redriven(
    in_process: InProcessPortal,
) -> None:
    job = sign_up(in_process)
    assert row_of(in_process, job)["payload"] == job.payload
    redrive(in_process.pool, [job.id])
    in_process.drain(job.stream)
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED
    assert set(in_process.job(job.id).payload) == {"user_id", "is_staff"}


def test_a_failed_sign_up_is_erased_when_its_deadline_is_over(in_process: InProcessPortal) -> None:
    kept = sign_up(in_process, expires_after=timedelta(hours=1))
    late = sign_up(in_process, expires_after=timedelta(hours=1))
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE jobs SET expires_at = accepted_at WHERE id = %s", (late.id,))
    prune(in_process.pool, endings(), 10)
    assert set(in_process.job(late.id).payload) == {"user_id", "is_staff"}
    assert in_process.job(kept.id).payload == kept.payload
    assert redrive(in_process.pool, [late.id]) == [], "nothing is left that could be decided"
    assert in_process.job(late.id).status is JobStatus.FAILED


def test_deleting_a_user_erases_their_failed_sign_ups_too(in_process: InProcessPortal) -> None:
    job = sign_up(in_process)
    name = job.payload["username"]
    other = sign_up(in_process)
    alice = new_id()
    command = CreateUser(alice, name, f"{name}@example.org", "secret-hash", False)
    assert in_process.settled(Stream("user", alice), command).status is JobStatus.SUCCEEDED
    in_process.settled(Stream("user", alice), DeleteUser(alice))
    assert set(in_process.job(job.id).payload) == {"user_id", "is_staff"}
    assert in_process.job(other.id).payload == other.payload
