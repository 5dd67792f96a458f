"""Pages of bids are of the version of their auction, though the documents of bids are ahead of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio

from commands.ids import new_id
from commands.postgres.event_store import PostgresEventStore
from commands.streams import Stream
from projections.auctions import history_of, project_auctions
from projections.changes import documents_of, ranked_at
from projections.documents import AuctionDocument, BidDocument, VersionedEvent
from projections.errors import VersionUnavailable
from projections.mongo import reader as reading
from projections.mongo.reader import DocumentReader
from projections.mongo.store import MongoDocuments
from projections.wiring import catch_up
from tests.integration.explaining import reads
from tests.integration.in_process import InProcessPortal, stored_auctions


@pytest_asyncio.fixture
async def reader() -> AsyncIterator[DocumentReader]:
    """The API's view of the documents."""
    found = DocumentReader()
    yield found
    await found.close()


@dataclass(frozen=True, slots=True)
class Life:
    """An auction that was projected to its end, and all its events."""

    stream: Stream
    bidders: list[UUID]
    history: list[VersionedEvent]

    def at(self, version: int) -> tuple[AuctionDocument, list[BidDocument]]:
        """The auction and all its bids as they were at that version."""
        auction, bids = documents_of(self.stream.id, self.history[:version])
        return auction, list(bids.values())


@pytest.fixture
def life(in_process: InProcessPortal) -> Life:
    """Two bid, take back, and have bids doubled."""
    auction, bidders = in_process.auction(), [in_process.user(), in_process.user()]
    placed: list[tuple[UUID, UUID]] = []
    for number in range(1, 31):
        bidder = bidders[number % 2]
        # A doubled bid overtakes the next, and its bidder's own next is higher still.
        placed.append((bidder, in_process.bid(auction, bidder, f"{100 * 1.5**number:.2f}")))
        if number % 4 == 0:
            in_process.delete(auction, *placed.pop(number // 3))
        if number % 10 == 0:
            assert in_process.double(auction).rejection is None
    catch_up(auction)
    with in_process.pool.connection() as connection:
        history = history_of(PostgresEventStore(connection).read(auction.id))
    return Life(auction, bidders, history)


async def pages(
    reader: DocumentReader, auction: AuctionDocument, size: int
) -> list[list[BidDocument]]:
    """The whole ranking, page by page."""
    found = [await reader.bids(auction, size, None)]
    while len(found[-1]) == size:
        last = found[-1][-1]
        found.append(
            await reader.bids(auction, size, (last.effective_amount, last.reached_version))
        )
    return found


@pytest.mark.parametrize("size", [3, 7, 100])
async def test_whatever_page_is_read_it_is_as_it_was_at_the_auctions_version(
    life: Life, reader: DocumentReader, size: int
) -> None:
    assert {type(recorded.event).__name__ for recorded in life.history} >= {
        "BidPlaced", "BidDeleted", "BidDoubled",
    }  # fmt: skip
    for version in range(1, len(life.history) + 1):
        auction, bids = life.at(version)
        found = await pages(reader, auction, size)
        assert [bid for page in found for bid in page] == ranked_at(bids, version)
        assert auction.top_bids == tuple((await reader.bids(auction, 100, None))[:20])


async def test_own_bids_are_as_they_were_at_the_auctions_version(
    life: Life, reader: DocumentReader
) -> None:
    for version in range(1, len(life.history) + 1):
        auction, bids = life.at(version)
        own = [bid for bid in bids if bid.bidder_id == life.bidders[0]]
        own.sort(key=lambda bid: -bid.placed_version)
        assert await reader.own_bids(auction, life.bidders[0], 100) == own
        if len(own) > 2:
            before = own[1].placed_version
            assert await reader.own_bids(auction, life.bidders[0], 1, before) == own[2:3]


async def test_a_projector_that_died_before_the_auction_leaves_no_bids_of_a_later_version(
    in_process: InProcessPortal, life: Life, documents: MongoDocuments, reader: DocumentReader
) -> None:
    """The bids are at the end; another takes the same events in, fewer at a time."""
    before, _ = life.at(10)
    stored_auctions().delete_one({"_id": life.stream.id})
    documents.save_auctions([(before, 0)])
    with in_process.pool.connection() as connection:
        store = PostgresEventStore(connection)
        while project_auctions(store, [life.stream.id], documents, limit=1):
            [found] = await reader.auctions_by_id([life.stream.id])
            assert found
            assert found == life.at(found.version)[0]
    last = documents.auction(life.stream.id)
    assert last
    assert last.version == len(life.history)


async def test_documents_that_are_behind_the_auction_are_waited_for(
    life: Life, reader: DocumentReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a generation that has just become the live one."""
    auction, _ = life.at(len(life.history))
    assert await reader.bids(auction, 100, None)
    ahead = replace(auction, version=auction.version + 1)
    monkeypatch.setattr(reading, "PAUSES", (0.01, 0.01))
    for page in (reader.bids(ahead, 100, None), reader.own_bids(ahead, life.bidders[0], 100)):
        with pytest.raises(VersionUnavailable):
            await page


async def test_a_ranking_that_too_much_happened_to_since_is_not_guessed(
    life: Life, reader: DocumentReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, _ = life.at(20)
    monkeypatch.setattr(reading, "MOST_CHANGED", 2)
    with pytest.raises(VersionUnavailable):
        await reader.bids(early, 5, None)
    late, bids = life.at(len(life.history) - 1)
    assert await reader.bids(late, 100, None) == ranked_at(bids, late.version)


def many_bids(auction_id: UUID, bidder_id: UUID, count: int) -> list[BidDocument]:
    """So many live bids, the first after the auction's creation."""
    return [
        BidDocument(
            id=new_id(),
            auction_id=auction_id,
            bidder_id=bidder_id,
            amount=Decimal(number),
            effective_amount=Decimal(number),
            placed_at=datetime.now(UTC),
            placed_version=number,
            reached_version=number,
            version=number,
        )
        for number in range(2, count + 2)
    ]


@pytest.fixture
def crowded(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[AuctionDocument]:
    """An auction with 3,000 bids."""
    now = datetime.now(UTC)
    auction = AuctionDocument(
        new_id(), 3001, "A crowd", "", now - timedelta(hours=1), now + timedelta(hours=1)
    )
    documents.restore_auction(auction, many_bids(auction.id, in_process.user(), 3000))
    yield auction
    documents.restore_auction(auction, [])
    stored_auctions().delete_one({"_id": auction.id})


async def test_a_page_costs_the_same_wherever_it_is(
    crowded: AuctionDocument, reader: DocumentReader
) -> None:
    own = next(iter(await reader.bids(crowded, 1, None))).bidder_id
    pages: dict[str, Callable[[], Awaitable[list[BidDocument]]]] = {
        "first": lambda: reader.bids(crowded, 101, None),
        "deep": lambda: reader.bids(crowded, 101, (Decimal(1000), 1000)),
        "own": lambda: reader.own_bids(crowded, own, 101),
        "own, deep": lambda: reader.own_bids(crowded, own, 101, 1000),
        "a little behind": lambda: reader.bids(replace(crowded, version=2990), 101, None),
    }
    for name, page in pages.items():
        with reads() as asked:
            found = await page()
        assert len(found) == 101, name
        [read] = asked
        assert read.stages.isdisjoint({"COLLSCAN", "SORT"}), (name, read)
        assert read.documents <= 130, (name, read)
        assert read.keys <= 140, (name, read)
