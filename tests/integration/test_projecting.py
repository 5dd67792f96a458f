"""Documents come out the same however often, late or at once their tasks run."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from commands.domain.commands import AnnounceWinner
from commands.streams import Stream
from projections.documents import AuctionDocument
from projections.mongo.generations import live_generations
from projections.mongo.store import MongoDocuments
from projections.projector import project
from projections.tasks import sweep
from projections.upkeep import lag
from projections.upkeep.rebuild import rebuild
from projections.upkeep.verify import verify
from projections.wiring import database
from tests.integration.in_process import SHORTLY, InProcessPortal, stored_auctions


@pytest.fixture
def history(in_process: InProcessPortal) -> Stream:
    """An auction with bids, deletions and a winner, not projected yet."""
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(seconds=0.05)
    at = in_process.over(auction) - SHORTLY
    first = in_process.bid(auction, alice, "10.00", at=at)
    in_process.bid(auction, bob, "20.00", at=at)
    in_process.bid(auction, alice, "30.00", at=at)
    in_process.delete(auction, alice, first, at=at)
    return auction


def whole(documents: MongoDocuments, stream: Stream) -> AuctionDocument | None:
    return documents.auction(stream.id)


def agrees(in_process: InProcessPortal, stream: Stream, documents: MongoDocuments) -> bool:
    """What verify_events says of the stream's documents."""
    with in_process.pool.connection() as connection:
        verdict = verify(connection, stream, documents)
    assert verdict.findings == []
    return verdict.behind == 0


def test_projecting_again_changes_nothing(
    in_process: InProcessPortal, documents: MongoDocuments, history: Stream
) -> None:
    assert project(history, in_process.pool, documents) == 5
    once = whole(documents, history)
    for _ in range(3):
        assert project(history, in_process.pool, documents) == 5
    assert whole(documents, history) == once
    assert agrees(in_process, history, documents)


def test_tasks_that_run_at_once_leave_one_right_document(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice = in_process.user()
    auction = in_process.auction()
    with ThreadPoolExecutor(4) as workers:
        for amount in range(1, 16):
            in_process.bid(auction, alice, f"{amount}.00")
            for _ in range(4):
                workers.submit(project, auction, in_process.pool, documents)
    project(auction, in_process.pool, documents)
    document = whole(documents, auction)
    assert document
    assert (document.version, document.bid_count) == (16, 15)
    assert agrees(in_process, auction, documents)


def test_a_late_task_does_not_take_a_document_back(
    in_process: InProcessPortal, documents: MongoDocuments, history: Stream
) -> None:
    """A task that read long ago, and writes only now."""
    project(history, in_process.pool, documents)
    newest = whole(documents, history)
    assert newest
    stale = replace(newest, version=3, bid_count=99)
    documents.save_auctions([(stale, 2)])
    bids = list(documents.bids([bid.id for bid in newest.top_bids]).values())
    documents.save_bids([replace(bid, version=1, deleted_version=1) for bid in bids])
    assert whole(documents, history) == newest
    assert agrees(in_process, history, documents)


def test_a_task_that_died_between_its_writes_is_made_up_for(
    in_process: InProcessPortal, documents: MongoDocuments, history: Stream
) -> None:
    """Bids are written before the auction; then the process was killed."""
    project(history, in_process.pool, documents)
    newest = whole(documents, history)
    assert newest
    stored_auctions().delete_one({"_id": history.id})
    project(history, in_process.pool, documents)
    assert whole(documents, history) == newest
    assert agrees(in_process, history, documents)


def test_the_sweep_finds_what_nobody_was_woken_for(
    in_process: InProcessPortal, documents: MongoDocuments, history: Stream
) -> None:
    in_process.wait_for_the_order()
    behind = lag.sweep(in_process.pool, documents)
    assert history in behind
    assert history in lag.sweep(in_process.pool, documents), "until it is projected"
    project(history, in_process.pool, documents)
    assert history not in lag.sweep(in_process.pool, documents)
    # The task itself runs, too, and finds the broker.
    sweep()


def test_a_rebuild_gives_the_documents_that_were_there(
    in_process: InProcessPortal, documents: MongoDocuments, history: Stream
) -> None:
    in_process.accept(history, AnnounceWinner(history.id))
    in_process.drain(history)
    project(history, in_process.pool, documents)
    before = whole(documents, history)
    done = rebuild("auctions", in_process.pool, database(), lambda todo, *_: todo)
    assert done.streams >= 1
    rebuilt = MongoDocuments(database(), live_generations(database()))
    assert whole(rebuilt, history) == before
    assert agrees(in_process, history, rebuilt)
    assert f"auctions_{done.generation - 1}" not in database().list_collection_names()
