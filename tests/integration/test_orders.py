"""Lists of auctions in each order and with filters: page by page complete, at a cost that history doesn't raise."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any, get_args
from uuid import UUID

import pytest
import pytest_asyncio

from commands.domain.rules.increments import HOUSE_TABLE, Increments
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import RULES, Rules
from commands.ids import new_id
from projections.documents import AuctionDocument, AuctionStatus, BidDocument
from projections.mongo.bson import from_auction
from projections.mongo.listing import BY_TIME, AuctionOrder, AuctionQuery, AuctionRule, ListPlace
from projections.mongo.lists import LOOKS, ListReader
from projections.mongo.reader import DocumentReader
from projections.wiring import live_documents
from tests.integration.explaining import reads
from tests.integration.in_process import stored_auctions

NOW = datetime(2040, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENDED, OPEN, COMING = 1000, 40, 40
# So many of those that ended are not closed yet.
UNCLOSED = 5
PAGE = 7
SOFT = SoftClose(60, 60, 3)
CHOSEN: list[Rules] = [
    (),
    (StartingPrice(Decimal("5.00")),),
    (Increments(HOUSE_TABLE, ()),),
    (SOFT,),
    (StartingPrice(Decimal("5.00")), SOFT),
]
FILTERS: list[dict[str, Any]] = [
    {"rule": "SOFT_CLOSE"},
    {"rule": "PLAIN", "price_from": Decimal("20.00")},
    {"price_to": Decimal("20.00")},
    {"price_from": Decimal("20.00"), "price_to": Decimal("40.00")},
    {"ends_after": NOW - 3 * HOUR, "ends_before": NOW + 5 * HOUR},
    {"rule": "STARTING_PRICE", "ends_before": NOW + 85 * HOUR},
    {"search": "lamp", "rule": "INCREMENTS"},
]


def auction(number: int, starts_at: datetime, ends_at: datetime) -> AuctionDocument:
    """Every fifth is a lamp, the others clocks; rules, bids and prices are spread evenly, too."""
    title = f"{'Lamp' if number % 5 == 0 else 'Clock'} number {number}"
    made = AuctionDocument(new_id(), 1, title, "", starts_at, ends_at, rules=CHOSEN[number % 4])
    if number % 3 == 0 or starts_at > NOW:
        return made
    bid = BidDocument(
        new_id(), made.id, new_id(), Decimal(number % 13), Decimal(number % 13 * 5), NOW, 2, 2, True
    )
    return replace(made, bid_count=number % 11 + 1, bidder_count=1, top_bids=(bid,))


@pytest.fixture(scope="module")
def auctions() -> Iterator[list[AuctionDocument]]:
    """Many that ended, some that are open and some that are coming; of each some begin and end together.

    Of those that ended the last are not closed yet.
    """
    live_documents()
    ended = [
        replace(
            auction(n, NOW - n % 90 * HOUR - 9 * HOUR, NOW - n // 3 * HOUR / 50),
            closed=n >= UNCLOSED,
        )
        for n in range(ENDED)
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


async def all_of(
    reader: ListReader, query: AuctionQuery, limit: int
) -> tuple[list[UUID], list[int]]:
    """The auctions of all pages of the list, and how many each page has."""
    found: list[UUID] = []
    sizes: list[int] = []
    after: ListPlace | None = None
    while True:
        page = await reader.page(query, limit, after)
        found += [place[-1] for place in page.places]
        sizes.append(len(page.places))
        if page.rest is None and len(page.places) < limit:
            return found, sizes
        after = page.rest or page.places[-1]


def status_of(auction: AuctionDocument) -> AuctionStatus:
    if auction.starts_at > NOW:
        return "SCHEDULED"
    return "OPEN" if auction.ends_at > NOW else "ENDED"


def price(auction: AuctionDocument) -> Decimal:
    return auction.top_bids[0].effective_amount if auction.top_bids else Decimal(0)


# What Python sorts by, and whether the greatest comes first.
SORTED: dict[AuctionOrder, tuple[Callable[[AuctionDocument], Any], bool]] = {
    "ENDING_SOONEST": (lambda each: each.ends_at, False),
    "STARTING_SOONEST": (lambda each: each.starts_at, False),
    "NEWEST_ENDED": (lambda each: each.ends_at, True),
    "NEWEST": (lambda each: 0, True),
    "MOST_BIDS": (lambda each: each.bid_count, True),
    "HIGHEST_PRICE": (price, True),
    "LOWEST_PRICE": (price, False),
}


def in_order(auctions: list[AuctionDocument], order: AuctionOrder) -> list[UUID]:
    """As Python sorts them."""
    first, descending = SORTED[order]
    found = sorted(auctions, key=lambda each: (first(each), each.id.bytes), reverse=descending)
    return [each.id for each in found]


def fits(auction: AuctionDocument, query: AuctionQuery) -> bool:
    """As Python filters them."""
    names = {kind: name.upper() for name, kind in RULES.items()}
    rules = {names[type(rule)] for rule in auction.rules} or {"PLAIN"}
    return (
        status_of(auction) == query.status
        and (query.search is None or auction.title.startswith("Lamp"))
        and (query.rule is None or query.rule in rules)
        and (query.price_from is None or price(auction) >= query.price_from)
        and (query.price_to is None or price(auction) <= query.price_to)
        and (query.ends_after is None or auction.ends_at > query.ends_after)
        and (query.ends_before is None or auction.ends_at < query.ends_before)
    )


@pytest.mark.parametrize("filters", [{}, {"search": "lamp"}, *FILTERS], ids=str)
@pytest.mark.parametrize("order", get_args(AuctionOrder))
@pytest.mark.parametrize("status", get_args(AuctionStatus))
async def test_page_by_page_every_auction_comes_once_in_its_order(
    auctions: list[AuctionDocument],
    reader: DocumentReader,
    status: AuctionStatus,
    order: AuctionOrder,
    filters: dict[str, Any],
) -> None:
    query = AuctionQuery(status, NOW, order=order, **filters)
    wanted = in_order([each for each in auctions if fits(each, query)], order)
    mine = {each.id for each in auctions}
    found, _ = await all_of(ListReader(reader), query, 50)
    assert [each for each in found if each in mine] == wanted
    assert len(set(found)) == len(found)
    # As far as a page may look, too, pages lead on to the last.
    found, sizes = await all_of(ListReader(reader, (3, 9), rare=0), query, 5)
    assert [each for each in found if each in mine] == wanted
    assert max(sizes) <= 5


async def test_a_page_ends_where_the_filters_leave_out_very_much(
    auctions: list[AuctionDocument], reader: DocumentReader
) -> None:
    query = AuctionQuery("ENDED", NOW, order="NEWEST", price_from=Decimal("60.00"))
    with reads() as asked:
        page = await ListReader(reader, (10, 20)).page(query, 10, None)
    assert page.rest is not None
    assert len(page.places) < 10
    # Those that are not closed yet; then twice what is found, and where that ends.
    assert [each.documents for each in asked][1:] == [0, 0, 0, 0]
    # The index is read at the beginning of each of its parts, too.
    assert max(each.keys for each in asked) <= 20 + PARTS


@pytest.mark.parametrize(
    "filters", [{}, *(each for each in FILTERS if "search" not in each)], ids=str
)
@pytest.mark.parametrize(
    ("status", "order"), [*product(get_args(AuctionStatus), get_args(AuctionOrder))]
)
async def test_a_page_of_a_list_costs_no_more_for_the_auctions_that_ended(
    auctions: list[AuctionDocument],
    reader: DocumentReader,
    status: AuctionStatus,
    order: AuctionOrder,
    filters: dict[str, Any],
) -> None:
    query = AuctionQuery(status, NOW, order=order, **filters)
    with reads() as asked:
        page = await ListReader(reader).page(query, PAGE, None)
        if len(page.places) == PAGE:
            await ListReader(reader).page(query, PAGE, page.places[-1])
    assert asked
    for read in asked:
        assert "COLLSCAN" not in read.stages
        if status != "ENDED" or not filters:
            # What is open or coming may have to be passed over, what has ended never.
            assert read.documents <= PAGE + OPEN + COMING + 10, read
            assert read.keys <= max(PAGE + OPEN + COMING + 10, LOOKS[0]) + PARTS, read
        if filters or order not in BY_TIME:
            assert read.documents <= UNCLOSED, read
        if filters or order not in BY_TIME or (status, order) in USUAL:
            assert "SORT" not in read.stages or read.keys <= UNCLOSED + PARTS, read


def test_every_rule_can_be_looked_for() -> None:
    assert {name.upper() for name in RULES} | {"PLAIN"} == set(get_args(AuctionRule))


async def test_auctions_that_were_written_before_lists_had_filters_are_completed(
    auctions: list[AuctionDocument], reader: DocumentReader
) -> None:
    stored, of_before = stored_auctions(), {"listed": "", "leading_amount": ""}
    wanted = {each["_id"]: each for each in stored.find()}
    stored.update_many({}, {"$unset": of_before})
    query = AuctionQuery("OPEN", NOW, order="MOST_BIDS")
    assert (await ListReader(reader).page(query, 100, None)).places == []

    live_documents().complete()
    assert {each["_id"]: each for each in stored.find()} == wanted
    with reads() as asked:
        live_documents().complete()
    assert [(read.documents, "COLLSCAN" in read.stages) for read in asked] == [(0, False)]


# A list without a rule is led through by those of the plain ones and of the others; after a place, in two stretches.
PARTS = 4
USUAL = {
    ("SCHEDULED", "STARTING_SOONEST"),
    ("OPEN", "ENDING_SOONEST"),
    ("ENDED", "ENDING_SOONEST"),
    ("ENDED", "NEWEST_ENDED"),
}
