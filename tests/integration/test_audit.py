"""The audit finds documents that drifted from their events, repairs them, and says so."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from commands.domain.commands import AnnounceWinner
from commands.ids import new_id
from commands.streams import Stream
from portal.health import read_health
from projections.documents import BidDocument
from projections.mongo.store import MongoDocuments
from projections.projector import project, reproject
from projections.upkeep.audit import audit, check
from projections.upkeep.verify import verify
from tests.integration.in_process import SHORTLY, InProcessPortal, stored_auctions


@pytest.fixture
def auction(in_process: InProcessPortal, documents: MongoDocuments) -> Stream:
    """An auction that was won, everything in agreement."""
    alice, bob = in_process.user(), in_process.user()
    stream = in_process.auction(seconds=0.05)
    at = in_process.over(stream) - SHORTLY
    in_process.bid(stream, alice, "10.00", at=at)
    in_process.bid(stream, bob, "20.00", at=at)
    in_process.settled(stream, AnnounceWinner(stream.id))
    project(stream, in_process.pool, documents)
    assert agrees(in_process, stream, documents)
    return stream


def agrees(in_process: InProcessPortal, stream: Stream, documents: MongoDocuments) -> bool:
    with in_process.pool.connection() as connection:
        verdict = verify(connection, stream, documents)
    return (verdict.findings, verdict.behind) == ([], 0)


def bids_of(documents: MongoDocuments, stream: Stream) -> list[BidDocument]:
    return list(documents.bids_of(stream.id).values())


def wrong_auction(documents: MongoDocuments, stream: Stream) -> None:
    stored_auctions().update_one({"_id": stream.id}, {"$set": {"bid_count": 7, "title": "Wrong"}})


def ahead(documents: MongoDocuments, stream: Stream) -> None:
    stored_auctions().update_one({"_id": stream.id}, {"$set": {"version": 99}})


def behind(documents: MongoDocuments, stream: Stream) -> None:
    stored_auctions().update_one({"_id": stream.id}, {"$set": {"version": 2}})


def missing(documents: MongoDocuments, stream: Stream) -> None:
    stored_auctions().delete_one({"_id": stream.id})


def wrong_bid(documents: MongoDocuments, stream: Stream) -> None:
    bid = bids_of(documents, stream)[0]
    documents.save_bids([replace(bid, version=bid.version + 50, deleted_version=2)])


def extra_bid(documents: MongoDocuments, stream: Stream) -> None:
    documents.save_bids([replace(bids_of(documents, stream)[0], id=new_id())])


def missing_bid(documents: MongoDocuments, stream: Stream) -> None:
    right = documents.auction(stream.id)
    assert right
    documents.restore_auction(right, bids_of(documents, stream)[:1])


def wrong_winner(documents: MongoDocuments, stream: Stream) -> None:
    winner = documents.winner(stream.id)
    assert winner
    newer = replace(winner.bid, version=winner.version + 1)
    documents.save_winner(replace(winner, auction_title="Wrong", bid=newer))


DRIFTS = [wrong_auction, ahead, behind, missing, wrong_bid, extra_bid, missing_bid, wrong_winner]


@pytest.mark.parametrize("spoil", DRIFTS)
def test_a_drift_is_found_repaired_and_reported(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    auction: Stream,
    spoil: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    right = documents.auction(auction.id), documents.winner(auction.id)
    bids = documents.bids_of(auction.id)
    spoil(documents, auction)
    drift = check(auction, in_process.pool, documents, overdue=timedelta(0))
    assert drift
    assert drift.repaired, drift
    assert (documents.auction(auction.id), documents.winner(auction.id)) == right
    assert documents.bids_of(auction.id) == bids
    assert agrees(in_process, auction, documents)
    (error,) = [
        record.msg
        for record in caplog.records
        if record.levelname == "ERROR" and isinstance(record.msg, dict)
    ]
    assert (error["stream"], error["repaired"]) == (str(auction.id), True)
    assert error["what"] == drift.what
    assert check(auction, in_process.pool, documents) is None, "it agrees again"


def test_a_user_that_drifted_is_repaired(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    stream = Stream("user", in_process.user())
    project(stream, in_process.pool, documents)
    right = documents.user(stream.id)
    assert right
    documents.restore_user(replace(right, username="wrong", is_staff=True))
    drift = check(stream, in_process.pool, documents)
    assert drift
    assert drift.repaired
    assert documents.user(stream.id) == right


def test_documents_that_are_only_behind_have_not_drifted(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    late = in_process.auction()
    assert check(late, in_process.pool, documents) is None
    with in_process.pool.connection() as connection:
        connection.execute(
            "INSERT INTO projection_lagging (stream_id, stream_kind, version, since) "
            "VALUES (%s, 'auction', 1, clock_timestamp())",
            (late.id,),
        )
    assert check(late, in_process.pool, documents, overdue=timedelta(0)) is None, (
        "the sweep is at it"
    )


def test_what_the_documents_can_not_mend_is_reported_as_it_is(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    auction: Stream,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spoil = "UPDATE bids SET amount = amount %s 1 WHERE auction_id = %%s"
    with in_process.pool.connection() as connection:
        connection.execute(spoil % "+", (auction.id,))
    drift = check(auction, in_process.pool, documents)
    assert drift
    assert not drift.repaired
    assert "the state row differs" in drift.what
    shown = read_health().audit
    assert shown
    assert shown["differing"] == 1
    with in_process.pool.connection() as connection:
        connection.execute(spoil % "-", (auction.id,))
        connection.execute("DELETE FROM drifts")


def test_each_run_is_bounded_and_together_they_cover_everything(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    with in_process.pool.connection() as connection:
        connection.execute("DELETE FROM audit_progress")
        row = connection.execute(
            "SELECT (SELECT count(*) FROM auctions) + (SELECT count(*) FROM users) AS n"
        ).fetchone()
    assert row
    everything = -(-row["n"] // 10)
    wrong_auction(documents, auction)
    found = []
    for _ in range(everything):
        assert completed() is None
        found += audit(in_process.pool, documents, streams=10, seconds=60)
    if row["n"] % 10 == 0:
        audit(in_process.pool, documents, streams=10, seconds=60)
    assert completed() is not None
    assert auction in [drift.stream for drift in found]
    wrong_auction(documents, auction)
    # Out of time after the first stream each: a run still gets on.
    for _ in range(row["n"]):
        found = audit(in_process.pool, documents, seconds=0)
        if auction in [drift.stream for drift in found]:
            break
    else:
        raise AssertionError("it was never looked at")


def test_a_stream_that_is_too_long_holds_up_nothing(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    with in_process.pool.connection() as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM auctions) + (SELECT count(*) FROM users) AS n"
        ).fetchone()
    assert row
    wrong_auction(documents, auction)
    for longest, looked_at in ((3, False), (4, True)):
        with in_process.pool.connection() as connection:
            connection.execute("DELETE FROM audit_progress")
        found = audit(in_process.pool, documents, streams=row["n"] + 1, seconds=60, longest=longest)
        assert completed() is not None
        assert (auction in [drift.stream for drift in found]) is looked_at


def completed() -> Any:
    shown = read_health().audit
    assert shown
    return shown["completed_at"]


def test_reading_goes_on_while_documents_are_restored(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    """In place: whoever reads meanwhile finds each document, the old one or the new."""
    right = documents.auction(auction.id)
    bids = len(bids_of(documents, auction))
    with ThreadPoolExecutor(1) as worker:
        for _ in range(20):
            repairing = worker.submit(reproject, auction, in_process.pool, documents)
            while not repairing.done():
                assert documents.auction(auction.id) == right
                assert len(documents.bids_of(auction.id)) == bids
            repairing.result()
