"""Reading how an auction stood at one of its earlier versions.

Its moments say how many bids there were and which led. A page of bids is put together from three walks
through indexes in the order of the ranking as it was then: bids that are live now and as they were, those
deleted since, and those doubled since; of sealed bids also those revealed since. Each passes over the bids that were not there then. Where one has passed
over very many, the page ends, and the next one goes on there. The first page begins at the bid that led then, so
that it passes over none of the higher ones that came later. Bids change in one direction only, from the first
walk to one of the others, so read in this order none is missed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from bson.decimal128 import Decimal128
from pymongo import ASCENDING, DESCENDING

from commands.domain.hidden import HIDDEN
from commands.domain.rules.table import hide_amounts
from projections.changes import bid_at, ranked_at
from projections.documents import AuctionDocument, BidDocument, Details, Moment
from projections.errors import VersionUnavailable
from projections.moments import Rank, auction_then
from projections.mongo.bson import Bson, moment_key, to_bid, to_moment
from projections.mongo.keysets import Order, behind
from projections.mongo.ranking import ORDER, Place
from projections.mongo.reader import DocumentReader

# Moments that one step of a search by time looks at: four steps are enough for a million.
PROBES = 31
# The bids of each walk that are looked at first: enough for nearly every page.
FIRST_LOOK = 200
# Up to this version a page for which that is not enough is made of all bids that were there.
SHORT = 1_000
# The most bids that are looked at then.
LONGEST_LOOK = 1_000
# Through the bids that did not change an index leads, which jumps from each amount to the next: the most bids and
# the most amounts, of two places each, that one page passes over; whichever are more.
LONGEST_WALK = 5_000
MOST_AMOUNTS = 5_000
CENT = Decimal("0.01")
AS_SEALED: Order = (("sealed_amount", DESCENDING), ("placed_version", ASCENDING))
AS_PLACED: Order = (("amount", DESCENDING), ("placed_version", ASCENDING))


@dataclass(frozen=True, slots=True)
class Page:
    """Bids of a ranking in their order; `rest` is the place after which it goes on, None if no more are there.

    There may be fewer bids than were asked for, and yet a rest.
    """

    bids: Sequence[BidDocument]
    rest: Place | None


@dataclass(frozen=True, slots=True)
class Walk:
    """One of the walks: which documents, in which order."""

    name: str
    among: Bson
    order: Order

    @property
    def amount(self) -> str:
        """The field that it is ordered by."""
        return self.order[0][0]

    @property
    def version(self) -> str:
        """The field that decides between equals."""
        return self.order[1][0]

    def place(self, stored: Bson) -> Place:
        """The place of a bid that it comes to."""
        return stored[self.amount].to_decimal(), stored[self.version]

    def behind(self, start: Place) -> list[Bson]:
        """Pipeline stages for its bids behind that place."""
        place = behind(self.order, (Decimal128(start[0]), start[1]))
        return [{"$match": {**self.among, **place}}, {"$sort": dict(self.order)}]

    def look(self, start: Place, most: int) -> list[Bson]:
        """Pipeline stages for its first bids there, whether they were in the ranking or not."""
        return [*self.behind(start), {"$limit": most}, {"$set": {"walk": self.name}}]


def walks(auction: AuctionDocument) -> Sequence[Walk]:
    """Through the bids that are live, among them those that did not change; that are deleted; that were doubled.

    Where bids are sealed also through all in the order they were placed.
    """
    own = {"auction_id": auction.id}
    found = [
        Walk("live", {**own, "live": True}, ORDER),
        Walk("deleted", {**own, "live": False}, ORDER),
        Walk("doubled", {**own, "doubled": True}, AS_PLACED),
    ]
    if hide_amounts(auction.rules):
        found.append(Walk("sealed", {**own, "sealed_amount": Decimal128(HIDDEN)}, AS_SEALED))
    return found


class PastReader:
    """The API's view of auctions as they were; each read is bounded, however long their histories are."""

    def __init__(self, documents: DocumentReader) -> None:
        self._documents = documents

    async def auction_at(
        self, auction: AuctionDocument, version: int
    ) -> tuple[AuctionDocument, Moment]:
        """The auction as it was at that version, which it has reached; of its first bids only the leading one."""
        then = (await self.moments(auction, [version]))[version]
        leading = None
        if then.leading:
            bid = (await self.bids_by_id(auction, [then.leading]))[then.leading]
            leading = bid_at(bid, version)
        return auction_then(auction, then, leading, await self._details(auction, then)), then

    async def _details(self, auction: AuctionDocument, then: Moment) -> Details | None:
        """What the house had made of the auction's details by then; None if it had changed nothing."""
        changed = then.details_version
        if changed is None or changed == then.version:
            return then.details
        return (await self.moments(auction, [changed]))[changed].details

    async def version_at(self, auction: AuctionDocument, time: datetime) -> int:
        """The auction's version at that time: of its last event recorded by then; 0 before the first."""
        low, high = 0, auction.version + 1
        while high - low > 1:
            steps = (low + (high - low) * step // (PROBES + 1) for step in range(1, PROBES + 1))
            probes = sorted(set(steps) - {low}) or [low + 1]
            found = await self.moments(auction, probes)
            for version in probes:
                if found[version].recorded_at > time:
                    high = version
                    break
                low = version
        return low

    async def moments(
        self, auction: AuctionDocument, versions: Collection[int]
    ) -> Mapping[int, Moment]:
        """The moments of these versions; VersionUnavailable unless all are there."""
        keys = [moment_key(auction.id, version) for version in versions]
        found = await self._moments(auction, [{"$match": {"_id": {"$in": keys}}}])
        moments = {each.version: each for each in found}
        if missing := set(versions) - moments.keys():
            raise VersionUnavailable(
                f"version {min(missing)} of auction {auction.id} can't be read: its documents were "
                "made by an earlier release (manage.py rebuild_projections auctions)"
            )
        return moments

    async def changes_of_the_lead(
        self, auction: AuctionDocument, limit: int, before: int | None
    ) -> list[Moment]:
        """The moments at which the lead changed up to the auction's version, newest first; before that version."""
        versions = {"$lte": auction.version} if before is None else {"$lt": before}
        wanted = {"_id.auction_id": auction.id, "_id.version": versions, "led": True}
        order = {"_id.auction_id": DESCENDING, "_id.version": DESCENDING}
        return await self._moments(
            auction, [{"$match": wanted}, {"$sort": order}, {"$limit": limit}]
        )

    async def _moments(self, auction: AuctionDocument, pipeline: list[Bson]) -> list[Moment]:
        return [
            to_moment(stored)
            for stored in await self._documents.beside(auction, "moments", pipeline)
        ]

    async def bids_by_id(
        self, auction: AuctionDocument, ids: Collection[UUID]
    ) -> Mapping[UUID, BidDocument]:
        """These bids as they are now."""
        found = await self.bids_by(auction, [{"$match": {"_id": {"$in": list(ids)}}}])
        return {bid.id: bid for bid in found}

    async def bids_by(self, auction: AuctionDocument, pipeline: list[Bson]) -> list[BidDocument]:
        """The bids that the pipeline finds, as they are now."""
        return await self._documents.bids_found(auction, pipeline)

    async def bids(self, then: AuctionDocument, limit: int, after: Place | None) -> Page:
        """The bids that were live at the auction's version, leading first, after the place, at most `limit`.

        `then` is as auction_at gives it.
        """
        if not then.bid_count:
            return Page((), None)
        start = after or _before_the_first(then)
        near = await self._near(then, limit, start)
        if near.rest is None or len(near.bids) == limit:
            return near
        if then.version <= SHORT:
            return await self._of_a_short_history(then, limit, start)
        return await self._far(then, limit, start)

    async def bids_of_closed(self, then: AuctionDocument, count: int) -> list[BidDocument]:
        """The first bids of an auction that was closed at the version: hardly one changed since."""
        return await self._documents.bids(then, count, None)

    async def first_bids(self, then: AuctionDocument, count: int) -> list[BidDocument]:
        """That many bids, or all there are, however many pages that takes."""
        found: list[BidDocument] = []
        page = await self.bids(then, count, None)
        while page.rest and len(found) + len(page.bids) < count:
            found += page.bids
            page = await self.bids(then, count - len(found), page.rest)
        return [*found, *page.bids]

    async def _of_a_short_history(self, then: AuctionDocument, limit: int, start: Place) -> Page:
        """The page, of all bids that were placed by then, however many came later."""
        moments = await self.moments(then, range(1, then.version + 1))
        placed = {each.last_bid for each in moments.values() if each.last_bid}
        bids = await self.bids_by_id(then, placed)
        return cut(_behind(ranked_at(bids.values(), then.version), start), limit, None)

    async def _near(self, then: AuctionDocument, limit: int, start: Place) -> Page:
        """The page, as far as the first bids of each walk tell."""
        most, parts = max(FIRST_LOOK, 2 * limit), walks(then)
        found = await self._documents.beside(
            then, "bids", *(walk.look(start, most) for walk in parts)
        )
        return _known(then, found, start, _ends(found, parts, most), limit)

    async def _far(self, then: AuctionDocument, limit: int, start: Place) -> Page:
        """The page, passing over very many bids."""
        live, *others = walks(then)
        # Read first: the page has all that was there up to this place, whatever comes meanwhile.
        end = await self._end(then, live, start)
        found = await self._documents.beside(
            then,
            "bids",
            _unchanged(live, then.version, start, end, limit + 1),
            *(walk.look(start, LONGEST_LOOK) for walk in others),
        )
        ends = [*([end] if end else []), *_ends(found, others, LONGEST_LOOK)]
        return _known(then, found, start, ends, limit)

    async def _end(self, then: AuctionDocument, live: Walk, start: Place) -> Place | None:
        """Up to where the index leads through the live bids for one page; None to their end."""
        lowest = start[0] - MOST_AMOUNTS * CENT
        if lowest <= 0:
            return None
        edge: list[Bson] = [
            # Nothing else, so that the index alone is read.
            {"$match": {**live.among, live.amount: {"$lt": Decimal128(start[0])}}},
            {"$sort": dict(live.order)},
            {"$project": {"_id": 0, live.amount: 1, live.version: 1}},
            {"$skip": LONGEST_WALK - 1},
            {"$limit": 1},
        ]
        for stored in await self._documents.beside(then, "bids", edge):
            return max(live.place(stored), (lowest, then.version), key=_rank)
        return None


def _before_the_first(then: AuctionDocument) -> Place:
    """The place before the bid that led, or if all were sealed, before the one placed first."""
    if then.top_bids:
        leading = then.top_bids[0]
        return leading.effective_amount, leading.reached_version - 1
    return HIDDEN, 0


def _rank(place: Place) -> Rank:
    return -place[0], place[1]


def _behind(ranked: Sequence[BidDocument], place: Place) -> list[BidDocument]:
    return [bid for bid in ranked if bid.rank > _rank(place)]


def cut(ranked: Sequence[BidDocument], limit: int, rest: Place | None) -> Page:
    """The first `limit` of these bids, behind which are the others, or else the rest."""
    page = ranked[:limit]
    if len(ranked) > limit:
        rest = (page[-1].effective_amount, page[-1].reached_version)
    return Page(page, rest)


def _ends(found: Sequence[Bson], parts: Sequence[Walk], most: int) -> list[Place]:
    """Where the walks ended of which so many bids were looked at."""
    names = [stored.get("walk") for stored in found]
    last = {stored.get("walk"): stored for stored in found}
    return [walk.place(last[walk.name]) for walk in parts if names.count(walk.name) == most]


def _known(
    then: AuctionDocument, found: Sequence[Bson], start: Place, ends: Sequence[Place], limit: int
) -> Page:
    """The page behind the start out of these bids, which are all up to the first of the ends."""
    ranked = _behind(ranked_at(map(to_bid, found), then.version), start)
    end = min(ends, key=_rank, default=None)
    if end is not None:
        ranked = [bid for bid in ranked if bid.rank <= _rank(end)]
    return cut(ranked, limit, end)


def _unchanged(live: Walk, version: int, start: Place, end: Place | None, limit: int) -> list[Bson]:
    """Pipeline stages for the first bids that did not change, up to the amount of the end.

    With the bound of the second field an index jumps over all others of an amount.
    """
    bound: Bson = {live.version: {"$lte": version}}
    if end:
        bound[live.amount] = {"$gte": Decimal128(end[0])}
    return [*live.behind(start), {"$match": bound}, {"$limit": limit}]
