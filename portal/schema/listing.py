"""Pages of the list of auctions: which auctions, and with which cursors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from portal.schema.cursors import exactly, place, read_amount, read_time, read_version
from portal.web.runtime import Runtime
from projections.mongo.listing import AuctionOrder, AuctionQuery, ListPlace
from projections.mongo.lists import ListReader

# What an order's cursors hold. They name the order, but for the usual one, which is older than the others.
PLACES: Mapping[AuctionOrder, tuple[Callable[[str], Any], ...]] = {
    "ENDING_SOONEST": (read_time, UUID),
    "STARTING_SOONEST": (read_time, UUID),
    "NEWEST_ENDED": (read_time, UUID),
    "NEWEST": (UUID,),
    "MOST_BIDS": (read_version, UUID),
    "HIGHEST_PRICE": (read_amount, UUID),
    "LOWEST_PRICE": (read_amount, UUID),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """The places in the list of a page's auctions, by their ids, as cursors hold them.

    `more` says whether the list goes on, `rest` where, if not behind the last of these.
    """

    places: Mapping[UUID, tuple[object, ...]]
    more: bool
    rest: tuple[object, ...] | None


async def auctions_listed(
    runtime: Runtime, query: AuctionQuery, size: int, after: str | None
) -> Listed:
    """The page after that cursor; BAD_USER_INPUT for one of another order."""
    named = () if query.order == "ENDING_SOONEST" else (query.order,)
    readers = PLACES[query.order]
    given = place(after, *readers, *map(exactly, named))
    start: ListPlace | None = given and given[: len(readers)]
    found = await ListReader(runtime.documents).page(query, size + 1, start)
    shown = found.places[:size]
    rest = found.rest if len(found.places) <= size else None
    return Listed(
        {each[-1]: (*each, *named) for each in shown},
        more=rest is not None or len(found.places) > size,
        rest=(*rest, *named) if rest else None,
    )
