"""Documents come out the same however often, late or at once their tasks run."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from commands.domain.commands import AnnounceWinner
from commands.ports import Stream
from projections import lag
from projections.documents import AuctionDocument
from projections.mongo import MongoDocuments, database, live_generations
from projections.projector import project
from projections.rebuild import rebuild
from projections.tasks import sweep
from projections.verify import verify
from tests.integration.house import SHORTLY, House, stored_auctions


@pytest.fixture
def history(house: House) -> Stream:
    """An auction with bids, deletions and a winner, not projected yet."""
    alice, bob = house.user(), house.user()
    auction = house.auction(seconds=0.05)
    at = house.over(auction) - SHORTLY
    first = house.bid(auction, alice, "10.00", at=at)
    house.bid(auction, bob, "20.00", at=at)
    house.bid(auction, alice, "30.00", at=at)
    house.delete(auction, alice, first, at=at)
    return auction


def whole(documents: MongoDocuments, stream: Stream) -> AuctionDocument | None:
    return documents.auction(stream.id)


def agrees(house: House, stream: Stream, documents: MongoDocuments) -> bool:
    """What verify_events says of the stream's documents."""
    with house.pool.connection() as connection:
        verdict = verify(connection, stream, documents)
    assert verdict.findings == []
    return verdict.behind == 0


def test_projecting_again_changes_nothing(
    house: House, documents: MongoDocuments, history: Stream
) -> None:
    assert project(history, house.pool, documents) == 5
    once = whole(documents, history)
    for _ in range(3):
        assert project(history, house.pool, documents) == 5
    assert whole(documents, history) == once
    assert agrees(house, history, documents)


def test_tasks_that_run_at_once_leave_one_right_document(
    house: House, documents: MongoDocuments
) -> None:
    alice = house.user()
    auction = house.auction()
    with ThreadPoolExecutor(4) as workers:
        for amount in range(1, 16):
            house.bid(auction, alice, f"{amount}.00")
            for _ in range(4):
                workers.submit(project, auction, house.pool, documents)
    project(auction, house.pool, documents)
    document = whole(documents, auction)
    assert document
    assert (document.version, document.bid_count) == (16, 15)
    assert agrees(house, auction, documents)


def test_a_late_task_does_not_take_a_document_back(
    house: House, documents: MongoDocuments, history: Stream
) -> None:
    """A task that read long ago, and writes only now."""
    project(history, house.pool, documents)
    newest = whole(documents, history)
    assert newest
    stale = replace(newest, version=3, bid_count=99)
    assert documents.save_auction(stale, expected_version=2) is False
    bids = list(documents.bids([bid.id for bid in newest.top_bids]).values())
    documents.save_bids([replace(bid, version=1, deleted_version=1) for bid in bids])
    assert whole(documents, history) == newest
    assert agrees(house, history, documents)


def test_a_task_that_died_between_its_writes_is_made_up_for(
    house: House, documents: MongoDocuments, history: Stream
) -> None:
    """Bids are written before the auction; then the process was killed."""
    project(history, house.pool, documents)
    newest = whole(documents, history)
    assert newest
    stored_auctions().delete_one({"_id": history.id})
    project(history, house.pool, documents)
    assert whole(documents, history) == newest
    assert agrees(house, history, documents)


def test_the_sweep_finds_what_nobody_was_woken_for(
    house: House, documents: MongoDocuments, history: Stream
) -> None:
    house.wait_for_the_order()
    behind = lag.sweep(house.pool, documents)
    assert history in behind
    assert history in lag.sweep(house.pool, documents), "until it is projected"
    project(history, house.pool, documents)
    assert history not in lag.sweep(house.pool, documents)
    # The task itself runs, too, and finds the broker.
    sweep()


def test_a_rebuild_gives_the_documents_that_were_there(
    house: House, documents: MongoDocuments, history: Stream
) -> None:
    house.accept(history, AnnounceWinner(history.id))
    house.drain(history)
    project(history, house.pool, documents)
    before = whole(documents, history)
    done = rebuild("auctions", house.pool, database(), lambda todo, *_: todo)
    assert done.streams >= 1
    rebuilt = MongoDocuments(database(), live_generations(database()))
    assert whole(rebuilt, history) == before
    assert agrees(house, history, rebuilt)
    assert f"auctions_{done.generation - 1}" not in database().list_collection_names()
