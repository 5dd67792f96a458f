"""The limit on a user's exposure: what counts, in which transaction it is decided, and what is left of it."""

import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.commands import (
    AnnounceWinner,
    BuyNow,
    CancelAuction,
    CloseAuctionNow,
    Command,
    DeleteBid,
    DeleteUser,
    PauseAuction,
    PlaceBid,
    RemoveBid,
)
from commands.domain.events import ExposureLimited
from commands.domain.rejections import RejectionCode
from commands.domain.rules.buy_now import BuyNow as BuyNowRule
from commands.domain.rules.masked import Masked
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.second_chance import SecondChance
from commands.domain.rules.table import Rules
from commands.ids import new_id
from commands.inbox.submitting import WAITING
from commands.jobs import JobStatus
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.exposure import limits_of, lock_limits
from commands.postgres.secret_keys import destroy_key, keys_of
from commands.postgres.users import read_user
from commands.queues import BIDS, USERS
from commands.record.reasons import opened_reason
from commands.streams import Stream
from projections.mongo.store import MongoDocuments
from projections.projector import project
from projections.upkeep.verify import verify
from tests.integration.dying import run_and_die
from tests.integration.in_process import InProcessPortal
from tests.integration.limiting import (
    REASON,
    asked,
    code,
    lift,
    limit,
    limiting,
    together,
    used,
    used_by_all_bids,
)
from tests.integration.test_verification import findings
from tests.integration.working import put
from tests.servers import ROOT
from tests.waiting import wait_until

OVER_LIMIT = RejectionCode.OVER_LIMIT
WAITS = """
SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND wait_event_type = 'Lock'
    AND %s = ANY(pg_blocking_pids(pid))
"""


def place(auction: Stream, user_id: UUID, amount: str) -> PlaceBid:
    """The command."""
    return PlaceBid(auction.id, new_id(), user_id, Decimal(amount))


def test_bids_in_all_open_auctions_count_together(in_process: InProcessPortal) -> None:
    alice, bob = in_process.user(), in_process.user()
    here, there = in_process.auction(), in_process.auction()
    limit(in_process, alice, "100")
    assert asked(in_process, here, alice, "60.00") is None
    assert asked(in_process, there, alice, "40.01") is OVER_LIMIT
    assert asked(in_process, there, alice, "40.00") is None
    # The higher bid takes the place of the lower one.
    assert asked(in_process, here, alice, "60.01") is OVER_LIMIT
    assert asked(in_process, there, bob, "5000.00") is None
    assert used(in_process, alice) == Decimal("100.00")
    limit(in_process, alice, "110")
    assert asked(in_process, here, alice, "70.00") is None
    assert lift(in_process, alice).status is JobStatus.SUCCEEDED
    assert asked(in_process, here, alice, "9000.00") is None
    assert code(lift(in_process, alice)) is RejectionCode.NOT_LIMITED


def test_the_example_of_the_document(in_process: InProcessPortal) -> None:
    section = (ROOT / "docs/rules.md").read_text().partition("\nWith a limit of 100.00:\n")[2]
    lines = re.findall(r"^\| (a \w+) \| alice (deletes )?(\S+) \| (.+?) \|$", section, re.MULTILINE)
    assert len(lines) == 6, "all that it has"
    alice = in_process.user()
    limit(in_process, alice, "100.00")
    auctions = {name: in_process.auction() for name, *_ in lines}
    ids = dict[str, UUID]()
    for name, deletes, amount, expected in lines:
        stream = auctions[name]
        command = (
            DeleteBid(stream.id, ids[amount], alice) if deletes else place(stream, alice, amount)
        )
        job = in_process.settled(stream, command)
        told = f"`{code(job)}`" if code(job) else "deleted" if deletes else "leads"
        assert told == expected, (name, amount)
        ids[amount] = UUID(job.payload["bid_id"])


