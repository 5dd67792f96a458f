"""Rebuilding while the portal runs: readers see the old documents or the new, whole; killed, the old stay."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from commands.postgres.event_store import PostgresEventStore
from commands.streams import Stream
from notifications.notifier import notify
from projections.auctions import history_of
from projections.changes import documents_of
from projections.documents import TOP, AuctionDocument
from projections.mongo.generations import POINTER_LIFETIME, live_generations
from projections.mongo.layout import COLLECTIONS
from projections.mongo.reader import DocumentReader
from projections.mongo.store import MongoDocuments
from projections.upkeep.rebuild import AlreadyRebuilding, Rebuilt, rebuild
from projections.upkeep.verify import verify
from projections.wiring import catch_up, database, live_documents
from tests.conftest import wait_until
from tests.integration.in_process import InProcessPortal
from tests.integration.killed_rebuilds import Moment, kill_rebuild


def rebuild_auctions(in_process: InProcessPortal) -> Rebuilt:
    return rebuild("auctions", in_process.pool, database(), lambda todo, *_: todo)


def seen_at(in_process: InProcessPortal, auction: Stream, version: int) -> AuctionDocument:
    """The auction's document as it must be at that version."""
    with in_process.pool.connection() as connection:
        recorded = PostgresEventStore(connection).read(auction.id)
    document, _ = documents_of(auction.id, history_of(recorded[:version]))
    return document


@contextmanager
def bidding(in_process: InProcessPortal, auction: Stream) -> Iterator[None]:
    """Somebody bids, and a worker projects, all the time."""
    alice, over = in_process.user(), threading.Event()

    def run() -> None:
        amount = 0
        while not over.is_set():
            amount += 1
            in_process.bid(auction, alice, f"{amount}.00")
            catch_up(auction)

    with ThreadPoolExecutor(1) as bidder:
        running = bidder.submit(run)
        try:
            yield
        finally:
            over.set()
            running.result()


async def test_readers_see_each_document_whole_at_every_moment_of_a_rebuild(
    in_process: InProcessPortal,
) -> None:
    auction, quiet = in_process.auction(), in_process.auction()
    for _ in range(5):
        in_process.bid(auction, in_process.user(), "5.00")
    for stream in (auction, quiet):
        catch_up(stream)
    before = live_generations(database())["auctions"]
    reader, seen = DocumentReader(), []
    [still] = await reader.auctions_by_id([quiet.id])
    assert still
    with bidding(in_process, auction), ThreadPoolExecutor(1) as operator:
        rebuilding = operator.submit(rebuild_auctions, in_process)
        # Until the pointer was followed, and a while after.
        while not rebuilding.done():
            [found] = await reader.auctions_by_id([auction.id])
            assert found is not None, "a hole"
            bids = await reader.bids(found, 100, None)
            assert tuple(bids[:TOP]) == found.top_bids, "a hole"
            assert len(bids) == min(found.bid_count, 100), "a hole"
            assert await reader.auctions_by_id([quiet.id]) == [still]
            seen.append(found)
        done = rebuilding.result()
    assert live_generations(database())["auctions"] == done.generation > before
    assert len({document.version for document in seen}) > 1, "events came in meanwhile"
    for document in {document.version: document for document in seen}.values():
        assert document == seen_at(in_process, auction, document.version)
    await asyncio.sleep(POINTER_LIFETIME)
    [last] = await reader.auctions_by_id([auction.id])
    await reader.close()
    catch_up(auction)
    assert last
    assert last.version >= seen[-1].version
    with in_process.pool.connection() as connection:
        assert verify(connection, auction, live_documents()).findings == []


def rebuilt_if_free(in_process: InProcessPortal) -> Rebuilt | None:
    """Postgres lets the lock of a killed process go once it notices that the process is gone."""
    with suppress(AlreadyRebuilding):
        return rebuild_auctions(in_process)
    return None


@pytest.mark.parametrize("moment", ["halfway", "before the switch", "after the switch"])
def test_a_killed_rebuild_leaves_whole_documents_and_the_next_one_works(
    in_process: InProcessPortal, moment: Moment
) -> None:
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    catch_up(auction)
    before = live_generations(database())["auctions"]
    kill_rebuild("auctions", moment)
    switched = moment == "after the switch"
    assert live_generations(database())["auctions"] == before + switched
    documents = MongoDocuments(database(), live_generations(database()))
    assert documents.auction(auction.id) == seen_at(in_process, auction, 2)
    again = wait_until(lambda: rebuilt_if_free(in_process), what="the killed one's lock to go")
    documents = MongoDocuments(database(), live_generations(database()))
    assert documents.auction(auction.id) == seen_at(in_process, auction, 2)
    left = set(database().list_collection_names())
    assert left & {f"{base}_{n}" for base in COLLECTIONS["auctions"] for n in range(100)} <= {
        f"{base}_{again.generation}" for base in COLLECTIONS["auctions"]
    }, "what the killed one left is dropped"


def test_two_rebuilds_at_once_are_one(in_process: InProcessPortal) -> None:
    in_process.auction()
    with ThreadPoolExecutor(2) as operators:
        running = [operators.submit(rebuild_auctions, in_process) for _ in range(2)]
        outcomes = [future.exception() for future in running]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "AlreadyRebuilding",
        "NoneType",
    ]


def test_a_rebuild_notifies_nobody(in_process: InProcessPortal) -> None:
    auction, alice = in_process.auction(), in_process.user()
    in_process.bid(auction, alice, "5.00")
    in_process.bid(auction, in_process.user(), "6.00")
    in_process.double(auction)
    notify(auction.id, in_process.pool)
    before = notifications_of(in_process)
    assert before["notifications"]
    rebuild_auctions(in_process)
    assert notifications_of(in_process) == before


def notifications_of(in_process: InProcessPortal) -> dict[str, Any]:
    """All notifications, and the notifier's checkpoint."""
    with in_process.pool.connection() as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("notifications", "notification_progress")
        }
