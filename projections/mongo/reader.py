"""Reading documents for the API: keyset pages over the indexes, never the event log."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.conf import settings
from pymongo import DESCENDING, AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from projections.changes import bid_at, ranked_at
from projections.documents import (
    AuctionDocument,
    BidDocument,
    UserDocument,
    WinnerDocument,
)
from projections.errors import VersionUnavailable
from projections.mongo.bson import Bson, moment, to_auction, to_bid, to_user, to_winner
from projections.mongo.connection import OPTIONS, READING
from projections.mongo.generations import POINTER_LIFETIME, POINTERS, pointers_from
from projections.mongo.keysets import Order, behind
from projections.mongo.layout import COLLECTIONS, collection_name
from projections.mongo.ranking import Place, changed_since, ranked_and_unchanged
from projections.mongo.whole import aggregated, none_left, whole

# After so many milliseconds, retries included, a read fails.
QUICK = {**OPTIONS, "timeoutMS": 2500}

NEWEST_WINNERS: Order = (("announced_at", DESCENDING), ("_id", DESCENDING))
# If more bids than this changed since the auction's version, its ranking can't be computed.
MOST_CHANGED = 1000
# How long a read waits for bids that are behind their auction's version, in seconds.
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)


def _at_least(auction: AuctionDocument) -> list[Bson]:
    """Pipeline stages that give the auction's id if its document is at that version or later."""
    there = {"_id": auction.id, "version": {"$gte": auction.version}}
    return [{"$match": there}, {"$project": {"_id": 1}}]


class DocumentReader:
    """The API's view of the live documents, over MongoDB's asynchronous driver."""

    def __init__(self) -> None:
        self._client: AsyncMongoClient[Bson] = AsyncMongoClient(settings.MONGODB_URL, **QUICK)
        self._database = self._client.get_default_database(settings.NAMESPACE, **READING)
        self._names: dict[str, str] = {}
        self._read_at = -POINTER_LIFETIME
        # How often the pointers were read, and what to call when they name another generation than before.
        self.looks = 0
        self.switched: Callable[[], None] | None = None

    async def close(self) -> None:
        """Close the connections, once what goes on has ended."""
        await none_left()
        await self._client.close()

    async def ping(self) -> None:
        """Check that MongoDB answers; PyMongoError if not."""
        await whole(self._database.command("ping"))

    async def run(self) -> None:
        """Follow the pointers until cancelled, also while nobody reads."""
        while True:
            due_in = self._read_at + POINTER_LIFETIME - time.monotonic()
            await asyncio.sleep(max(due_in, 0))
            try:
                await self.collection("auctions")
            except PyMongoError:  # Whoever reads is told.
                await asyncio.sleep(POINTER_LIFETIME)

    async def collection(self, base: str) -> AsyncCollection[Bson]:
        """The live collection of those documents."""
        if time.monotonic() - self._read_at >= POINTER_LIFETIME:
            await self.look()
        return self._database[self._names[base]]

    async def look(self) -> None:
        """Read which generations are live."""
        now, before = time.monotonic(), self._names
        live = pointers_from(await whole(self._database[POINTERS].find().to_list()))
        if now < self._read_at:  # One that began later has ended.
            return
        self._names = {
            name: collection_name(name, live[projection])
            for projection, bases in COLLECTIONS.items()
            for name in bases
        }
        self._read_at = now
        self.looks += 1
        if self.switched and before and before != self._names:
            self.switched()

    async def auctions_by_id(self, ids: Collection[UUID]) -> list[AuctionDocument]:
        """The auctions of these ids, without those that have no document."""
        found = (await self.collection("auctions")).find({"_id": {"$in": list(ids)}})
        return [to_auction(stored) for stored in await whole(found.to_list())]

    async def bids(
        self, auction: AuctionDocument, limit: int, after: Place | None
    ) -> list[BidDocument]:
        """The live bids as they were at the auction's version, leading first, after the place.

        VersionUnavailable if more than MOST_CHANGED of them changed since.
        """
        at = (auction.id, auction.version)
        changed = [*changed_since(*at), {"$limit": MOST_CHANGED + 1}]
        found = await self.bids_found(auction, ranked_and_unchanged(*at, limit, after), changed)
        if sum(bid.version > auction.version for bid in found) > MOST_CHANGED:
            raise VersionUnavailable(
                f"auction {auction.id} has moved on from version {auction.version}"
            )
        ranked = ranked_at(found, auction.version)
        start = (-after[0], after[1]) if after else None
        return [bid for bid in ranked if start is None or bid.rank > start][:limit]

    async def own_bids(
        self, auction: AuctionDocument, bidder_id: UUID, limit: int, before: int | None = None
    ) -> list[BidDocument]:
        """One bidder's bids as they were at the auction's version, deleted ones included, newest first.

        With `before`, only those that were placed before that version.
        """
        newest = min(auction.version, auction.version if before is None else before - 1)
        wanted = {
            "auction_id": auction.id,
            "bidder_id": bidder_id,
            "placed_version": {"$lte": newest},
        }
        found = await self.bids_found(
            auction,
            [{"$match": wanted}, {"$sort": {"placed_version": DESCENDING}}, {"$limit": limit}],
        )
        return [bid for each in found if (bid := bid_at(each, auction.version))]

    async def bids_found(
        self, auction: AuctionDocument, *pipelines: list[Bson]
    ) -> list[BidDocument]:
        """The bids that the pipelines find, once the bids are at the auction's version or later."""
        return [to_bid(stored) for stored in await self.beside(auction, "bids", *pipelines)]

    async def beside(
        self, auction: AuctionDocument, base: str, *pipelines: list[Bson]
    ) -> list[Bson]:
        """What the pipelines find in that collection, once it is at the auction's version or later.

        A generation that has just become the live one may be behind for a moment, and one that
        has long ceased to be is dropped: asked in one go whether its auction is far enough, a
        reader sees all that belongs to it, or waits. VersionUnavailable if that takes too long.
        """
        for pause in PAUSES:
            auctions = await self.collection("auctions")
            # Of the same generation: nothing is awaited between the two.
            name = self._names[base]
            unions = [{"$unionWith": {"coll": name, "pipeline": each}} for each in pipelines]
            found = await aggregated(auctions, [*_at_least(auction), *unions])
            if found and found[0]["_id"] == auction.id:
                return found[1:]
            await asyncio.sleep(pause)
        raise VersionUnavailable(
            f"the documents of auction {auction.id} are behind version {auction.version}"
        )

    async def winners(
        self, limit: int, after: tuple[datetime, UUID] | None
    ) -> list[WinnerDocument]:
        """Announced winners, newest first, after the place (announced_at, auction id)."""
        place = behind(NEWEST_WINNERS, after and (moment(after[0]), after[1]))
        found = (await self.collection("winners")).find(place).sort(NEWEST_WINNERS).limit(limit)
        return [to_winner(stored) for stored in await whole(found.to_list())]

    async def user(self, user_id: UUID) -> UserDocument | None:
        """One user."""
        users = await self.collection("users")
        stored = await whole(users.find_one({"_id": user_id}))
        return to_user(stored) if stored else None

    async def usernames(self, ids: Collection[UUID]) -> Mapping[UUID, str | None]:
        """The users' names, without users who were deleted."""
        if not ids:
            return {}
        found = (await self.collection("users")).find({"_id": {"$in": list(ids)}}, {"username": 1})
        return {stored["_id"]: stored["username"] for stored in await whole(found.to_list())}