def test_what_was_bid_before_the_limit_counts_and_lowering_it_withdraws_nothing(
    in_process: InProcessPortal,
) -> None:
    alice = in_process.user()
    here, there = in_process.auction(), in_process.auction(rules=(Masked(),))
    first = in_process.bid(here, alice, "60.00")
    in_process.bid(there, alice, "30.00")
    limit(in_process, alice, "80")
    assert used(in_process, alice) == Decimal("90.00")
    assert asked(in_process, there, alice, "30.01") is OVER_LIMIT
    in_process.delete(here, alice, first)
    assert asked(in_process, there, alice, "80.00") is None
    limit(in_process, alice, "10")
    assert used(in_process, alice) == Decimal("80.00")
    assert asked(in_process, there, alice, "80.01") is OVER_LIMIT


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(lambda a, bid, who: [DeleteBid(a.id, bid, who)], id="deleted"),
        pytest.param(lambda a, bid, who: [RemoveBid(a.id, bid, "A typo.", None)], id="removed"),
        pytest.param(lambda a, bid, who: [CancelAuction(a.id, "Broken.", None)], id="cancelled"),
        pytest.param(
            lambda a, bid, who: [CloseAuctionNow(a.id, "Rain.", None), AnnounceWinner(a.id)],
            id="closed",
        ),
    ],
)
@pytest.mark.parametrize("in_one_batch", [False, True], ids=["before", "in the same batch"])
def test_what_is_over_counts_no_more(
    in_process: InProcessPortal, command: object, in_one_batch: bool
) -> None:
    alice = in_process.user()
    here, there = in_process.auction(), in_process.auction()
    limit(in_process, alice, "100")
    in_process.bid(here, alice, "20.00")
    bid_id = in_process.bid(here, alice, "90.00")
    assert callable(command)
    commands: list[Command] = command(here, bid_id, alice)
    left = 80 if isinstance(commands[0], DeleteBid | RemoveBid) else 100
    for each in commands:
        in_process.accept(here, each)
        if not (in_one_batch and each is commands[-1]):
            in_process.drain(here)
    refused = in_process.accept(there, place(there, alice, f"{left}.01"))
    placed = in_process.accept(there, place(there, alice, f"{left}.00"))
    together(in_process, [here, there])
    assert code(in_process.job(refused.id)) is OVER_LIMIT
    assert code(in_process.job(placed.id)) is None
    assert used(in_process, alice) == used_by_all_bids(in_process, alice) == Decimal(100)


def test_an_auction_counts_until_it_is_closed(in_process: InProcessPortal) -> None:
    alice, there = in_process.user(), in_process.auction()
    limit(in_process, alice, "100")
    paused, ended = in_process.auction(), in_process.auction()
    in_process.bid(paused, alice, "50.00")
    in_process.bid(ended, alice, "40.00")
    in_process.settled(paused, PauseAuction(paused.id, "Rain.", None))
    in_process.settled(ended, CloseAuctionNow(ended.id, "Rain.", None))
    assert asked(in_process, there, alice, "10.01") is OVER_LIMIT
    in_process.settled(ended, AnnounceWinner(ended.id))
    assert asked(in_process, there, alice, "50.00") is None


def test_a_lot_that_is_won_counts_no_more_confirmed_or_not(in_process: InProcessPortal) -> None:
    alice = in_process.user()
    won = in_process.auction(rules=(SecondChance(3600, 3600, 1),))
    limit(in_process, alice, "100")
    in_process.bid(won, alice, "100.00")
    in_process.settled(won, CloseAuctionNow(won.id, "Rain.", None))
    in_process.settled(won, AnnounceWinner(won.id))
    assert used(in_process, alice) == Decimal(0)
    assert asked(in_process, in_process.auction(), alice, "100.00") is None


def test_a_doubled_bid_counts_what_its_bidder_pays(in_process: InProcessPortal) -> None:
    in_process.close_auctions()
    alice = in_process.user()
    limit(in_process, alice, "100")
    here, there = in_process.auction(), in_process.auction()
    lower = in_process.bid(here, alice, "30.00")
    in_process.wait_for_the_order()
    assert code(in_process.double(here)) is None
    assert used(in_process, alice) == Decimal("30.00")
    assert asked(in_process, here, alice, "60.00") is RejectionCode.BID_TOO_LOW
    assert asked(in_process, there, alice, "70.00") is None
    assert asked(in_process, here, alice, "60.01") is OVER_LIMIT
    in_process.delete(here, alice, lower)
    assert used(in_process, alice) == Decimal("70.00")


