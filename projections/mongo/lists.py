"""Reading lists of auctions for the API: page by page at a bounded cost.

A list is read from an index that begins with the lists that an auction is in, by its state and each of its rules, goes
on with what the list is sorted by, and also holds the other fields that lists are filtered by. So no document is read to find a
page, but for a search. Where the filters leave out very much, the page ends after so many entries of the index, and
the next one goes on there. A search for a word that few titles have is led by the titles' words instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pymongo import DESCENDING

from projections.mongo.bson import Bson
from projections.mongo.keysets import Walk, behind, walks
from projections.mongo.listing import (
    ORDERS,
    AuctionQuery,
    ListPlace,
    beginning,
    cancelled_or_not,
    conditions,
    fields,
    place_of,
    start_at,
    states,
    within,
    words,
)
from projections.mongo.reader import DocumentReader
from projections.mongo.whole import aggregated, whole

# So many entries of an index are looked at first: enough for nearly every page; then so many more at most.
LOOKS = (200, 2_000)
# What a search finds is read and sorted if one of its words begins a word of no more titles than this.
RARE = 2_000

# The indexes that lead through lists, by what these are sorted by; see layout.
LISTS = {
    "ends_at": "list_by_end",
    "starts_at": "list_by_start",
    "_id": "list_by_age",
    "bid_count": "list_by_bids",
    "leading_amount": "list_by_price",
}


@dataclass(frozen=True, slots=True)
class ListPage:
    """The places of auctions in their list; `rest` is the place after which it goes on if the page ended early."""

    places: Sequence[ListPlace]
    rest: ListPlace | None = None


class ListReader:
    """Pages of lists of auctions; `looks` are how many entries of an index one may look at, in steps.

    A word that begins a word of at most `rare` titles leads to what it finds.
    """

    def __init__(
        self, documents: DocumentReader, looks: Sequence[int] = LOOKS, rare: int = RARE
    ) -> None:
        self._documents, self._looks, self._most = documents, looks, rare

    async def page(self, query: AuctionQuery, limit: int, after: ListPlace | None) -> ListPage:
        """At most `limit` auctions after the place; fewer if the filters leave out very much there."""
        if query.is_plain:
            return ListPage(await self._in_time(query, limit, after))
        if rare := await self._rare(query):
            return ListPage(await self._with_word(rare, query, limit, after))
        # Before those that are closed, so that none is missed that is closed meanwhile.
        unclosed = await self._unclosed(query, limit, after) if query.status == "ENDED" else []
        page = await self._led(query, limit, after)
        return _together(query, page, unclosed, limit) if unclosed else page

    async def _in_time(
        self, query: AuctionQuery, limit: int, after: ListPlace | None
    ) -> list[ListPlace]:
        """By the index that the server chooses: that of one of the times, or of titles' words."""
        start = behind(ORDERS[query.order], start_at(after))
        wanted = {"$and": [start, cancelled_or_not(query), *conditions(query)]}
        return await self._found(query, wanted, limit)

    async def _unclosed(
        self, query: AuctionQuery, limit: int, after: ListPlace | None
    ) -> list[ListPlace]:
        """Those that have ended and are not closed yet, which takes a moment: there are few."""
        start = behind(ORDERS[query.order], start_at(after))
        clauses = [within(query, "open"), start, *conditions(query)]
        return await self._found(query, {"$and": clauses}, limit, LISTS["ends_at"])

    async def _found(
        self, query: AuctionQuery, wanted: Bson, limit: int, hint: str | None = None
    ) -> list[ListPlace]:
        order = ORDERS[query.order]
        auctions = await self._documents.collection("auctions")
        found = auctions.find(wanted, fields(order), hint=hint).sort(list(order)).limit(limit)
        return [place_of(order, stored) for stored in await whole(found.to_list())]

    async def _rare(self, query: AuctionQuery) -> str | None:
        """One of the words that begins a word of few titles."""
        auctions = await self._documents.collection("auctions")
        for word in words(query.search):
            wanted = beginning(word)
            most = self._most + 1
            found = await whole(auctions.count_documents(wanted, limit=most, hint="title_words"))
            if found <= self._most:
                return word
        return None

    async def _with_word(
        self, rare: str, query: AuctionQuery, limit: int, after: ListPlace | None
    ) -> list[ListPlace]:
        """Of the few whose title has the word."""
        order = ORDERS[query.order]
        start = behind(order, start_at(after))
        wanted = {"$and": [start, within(query, *states(query)), *conditions(query)]}
        auctions = await self._documents.collection("auctions")
        found = await aggregated(
            auctions,
            [
                {"$match": beginning(rare)},
                # Without it the server may join both filters, and be led by a word of many titles.
                {"$limit": 2 * self._most},
                {"$match": wanted},
                {"$sort": dict(order)},
                {"$limit": limit},
                {"$project": fields(order)},
            ],
            hint="title_words",
        )
        return [place_of(order, stored) for stored in found]

    async def _led(self, query: AuctionQuery, limit: int, after: ListPlace | None) -> ListPage:
        """As the list's index leads, which looks at few entries first."""
        places: list[ListPlace] = []
        for look in self._looks:
            found, after = await self._looked(query, limit - len(places), after, look)
            places += found
            if after is None or len(places) == limit:
                return ListPage(places)
        return ListPage(places, after)

    async def _looked(
        self, query: AuctionQuery, limit: int, after: ListPlace | None, look: int
    ) -> tuple[list[ListPlace], ListPlace | None]:
        """What is found among so many entries, and the last of these if there may be more behind it."""
        places: list[ListPlace] = []
        for walk in walks(ORDERS[query.order], start_at(after)):
            found, last = await self._walked(query, walk, limit - len(places), look)
            places += found
            if last or len(places) == limit:
                return places, last
        return places, None

    async def _walked(
        self, query: AuctionQuery, walk: Walk, limit: int, look: int
    ) -> tuple[list[ListPlace], ListPlace | None]:
        order = ORDERS[query.order]
        field = order[0][0]
        auctions = await self._documents.collection("auctions")
        # What the index leads to; the others must not keep the walk from ending.
        led = [each for each in conditions(query) if field in each]
        others = [each for each in conditions(query) if field not in each]
        stretch = {"$and": [within(query, states(query)[-1]), walk.filter, *led]}
        found = await aggregated(
            auctions,
            [
                {"$match": stretch},
                {"$sort": dict(walk.order)},
                {"$limit": look},
                {"$match": {"$and": others} if others else {}},
                {"$limit": limit},
                {"$project": fields(order)},
            ],
            hint=LISTS[field],
        )
        places = [place_of(order, stored) for stored in found]
        if len(places) == limit:
            return places, None
        last = auctions.find(stretch, fields(order)).sort(list(walk.order)).hint(LISTS[field])
        left = await whole(last.skip(look - 1).limit(1).to_list())
        return places, place_of(order, left[0]) if left else None


def _together(
    query: AuctionQuery, page: ListPage, unclosed: Sequence[ListPlace], limit: int
) -> ListPage:
    """The page with those that are not closed yet, up to where it ends."""
    descending = ORDERS[query.order][0][1] == DESCENDING
    places = sorted({*page.places, *unclosed}, reverse=descending)
    if (rest := page.rest) is not None:
        places = [each for each in places if (each >= rest if descending else each <= rest)]
    return ListPage(places[:limit], rest if len(places) <= limit else None)
