"""What only a newer release can decide or take in waits for it, by itself; nothing fails, and nothing is skipped."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from commands.domain.commands import CancelAuction, CloseAuctionNow, CreateAuction, DeleteBid
from commands.domain.rejections import RejectionCode
from commands.domain.rules.table import RULES
from commands.domain.rules.withdrawal import Withdrawal
from commands.handling.batch import Handled
from commands.handling.drain import drain_batch, drain_one_by_one
from commands.ids import new_id
from commands.inbox.submitting import WAITING
from commands.jobs import Job, JobStatus
from commands.postgres.connections import Pool
from commands.queues import BIDS
from commands.record.codec import COMMAND_TYPES, EVENT_TYPES, KNOWN_TO_ALL
from commands.streams import Stream
from commands.tasks import COME_BACK, LEFT, come_back
from notifications.notifier import notify, notify_together
from notifications.postgres.progress import notified_versions
from portal.health import read_health
from portal.management.commands.status import rows
from projections.live import bring_forward
from projections.mongo.generations import live_generations
from projections.mongo.layout import collection_name
from projections.mongo.store import MongoDocuments
from projections.upkeep import stuck
from projections.upkeep.audit import check
from projections.upkeep.verify import verify
from projections.wiring import catch_up, database
from tests.integration.in_process import InProcessPortal
from tests.integration.test_poison import stuck_at
from tests.integration.working import on_list, queued_tasks, work

BINDING = (Withdrawal(0),)


@contextmanager
def older_release() -> Iterator[None]:
    """A release from before there were binding bids, and before the house could end an auction early."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(RULES, "withdrawal")
        patch.delitem(COMMAND_TYPES, "CloseAuctionNow")
        patch.delitem(EVENT_TYPES, "AuctionClosedEarly")
        yield


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the release that added it does, the newer one notes the event that the older one does not know."""
    noted = KNOWN_TO_ALL - {"AuctionClosedEarly"}
    monkeypatch.setattr("commands.record.codec.KNOWN_TO_ALL", noted)


def deletes(portal: InProcessPortal, auction: Stream) -> Job:
    """A bidder's deletion of their own bid, which is accepted and waits."""
    bidder = portal.user()
    bid_id = portal.bid(auction, bidder, "10.00")
    return portal.accept(auction, DeleteBid(auction.id, bid_id, bidder))


def closes(portal: InProcessPortal, auction: Stream) -> Job:
    """The house's early end of it, which is accepted and waits."""
    return portal.accept(auction, CloseAuctionNow(auction.id, "The roof leaks.", None))


@pytest.mark.parametrize("drain", [drain_batch, drain_one_by_one])
def test_an_auction_with_an_unknown_rule_waits_and_others_go_on(
    in_process: InProcessPortal, drain: Callable[[Sequence[Stream], Pool], Handled]
) -> None:
    ruled, plain = in_process.auction(rules=BINDING), in_process.auction()
    waits, goes_on = deletes(in_process, ruled), deletes(in_process, plain)
    with older_release():
        handled = drain([ruled, plain], in_process.pool)
        assert {s: w.what for s, w in handled.left.items()} == {ruled: "rule withdrawal"}
        assert ruled not in handled.unfinished
    assert in_process.job(waits.id).status is JobStatus.QUEUED
    assert in_process.job(goes_on.id).status is JobStatus.SUCCEEDED
    in_process.drain(ruled)
    refused = in_process.job(waits.id).rejection
    assert refused
    assert refused.code is RejectionCode.BID_BINDING


def test_the_creation_of_one_waits(in_process: InProcessPortal) -> None:
    now = in_process.now()
    stream = Stream("auction", new_id())
    create = CreateAuction(stream.id, "A clock", "", None, now.replace(year=2099), None, BINDING)
    job = in_process.accept(stream, create, at=now)
    with older_release():
        assert drain_batch([stream], in_process.pool).left
    assert in_process.job(job.id).status is JobStatus.QUEUED
    in_process.drain(stream)
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED


