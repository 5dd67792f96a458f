"""A batch of jobs, decided one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import pytest
from psycopg import OperationalError

from commands.domain.auction import decide
from commands.domain.commands import AuctionCommand
from commands.domain.events import AuctionEvent, Event
from commands.domain.rejections import Rejection, RejectionCode
from commands.domain.state import Auction, replay
from commands.handling.batch import Decided, decide_jobs
from commands.jobs import Job, JobOutcome, JobStatus
from commands.record.codec import decode_command
from commands.streams import NewEvent
from tests.domain.scenario import (
    ALICE,
    BOB,
    CAST,
    CHARLIE,
    CLOSING,
    CREATED,
    DURING,
    FIRST,
    INSTANT,
    SECOND,
    THIRD,
    announce,
    delete,
    deleted,
    job,
    place,
    placed,
    withdraw,
    withdrawn,
)

OPEN = replay([CREATED])
ONE_BID = replay([CREATED, placed(FIRST, ALICE, "10.00")])


def evolve(state: Auction | None, events: Sequence[Event]) -> Auction:
    """The auction after the events."""
    return replay(cast(Sequence[AuctionEvent], events), state)


def decided(state: Auction | None, *jobs: Job, now: datetime = DURING) -> Decided[Auction]:
    """The batch's answers for that auction."""
    version = state.version if state else 0
    return decide_jobs(jobs, state, decide_job, evolve, version=version, now=now)


def decide_job(job: Job, state: Auction | None) -> Sequence[AuctionEvent] | Rejection:
    """The domain's answer as of the job's acceptance."""
    command = cast(AuctionCommand, decode_command(job.command, job.payload))
    return decide(command, state, now=job.accepted_at, bidders=CAST)


def caused(event: AuctionEvent, number: int, at: datetime = DURING) -> NewEvent:
    """The event, caused by the job of that number, which was accepted then."""
    return NewEvent(event, UUID(int=number), UUID(int=1000 + number), accepted_at=at)


def codes(batch: Decided[Auction]) -> list[RejectionCode | None]:
    """Why each job was refused, if it was."""
    return [o.rejection.code if o.rejection else None for o in batch.outcomes]


def test_an_empty_batch_changes_nothing() -> None:
    assert decided(OPEN) == Decided(OPEN, OPEN, events=[], outcomes=[])


def test_jobs_are_answered_in_their_order_with_the_version_after_each() -> None:
    first = job(place(FIRST, ALICE, "10.00"), number=1)
    second = job(place(SECOND, BOB, "30.00"), number=2)
    third = job(delete(FIRST, ALICE), number=3)
    events: list[AuctionEvent] = [
        placed(FIRST, ALICE, "10.00"),
        placed(SECOND, BOB, "30.00"),
        deleted(FIRST, ALICE),
    ]

    assert decided(OPEN, first, second, third) == Decided(
        OPEN,
        replay([CREATED, *events]),
        events=[caused(event, number) for number, event in enumerate(events, 1)],
        outcomes=[
            JobOutcome(first, JobStatus.SUCCEEDED, version=2),
            JobOutcome(second, JobStatus.SUCCEEDED, version=3),
            JobOutcome(third, JobStatus.SUCCEEDED, version=4),
        ],
    )


def test_a_job_sees_what_the_one_before_it_did() -> None:
    batch = decided(
        OPEN,
        job(place(FIRST, ALICE, "10.00"), number=1),
        job(place(SECOND, ALICE, "10.00"), number=2),
        job(delete(FIRST, ALICE), number=3),
        job(place(THIRD, ALICE, "9.00"), number=4),
    )
    assert codes(batch) == [None, RejectionCode.BID_TOO_LOW, None, None]
    assert [new.event for new in batch.events] == [
        placed(FIRST, ALICE, "10.00"),
        deleted(FIRST, ALICE),
        placed(THIRD, ALICE, "9.00"),
    ]


def test_a_job_with_many_events_moves_the_version_by_as_many_and_one_without_by_none() -> None:
    state = replay([CREATED, placed(FIRST, ALICE, "1.00"), placed(SECOND, ALICE, "2.00")])
    batch = decided(
        state,
        job(withdraw(CHARLIE), number=1),
        job(withdraw(ALICE), number=2),
        job(withdraw(ALICE), number=3),
    )
    assert [outcome.status for outcome in batch.outcomes] == [JobStatus.SUCCEEDED] * 3
    assert [outcome.version for outcome in batch.outcomes] == [3, 5, 5]
    assert batch.events == [
        caused(withdrawn(FIRST, ALICE), 2),
        caused(withdrawn(SECOND, ALICE), 2),
    ]


def test_a_refused_job_has_no_version_and_changes_nothing() -> None:
    refused = job(announce())
    batch = decided(ONE_BID, refused)
    assert batch.state is ONE_BID
    assert batch.events == []
    assert batch.outcomes == [
        JobOutcome(
            refused,
            JobStatus.REJECTED,
            rejection=Rejection(
                RejectionCode.AUCTION_NOT_ENDED, "it ends at 2025-03-01 13:00:00 UTC"
            ),
        )
    ]