def test_a_lower_bid_that_was_doubled_hides_no_higher_one(in_process: InProcessPortal) -> None:
    alice = in_process.user()
    limit(in_process, alice, "100")
    here = in_process.auction()
    lower = in_process.bid(here, alice, "30.00")
    in_process.bid(here, alice, "50.00")
    with in_process.pool.connection() as connection:
        doubled = "UPDATE bids SET doubled = true, effective_amount = 60 WHERE id = %s"
        connection.execute(doubled, (lower,))
    # If the doubled one is deleted, the other counts: nobody's exposure rises by a deletion.
    assert used(in_process, alice) == Decimal("50.00")


@pytest.mark.parametrize(
    "rules", [(), (Masked(),), (Sealed(),), (BuyNowRule(Decimal("60.00")),)], ids=str
)
def test_whatever_places_a_bid_is_measured(in_process: InProcessPortal, rules: Rules) -> None:
    alice = in_process.user()
    limit(in_process, alice, "100")
    one, other = in_process.auction(rules=rules), in_process.auction(rules=rules)

    def offer(auction: Stream) -> Command:
        match rules:
            case (Sealed(),):
                return in_process.sealed(auction, alice, "60.00")
            case (BuyNowRule(),):
                return BuyNow(auction.id, new_id(), alice)
            case _:
                return place(auction, alice, "60.00")

    placed = in_process.accept(one, offer(one))
    refused = in_process.accept(other, offer(other))
    together(in_process, [other, one])
    assert code(in_process.job(placed.id)) is None, "it was accepted first"
    job = in_process.job(refused.id)
    assert code(job) is OVER_LIMIT
    assert used(in_process, alice) == Decimal("60.00")
    assert job.rejection
    told = "40.00 at most" in job.rejection.message
    assert told == (rules != (Sealed(),)), "what is sealed stands in no job"
    assert ("60" in job.rejection.message) == told


def test_a_sealed_bid_whose_key_is_lost_can_not_win_and_counts_nothing(
    in_process: InProcessPortal,
) -> None:
    alice = in_process.user()
    limit(in_process, alice, "100")
    in_process.sealed_bid(in_process.auction(rules=(Sealed(),)), alice, "60.00")
    assert used(in_process, alice) == Decimal("60.00")
    with in_process.pool.connection() as connection:
        destroy_key(connection, alice)
    assert asked(in_process, in_process.auction(), alice, "100.00") is None


def test_the_state_is_that_of_the_events(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice = in_process.user()
    stream = Stream("user", alice)
    for step in ("100", "50", None, "70"):
        if step:
            limit(in_process, alice, step)
        else:
            lift(in_process, alice)
        project(stream, in_process.pool, documents)
        assert findings(in_process, stream, documents) == [], step
    with in_process.pool.connection() as connection:
        user = read_user(connection, alice)
        assert user
        assert user.exposure_limit == limits_of(connection, [alice])[alice]
        key = keys_of(connection, [alice])[alice]
    found = user.exposure_limit
    assert (user.version, found.amount) == (5, Decimal(70))
    assert opened_reason(key, found.reason, alice, found.id) == REASON


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET limited = NULL WHERE id = %s",
        "UPDATE exposure_limits SET amount = amount + 1 WHERE user_id = %s",
        "DELETE FROM exposure_limits WHERE user_id = %s",
    ],
)
def test_rows_that_say_otherwise_are_found(
    in_process: InProcessPortal, documents: MongoDocuments, statement: str
) -> None:
    alice = in_process.user()
    limit(in_process, alice, "100")
    project(Stream("user", alice), in_process.pool, documents)
    assert findings(in_process, Stream("user", alice), documents) == []
    with in_process.pool.connection() as connection:
        connection.execute(statement, (alice,))
    assert findings(in_process, Stream("user", alice), documents)


