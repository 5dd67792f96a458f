"""An auction's past, written as rows and documents: what counts is how much of it there is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from benchmarks.bids import Bids
from commands.postgres.connections import SyncConnection
from commands.streams import Stream
from projections.documents import TOP, BidderDocument, BidDocument
from projections.mongo.bson import from_bid, from_bidder
from projections.mongo.generations import live_generations
from projections.mongo.layout import collection_name
from projections.wiring import database, live_documents

# Bid number n has version n + 1; one bid in a thousand is doubled, as the promoter leaves them.
PAST_BIDS = """
INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at, placed_version,
                  reached_version, doubled, deleted)
SELECT lpad(to_hex(n), 32, '0')::uuid, %(auction)s, (%(bidders)s::uuid[])[1 + n %% %(people)s],
       (n / 1000 + 1) / 100.0, (n / 1000 + 1) / 100.0, clock_timestamp(), n + 1, n + 1, n %% 1000 = 0, false
FROM generate_series(1, %(count)s) AS n
"""
PAST_EVENTS = """
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, causation_id,
                    correlation_id, recorded_at, hash)
SELECT 'auction', %(auction)s, n + 1, 'BidPlaced', 1,
       json_build_object('bid_id', lpad(to_hex(n), 32, '0')::uuid,
                         'bidder_id', (%(bidders)s::uuid[])[1 + n %% %(people)s],
                         'amount', round((n / 1000 + 1) / 100.0, 2)::text, 'placed_at', clock_timestamp()),
       gen_random_uuid(), gen_random_uuid(), clock_timestamp(), sha256(n::text::bytea)
FROM generate_series(1, %(count)s) AS n
"""
BATCH = 20_000


def fill(bids: Bids, auction: Stream, count: int) -> None:
    """Give a new auction so many bids in log, state rows and documents. Its hashes don't form a chain."""
    parameters = {
        "auction": auction.id,
        "bidders": bids.bidders,
        "people": len(bids.bidders),
        "count": count,
    }
    with bids.pool.connection() as connection, connection.transaction():
        # A million rows may take longer than a worker's statement is given.
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute(PAST_BIDS, parameters)
        connection.execute(PAST_EVENTS, parameters)
        connection.execute(
            "UPDATE auctions SET version = %s WHERE id = %s", (count + 1, auction.id)
        )
    with bids.pool.connection() as connection:
        _look_after(connection)
    _write_documents(bids, auction, count)


def _look_after(connection: SyncConnection) -> None:
    """As the server's own vacuum does while so many bids come in."""
    connection.execute("SET statement_timeout = 0")
    connection.execute("VACUUM (ANALYZE) bids, events, auctions, jobs")
    connection.execute("RESET statement_timeout")


def _write_documents(bids: Bids, auction: Stream, count: int) -> None:
    generation = live_generations(database())["auctions"]
    stored = database()[collection_name("bids", generation)]
    every = _bids(bids, auction, count)
    top: list[BidDocument] = []
    while batch := [bid for _, bid in zip(range(BATCH), every, strict=False)]:
        stored.insert_many([from_bid(bid) for bid in batch], ordered=False)
        top = batch[-TOP:] if len(batch) >= TOP else batch
    people = len(bids.bidders)
    database()[collection_name("bidders", generation)].insert_many(
        from_bidder(BidderDocument(auction.id, bidder, count // people, count + 1))
        for bidder in bids.bidders
    )
    documents = live_documents()
    shown = documents.auction(auction.id)
    assert shown
    full = replace(
        shown,
        version=count + 1,
        bid_count=count,
        bidder_count=people,
        top_bids=tuple(sorted(top, key=lambda bid: bid.rank)),
    )
    documents.save_auctions([(full, shown.version)])


def _bids(bids: Bids, auction: Stream, count: int) -> Iterator[BidDocument]:
    now, people = datetime.now(UTC), len(bids.bidders)
    for n in range(1, count + 1):
        amount = Decimal(n // 1000 + 1) / 100
        yield BidDocument(
            UUID(int=n), auction.id, bids.bidders[n % people], amount, amount, now, n + 1, n + 1,
            version=n + 1,
        )  # fmt: skip
