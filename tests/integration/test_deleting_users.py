"""Deleting a user: killed at any step it is finished by the sweep, and nothing of them is left."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from commands.domain.commands import CreateUser, DeleteUser, PlaceBid
from commands.domain.rules.soft_close import SoftClose
from commands.handling import auctions as handling
from commands.handling import users
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.inbox.closing import announce_winners
from commands.inbox.submitting import WAITING
from commands.jobs import JobStatus, Submission
from commands.postgres.accepting import accept_all
from commands.postgres.addresses import confirm
from commands.postgres.auctions import read_auction
from commands.postgres.connections import clock
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.users import withdrawing_users
from commands.queues import BIDS, USERS
from commands.streams import Stream
from commands.tasks import wake_waiting_streams
from commands.wake import redis
from notifications.account_mails import MOVED, ask_for_confirmations
from notifications.notifier import notify
from notifications.postgres.mails import ENQUEUE, enqueue_parameters
from notifications.postgres.preferences import Choice, choose
from notifications.preferences import NotificationChannel, NotificationKind
from notifications.tasks import UNNOTIFIED
from notifications.tasks import sweep as sweep_notifications
from projections.mongo.generations import live_generations
from projections.mongo.layout import collection_name
from projections.mongo.store import MongoDocuments
from projections.tasks import BEHIND
from projections.upkeep import lag
from projections.upkeep.verify import verify
from projections.wiring import catch_up, database, live_documents
from tests.integration.dying import run_and_die
from tests.integration.faults import faults
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.many import opened
from tests.integration.working import on_list, put


@dataclass(frozen=True, slots=True)
class Alice:
    """A user with something of theirs everywhere, and a deletion that waits."""

    id: UUID
    name: str
    auctions: list[Stream]
    bob: UUID

    @property
    def stream(self) -> Stream:
        return Stream("user", self.id)


@pytest.fixture
def alice(in_process: InProcessPortal, documents: MongoDocuments) -> Alice:
    """Alice and Bob bid in three auctions; everything is projected, and a mail waits for her."""
    user_id = new_id()
    name = f"alice{user_id.hex[-16:]}"
    sign_up = CreateUser(user_id, name, f"{name}@example.org", f"hash-of-{name}", False)
    refused = Stream("user", new_id())
    failed = CreateUser(refused.id, name, f"{name}@example.org", f"hash-of-{name}", False)
    with faults(in_process, refused, "XX000"):
        assert in_process.settled(refused, failed).status is JobStatus.FAILED
    assert in_process.settled(Stream("user", user_id), sign_up).status is JobStatus.SUCCEEDED
    ask_for_confirmations(in_process.pool, user_id)
    bob, auctions = in_process.user(), [in_process.auction() for _ in range(3)]
    mailed = Choice(NotificationKind.MAX_BID_CHANGED, NotificationChannel.EMAIL, enabled=True)
    with in_process.pool.connection() as connection:
        connection.execute(
            "INSERT INTO sessions (id, user_id, seed, generation, created_at, used_at, expires_at) "
            "SELECT %s, %s, '', 0, now, now, now + interval '1 d' FROM clock_timestamp() AS now",
            (new_id(), user_id),
        )
        assert confirm(connection, user_id, f"{name}@example.org")
        choose(connection, user_id, [mailed])
        moved = enqueue_parameters(user_id, MOVED, {"to": f"{name}@example.net"})
        connection.execute(ENQUEUE, moved)
    for auction in auctions:
        in_process.bid(auction, user_id, "50.00")
        in_process.bid(auction, user_id, "60.00")
        in_process.bid(auction, bob, "70.00")
        notify(auction.id, in_process.pool)
    finish(in_process)
    with in_process.pool.connection() as connection:
        mails = connection.execute(
            "SELECT 1 FROM mails WHERE user_id = %s AND due IS NOT NULL", (user_id,)
        ).fetchall()
    assert len(mails) == 5, "one asked to confirm the address, one tells that it was another"
    live = collection_name("users", live_generations(database())["users"])
    assert {"jobs", "mails", "users", live} <= mentions(in_process, name), (
        "there is something to erase"
    )
    in_process.accept(Stream("user", user_id), DeleteUser(user_id))
    return Alice(user_id, name, auctions, bob)


def finish(in_process: InProcessPortal) -> None:
    """What the sweeps lead to, when workers run."""
    while waiting := in_process.waiting_streams():
        for stream in waiting:
            in_process.drain(stream)
    in_process.wait_for_the_order()
    for stream in lag.sweep(in_process.pool, live_documents()):
        catch_up(stream)
    sweep_notifications()


STEPS = {
    "the name is erased": ("after", "commands.handling.users:erase_user", WAITING[BIDS], "user"),
    "the withdrawals are accepted": (
        "after", "commands.handling.users:_withdraw_bids", WAITING[BIDS], "user",
    ),
    "the job is settled": (
        "after", "commands.postgres.jobs:PostgresJobInbox.settle", WAITING[BIDS], "user",
    ),
    "it is committed": ("before", "commands.tasks:_announce", WAITING[BIDS], "user"),
    "an auction's bids are withdrawn": (
        "after", "commands.handling.auctions:_save", WAITING[BIDS], "auction",
    ),
    "the withdrawal is committed": ("before", "commands.tasks:_announce", WAITING[BIDS], "auction"),
    "the user's document is written": (
        "before", "projections.mongo.store:MongoDocuments.save_users", BEHIND, "user",
    ),
    "the bids' documents are written": (
        "after", "projections.mongo.store:MongoDocuments.save_bids", BEHIND, "auction",
    ),
    "the notifications are forgotten": (
        "before", "notifications.tasks:forget_deleted", UNNOTIFIED, "user",
    ),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_sweep_finishes_it(
    in_process: InProcessPortal, documents: MongoDocuments, alice: Alice, step: str
) -> None:
    when, where, worklist, kind = STEPS[step]
    stream = alice.stream if kind == "user" else alice.auctions[1]
    if (worklist, kind) != (WAITING[BIDS], "user"):
        in_process.drain(alice.stream)
    if worklist == BEHIND and kind == "auction":
        in_process.drain(stream)
    run_and_die(when, where, worklist.task, *put(worklist, stream))
    finish(in_process)
    assert_gone(in_process, documents, alice)


def test_the_whole_task_killed_again_and_again_ends_complete(
    in_process: InProcessPortal, documents: MongoDocuments, alice: Alice
) -> None:
    """Each time it gets no further than the last time."""
    for step in ("the name is erased", "the job is settled", "it is committed"):
        when, where, worklist, _ = STEPS[step]
        run_and_die(when, where, worklist.task, *put(worklist, alice.stream))
    finish(in_process)
    assert_gone(in_process, documents, alice)


def assert_gone(in_process: InProcessPortal, documents: MongoDocuments, alice: Alice) -> None:
    """Her bids are withdrawn everywhere, once; nothing anywhere knows her name; the rest is as it was."""
    for auction in alice.auctions:
        with in_process.pool.connection() as connection:
            state = read_auction(connection, auction.id)
            verdict = verify(connection, auction, documents)
        assert state
        assert {bid.bidder_id for bid in state.bids.live()} == {alice.bob}
        assert state.version == 6, "two bids were withdrawn, each once"
        assert (verdict.findings, verdict.behind) == ([], 0)
        document = documents.auction(auction.id)
        assert document
        assert (document.bid_count, document.bidder_count) == (1, 1)
    user = documents.user(alice.id)
    assert user
    assert (user.deleted, user.username) == (True, None)
    with in_process.pool.connection() as connection:
        for table in ("sessions", "watches", "notifications", "notification_preferences"):
            query = f"SELECT 1 FROM {table} WHERE user_id = %s"
            assert connection.execute(query, (alice.id,)).fetchall() == [], table
        query = "SELECT fingerprint FROM jobs WHERE stream_id = %s AND command = 'CreateUser'"
        (signed_up,) = connection.execute(query, (alice.id,)).fetchall()
        assert bytes(signed_up["fingerprint"]) == b"", "it would confirm a guess of her name"
    assert mentions(in_process, alice.name) == set()


def mentions(in_process: InProcessPortal, name: str) -> set[str]:
    """The tables, collections and keys in which the name occurs, as it is or in an address or a hash."""
    found = set()
    with in_process.pool.connection() as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        for row in tables:
            query = sql.SQL("SELECT 1 FROM {} AS t WHERE t::text ILIKE %s LIMIT 1").format(
                sql.Identifier(row["table_name"])
            )
            if connection.execute(query, (f"%{name}%",)).fetchone():
                found.add(row["table_name"])
    for collection in database().list_collection_names():
        if any(name in str(document) for document in database()[collection].find()):
            found.add(collection)
    return found | {key for key in redis().scan_iter() if name in str(key) + contents(key)}


def contents(key: Any) -> str:
    """What a key holds, where it is a queue."""
    return str(redis().lrange(key, 0, -1)) if redis().type(key) == "list" else ""


@pytest.fixture
def busy(in_process: InProcessPortal) -> tuple[Stream, list[Stream]]:
    """A user with bids in more auctions than one batch withdraws from, and a deletion that waits."""
    auctions = opened(in_process, users.AT_ONCE + 20)
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auctions[0].id)
    assert state
    leaving = Stream("user", min(state.bids.values(), key=lambda bid: bid.amount).bidder_id)
    in_process.accept(leaving, DeleteUser(leaving.id))
    return leaving, auctions


BATCHES = {
    "the first batch is accepted": (0, "after", "commands.handling.users:accept_all"),
    "the first batch is committed": (0, "before", "commands.tasks:_announce"),
    "the next auctions are noted": (1, "after", "commands.handling.users:next_to_withdraw_from"),
    "the second batch is accepted": (1, "after", "commands.handling.users:accept_all"),
    "the second batch is committed": (1, "before", "commands.tasks:_announce"),
}


@pytest.mark.parametrize("step", BATCHES)
def test_one_who_bids_everywhere_is_withdrawn_batch_by_batch_wherever_it_is_killed(
    in_process: InProcessPortal, busy: tuple[Stream, list[Stream]], step: str
) -> None:
    leaving, auctions = busy
    batches, when, where = BATCHES[step]
    for _ in range(batches):
        assert len(drain_batch([leaving], in_process.pool).woken) == users.AT_ONCE
    run_and_die(when, where, WAITING[USERS].task, *put(WAITING[USERS], leaving))
    while waiting := in_process.waiting_streams():
        for stream in waiting:
            in_process.drain(stream)
    with in_process.pool.connection() as connection:
        assert withdrawing_users(connection) == []
        for auction in auctions:
            state = read_auction(connection, auction.id)
            assert state
            assert state.version == 4, "one bid was withdrawn, once"
            assert leaving.id not in {bid.bidder_id for bid in state.bids.live()}


def test_an_auction_is_not_closed_before_it_has_its_withdrawal(
    in_process: InProcessPortal, busy: tuple[Stream, list[Stream]]
) -> None:
    leaving, auctions = busy
    last = max(auctions, key=lambda stream: stream.id)
    drain_batch([leaving], in_process.pool)
    with in_process.pool.connection() as connection:
        # It ends right after the deletion was accepted.
        connection.execute(
            "UPDATE auctions SET ends_at = withdrawing_at + interval '1 us' FROM users"
            " WHERE auctions.id = %s AND users.id = %s",
            (last.id, leaving.id),
        )
    assert last.id not in closing_now(in_process)
    in_process.drain(leaving)
    assert last.id in closing_now(in_process)


def closing_now(in_process: InProcessPortal) -> set[UUID]:
    """The auctions that have a job to close them after a run of the schedule."""
    return {job.stream.id for jobs in announce_winners(in_process.pool) for job in jobs}


def test_the_sweep_goes_on_with_a_withdrawal(
    in_process: InProcessPortal, busy: tuple[Stream, list[Stream]]
) -> None:
    leaving, _ = busy
    drain_batch([leaving], in_process.pool)
    put(WAITING[USERS])
    wake_waiting_streams()
    assert leaving in on_list(WAITING[USERS])
    in_process.drain(leaving)


def test_very_many_bids_are_withdrawn_batch_by_batch_wherever_it_is_killed(
    in_process: InProcessPortal,
) -> None:
    auction, bob, leaving = in_process.auction(), in_process.user(), in_process.user()
    in_process.bid(auction, bob, "1.00")
    amounts = [Decimal(2 + number) for number in range(handling.MANY + 10)]
    bids = [PlaceBid(auction.id, new_id(), leaving, amount) for amount in amounts]
    with in_process.pool.connection() as connection:
        accept_all(connection, [Submission(auction, bid, {}, "test") for bid in bids])
    in_process.drain(auction)
    in_process.settled(Stream("user", leaving), DeleteUser(leaving))
    later = in_process.accept(auction, PlaceBid(auction.id, new_id(), bob, Decimal("3.00")))
    run_and_die(
        "before", "commands.tasks:_announce", WAITING[BIDS].task, *put(WAITING[BIDS], auction)
    )
    assert live_bids(in_process, auction) == {bob: 1, leaving: 10}, "the first batch is committed"
    [withdrawal] = waiting_in(in_process, auction)[:-1]
    assert in_process.job(later.id).status is JobStatus.QUEUED, "it waits behind the withdrawal"
    run_and_die(
        "after",
        "commands.handling.auctions:_save",
        WAITING[BIDS].task,
        *put(WAITING[BIDS], auction),
    )
    assert live_bids(in_process, auction) == {bob: 1, leaving: 10}, "the second one is not"
    in_process.drain(auction)
    assert live_bids(in_process, auction) == {bob: 2}
    done = in_process.job(withdrawal)
    assert (done.status, done.version) == (JobStatus.SUCCEEDED, 2 + 2 * len(bids)), "each once"
    assert in_process.job(later.id).version == 3 + 2 * len(bids)


def live_bids(in_process: InProcessPortal, auction: Stream) -> Counter[UUID]:
    """How many live bids each bidder has."""
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    return Counter(bid.bidder_id for bid in state.bids.live())


def waiting_in(in_process: InProcessPortal, auction: Stream) -> list[UUID]:
    """The jobs that wait in the auction, oldest first."""
    with in_process.pool.connection() as connection:
        before = {auction.id: clock(connection)}
        return [
            job.id for job in PostgresJobInbox(connection).waiting(before, limit=10)[auction.id]
        ]


def test_a_deletion_after_an_end_that_is_moved_still_withdraws(in_process: InProcessPortal) -> None:
    """The bid that moves the end was accepted before it, and is handled after the deletion was."""
    alice, bob = in_process.user(), in_process.user()
    soft = SoftClose(window=1, extension=600, times=1)
    auction = in_process.auction(seconds=1.5, rules=(soft,))
    end = in_process.over(auction)
    in_process.bid(auction, alice, "5.00", at=end - timedelta(seconds=1.4))
    bid = PlaceBid(auction.id, new_id(), bob, Decimal("6.00"))
    in_process.accept(auction, bid, at=end - SHORTLY)
    user = Stream("user", alice)
    in_process.accept(user, DeleteUser(alice))
    in_process.drain(user)
    finish(in_process)
    assert live_bids(in_process, auction) == Counter({bob: 1})
