"""What grows ends: each kind of row at its age, in batches and by an index, and nothing else goes with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib import admin
from pytest_django import DjangoDbBlocker

from commands.admin.ticks import PromoterTickAdmin
from commands.domain.commands import DeleteUser
from commands.handling import draws as handling_draws
from commands.handling import users
from commands.handling.drain import drain_batch, drain_one_by_one
from commands.jobs import JobStatus
from commands.models import PromoterTick
from commands.postgres.auctions import read_auction
from commands.postgres.connections import Pool
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.pruning import Ending, Pruned, prune
from commands.postgres.secret_keys import MADE_AT
from commands.postgres.ticks import PUBLIC
from commands.postgres.users import withdrawing_users
from commands.promoter.checks import check_draws
from commands.promoter.rounds import reveal_secrets, run_promoter
from commands.streams import Stream
from portal.tasks import endings, prune_tables
from projections.upkeep.verify import verify
from projections.wiring import catch_up, live_documents
from tests.integration.in_process import InProcessPortal

MINUTE = timedelta(minutes=1)
JOB = """
INSERT INTO jobs (id, stream_kind, stream_id, command, payload, idempotency_scope, idempotency_key,
                  fingerprint, correlation_id, accepted_at, expires_at, status, settled_at)
SELECT gen_random_uuid(), 'auction', gen_random_uuid(), {command}, {payload}, 'user:x',
       gen_random_uuid()::text, '', gen_random_uuid(), old, old, {status},
       CASE WHEN {status} <> 'QUEUED' THEN old END
"""
NOTIFICATION = """
INSERT INTO notifications (id, user_id, kind, auction_id, version, amount, in_app, created_at,
                           changed_at, read_at)
