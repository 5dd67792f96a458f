"""How an auction stood at each of its versions is read by indexes, however much came later."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
import pytest_asyncio

from commands.domain.events import (
    AuctionCreated,
    AuctionEvent,
    BidDeleted,
    BidDoubled,
    BidPlaced,
)
from commands.ids import new_id
from commands.streams import Stream
from projections.changes import ranked_at
from projections.documents import AuctionDocument, BidDocument, Moment, VersionedEvent
from projections.errors import VersionUnavailable
from projections.moments import moments_of
from projections.mongo import past as reading
from projections.mongo.bson import from_moment, to_moment
from projections.mongo.past import CENT, PastReader
from projections.mongo.reader import DocumentReader
from projections.mongo.store import MongoDocuments
from tests.integration.explaining import reads
from tests.integration.in_process import InProcessPortal, stored_auctions
from tests.integration.test_pages_at_a_version import Life, life

__all__ = ["life"]

MANY = 3000


@pytest_asyncio.fixture
async def past() -> AsyncIterator[PastReader]:
    """The API's view of auctions as they were."""
    documents = DocumentReader()
    yield PastReader(documents)
    await documents.close()


async def ranking(past: PastReader, auction: AuctionDocument, size: int) -> list[BidDocument]:
    """The whole ranking, read page by page."""
    page = await past.bids(auction, size, None)
    found = list(page.bids)
    while page.rest:
        page = await past.bids(auction, size, page.rest)
        assert len(page.bids) <= size
        found += page.bids
    return found


@pytest.mark.parametrize("size", [3, 100])
async def test_every_version_is_as_the_live_document_was(
    life: Life, past: PastReader, size: int
) -> None:
    now, _ = life.at(len(life.history))
    for version in range(1, len(life.history) + 1):
        live, bids = life.at(version)
        found, moment = await past.auction_at(now, version)
        assert found == replace(live, top_bids=live.top_bids[:1])
        assert moment.recorded_at == life.history[version - 1].recorded_at
        assert await ranking(past, found, size) == ranked_at(bids, version)


