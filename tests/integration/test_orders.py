"""Lists of auctions in each order: page by page complete, and at a cost that history doesn't raise."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args
from uuid import UUID

import pytest
import pytest_asyncio

from commands.ids import new_id
from projections.documents import AuctionDocument, AuctionStatus
from projections.mongo.bson import from_auction
from projections.mongo.reader import AuctionOrder, AuctionQuery, DocumentReader
from projections.wiring import live_documents
from tests.integration.explaining import reads
from tests.integration.in_process import stored_auctions

NOW = datetime(2040, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENDED, OPEN, COMING = 1000, 40, 40
PAGE = 7


def auction(number: int, starts_at: datetime, ends_at: datetime) -> AuctionDocument:
    """Every fifth is a lamp, the others clocks."""
    title = f"{'Lamp' if number % 5 == 0 else 'Clock'} number {number}"
    return AuctionDocument(new_id(), 1, title, "", starts_at, ends_at)


@pytest.fixture(scope="module")
def auctions() -> Iterator[list[AuctionDocument]]:
    """Many that ended, some that are open and some that are coming; of each some begin and end together."""
    live_documents()
    ended = [
        auction(n, NOW - n % 90 * HOUR - 9 * HOUR, NOW - n // 3 * HOUR / 50) for n in range(ENDED)
    ]
    running = [auction(n, NOW - n % 7 * HOUR, NOW + (n // 2 + 1) * HOUR) for n in range(OPEN)]
    coming = [
        auction(n, NOW + (n // 2 + 1) * HOUR, NOW + (90 - n % 9) * HOUR) for n in range(COMING)
    ]
    every = [*ended, *running, *coming]
    stored_auctions().insert_many([from_auction(each) for each in every])
    yield every
    stored_auctions().delete_many({"_id": {"$in": [each.id for each in every]}})


@pytest_asyncio.fixture
async def reader() -> AsyncIterator[DocumentReader]:
    """The API's view of the documents."""
    found = DocumentReader()
    yield found
    await found.close()


async def listed(
    reader: DocumentReader, query: AuctionQuery, limit: int, after: tuple[datetime, UUID] | None
) -> list[AuctionDocument]:
    """The auctions of a page of the list."""
    ids = await reader.auction_ids(query, limit, after)
    found = {each.id: each for each in await reader.auctions_by_id(ids)}
    return [found[each] for each in ids]


def status_of(auction: AuctionDocument) -> AuctionStatus:
    if auction.starts_at > NOW:
        return "SCHEDULED"
    return "OPEN" if auction.ends_at > NOW else "ENDED"


def in_order(auctions: list[AuctionDocument], order: AuctionOrder) -> list[AuctionDocument]:
    """As Python sorts them."""
    if order == "STARTING_SOONEST":
        return sorted(auctions, key=lambda each: (each.starts_at, each.id.bytes))
    newest_first = order == "NEWEST_ENDED"
    return sorted(auctions, key=lambda each: (each.ends_at, each.id.bytes), reverse=newest_first)


@pytest.mark.parametrize("search", [None, "lamp"])
@pytest.mark.parametrize("order", get_args(AuctionOrder))
@pytest.mark.parametrize("status", get_args(AuctionStatus))
async def test_page_by_page_every_auction_comes_once_in_its_order(
    auctions: list[AuctionDocument],
    reader: DocumentReader,
    status: AuctionStatus,
    order: AuctionOrder,
    search: str | None,
) -> None:
    query = AuctionQuery(status, NOW, search, order)
    mine = {each.id for each in auctions}
    found: list[AuctionDocument] = []
    after = None
    while page := await listed(reader, query, 50, after):
        found += page
        after = (query.sorted_by(page[-1]), page[-1].id)
    wanted = [
        each
        for each in auctions
        if status_of(each) == status and (search is None or each.title.startswith("Lamp"))
    ]
    assert [each for each in found if each.id in mine] == in_order(wanted, order)
    assert len({each.id for each in found}) == len(found)


@pytest.mark.parametrize(
    ("status", "order"), [*product(get_args(AuctionStatus), get_args(AuctionOrder))]
)
async def test_a_page_of_a_list_costs_no_more_for_the_auctions_that_ended(
    auctions: list[AuctionDocument],
    reader: DocumentReader,
    status: AuctionStatus,
    order: AuctionOrder,
) -> None:
    query = AuctionQuery(status, NOW, None, order)
    middle = [each for each in auctions if status_of(each) == status]
    place = in_order(middle, order)[len(middle) // 2]
    for after in (None, (query.sorted_by(place), place.id)):
        with reads() as asked:
            assert len(await reader.auction_ids(query, PAGE, after)) == PAGE
        [read] = asked
        assert "COLLSCAN" not in read.stages
        # What is open or coming may have to be passed over, what has ended never.
        assert read.documents <= PAGE + OPEN + COMING + 10, read
        assert read.keys <= PAGE + OPEN + COMING + 20, read
        if (status, order) in USUAL:
            assert "SORT" not in read.stages, read


USUAL = {
    ("SCHEDULED", "STARTING_SOONEST"),
    ("OPEN", "ENDING_SOONEST"),
    ("ENDED", "ENDING_SOONEST"),
    ("ENDED", "NEWEST_ENDED"),
}
