"""Bans: recorded once whatever dies, decided with the bids of their time, and unreadable once the user is gone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

import pytest

from commands.domain.commands import BanUser, DeleteUser, LiftBan, PlaceBid
from commands.domain.events import BidPlaced, UserBanned
from commands.domain.rejections import RejectionCode
from commands.domain.rules.masked import Masked
from commands.domain.rules.own_lot import OwnLot
from commands.domain.rules.table import in_order
from commands.ids import new_id
from commands.inbox.requests import Caller, ban_user
from commands.inbox.submitting import WAITING
from commands.jobs import Job, JobStatus
from commands.postgres.aliases import aliases_of
from commands.postgres.auctions import share_bidders
from commands.postgres.bans import bans_of
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.secret_keys import key_for_user, keys_of
from commands.postgres.users import read_user
from commands.queues import USERS
from commands.record.reasons import opened_reason
from commands.streams import Stream
from projections.mongo.store import MongoDocuments
from projections.projector import project
from projections.upkeep.verify import verify
from tests.integration.dying import run_and_die
from tests.integration.in_process import InProcessPortal
from tests.integration.test_redeciding import Planted, jobs_gone  # noqa: F401  (a fixture)
from tests.integration.test_verification import findings
from tests.integration.working import put
from tests.waiting import wait_until

# Amounts of which each is higher than those before.
HIGHER = map(Decimal, count(1))
REASON = "Three lots were never paid."
WAITS = """
SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND wait_event_type = 'Lock'
    AND %s = ANY(pg_blocking_pids(pid))
"""


def banning(
    in_process: InProcessPortal,
    user_id: UUID,
    auction_id: UUID | None = None,
    until: datetime | None = None,
) -> BanUser:
    """The command, as the house's request makes it."""
    with in_process.pool.connection() as connection:
        key = key_for_user(connection, user_id)
    asked = ban_user(
        Caller.operator(),
        user_id=user_id,
        reason=REASON,
        key=key,
        auction_id=auction_id,
        until=until,
    )
    assert isinstance(asked.command, BanUser)
    assert REASON not in str(asked), "whoever accepts it seals the reason"
    return asked.command


def ban(
    in_process: InProcessPortal,
    user_id: UUID,
    auction_id: UUID | None = None,
    until: datetime | None = None,
) -> Job:
    """A ban that was carried out."""
    command = banning(in_process, user_id, auction_id, until)
    job = in_process.settled(Stream("user", user_id), command)
    assert job.status is JobStatus.SUCCEEDED, job
    return job


def code(
    in_process: InProcessPortal, auction: Stream, user_id: UUID, *, at: datetime | None = None
) -> RejectionCode | None:
    """Why the user's bid was rejected; None if it was placed."""
    command = PlaceBid(auction.id, new_id(), user_id, next(HIGHER))
    job = in_process.settled(auction, command, at=at)
    return job.rejection.code if job.rejection else None