def crossing(auction_id: UUID, bidders: list[UUID]) -> Iterator[AuctionEvent]:
    """Bids that are placed, deleted and doubled; many rank among the earlier ones, and many are equal."""
    now, choose = datetime.now(UTC), Random(7)
    yield AuctionCreated(
        auction_id, "Crossing", "", now - timedelta(hours=1), now + timedelta(hours=1), None
    )
    live: list[BidPlaced] = []
    single: list[BidPlaced] = []
    for step in range(120):
        chance = choose.random()
        if chance < 0.3 and live:
            gone = live.pop(choose.randrange(len(live)))
            single = [bid for bid in single if bid is not gone]
            yield BidDeleted(gone.bid_id, gone.bidder_id)
        elif chance < 0.4 and single:
            hit = single.pop(choose.randrange(len(single)))
            yield BidDoubled(hit.bid_id, hit.bidder_id, 2 * hit.amount, 1, 0, 1, 1, ())
        else:
            amount = Decimal(choose.randrange(1, 9)) + Decimal(step // 40) / 100
            placed = BidPlaced(new_id(), choose.choice(bidders), amount.quantize(CENT), now)
            live.append(placed)
            single.append(placed)
            yield placed


@pytest.fixture
def crossed(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Life]:
    """The life of such an auction, as its documents alone."""
    stream, bidders = Stream("auction", new_id()), [new_id() for _ in range(3)]
    now = datetime.now(UTC)
    history = [
        VersionedEvent(event, version, now + timedelta(seconds=version))
        for version, event in enumerate(crossing(stream.id, bidders), 1)
    ]
    life = Life(stream, bidders, history)
    auction, bids = life.at(len(history))
    documents.restore_moments(stream.id, moments_of(stream.id, history))
    documents.restore_auction(auction, bids)
    yield life
    documents.restore_moments(stream.id, [])
    documents.restore_auction(auction, [])
    stored_auctions().delete_one({"_id": stream.id})


@pytest.mark.parametrize(
    ("short", "look", "cents"), [(0, 1, 1), (0, 6, 150), (1000, 3, 1), (0, 200, 5000)]
)
async def test_pages_that_pass_over_few_bids_together_show_the_same(
    crossed: Life,
    past: PastReader,
    monkeypatch: pytest.MonkeyPatch,
    short: int,
    look: int,
    cents: int,
) -> None:
    monkeypatch.setattr(reading, "SHORT", short)
    for most in ("FIRST_LOOK", "LONGEST_LOOK", "LONGEST_WALK"):
        monkeypatch.setattr(reading, most, look)
    monkeypatch.setattr(reading, "MOST_AMOUNTS", cents)
    now, _ = crossed.at(len(crossed.history))
    for version in range(1, len(crossed.history) + 1, 15):
        found, _ = await past.auction_at(now, version)
        expected = ranked_at(crossed.at(version)[1], version)
        assert await ranking(past, found, 4) == expected
        assert await past.first_bids(found, 4) == expected[:4]
        assert await past.bids_of_closed(found, 4) == expected[:4]


async def test_moments_are_made_alike_event_by_event_and_from_the_whole(
    life: Life, documents: MongoDocuments
) -> None:
    assert documents.moments_of(life.stream.id, 0, 500) == moments_of(life.stream.id, life.history)


def test_a_moment_that_was_stored_with_all_its_fields_is_the_same(life: Life) -> None:
    for then in moments_of(life.stream.id, life.history):
        every = dict.fromkeys(("leading", "bid_id", "last_bid", "closed_version", "draw"))
        assert to_moment({**every, "led": False, **from_moment(then)}) == then


async def test_a_time_is_of_the_last_event_recorded_by_then(life: Life, past: PastReader) -> None:
    now, _ = life.at(len(life.history))
    for recorded in life.history:
        later = [each.version for each in life.history if each.recorded_at <= recorded.recorded_at]
        assert await past.version_at(now, recorded.recorded_at) == max(later)
    instant = timedelta(microseconds=1)
    assert await past.version_at(now, life.history[0].recorded_at - instant) == 0
    assert await past.version_at(now, datetime.now(UTC) + timedelta(days=1)) == now.version


async def test_versions_whose_moments_were_never_made_are_refused(
    life: Life, past: PastReader, documents: MongoDocuments
) -> None:
    """As after an upgrade, until the projection is rebuilt."""
    now, _ = life.at(len(life.history))
    documents.restore_moments(life.stream.id, [])
    with pytest.raises(VersionUnavailable, match="rebuild_projections"):
        await past.auction_at(now, 3)


def lowering(auction_id: UUID, bidder_id: UUID) -> Iterator[tuple[BidDocument, Moment]]:
    """Bids of which each is lower than the one before, but for every tenth; as many are deleted later."""
    now = datetime.now(UTC)
    leading, most = None, Decimal(0)
    for version in range(2, MANY + 2):
        amount = Decimal(version) * 10 if version % 10 == 0 else Decimal(10 * MANY - version)
        bid = BidDocument(
            id=new_id(),
            auction_id=auction_id,
            bidder_id=bidder_id,
            amount=amount,
            effective_amount=amount,
            placed_at=now,
            placed_version=version,
            reached_version=version,
            version=version,
        )
        if amount > most:
            leading, most = bid.id, amount
        yield (
            bid,
            Moment(
                auction_id,
                version,
                now + timedelta(seconds=version),
                "BidPlaced",
                version - 1,
                1,
                leading,
                leading == bid.id,
                bid.id,
                bid.id,
            ),
        )


@pytest.fixture
def crowded(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[AuctionDocument]:
    """An auction with MANY bids."""
    now = datetime.now(UTC)
    auction = AuctionDocument(
        new_id(), MANY + 1, "A crowd", "", now - timedelta(hours=1), now + timedelta(hours=1)
    )
    made = list(lowering(auction.id, in_process.user()))
    created = Moment(auction.id, 1, now, "AuctionCreated")
    documents.restore_moments(auction.id, [created, *(moment for _, moment in made)])
    documents.restore_auction(auction, [bid for bid, _ in made])
    yield auction
    documents.restore_moments(auction.id, [])
    documents.restore_auction(auction, [])
    stored_auctions().delete_one({"_id": auction.id})


async def test_a_version_costs_the_same_however_long_the_history_is(
    crowded: AuctionDocument, past: PastReader
) -> None:
    for version in (2, MANY // 2, MANY):
        with reads() as asked:
            then, _ = await past.auction_at(crowded, version)
        assert then.bid_count == version - 1
        assert len(asked) == 2
        assert sum(read.documents for read in asked) <= 4
        with reads() as asked:
            page = await past.bids(then, 21, None)
        assert len(page.bids) == min(21, version - 1)
        for read in asked:
            assert read.stages.isdisjoint({"COLLSCAN", "SORT"}), read
    with reads() as asked:
        found = await past.version_at(crowded, datetime.now(UTC) + timedelta(seconds=MANY // 2))
    assert abs(found - MANY // 2) < 60
    assert len(asked) <= 4
    assert sum(read.documents for read in asked) <= 4 * (reading.PROBES + 1)


async def test_the_changes_of_the_lead_are_read_by_their_index(
    crowded: AuctionDocument, past: PastReader
) -> None:
    with reads() as asked:
        found = await past.changes_of_the_lead(crowded, 5, None)
    assert found
    for read in asked:
        assert read.indexes >= {"changes_of_the_lead"}, read
        assert read.documents <= 6 + 1, read


async def test_a_page_among_very_many_later_bids_ends_early_and_the_next_goes_on(
    crowded: AuctionDocument, past: PastReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, _ = await past.auction_at(crowded, 12)
    expected = await past.first_bids(early, 50)
    assert len(expected) == 11
    for most in ("SHORT", "FIRST_LOOK", "LONGEST_LOOK", "LONGEST_WALK", "MOST_AMOUNTS"):
        monkeypatch.setattr(reading, most, 0 if most == "SHORT" else 100)
    with reads() as asked:
        page = await past.bids(early, 50, None)
    assert page.rest
    assert len(page.bids) < 11
    assert sum(read.keys for read in asked) < 5 * 100
    assert await ranking(past, early, 50) == expected
    assert await past.first_bids(early, 8) == expected[:8]
