"""verify_events finds what was planted, and nothing else."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pkgutil import resolve_name

import pytest
from django.core.management import CommandError, call_command

from commands.ids import new_id
from commands.postgres.connections import SyncConnection
from commands.postgres.facts import moments_since
from commands.streams import Stream
from projections.documents import WinnerDocument
from projections.mongo.store import MongoDocuments
from projections.projector import project, reproject
from projections.upkeep.every_stream import orphans
from projections.upkeep.verify import verify
from tests.integration.in_process import InProcessPortal, stored_auctions


@pytest.fixture
def auction(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Stream]:
    """An auction with bids, everything in agreement."""
    alice, bob = in_process.user(), in_process.user()
    stream = in_process.auction()
    in_process.bid(stream, alice, "10.00")
    in_process.bid(stream, bob, "20.00")
    in_process.delete(stream, bob, in_process.bid(stream, bob, "30.00"))
    project(stream, in_process.pool, documents)
    assert findings(in_process, stream, documents) == []
    yield stream
    forget(in_process, stream)


def findings(in_process: InProcessPortal, stream: Stream, documents: MongoDocuments) -> list[str]:
    with in_process.pool.connection() as connection:
        since = moments_since(connection)
        verdict = verify(connection, stream, documents, moments_since=since)
    return [finding.what for finding in verdict.findings]


@contextmanager
def tampering(in_process: InProcessPortal) -> Iterator[SyncConnection]:
    """Somebody with the rights of the tables' owner switches the guards off."""
    with in_process.pool.connection() as connection:
        connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        try:
            yield connection
        finally:
            connection.execute("ALTER TABLE events ENABLE TRIGGER USER")


def forget(in_process: InProcessPortal, stream: Stream) -> None:
    """Leave nothing behind that a portal in the same world would stumble over."""
    with tampering(in_process) as connection:
        for table, column in (
            ("events", "stream_id"),
            ("jobs", "stream_id"),
            ("projection_lagging", "stream_id"),
            ("bids", "auction_id"),
            ("auctions", "id"),
        ):
            connection.execute(f"DELETE FROM {table} WHERE {column} = %s", (stream.id,))
    stored_auctions().delete_one({"_id": stream.id})