@pytest.mark.parametrize("rules", [(), (Masked(),)], ids=["plain", "masked"])
def test_what_is_within_the_limit_is_not_found_and_what_is_not_is(
    in_process: InProcessPortal, documents: MongoDocuments, rules: Rules
) -> None:
    alice = in_process.user()
    here, there, over = (in_process.auction(rules=rules) for _ in range(3))
    in_process.bid(here, alice, "60.00")
    limit(in_process, alice, "100")
    deleted = in_process.bid(there, alice, "40.00")
    in_process.delete(there, alice, deleted)
    in_process.bid(over, alice, "40.00")
    in_process.settled(over, CancelAuction(over.id, "Broken.", None))
    in_process.bid(there, alice, "30.00")
    stream = Stream("user", alice)
    project(stream, in_process.pool, documents)
    assert findings(in_process, stream, documents) == []
    # As a worker without limits decides: nobody counts what is there.
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE users SET limited = NULL WHERE id = %s", (alice,))
        in_process.bid(there, alice, "50.00")
        connection.execute("UPDATE users SET limited = true WHERE id = %s", (alice,))
    [found] = findings(in_process, stream, documents)
    assert "in all open auctions to 110.00, above their limit of 100.00" in found


def test_bids_that_the_sum_would_leave_out_are_found_and_setting_the_limit_again_mends_it(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    limit(in_process, alice, "100")
    in_process.bid(auction, alice, "60.00")
    stream = Stream("user", alice)
    project(stream, in_process.pool, documents)
    with in_process.pool.connection() as connection:
        connection.execute("DELETE FROM stakes WHERE user_id = %s", (alice,))
    [found] = findings(in_process, stream, documents)
    assert f"their bids in auction {auction.id} are left out" in found
    limit(in_process, alice, "100")
    project(stream, in_process.pool, documents)
    assert findings(in_process, stream, documents) == []


def test_nothing_of_a_limit_is_left_once_it_is_lifted_or_the_user_deleted(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    stream = Stream("user", alice)
    for end in ("lifted", "deleted"):
        limit(in_process, alice, "100")
        asked(in_process, auction, alice, "10.00")
        assert rows(in_process, alice) == (1, 1), end
        if end == "lifted":
            lift(in_process, alice)
        else:
            in_process.settled(stream, DeleteUser(alice))
        assert rows(in_process, alice) == (0, 0), end
    project(stream, in_process.pool, documents)
    with in_process.pool.connection() as connection:
        assert verify(connection, stream, documents).findings == []
        [kept, _] = [
            item.event
            for item in PostgresEventStore(connection).read(alice)
            if isinstance(item.event, ExposureLimited)
        ]
    assert opened_reason(None, kept.reason, alice, kept.limit_id) is None


def rows(in_process: InProcessPortal, user_id: UUID) -> tuple[int, int]:
    """How many rows the user's limit has, and what is used of it."""
    with in_process.pool.connection() as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM exposure_limits WHERE user_id = %(user)s) AS limits,"
            " (SELECT count(*) FROM stakes WHERE user_id = %(user)s) AS stakes",
            {"user": user_id},
        ).fetchone()
    assert row
    return row["limits"], row["stakes"]


def test_what_is_closed_is_forgotten_with_the_next_bid(in_process: InProcessPortal) -> None:
    alice = in_process.user()
    limit(in_process, alice, "100")
    for _ in range(3):
        auction = in_process.auction()
        in_process.bid(auction, alice, "100.00")
        in_process.settled(auction, CancelAuction(auction.id, "Broken.", None))
    in_process.bid(in_process.auction(), alice, "1.00")
    assert rows(in_process, alice) == (1, 1)