SELECT gen_random_uuid(), gen_random_uuid(), 'OUTBID', gen_random_uuid(), 1, 1, true, old, old, {read}
"""
MAIL = """
INSERT INTO mails (id, user_id, kind, context, version, urgent, due, attempts, given_up, settled_at)
SELECT gen_random_uuid(), gen_random_uuid(), 'CONFIRM_EMAIL', '{{}}', 0, n %% 2 = 0, {due}, 0, false, {settled}
"""
# Of an auction of its own, which ended when it was begun.
WATCH = """
WITH ended AS (
    INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)
    VALUES (gen_random_uuid(), 1, 'pruned', '', statement_timestamp() - %(age)s - interval '1 h',
            statement_timestamp() - %(age)s, {closed}) RETURNING id
)
INSERT INTO watches (user_id, auction_id, watched_at)
SELECT gen_random_uuid(), (SELECT id FROM ended), old
"""
# For each kind, how a row comes about that is as old as `old` says; and rows that stay however old they are.
ROWS: Mapping[str, str] = {
    "failed sign-ups erased": JOB.format(
        command="'CreateUser'", payload="""'{"password_hash": "x"}'""", status="'FAILED'"
    ),
    "settled jobs": JOB.format(command="'PlaceBid'", payload="'{}'", status="'REJECTED'"),
    "failed jobs": JOB.format(command="'PlaceBid'", payload="'{}'", status="'FAILED'"),
    "sessions": """
        INSERT INTO sessions (id, user_id, seed, generation, created_at, used_at, expires_at)
        SELECT gen_random_uuid(), %(user)s, '', 0, old, old, old
    """,
    "admin sessions": "INSERT INTO django_session SELECT gen_random_uuid()::text, '', old",
    "admin log": """
        INSERT INTO django_admin_log (action_time, object_repr, action_flag, change_message, user_id)
        SELECT old, 'x', 1, '', %(user)s
    """,
    "read notifications": NOTIFICATION.format(read="old"),
    "unread notifications": NOTIFICATION.format(read="NULL"),
    "watches": WATCH.format(closed="true"),
    "mails": MAIL.format(due="NULL", settled="old"),
    "drifts": """
        INSERT INTO drifts (stream_id, stream_kind, what, repaired, found_at)
        SELECT gen_random_uuid(), 'auction', 'x', true, old
    """,
    "ticks' secrets": """
        INSERT INTO promoter_ticks (number, stream_id, version, commitment, secret, committed_at, made_at,
                                    accepted, draws, revealed_at)
        SELECT (SELECT least(min(number), 0) FROM promoter_ticks) - n, gen_random_uuid(), 4, '', 'x', old,
               old, 0, 0, old
    """,
    "keys without an owner": f"""
        INSERT INTO secret_keys (owner_id, key)
        SELECT overlay({MADE_AT.format("old")}::text PLACING lpad(to_hex(n), 12, '0') FROM 25)::uuid, ''
    """,
    "failing tasks": """
        INSERT INTO failing_tasks (task, arguments, failures, since, last_failed_at, error)
        SELECT 'a task', gen_random_uuid(), 1, old, old, 'x'
    """,
}
STAYING = (
    f"""
    WITH owner AS (
        INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)
        SELECT overlay({MADE_AT.format("old")}::text PLACING lpad(to_hex(n), 12, 'f') FROM 25)::uuid, 1, 'pruned', '', old,
               old, true
        FROM (SELECT n, statement_timestamp() - interval '24 hours 20 minutes' AS old FROM generate_series(1, %(rows)s) AS n) AS _
        RETURNING id
    ), made AS (INSERT INTO secret_keys (owner_id, key) SELECT id, '' FROM owner)
    INSERT INTO watches (user_id, auction_id, watched_at) SELECT gen_random_uuid(), gen_random_uuid(), old
    """,
    WATCH.format(closed="false"),
    JOB.format(command="'PlaceBid'", payload="'{}'", status="'QUEUED'"),
    MAIL.format(due="old", settled="NULL"),
    """
    INSERT INTO drifts (stream_id, stream_kind, what, repaired, found_at)
    SELECT gen_random_uuid(), 'auction', 'x', false, old
    """,
)
OLD = " FROM (SELECT n, statement_timestamp() - %(age)s AS old FROM generate_series(1, %(rows)s) AS n) AS _"
COUNTED = ("jobs", "sessions", "django_session", "django_admin_log", "notifications", "watches", "mails",
           "drifts", "failing_tasks", "secret_keys")  # fmt: skip


@contextmanager
def alone(pool: Pool) -> Iterator[None]:
    """Tables without anything that ends, before and after."""
    empty(pool)
    yield
    empty(pool)


def empty(pool: Pool) -> None:
    with pool.connection() as connection:
        for table in COUNTED[1:]:
            connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM jobs WHERE idempotency_scope = 'user:x'")
        connection.execute("DELETE FROM promoter_ticks WHERE number < 0")
        connection.execute("DELETE FROM auctions WHERE title = 'pruned'")


def add(pool: Pool, statement: str, rows: int, age: timedelta, user: UUID) -> None:
    with pool.connection() as connection:
        connection.execute(statement + OLD, {"age": age, "rows": rows, "user": user})


def counts(pool: Pool) -> dict[str, int]:
    with pool.connection() as connection:
        return {
            table: row["n"]
            for table in COUNTED
            if (row := connection.execute(f"SELECT count(*) AS n FROM {table}").fetchone())
        }


def test_each_kind_ends_at_its_age_and_all_else_stays(in_process: InProcessPortal) -> None:
    pool, user = in_process.pool, in_process.user()
    assert {each.what for each in endings()} == set(ROWS), "a row of each kind"
    with alone(pool):
        for statement in STAYING:
            add(pool, statement, 3, timedelta(days=3000), user)
        before = counts(pool)
        for ending in endings():
            add(pool, ROWS[ending.what], 5, ending.age + MINUTE, user)
        for ending in endings():
            add(pool, ROWS[ending.what], 2, max(ending.age - MINUTE, -MINUTE), user)
        ended = prune(pool, endings(), 60, at_once=2)
        assert ended == Pruned(dict.fromkeys(ROWS, 5), more=False)
        # Two young ones of each kind; and failed sign-ups stay, without what is personal.
        young = dict.fromkeys(COUNTED, 2) | {"jobs": 2 * 3 + 5, "notifications": 2 * 2}
        assert counts(pool) == {table: before[table] + young[table] for table in COUNTED}
        assert prune(pool, endings(), 60) == Pruned({}, more=False)


def test_pruning_ends_with_its_turn_and_is_done_in_several(in_process: InProcessPortal) -> None:
    pool, user = in_process.pool, in_process.user()
    with alone(pool):
        for ending in endings():
            add(pool, ROWS[ending.what], 10, ending.age + MINUTE, user)
        runs = [prune(pool, endings(), 0.000001, at_once=1)]
        while runs[-1].more:
            runs.append(prune(pool, endings(), 0.01, at_once=1))
        assert len(runs) > 2
        assert sum(sum(run.rows.values()) for run in runs) == 10 * len(ROWS)


def test_jobs_end_and_events_stay_and_are_verified(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "5.00")
    catch_up(auction)
    monkeypatch.setattr(settings, "JOBS_KEPT", timedelta())
    prune_tables()
    # From now on they are kept for longer than it is since those ended.
    monkeypatch.setattr(settings, "JOBS_KEPT", timedelta(days=90))
    in_process.bid(auction, alice, "6.00")
    catch_up(auction)
    with in_process.pool.connection() as connection:
        kept = connection.execute("SELECT FROM jobs WHERE stream_id = %s", (auction.id,))
        assert kept.rowcount == 1
        verdict = verify(connection, auction, live_documents())
    assert (verdict.events, verdict.findings, verdict.jobless) == (3, [], 2)


def test_a_failed_draws_job_is_kept_as_long_as_those_that_were_settled_before_it(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    with monkeypatch.context() as patch:
        patch.setattr(handling_draws, "draw_bids", fails)
        _, jobs = run_promoter(in_process.pool, timedelta(0))
        [draw] = [job for job in jobs if job.stream == auction]
        drain_one_by_one([auction], in_process.pool)
    assert in_process.job(draw.id).status is JobStatus.FAILED
    catch_up(auction)
    monkeypatch.setattr(settings, "FAILED_JOBS_KEPT", timedelta())
    prune_tables()
    with in_process.pool.connection() as connection:
        assert verify(connection, auction, live_documents()).findings == []
        assert PostgresJobInbox(connection).find(draw.id)
    monkeypatch.setattr(settings, "JOBS_KEPT", timedelta())
    prune_tables()
    with in_process.pool.connection() as connection:
        assert PostgresJobInbox(connection).find(draw.id) is None
        assert verify(connection, auction, live_documents()).findings == []


def fails(*_: Any, **__: Any) -> Any:
    """As whatever nobody thought of."""
    raise ZeroDivisionError


def test_a_draw_of_long_ago_is_checked_by_the_secret_in_the_log(
    in_process: InProcessPortal, django_db_blocker: DjangoDbBlocker
) -> None:
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    number = in_process.double(auction).payload["tick"]
    reveal_secrets(in_process.pool)
    with in_process.pool.connection() as connection:
        before = connection.execute(PUBLIC, (number,)).fetchone()
        assert before
        assert len(before["secret"]) == 64
        connection.execute(
            "UPDATE promoter_ticks SET revealed_at = revealed_at - %s WHERE number = %s",
            (settings.TICK_SECRETS_KEPT + MINUTE, number),
        )
    prune_tables()
    tick = Stream("tick", before["stream_id"])
    with in_process.pool.connection() as connection:
        kept = connection.execute("SELECT secret FROM promoter_ticks WHERE number = %s", (number,))
        assert kept.fetchone() == {"secret": ""}
        after = connection.execute(PUBLIC, (number,)).fetchone()
        assert after
        assert after["secret"] == before["secret"]
        history = PostgresEventStore(connection).read(auction.id)
        [checked] = check_draws(connection, history)
        assert verify(connection, tick, live_documents()).findings == []
    assert (checked.revealed, checked.problem) == (True, None)
    with django_db_blocker.unblock():
        row = PromoterTick.objects.get(number=number)
        shown = PromoterTickAdmin(PromoterTick, admin.site).revealed_secret(row)
    assert shown == before["secret"]


def test_bids_are_withdrawn_however_long_ago_the_deletion_was(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "AT_ONCE", 1)
    leaving, auctions = Stream("user", in_process.user()), [in_process.auction() for _ in range(3)]
    for auction in auctions:
        in_process.bid(auction, leaving.id, "5.00")
    job = in_process.accept(leaving, DeleteUser(leaving.id))
    assert len(drain_batch([leaving], in_process.pool).woken) == 1, "the first batch"
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET settled_at = settled_at - %s WHERE id = %s",
            (settings.JOBS_KEPT + MINUTE, job.id),
        )
    prune_tables()
    for stream in (leaving, *auctions):
        in_process.drain(stream)
    with in_process.pool.connection() as connection:
        assert PostgresJobInbox(connection).find(job.id) is None
        assert leaving.id not in withdrawing_users(connection)
        for auction in auctions:
            state = read_auction(connection, auction.id)
            assert state
            assert state.leading_bid is None


@pytest.mark.parametrize("ending", endings(), ids=lambda ending: ending.what)
def test_what_ends_is_found_by_an_index_however_much_stays(
    in_process: InProcessPortal, ending: Ending
) -> None:
    pool, user = in_process.pool, in_process.user()
    values = {"age": ending.age, "limit": 100}
    with pool.connection() as connection:
        # Indexes hold what the one before rolled back.
        connection.execute("VACUUM jobs")
    with alone(pool), pool.connection() as connection, connection.transaction(force_rollback=True):
        young = max(ending.age - timedelta(hours=1), timedelta(hours=-1))
        connection.execute(ROWS[ending.what] + OLD, {"age": young, "rows": 20_000, "user": user})
        connection.execute("ANALYZE")
        row = connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {ending.statement}", values
        ).fetchone()
        assert row
        plan = row["QUERY PLAN"][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100, plan
