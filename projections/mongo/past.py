"""Reading how an auction stood at one of its earlier versions.

Its moments say how many bids there were and which led. A page of bids is put together from three walks
through indexes in the order of the ranking as it was then: bids that are live now and as they were, those
deleted since, and those doubled since. Each passes over the bids that were not there yet. The first page
begins at the bid that led then, so that it passes over none of the higher ones that came later. Bids change in
one direction only, from the first walk to one of the others, so read in this order none is missed.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bson.decimal128 import Decimal128
from pymongo import ASCENDING, DESCENDING

from projections.changes import bid_at, ranked_at
from projections.documents import AuctionDocument, BidDocument, Moment
from projections.errors import VersionUnavailable
from projections.moments import Rank, auction_then
from projections.mongo.bson import Bson, moment_key, to_bid, to_moment
from projections.mongo.keysets import Order, behind
from projections.mongo.ranking import ORDER, Place
from projections.mongo.reader import DocumentReader

# Moments that one step of a search by time looks at: four steps are enough for a million.
PROBES = 31
# Up to this version a page is made of all bids that were there. Later ones have more bids beside those that came
# afterwards, so that a walk passes over fewer.
SHORT = 1_000
# The most bids that a walk passes over.
LONGEST_WALK = 20_000
AS_PLACED: Order = (("amount", DESCENDING), ("placed_version", ASCENDING))


@dataclass(frozen=True, slots=True)
class Walk:
    """One of the walks: which documents, in which order, and which of them were in the ranking then."""

    name: str
    among: Bson
    order: Order
    then: Bson


def walks(auction_id: UUID, version: int) -> tuple[Walk, Walk, Walk]:
    """Through bids that are as they were at the version; that were deleted since; that were doubled since."""
    still_there = {"$not": {"$lte": version}}
    unchanged = {"reached_version": {"$lte": version}}
    return (
        Walk("unchanged", {"auction_id": auction_id, "live": True}, ORDER, unchanged),
        Walk(
            "deleted",
            {"auction_id": auction_id, "live": False},
            ORDER,
            unchanged | {"deleted_version": {"$gt": version}},
        ),
        Walk(
            "doubled",
            {"auction_id": auction_id, "doubled": True},
            AS_PLACED,
            {
                "placed_version": {"$lte": version},
                "reached_version": {"$gt": version},
                "deleted_version": still_there,
            },
        ),
    )


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
        return auction_then(auction, then, leading), then

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

    async def bids(
        self, then: AuctionDocument, limit: int, after: Place | None
    ) -> list[BidDocument]:
        """The bids that were live at the auction's version, leading first, after the place.

        `then` is as auction_at gives it. VersionUnavailable if too many that came later rank among them.
        """
        if not then.top_bids:
            return []
        if then.version <= SHORT:
            return await self._bids_of_a_short_history(then, limit, after)
        leading = then.top_bids[0]
        start = after or (leading.effective_amount, leading.reached_version - 1)
        parts = walks(then.id, then.version)
        found = await self._documents.beside(
            then, "bids", *(_page(walk, start, limit) for walk in parts)
        )
        first = (-start[0], start[1])
        ranked = [bid for bid in ranked_at(map(to_bid, found), then.version) if bid.rank > first][
            :limit
        ]
        count = Counter(stored["walk"] for stored in found)
        ended = [walk for walk in parts if count[walk.name] < limit]
        last = ranked[-1].rank if len(ranked) == limit else None
        await self._refuse_gaps(then, ended, start, last)
        return ranked

    async def _bids_of_a_short_history(
        self, then: AuctionDocument, limit: int, after: Place | None
    ) -> list[BidDocument]:
        """All bids that were placed by then are looked at, however many came later."""
        moments = await self.moments(then, range(1, then.version + 1))
        placed = {each.last_bid for each in moments.values()} - {None}
        bids = await self.bids_by_id(then, [bid_id for bid_id in placed if bid_id])
        ranked = ranked_at(bids.values(), then.version)
        if after:
            ranked = [bid for bid in ranked if bid.rank > (-after[0], after[1])]
        return ranked[:limit]

    async def _refuse_gaps(
        self, then: AuctionDocument, ended: Sequence[Walk], start: Place, last: Rank | None
    ) -> None:
        """VersionUnavailable if one of the walks that gave less than a page broke off before its last place."""
        edges = [
            [*_ordered(walk, start), {"$skip": LONGEST_WALK}, {"$limit": 1}, *_named(walk)]
            for walk in ended
        ]
        names = {walk.name: walk for walk in ended}
        for stored in await self._documents.beside(then, "bids", *edges) if edges else ():
            amount, version = (stored[field] for field, _ in names[stored["walk"]].order)
            if last is None or (-amount.to_decimal(), version) <= last:
                raise VersionUnavailable(
                    f"too many bids that came after version {then.version} rank among these"
                )


def _ordered(walk: Walk, start: Place) -> list[Bson]:
    place = behind(walk.order, (Decimal128(start[0]), start[1]))
    return [{"$match": {**walk.among, **place}}, {"$sort": dict(walk.order)}]


def _named(walk: Walk) -> list[Bson]:
    return [{"$set": {"walk": walk.name}}]


def _page(walk: Walk, start: Place, limit: int) -> list[Bson]:
    """Pipeline stages for the walk's first bids after the place."""
    here: list[Bson] = [{"$limit": LONGEST_WALK}, {"$match": walk.then}, {"$limit": limit}]
    return [*_ordered(walk, start), *here, *_named(walk)]