TAMPERINGS = {
    "a changed payload": (
        "UPDATE events SET data = jsonb_set(data, '{amount}', '\"11.00\"') "
        "WHERE stream_id = %s AND version = 2",
        "version 2 (BidPlaced) does not fit the chain",
    ),
    "a changed time": (
        "UPDATE events SET recorded_at = recorded_at - interval '1 s' "
        "WHERE stream_id = %s AND version = 3",
        "version 3 (BidPlaced) does not fit the chain",
    ),
    "another job blamed": (
        "UPDATE events SET causation_id = gen_random_uuid() WHERE stream_id = %s AND version = 3",
        "version 3 (BidPlaced) does not fit the chain",
    ),
    "a removed event": (
        "DELETE FROM events WHERE stream_id = %s AND version = 3",
        "version 3 is missing",
    ),
    "a removed last event": (
        "DELETE FROM events WHERE stream_id = %s AND version = 5",
        "",
    ),
    "all events removed": ("DELETE FROM events WHERE stream_id = %s", ""),
    "two versions swapped": (
        "UPDATE events SET version = CASE version WHEN 2 THEN -3 ELSE -2 END "
        "WHERE stream_id = %s AND version IN (2, 3)",
        "",
    ),
    "an event added": (
        "INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, "
        "causation_id, correlation_id, recorded_at, hash) "
        "SELECT stream_kind, stream_id, 6, type, schema_version, data, causation_id, "
        "correlation_id, recorded_at, hash FROM events WHERE stream_id = %s AND version = 3",
        "version 6 (BidPlaced) does not fit the chain",
    ),
    "a bid's row removed": (
        "DELETE FROM bids WHERE auction_id = %s AND placed_version = 2",
        "the state row differs",
    ),
    "an auction's row removed": (
        "WITH gone AS (DELETE FROM bids WHERE auction_id = %s RETURNING auction_id) "
        "DELETE FROM auctions WHERE id IN (SELECT auction_id FROM gone)",
        "the state row differs",
    ),
    "a state row that says otherwise": (
        "UPDATE bids SET amount = amount + 1 WHERE auction_id = %s",
        "",
    ),
    "a state row's deletion undone": (
        "UPDATE bids SET deleted = false WHERE auction_id = %s",
        "",
    ),
    "an auction's end moved": (
        "UPDATE auctions SET ends_at = ends_at + interval '1 h' WHERE id = %s",
        "",
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_was_tampered_with_is_found(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream, what: str
) -> None:
    statement, expected_text = TAMPERINGS[what]
    with tampering(in_process) as connection:
        connection.execute(statement, (auction.id,))
        if "swapped" in what:
            connection.execute("UPDATE events SET version = -version WHERE version < 0")
    found = findings(in_process, auction, documents)
    assert found, what
    assert expected_text in found[0]


def test_a_document_that_says_otherwise_is_found(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    right = documents.auction(auction.id)
    assert right
    auctions = stored_auctions()
    for wrong in ({"bid_count": 7}, {"title": "Another"}, {"version": 99}):
        auctions.update_one({"_id": auction.id}, {"$set": wrong})
        assert findings(in_process, auction, documents), wrong
        auctions.delete_one({"_id": auction.id})
        project(auction, in_process.pool, documents)
        assert documents.auction(auction.id) == right
    bid = next(iter(documents.bids([bid.id for bid in right.top_bids]).values()))
    documents.save_bids([replace(bid, version=bid.version + 1, deleted_version=bid.version + 1)])
    assert findings(in_process, auction, documents)


def test_bids_and_winners_that_say_otherwise_are_found(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    right, bids = documents.auction(auction.id), list(documents.bids_of(auction.id).values())
    assert right
    for wrong in (bids[1:], [*bids, replace(bids[0], id=new_id())]):
        documents.restore_auction(right, wrong)
        assert findings(in_process, auction, documents)
        documents.restore_auction(right, bids)
        assert findings(in_process, auction, documents) == []
    documents.save_winner(WinnerDocument(auction.id, right.title, bids[0], in_process.now()))
    assert "winner" in findings(in_process, auction, documents)[0]


def test_moments_that_say_otherwise_are_found(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    right = documents.moments_of(auction.id, 0, 100)
    for wrong, what in (
        (right[:-1], f"the moment of version {len(right)} is missing"),
        ([replace(right[0], bid_count=7), *right[1:]], "the moment of version 1 differs"),
        ([], "the moment of version 1 is missing"),
    ):
        documents.restore_moments(auction.id, wrong)
        [finding] = findings(in_process, auction, documents)
        assert what in finding
        with in_process.pool.connection() as connection:
            drift = verify(connection, auction, documents)
        assert [each.repairable for each in drift.findings] == [True]
        reproject(auction, in_process.pool, documents)
        assert documents.moments_of(auction.id, 0, 100) == right
    assert findings(in_process, auction, documents) == []


def test_a_users_row_and_document_are_verified_too(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    stream = Stream("user", in_process.user())
    project(stream, in_process.pool, documents)
    right = documents.user(stream.id)
    assert right
    for wrong in (replace(right, username="wrong"), replace(right, is_staff=True)):
        documents.restore_user(wrong)
        assert "the document of user differs" in findings(in_process, stream, documents)[0]
    documents.restore_user(right)
    for staff in (True, False):
        with in_process.pool.connection() as connection:
            connection.execute("UPDATE users SET is_staff = %s WHERE id = %s", (staff, stream.id))
        assert bool(findings(in_process, stream, documents)) is staff


def test_the_command_tells_what_it_found(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    auction: Stream,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("verify_events", auction.id, processes=1)
    assert "everything agrees" in capsys.readouterr().out
    stored_auctions().update_one({"_id": auction.id}, {"$set": {"bid_count": 7}})
    with pytest.raises(CommandError) as failure:
        call_command("verify_events", auction.id, json=True, processes=1)
    assert failure.value.returncode == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["stream"] == str(auction.id)
    assert "bid_count should be 2, is 7" in finding["what"]


def test_documents_of_nothing_are_found(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    right = documents.auction(auction.id)
    assert right
    planted = replace(right, id=new_id(), top_bids=())
    documents.restore_auction(planted, [])
    with in_process.pool.connection() as connection:
        found = list(orphans(connection, documents))
    stored_auctions().delete_one({"_id": planted.id})
    assert Stream("auction", planted.id) in [finding.stream for finding in found]
    assert auction not in [finding.stream for finding in found]


def test_a_document_that_is_behind_is_no_finding(
    in_process: InProcessPortal, documents: MongoDocuments, auction: Stream
) -> None:
    in_process.bid(auction, in_process.user(), "99.00")
    with in_process.pool.connection() as connection:
        verdict = verify(connection, auction, documents)
    assert (verdict.findings, verdict.behind) == ([], 1)


@pytest.mark.parametrize(
    "step",
    ["projections.mongo.store.MongoDocuments.auction", "projections.upkeep.verify_auction.problem"],
)
def test_a_long_history_may_take_longer_than_a_transaction_may_idle(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    auction: Stream,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    quick = resolve_name(step)

    def slow(*arguments: object) -> object:
        time.sleep(0.5)  # The work of a long history.
        return quick(*arguments)

    monkeypatch.setattr(step, slow)
    with in_process.pool.connection() as connection:
        connection.execute("SET idle_in_transaction_session_timeout = '50ms'")
        try:
            assert verify(connection, auction, documents).findings == []
        finally:
            connection.close()