def test_an_unknown_command_waits_with_those_behind_it(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    first, close, behind = (
        deletes(in_process, auction),
        closes(in_process, auction),
        in_process.accept(auction, CancelAuction(auction.id, "All is lost.", None)),
    )
    with older_release():
        for _ in range(3):
            drain_batch([auction], in_process.pool)
        assert [in_process.job(job.id).status for job in (first, close, behind)] == [
            JobStatus.SUCCEEDED,
            JobStatus.QUEUED,
            JobStatus.QUEUED,
        ]
    in_process.drain(auction)
    assert in_process.job(close.id).status is JobStatus.SUCCEEDED
    assert in_process.job(behind.id).status is JobStatus.SUCCEEDED


def test_an_auction_that_an_unknown_event_happened_to_waits(in_process: InProcessPortal) -> None:
    auction, other = in_process.auction(), in_process.auction()
    in_process.settled(auction, CloseAuctionNow(auction.id, "The roof leaks.", None))
    # Whoever saves it next forgets nothing of what was noted.
    job = in_process.accept(auction, CancelAuction(auction.id, "All is lost.", None))
    with older_release():
        handled = drain_batch([auction, other], in_process.pool)
        assert [each.what for each in handled.left.values()] == ["event AuctionClosedEarly"]
    in_process.drain(auction)
    assert in_process.job(job.id).status is JobStatus.SUCCEEDED
    with in_process.pool.connection() as connection:
        noted = connection.execute(
            "SELECT id, needs FROM auctions WHERE id = ANY(%s)", ([auction.id, other.id],)
        ).fetchall()
    assert {row["id"]: row["needs"] for row in noted} == {
        auction.id: ["event AuctionClosedEarly"],
        other.id: None,
    }


def test_what_is_left_comes_back_for_another_worker(in_process: InProcessPortal) -> None:
    ruled = in_process.auction(rules=BINDING)
    job = deletes(in_process, ruled)
    with older_release():
        work(WAITING[BIDS], ruled)
        assert on_list(WAITING[BIDS]) == set(), "nobody runs in circles"
        assert on_list(LEFT[BIDS].kept) == {ruled}
        assert queued_tasks(BIDS, COME_BACK) >= 1
        come_back.apply((BIDS,))
        assert on_list(WAITING[BIDS]) == set()
        assert on_list(LEFT[BIDS].kept) == {ruled}, "it is still unknown"
    come_back.apply((BIDS,))
    assert on_list(LEFT[BIDS].kept) == set()
    assert in_process.job(job.id).status is JobStatus.REJECTED


def test_status_says_what_needs_a_newer_release(in_process: InProcessPortal) -> None:
    ruled, closed, plain = (
        in_process.auction(rules=BINDING),
        in_process.auction(),
        in_process.auction(),
    )
    in_process.settled(closed, CloseAuctionNow(closed.id, "The roof leaks.", None))
    deletes(in_process, ruled)
    in_process.accept(closed, CancelAuction(closed.id, "All is lost.", None))
    closes(in_process, plain)
    assert read_health().waiting_for_newer == []
    with older_release():
        health = read_health()
        said = dict(rows(health))
    found = health.waiting_for_newer or []
    assert [(row["what"], row["jobs"], row["streams"]) for row in found] == [
        ("command CloseAuctionNow", 1, 1),
        ("event AuctionClosedEarly", 1, 1),
        ("rule withdrawal", 1, 1),
    ]
    assert "1 jobs in 1 streams" in said["[red]needs a newer release: rule withdrawal[/red]"]
    for stream in (ruled, closed, plain):
        in_process.drain(stream)


def test_documents_wait_before_it_and_a_newer_release_need_not_wait(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    auction = in_process.auction()
    in_process.settled(auction, CloseAuctionNow(auction.id, "The roof leaks.", None))
    with older_release():
        assert catch_up(auction) == 1
        row = stuck_at(in_process, auction)
        assert row
        assert row["unknown"] == "event AuctionClosedEarly"
        assert stuck.is_paused(in_process.pool, "projections", auction)
    assert stuck.is_paused(in_process.pool, "projections", auction) is False
    assert catch_up(auction) == 2
    found = documents.auction(auction.id)
    assert found
    assert found.closed_early


def test_documents_of_a_newer_release_are_not_written_by_an_older_one(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    ruled, other = in_process.auction(rules=BINDING), in_process.auction()
    for auction in (ruled, other):
        catch_up(auction)
        in_process.bid(auction, in_process.user(), "10.00")
    # Another release has stored more of it.
    name = collection_name("auctions", live_generations(database())["auctions"])
    database()[name].update_one({"_id": other.id}, {"$set": {"moonlit": True}})
    with older_release():
        assert catch_up(ruled) == 1
        assert catch_up(other) == 1
    assert (stuck_at(in_process, ruled) or {})["unknown"] == "rule withdrawal"
    assert (stuck_at(in_process, other) or {})["unknown"] == (
        "field moonlit in documents of auctions"
    )
    assert catch_up(ruled) == 2
    stored = database()[name].find_one({"_id": other.id})
    assert stored
    assert (stored["version"], stored["moonlit"]) == (1, True)
    database()[name].update_one({"_id": other.id}, {"$unset": {"moonlit": True}})


def test_an_older_release_that_has_nothing_to_project_is_not_stopped(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    ruled = in_process.auction(rules=BINDING)
    assert catch_up(ruled) == 1
    with older_release():
        assert catch_up(ruled) == 1
        bring_forward(in_process.pool, documents, [ruled])
    assert stuck_at(in_process, ruled) is None, "no event of it waits"


def test_an_older_release_leaves_the_documents_of_a_newer_one_unjudged(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    ruled, closed = in_process.auction(rules=BINDING), in_process.auction()
    in_process.settled(closed, CloseAuctionNow(closed.id, "The roof leaks.", None))
    for auction in (ruled, closed):
        catch_up(auction)
    with older_release(), in_process.pool.connection() as connection:
        for auction, what in ((ruled, "rule withdrawal"), (closed, "event AuctionClosedEarly")):
            [found] = verify(connection, auction, documents).findings
            assert found.what == (
                f"only a newer release can verify it: this release does not know the {what}"
            )
            assert check(auction, in_process.pool, documents) is None, "it is no drift"
    for auction in (ruled, closed):
        assert check(auction, in_process.pool, documents) is None


def test_notifications_wait_before_it(in_process: InProcessPortal) -> None:
    auction, other = in_process.auction(), in_process.auction()
    for stream in (auction, other):
        in_process.bid(stream, in_process.user(), "10.00")
    in_process.settled(auction, CloseAuctionNow(auction.id, "The roof leaks.", None))
    with older_release():
        done = notify_together([auction.id, other.id], in_process.pool)
        assert [(each.stream, each.version) for each in done.stopped] == [(auction, 3)]
    with in_process.pool.connection() as connection:
        reached = notified_versions(connection, [auction.id, other.id])
    assert (reached.get(auction.id, 0), reached[other.id]) == (0, 2)
    notify(auction.id, in_process.pool)
    with in_process.pool.connection() as connection:
        assert notified_versions(connection, [auction.id])[auction.id] == 3
