"""Idempotency keys: nobody can read them, nobody can use up another's, and each is forgotten some day."""

import importlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection as djangos
from pytest_django.plugin import DjangoDbBlocker

from commands.domain.rejections import RejectionCode
from commands.inbox.requests import Caller, create_user, place_bid
from commands.inbox.sweeping import endings
from commands.jobs import IdempotencyConflict, Job, Submission
from commands.postgres.accepting import accept
from commands.postgres.pruning import prune
from commands.streams import Stream
from tests.conftest import PASSWORD
from tests.integration.in_process import InProcessPortal

KEY = "alice@example.org-7"


def submit(in_process: InProcessPortal, submission: Submission) -> Job:
    with in_process.pool.connection() as connection:
        return accept(connection, submission)


def bid(in_process: InProcessPortal, alice: UUID, auction: Stream, key: str = KEY) -> Job:
    caller = Caller.user(alice)
    submission = place_bid(
        caller, bidder_id=alice, auction_id=auction.id, amount_text="7.00", idempotency_key=key
    )
    return submit(in_process, submission)


def sign_up(in_process: InProcessPortal, name: str, password: str, email: str | None = None) -> Job:
    anybody = Caller.anonymous()
    submission = create_user(
        anybody, username=name, password=password, email=email, idempotency_key=KEY
    )
    return submit(in_process, submission)


def age(in_process: InProcessPortal, job: Job, age: timedelta) -> None:
    """Make the job as old as that, settled or not."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET accepted_at = accepted_at - %s, settled_at = settled_at - %s "
            "WHERE id = %s",
            (age, age, job.id),
        )


def key_of(in_process: InProcessPortal, job: Job) -> Any:
    with in_process.pool.connection() as connection:
        row = connection.execute("SELECT idempotency_key FROM jobs WHERE id = %s", (job.id,))
        found = row.fetchone()
    assert found
    return found["idempotency_key"]


def test_a_stored_key_is_a_hash_that_differs_from_user_to_user(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    hers, his = (bid(in_process, in_process.user(), auction) for _ in range(2))
    with in_process.pool.connection() as connection:
        rows = connection.execute("SELECT jobs::text AS row FROM jobs").fetchall()
    assert not [row for row in rows if KEY in row["row"]]
    assert len({key_of(in_process, hers), key_of(in_process, his)}) == 2


def test_a_strangers_sign_up_under_the_same_key_is_another_job(
    in_process: InProcessPortal,
) -> None:
    alice, mallory = f"a{in_process.user().hex[-20:]}", f"m{in_process.user().hex[-20:]}"
    squatted = [
        sign_up(in_process, mallory, "mallory's own horse 1"),
        sign_up(in_process, alice, "mallory's own horse 1"),
        sign_up(in_process, alice, PASSWORD, "mallory@example.org"),
    ]
    hers = sign_up(in_process, alice, PASSWORD)
    assert hers.id not in {job.id for job in squatted}
    assert sign_up(in_process, alice, PASSWORD).id == hers.id
    in_process.drain(hers.stream)
    assert in_process.job(hers.id).rejection is None
    in_process.drain(squatted[1].stream)
    refused = in_process.job(squatted[1].id).rejection
    assert refused
    assert refused.code is RejectionCode.USERNAME_TAKEN


def test_a_key_goes_with_its_job_a_while_after_that_was_settled(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    old, young = (bid(in_process, alice, auction, key) for key in ("old", "young"))
    in_process.drain(auction)
    waiting = bid(in_process, alice, auction, "waiting")
    kept: timedelta = settings.JOBS_KEPT
    age(in_process, old, kept + timedelta(minutes=1))
    # So young that it does not end while other tests of this process prune.
    age(in_process, young, kept - timedelta(days=1))
    age(in_process, waiting, kept + timedelta(minutes=1))
    prune(in_process.pool, endings(), 10)
    assert bid(in_process, alice, auction, "young").id == young.id
    assert bid(in_process, alice, auction, "waiting").id == waiting.id
    assert bid(in_process, alice, auction, "old").id != old.id


def test_keys_from_before_they_were_hashed_are_known_again(
    in_process: InProcessPortal, django_db_blocker: DjangoDbBlocker
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    hers = bid(in_process, alice, auction)
    anonymous = sign_up(in_process, f"a{in_process.user().hex[-20:]}", PASSWORD)
    with in_process.pool.connection() as writer:
        writer.execute("UPDATE jobs SET idempotency_key = %s WHERE id = %s", (KEY, hers.id))
    migration = importlib.import_module("commands.migrations.0005_hashed_keys")
    with django_db_blocker.unblock():
        migration.hash_keys(apps, None)
        djangos.close()
    assert bid(in_process, alice, auction).id == hers.id
    assert key_of(in_process, anonymous) is None
    with pytest.raises(IdempotencyConflict):
        submit(
            in_process,
            place_bid(
                Caller.user(alice),
                bidder_id=alice,
                auction_id=auction.id,
                amount_text="8.00",
                idempotency_key=KEY,
            ),
        )