def test_a_ban_refuses_bids_in_its_auction_or_in_all_until_it_is_lifted(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    here, there = in_process.auction(), in_process.auction()
    ban(in_process, alice, here.id)
    assert code(in_process, here, alice) is RejectionCode.BANNED
    assert code(in_process, there, alice) is None
    assert code(in_process, here, bob) is None
    ban(in_process, alice)
    assert code(in_process, there, alice) is RejectionCode.BANNED
    for auction_id in (None, here.id):
        lift = LiftBan(alice, None, auction_id)
        job = in_process.settled(Stream("user", alice), lift)
        assert job.status is JobStatus.SUCCEEDED
    assert code(in_process, here, alice) is None
    again = in_process.settled(Stream("user", alice), LiftBan(alice, None))
    assert again.rejection
    assert again.rejection.code is RejectionCode.NOT_BANNED


def test_what_decides_is_when_the_bid_was_accepted(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    banned = ban(in_process, alice)
    before, during = banned.accepted_at - timedelta(microseconds=1), in_process.now()
    in_process.settled(Stream("user", alice), LiftBan(alice, None))
    # Both are decided only now, when no ban holds any more.
    assert code(in_process, auction, alice, at=before) is None
    assert code(in_process, auction, alice, at=during) is RejectionCode.BANNED
    assert code(in_process, auction, alice) is None


def test_one_batch_knows_the_bans_of_all_its_bidders(in_process: InProcessPortal) -> None:
    people = [in_process.user() for _ in range(4)]
    auction = in_process.auction()
    for user_id in people[1::2]:
        ban(in_process, user_id, auction.id)
    jobs = [
        in_process.accept(auction, PlaceBid(auction.id, new_id(), user_id, Decimal("5.00")))
        for user_id in people
    ]
    in_process.drain(auction)
    found = [in_process.job(job.id).rejection for job in jobs]
    assert [each and each.code for each in found] == [None, RejectionCode.BANNED] * 2


@pytest.mark.parametrize("of_auction", [False, True], ids=["of the portal", "of an auction"])
def test_the_state_is_that_of_the_events(
    in_process: InProcessPortal, documents: MongoDocuments, of_auction: bool
) -> None:
    alice = in_process.user()
    stream, auction_id = Stream("user", alice), in_process.auction().id if of_auction else None
    for step in ("ban", "replace", "lift", "ban"):
        if step == "lift":
            in_process.settled(stream, LiftBan(alice, None, auction_id))
        else:
            ban(in_process, alice, auction_id, in_process.now() + timedelta(days=1))
        project(stream, in_process.pool, documents)
        with in_process.pool.connection() as connection:
            assert verify(connection, stream, documents).findings == [], step
    with in_process.pool.connection() as connection:
        user, bans = read_user(connection, alice), bans_of(connection, [alice])[alice]
    assert user
    assert (user.version, user.bans) == (5, bans)
    assert [ban.ended_at is not None for ban in bans] == [True, True, False]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET banned_until = NULL WHERE id = %s",
        "UPDATE users SET banned_until = clock_timestamp() WHERE id = %s",
        "UPDATE bans SET until = clock_timestamp() WHERE user_id = %s",
        "DELETE FROM bans WHERE user_id = %s",
    ],
)
def test_rows_that_say_otherwise_are_found(
    in_process: InProcessPortal, documents: MongoDocuments, statement: str
) -> None:
    alice = in_process.user()
    ban(in_process, alice)
    project(Stream("user", alice), in_process.pool, documents)
    assert findings(in_process, Stream("user", alice), documents) == []
    with in_process.pool.connection() as connection:
        connection.execute(statement, (alice,))
    assert findings(in_process, Stream("user", alice), documents)