def test_what_a_newer_release_accepted_waits_and_so_do_those_behind_it() -> None:
    first = job(place(SECOND, BOB, "20.00"), number=1)
    other = replace(job(place(FIRST, ALICE, "10.00"), number=2), command="RaiseBid")
    later = job(place(THIRD, CHARLIE, "30.00"), number=3)
    batch = decided(OPEN, first, other, later)
    assert batch.outcomes == [JobOutcome(first, JobStatus.SUCCEEDED, version=2)]
    assert batch.events == [caused(placed(SECOND, BOB, "20.00"), 1)]
    assert batch.unknown
    assert batch.unknown.what == "command RaiseBid"


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        pytest.param(
            replace(job(place(FIRST, ALICE, "10.00"), number=2), payload={}),
            "KeyError: 'auction_id'",
            id="a payload without its fields",
        ),
        pytest.param(
            replace(job(delete(FIRST, ALICE), number=2), payload={"auction_id": "no id"}),
            "ValueError: badly formed hexadecimal UUID string",
            id="a payload that is not what it should be",
        ),
    ],
)
def test_a_failing_job_keeps_its_error_and_stops_no_other(broken: Job, error: str) -> None:
    before = job(place(SECOND, BOB, "20.00"), number=1)
    after = job(place(THIRD, CHARLIE, "30.00"), number=3)
    batch = decided(OPEN, before, broken, after)

    failed = batch.outcomes[1]
    assert failed.error is not None
    assert failed.error.startswith("Traceback")
    assert failed.error.endswith(f"{error}\n")
    assert batch.outcomes == [
        JobOutcome(before, JobStatus.SUCCEEDED, version=2),
        JobOutcome(broken, JobStatus.FAILED, error=failed.error),
        JobOutcome(after, JobStatus.SUCCEEDED, version=3),
    ]
    assert batch.events == [
        caused(placed(SECOND, BOB, "20.00"), 1),
        caused(placed(THIRD, CHARLIE, "30.00"), 3),
    ]


def test_events_that_the_state_cannot_take_in_fail_their_job_and_are_not_kept() -> None:
    broken, fine = job(delete(FIRST, ALICE), number=1), job(withdraw(BOB), number=2)
    batch = decide_jobs(
        [broken, fine],
        OPEN,
        lambda asked, _: [deleted(FIRST, ALICE)] if asked is broken else [],
        evolve,
        version=1,
        now=DURING,
    )
    assert [outcome.status for outcome in batch.outcomes] == [JobStatus.FAILED, JobStatus.SUCCEEDED]
    assert [outcome.version for outcome in batch.outcomes] == [None, 1]
    assert batch.events == []
    assert batch.state is OPEN


def test_the_databases_own_fault_fails_no_job() -> None:
    def lost(_job: Job, _state: Auction | None) -> Sequence[Event]:
        raise OperationalError("the connection is lost")

    with pytest.raises(OperationalError):
        decide_jobs([job(withdraw(BOB))], OPEN, lost, evolve, version=1, now=DURING)


def test_an_expired_job_that_breaks_a_rule_too_is_refused_as_expired() -> None:
    nowhere = job(delete(THIRD, ALICE), expires=DURING + INSTANT)
    [outcome] = decided(OPEN, nowhere, now=CLOSING).outcomes
    assert outcome.rejection
    assert outcome.rejection.code is RejectionCode.EXPIRED


@pytest.mark.parametrize("late_by", [timedelta(0), INSTANT, timedelta(days=1)])
def test_an_expired_job_is_refused_as_expired_and_never_run(late_by: timedelta) -> None:
    expires = DURING + timedelta(minutes=5)
    expired = job(place(FIRST, ALICE, "10.00"), number=1, expires=expires)
    lasting = job(place(SECOND, BOB, "20.00"), number=2)
    batch = decided(OPEN, expired, lasting, now=expires + late_by)
    assert batch.outcomes == [
        JobOutcome(
            expired,
            JobStatus.REJECTED,
            rejection=Rejection(RejectionCode.EXPIRED, "it was not handled within 300 seconds"),
        ),
        JobOutcome(lasting, JobStatus.SUCCEEDED, version=2),
    ]
    assert batch.events == [caused(placed(SECOND, BOB, "20.00"), 2)]


def test_a_job_is_run_until_the_instant_it_expires() -> None:
    waiting = job(place(FIRST, ALICE, "10.00"), expires=CLOSING)
    batch = decided(OPEN, waiting, now=CLOSING - INSTANT)
    assert batch.outcomes == [JobOutcome(waiting, JobStatus.SUCCEEDED, version=2)]


def test_the_moment_of_acceptance_decides_not_the_moment_of_handling() -> None:
    in_time = job(place(FIRST, ALICE, "10.00"), at=CLOSING - INSTANT)
    late = job(place(SECOND, BOB, "20.00"), number=2, at=CLOSING)
    batch = decided(OPEN, in_time, late, now=CLOSING + timedelta(hours=1))
    assert codes(batch) == [None, RejectionCode.AUCTION_ENDED]
    last = CLOSING - INSTANT
    assert batch.events == [caused(placed(FIRST, ALICE, "10.00", at=last), 1, last)]


def test_a_job_for_an_auction_that_does_not_exist_is_refused() -> None:
    batch = decided(None, job(place(FIRST, ALICE, "10.00")))
    assert codes(batch) == [RejectionCode.AUCTION_NOT_FOUND]
    assert batch.state is None
