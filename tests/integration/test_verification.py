"""verify_events finds what was planted, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from commands.ports import Stream
from commands.postgres.pool import SyncConnection
from projections.mongo import MongoDocuments
from projections.projector import project
from projections.verify import verify
from tests.integration.house import House, stored_auctions


@pytest.fixture
def auction(house: House, documents: MongoDocuments) -> Iterator[Stream]:
    """An auction with bids, everything in agreement."""
    alice, bob = house.user(), house.user()
    stream = house.auction()
    house.bid(stream, alice, "10.00")
    house.bid(stream, bob, "20.00")
    house.delete(stream, bob, house.bid(stream, bob, "30.00"))
    project(stream, house.pool, documents)
    assert findings(house, stream, documents) == []
    yield stream
    forget(house, stream)


def findings(house: House, stream: Stream, documents: MongoDocuments) -> list[str]:
    with house.pool.connection() as connection:
        return [finding.what for finding in verify(connection, stream, documents).findings]


@contextmanager
def tampering(house: House) -> Iterator[SyncConnection]:
    """Somebody with the rights of the tables' owner switches the guards off."""
    with house.pool.connection() as connection:
        connection.execute("ALTER TABLE events DISABLE TRIGGER USER")
        try:
            yield connection
        finally:
            connection.execute("ALTER TABLE events ENABLE TRIGGER USER")


def forget(house: House, stream: Stream) -> None:
    """Leave nothing behind that a portal in the same world would stumble over."""
    with tampering(house) as connection:
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
    house: House, documents: MongoDocuments, auction: Stream, what: str
) -> None:
    statement, told = TAMPERINGS[what]
    with tampering(house) as connection:
        connection.execute(statement, (auction.id,))
        if "swapped" in what:
            connection.execute("UPDATE events SET version = -version WHERE version < 0")
    found = findings(house, auction, documents)
    assert found, what
    assert told in found[0]


def test_a_document_that_says_otherwise_is_found(
    house: House, documents: MongoDocuments, auction: Stream
) -> None:
    right = documents.auction(auction.id)
    assert right
    auctions = stored_auctions()
    for wrong in ({"bid_count": 7}, {"title": "Another"}, {"version": 99}):
        auctions.update_one({"_id": auction.id}, {"$set": wrong})
        assert findings(house, auction, documents), wrong
        auctions.delete_one({"_id": auction.id})
        project(auction, house.pool, documents)
        assert documents.auction(auction.id) == right
    bid = next(iter(documents.bids([bid.id for bid in right.top_bids]).values()))
    documents.save_bids([replace(bid, version=bid.version + 1, deleted_version=bid.version + 1)])
    assert findings(house, auction, documents)


def test_a_document_that_is_behind_is_no_finding(
    house: House, documents: MongoDocuments, auction: Stream
) -> None:
    house.bid(auction, house.user(), "99.00")
    with house.pool.connection() as connection:
        verdict = verify(connection, auction, documents)
    assert (verdict.findings, verdict.behind) == ([], 1)