@pytest.mark.usefixtures("jobs_gone")
def test_a_bid_that_a_ban_forbade_is_found_and_one_from_before_is_not(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    planted = Planted(in_process, documents)
    ban(in_process, planted.alice, planted.stream.id)
    assert planted.findings() == [], "what was bid before stays"
    planted.forge(BidPlaced(new_id(), planted.alice, Decimal("9.00"), in_process.now()))
    [found] = planted.findings()
    assert "the rules refuse it: by a ban of the house you can't bid in this auction" in found


@pytest.mark.usefixtures("jobs_gone")
def test_in_a_masked_auction_what_counts_is_who_is_behind_the_alias(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    planted, owner = Planted(in_process, documents), in_process.user()
    planted.stream = in_process.auction(rules=in_order([Masked(), OwnLot((owner,))]))
    in_process.bid(planted.stream, planted.alice, "1.00")
    with in_process.pool.connection() as connection:
        pair = planted.stream.id, planted.alice
        alias = aliases_of(connection, [pair])[pair]
    assert alias.id != planted.alice
    ban(in_process, planted.alice, planted.stream.id)
    assert code(in_process, planted.stream, planted.alice) is RejectionCode.BANNED
    assert code(in_process, planted.stream, owner) is RejectionCode.OWN_LOT
    assert planted.findings() == []
    forged = BidPlaced(
        new_id(), alias.id, Decimal("99999.00"), in_process.now(), number=alias.number
    )
    planted.forge(forged)
    [found] = planted.findings()
    assert "the rules refuse it: by a ban of the house you can't bid in this auction" in found


@pytest.mark.usefixtures("jobs_gone")
def test_a_bid_between_two_bans_is_none_that_is_found(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    planted = Planted(in_process, documents)
    stream = Stream("user", planted.alice)
    ban(in_process, planted.alice)
    in_process.settled(stream, LiftBan(planted.alice, None))
    in_process.bid(planted.stream, planted.alice, "9.00")
    # It was recorded with the bans of then: this one came later, and says that it holds since before.
    with in_process.pool.connection() as connection:
        placed_at = connection.execute(
            "SELECT max(placed_at) AS at FROM bids WHERE bidder_id = %s", (planted.alice,)
        ).fetchone()
    assert placed_at
    command = banning(in_process, planted.alice)
    in_process.settled(stream, command, at=placed_at["at"] - timedelta(microseconds=1))
    assert planted.findings() == []


def test_nothing_of_a_ban_can_be_read_once_the_user_is_deleted(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice = in_process.user()
    ban(in_process, alice)
    with in_process.pool.connection() as connection:
        [told] = bans_of(connection, [alice])[alice]
        key = keys_of(connection, [alice])[alice]
    assert opened_reason(key, told.reason, alice, told.id) == REASON
    # Neither as another ban's, nor as another user's.
    assert opened_reason(key, told.reason, alice, new_id()) is None
    assert opened_reason(key, told.reason, new_id(), told.id) is None
    job = in_process.settled(Stream("user", alice), DeleteUser(alice))
    assert job.status is JobStatus.SUCCEEDED
    project(Stream("user", alice), in_process.pool, documents)
    with in_process.pool.connection() as connection:
        assert (bans_of(connection, [alice]), keys_of(connection, [alice])) == ({}, {})
        assert verify(connection, Stream("user", alice), documents).findings == []
        [kept] = [
            item.event
            for item in PostgresEventStore(connection).read(alice)
            if isinstance(item.event, UserBanned)
        ]
    assert kept.reason == told.reason
    assert opened_reason(None, kept.reason, alice, kept.ban_id) is None


def test_a_ban_waits_for_a_batch_that_decides_the_users_bids(in_process: InProcessPortal) -> None:
    alice = in_process.user()
    stream = Stream("user", alice)
    job = in_process.accept(stream, banning(in_process, alice))
    with ThreadPoolExecutor(1) as thread, in_process.pool.connection() as connection:
        with connection.transaction():
            bidders = share_bidders(connection, [alice], in_process.now())
            assert bidders[alice].bans == ()
            banned = thread.submit(in_process.drain, stream)
            wait_until(lambda: waited_for(in_process, connection.info.backend_pid), 30, "it waits")
            assert not in_process.job(job.id).settled
        banned.result()
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED


def waited_for(in_process: InProcessPortal, pid: int) -> bool:
    """Whether another connection waits for that one."""
    with in_process.pool.connection() as another:
        return another.execute(WAITS, (pid,)).fetchone() is not None


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ("before", "commands.handling.users:save_banned"),
        ("after", "commands.handling.users:save_banned"),
        ("after", "commands.postgres.jobs:PostgresJobInbox.settle"),
        ("before", "commands.tasks:_announce"),
    ],
)
def test_killed_at_any_step_there_is_one_ban(
    in_process: InProcessPortal, documents: MongoDocuments, when: str, where: str
) -> None:
    alice = in_process.user()
    stream = Stream("user", alice)
    job = in_process.accept(stream, banning(in_process, alice))
    run_and_die(when, where, WAITING[USERS].task, *put(WAITING[USERS], stream))
    in_process.drain(stream)
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED
    project(stream, in_process.pool, documents)
    with in_process.pool.connection() as connection:
        kinds = [type(item.event).__name__ for item in PostgresEventStore(connection).read(alice)]
        assert kinds == ["UserCreated", "UserBanned"]
        assert len(bans_of(connection, [alice])[alice]) == 1
        assert verify(connection, stream, documents).findings == []