def test_who_has_no_limit_is_asked_nothing_more(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction()
    limit(in_process, in_process.user(), "100")
    with in_process.pool.connection() as connection, connection.transaction():
        for table in ("exposure_limits", "stakes"):
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        assert asked(in_process, auction, alice, "10.00") is None


def test_a_batch_waits_for_another_that_decides_the_users_bids_and_then_sees_them(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    limit(in_process, alice, "100")
    job = in_process.accept(auction, place(auction, alice, "60.00"))
    with ThreadPoolExecutor(1) as thread:
        with in_process.pool.connection() as connection, connection.transaction():
            assert lock_limits(connection, [alice]) == {alice: Decimal(100)}
            bidding = thread.submit(in_process.drain, auction)
            wait_until(lambda: waited_for(in_process, connection.info.backend_pid), 30, "it waits")
            connection.execute(
                "UPDATE exposure_limits SET amount = 59 WHERE user_id = %s", (alice,)
            )
        bidding.result()
    assert code(in_process.job(job.id)) is OVER_LIMIT


def waited_for(in_process: InProcessPortal, pid: int) -> bool:
    """Whether another connection waits for that one."""
    with in_process.pool.connection() as another:
        return another.execute(WAITS, (pid,)).fetchone() is not None


def test_two_workers_never_exceed_a_limit_together(in_process: InProcessPortal) -> None:
    alice = in_process.user()
    limit(in_process, alice, "100")
    with ThreadPoolExecutor(2) as threads:
        for _ in range(25):
            auctions = [in_process.auction(), in_process.auction()]
            jobs = [in_process.accept(each, place(each, alice, "60.00")) for each in auctions]
            list(threads.map(in_process.drain, auctions))
            found = [code(in_process.job(job.id)) for job in jobs]
            assert sorted(map(str, found)) == ["None", "OVER_LIMIT"], "whichever came first"
            assert used(in_process, alice) == used_by_all_bids(in_process, alice) == Decimal(60)
            for each in auctions:
                in_process.settled(each, CancelAuction(each.id, "The next round.", None))


def test_batches_of_several_users_with_limits_never_wait_in_a_circle(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    people = [in_process.user() for _ in range(4)]
    for user_id in people:
        limit(in_process, user_id, "1000")
    groups = [[in_process.auction() for _ in range(2)] for _ in range(3)]
    with ThreadPoolExecutor(4) as threads:
        for turn in range(1, 9):
            for number, group in enumerate(groups):
                order = people if number % 2 else people[::-1]
                for auction in group:
                    for user_id in order:
                        in_process.accept(auction, place(auction, user_id, f"{turn}.00"))
            user_id = people[turn % 4]
            stream = Stream("user", user_id)
            in_process.accept(stream, limiting(in_process, user_id, "1000"))
            done = [threads.submit(together, in_process, group) for group in groups]
            done.append(threads.submit(in_process.drain, stream))
            for each in done:
                each.result()
    for user_id in people:
        assert used(in_process, user_id) == used_by_all_bids(in_process, user_id) == Decimal(48)


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ("after", "commands.handling.exposures:lock_limits"),
        ("before", "commands.postgres.event_store:PostgresEventStore.append_all"),
        ("after", "commands.postgres.event_store:PostgresEventStore.append_all"),
        ("before", "commands.handling.exposures:save_stakes"),
        ("after", "commands.handling.exposures:save_stakes"),
        ("after", "commands.postgres.jobs:PostgresJobInbox.settle"),
        ("before", "commands.tasks:_announce"),
    ],
)
def test_a_worker_killed_at_any_step_leaves_what_is_used_right(
    in_process: InProcessPortal, when: str, where: str
) -> None:
    alice = in_process.user()
    limit(in_process, alice, "100")
    here, there = in_process.auction(), in_process.auction()
    jobs = [in_process.accept(each, place(each, alice, "60.00")) for each in (here, there)]
    run_and_die(when, where, WAITING[BIDS].task, *put(WAITING[BIDS], here, there))
    committed = where == "commands.tasks:_announce"
    expected = Decimal(60 if committed else 0)
    assert used(in_process, alice) == used_by_all_bids(in_process, alice) == expected
    together(in_process, [here, there])
    found = [code(in_process.job(job.id)) for job in jobs]
    assert found == [None, OVER_LIMIT]
    assert used(in_process, alice) == used_by_all_bids(in_process, alice) == Decimal(60)


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ("before", "commands.handling.users:save_limited"),
        ("after", "commands.handling.users:save_limited"),
        ("after", "commands.postgres.jobs:PostgresJobInbox.settle"),
        ("before", "commands.tasks:_announce"),
    ],
)
def test_killed_at_any_step_there_is_one_limit(
    in_process: InProcessPortal, documents: MongoDocuments, when: str, where: str
) -> None:
    alice = in_process.user()
    stream, auction = Stream("user", alice), in_process.auction()
    in_process.bid(auction, alice, "60.00")
    job = in_process.accept(stream, limiting(in_process, alice, "100"))
    run_and_die(when, where, WAITING[USERS].task, *put(WAITING[USERS], stream))
    in_process.drain(stream)
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED
    project(stream, in_process.pool, documents)
    assert findings(in_process, stream, documents) == []
    assert rows(in_process, alice) == (1, 1)
    assert asked(in_process, in_process.auction(), alice, "40.01") is OVER_LIMIT
