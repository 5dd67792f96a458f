"""Filling a new generation gives the documents that projecting gives, however long histories are."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from commands.domain.commands import PlaceBid
from commands.domain.events import AuctionCreated, BidPlaced
from commands.ids import new_id
from commands.postgres.event_store import PostgresEventStore
from commands.streams import Stream
from projections import changes
from projections.auctions import history_of
from projections.changes import documents_of, live_after
from projections.documents import BidDocument, VersionedEvent
from projections.moments import moments_of
from projections.mongo.generations import live_generations, next_generation
from projections.mongo.store import MongoDocuments
from projections.ports import Bidder
from projections.upkeep import filling
from projections.wiring import catch_up, database, live_documents
from tests.integration.in_process import InProcessPortal

PLACED = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def fresh() -> MongoDocuments:
    """A generation that nobody reads, without the bids' indexes."""
    generations = {
        **live_generations(database()),
        "auctions": next_generation(database(), "auctions"),
    }
    documents = MongoDocuments(database(), generations)
    documents.create_indexes(but={"bids"})
    return documents


def busy_auction(in_process: InProcessPortal, chance: random.Random) -> Stream:
    """Bids of three bidders, many of which are deleted again, the highest ones above all."""
    in_process.close_auctions()
    auction, bidders = in_process.auction(), [in_process.user() for _ in range(3)]
    amounts = dict.fromkeys(bidders, 0)
    own: list[tuple[UUID, UUID]] = []
    for _ in range(70):
        bidder = chance.choice(bidders)
        amounts[bidder] += chance.randint(1, 9)
        bid = PlaceBid(auction.id, new_id(), bidder, Decimal(f"{amounts[bidder]}.00"))
        # After one was doubled, the next may be too low.
        if in_process.settled(auction, bid).rejection is None:
            own.append((bidder, bid.bid_id))
        if chance.random() < 0.1:
            in_process.double(auction)
        if chance.random() < 0.4 and len(own) > 3:
            in_process.delete(auction, *own.pop(chance.randrange(len(own))))
    return auction


@pytest.mark.parametrize("seed", range(3))
def test_what_is_filled_is_what_follows_from_the_events(
    in_process: InProcessPortal, fresh: MongoDocuments, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    auction, quiet = busy_auction(in_process, random.Random(seed)), in_process.auction()
    monkeypatch.setattr(filling, "PAGE", 60)
    monkeypatch.setattr(filling, "HIGHEST", 21)
    catch_up(auction)
    with in_process.pool.connection() as connection:
        store = PostgresEventStore(connection)
        filling.fill(store, [auction.id, quiet.id, new_id()], fresh)
        recorded = store.read(auction.id)
    history = history_of(recorded)
    expected, bids = documents_of(auction.id, history)
    assert fresh.auction(auction.id) == expected == live_documents().auction(auction.id)
    assert fresh.bids_of(auction.id) == bids
    moments = moments_of(auction.id, history)
    assert fresh.moments_of(auction.id, 0, 500) == moments
    assert live_documents().moments_of(auction.id, 0, 500) == moments
    everybody = [Bidder(auction.id, bid.bidder_id) for bid in bids.values()]
    live = {key: each.live for key, each in live_documents().bidders(everybody).items()}
    assert {key: each.live for key, each in fresh.bidders(everybody).items()} == live
    found = fresh.auction(quiet.id)
    assert found
    assert (found.version, found.bid_count) == (1, 0)


def test_what_led_long_ago_is_looked_up_once_all_that_came_later_is_deleted(
    in_process: InProcessPortal, fresh: MongoDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    auction, alice = in_process.auction(), in_process.user()
    bids = [in_process.bid(auction, alice, f"{amount}.00") for amount in range(1, 61)]
    for bid in bids[25:]:
        in_process.delete(auction, alice, bid)
    monkeypatch.setattr(filling, "PAGE", 50)
    monkeypatch.setattr(filling, "HIGHEST", 21)
    looked_up = list[UUID]()

    def top_bids(documents: MongoDocuments, *asked: Any) -> list[BidDocument]:
        looked_up.append(asked[0])
        return stored(documents, *asked)

    stored = MongoDocuments.top_bids
    monkeypatch.setattr(MongoDocuments, "top_bids", top_bids)
    with in_process.pool.connection() as connection:
        store = PostgresEventStore(connection)
        filling.fill(store, [auction.id], fresh)
        history = history_of(store.read(auction.id))
    expected, _ = documents_of(auction.id, history)
    found = fresh.auction(auction.id)
    # For the moment at which it led again, and for the auction's own document.
    assert looked_up == [auction.id] * 2, "of the bids that are left none was remembered"
    assert fresh.moments_of(auction.id, 0, 500) == moments_of(auction.id, history)
    assert found == expected
    assert [bid.id for bid in found.top_bids] == bids[24:4:-1]


def test_a_page_takes_as_long_however_many_bidders_came_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = list[int]()

    def counting(history: Iterable[VersionedEvent], before: Mapping[UUID, int]) -> dict[UUID, int]:
        looked_at.append(len(before))
        return live_after(history, before)

    monkeypatch.setattr(changes, "live_after", counting)
    monkeypatch.setattr(filling, "live_after", counting)
    auction_id, growing, bidders = new_id(), filling.Growing(), [new_id() for _ in range(100)]
    created = AuctionCreated(auction_id, "A clock", "", PLACED, PLACED, None)
    growing.grow(auction_id, [VersionedEvent(created, 1, PLACED)], {}, lambda _: None)
    for version, bidder in enumerate(bidders, 2):
        placed = BidPlaced(new_id(), bidder, Decimal("1.00"), PLACED)
        growing.grow(auction_id, [VersionedEvent(placed, version, PLACED)], {}, lambda _: None)
    assert max(looked_at) == 1
    assert growing.live == dict.fromkeys(bidders, 1)
    assert growing.auction
    assert growing.auction.bidder_count == 100


def test_the_highest_are_known_or_it_is_known_that_they_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    auction_id = new_id()
    monkeypatch.setattr(filling, "HIGHEST", 30)
    known = 0
    for seed in range(200):
        chance, highest = random.Random(seed), filling.Highest()
        every = dict[UUID, BidDocument]()
        for version in range(2, 150):
            bid = bid_of(auction_id, chance.randint(1, 500), version)
            if every and chance.random() < 0.45:
                best = min(every.values(), key=lambda each: each.rank)
                bid = every.pop(best.id)
                highest.change([replace(bid, deleted_version=version, version=version)])
                continue
            every[bid.id] = bid
            highest.change([bid])
        top = highest.top()
        known += top is not None
        assert top in (None, sorted(every.values(), key=lambda each: each.rank)[:20])
    assert known > 50


def bid_of(auction_id: UUID, amount: int, version: int) -> BidDocument:
    """A bid, as its document is."""
    money = Decimal(f"{amount}.00")
    return BidDocument(
        new_id(), auction_id, new_id(), money, money, PLACED, version, version, version=version
    )
