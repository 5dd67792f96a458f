"""Reading documents for the API: keyset pages over the indexes, never the event log."""

import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from bson.decimal128 import Decimal128
from django.conf import settings
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from projections.documents import AuctionDocument, BidDocument, UserDocument, WinnerDocument
from projections.mongo.bson import Bson, moment, to_auction, to_bid, to_user, to_winner, words
from projections.mongo.connection import OPTIONS
from projections.mongo.generations import POINTER_LIFETIME, POINTERS, pointers_from
from projections.mongo.layout import COLLECTIONS, collection_name

# A reader is told quickly that a document can't be had: retries and all, in milliseconds.
QUICK = {**OPTIONS, "timeoutMS": 2500}

AuctionStatus = Literal["SCHEDULED", "OPEN", "ENDED"]


@dataclass(frozen=True, slots=True)
class AuctionQuery:
    """Which auctions: their status at `now`, and words that each begin a word of the title."""

    status: AuctionStatus
    now: datetime
    search: str | None = None


def _status_filter(query: AuctionQuery) -> Bson:
    now = moment(query.now)
    match query.status:
        case "SCHEDULED":
            return {"starts_at": {"$gt": now}}
        case "OPEN":
            return {"starts_at": {"$lte": now}, "ends_at": {"$gt": now}}
        case "ENDED":
            return {"ends_at": {"$lte": now}}


def _search_filter(search: str | None) -> list[Bson]:
    return [{"title_words": {"$regex": f"^{re.escape(word)}"}} for word in words(search or "")[:10]]


class DocumentReader:
    """The API's view of the live documents, over MongoDB's asynchronous driver."""

    def __init__(self) -> None:
        self._client: AsyncMongoClient[Bson] = AsyncMongoClient(settings.MONGODB_URL, **QUICK)
        self._database = self._client.get_default_database(default=settings.NAMESPACE)
        self._names: dict[str, str] = {}
        self._read_at = -POINTER_LIFETIME

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ping(self) -> None:
        """Ask whether MongoDB is there; PyMongoError if not."""
        await self._database.command("ping")

    async def _collection(self, base: str) -> AsyncCollection[Bson]:
        now = time.monotonic()
        if now - self._read_at >= POINTER_LIFETIME:
            live = pointers_from(await self._database[POINTERS].find().to_list())
            self._names = {
                name: collection_name(name, live[projection])
                for projection, bases in COLLECTIONS.items()
                for name in bases
            }
            self._read_at = now
        return self._database[self._names[base]]

    async def auction(self, auction_id: UUID) -> AuctionDocument | None:
        """One auction."""
        stored = await (await self._collection("auctions")).find_one({"_id": auction_id})
        return to_auction(stored) if stored else None

    async def auctions_by_id(self, ids: Collection[UUID]) -> list[AuctionDocument]:
        """Those of the auctions that are there."""
        found = (await self._collection("auctions")).find({"_id": {"$in": list(ids)}})
        return [to_auction(stored) async for stored in found]

    async def auctions(
        self, query: AuctionQuery, limit: int, after: tuple[datetime, UUID] | None
    ) -> list[AuctionDocument]:
        """Those ending soonest first, from behind the place (ends_at, id)."""
        clauses = [_status_filter(query), *_search_filter(query.search)]
        if after:
            ends_at, auction_id = moment(after[0]), after[1]
            clauses.append(
                {
                    "$or": [
                        {"ends_at": {"$gt": ends_at}},
                        {"ends_at": ends_at, "_id": {"$gt": auction_id}},
                    ]
                }
            )
        order = [("ends_at", ASCENDING), ("_id", ASCENDING)]
        found = (await self._collection("auctions")).find({"$and": clauses}).sort(order)
        return [to_auction(stored) async for stored in found.limit(limit)]

    async def bids(
        self, auction_id: UUID, limit: int, after: tuple[Decimal, int] | None
    ) -> list[BidDocument]:
        """Live bids, leading first, from behind the place (effective amount, reached version)."""
        wanted: Bson = {"auction_id": auction_id, "live": True}
        if after:
            amount, version = Decimal128(after[0]), after[1]
            wanted["$or"] = [
                {"effective_amount": {"$lt": amount}},
                {"effective_amount": amount, "reached_version": {"$gt": version}},
            ]
        order = [("effective_amount", DESCENDING), ("reached_version", ASCENDING)]
        found = (await self._collection("bids")).find(wanted).sort(order).limit(limit)
        return [to_bid(stored) async for stored in found]

    async def own_bids(self, auction_id: UUID, bidder_id: UUID) -> list[BidDocument]:
        """One bidder's bids in an auction, deleted ones included, newest first."""
        wanted = {"auction_id": auction_id, "bidder_id": bidder_id}
        found = (await self._collection("bids")).find(wanted).sort("placed_version", DESCENDING)
        return [to_bid(stored) async for stored in found]

    async def winners(
        self, limit: int, after: tuple[datetime, UUID] | None
    ) -> list[WinnerDocument]:
        """Announced winners, newest first, from behind the place (announced_at, auction id)."""
        wanted: Bson = {}
        if after:
            announced_at, auction_id = moment(after[0]), after[1]
            wanted["$or"] = [
                {"announced_at": {"$lt": announced_at}},
                {"announced_at": announced_at, "_id": {"$lt": auction_id}},
            ]
        order = [("announced_at", DESCENDING), ("_id", DESCENDING)]
        found = (await self._collection("winners")).find(wanted).sort(order).limit(limit)
        return [to_winner(stored) async for stored in found]

    async def user(self, user_id: UUID) -> UserDocument | None:
        """One user."""
        stored = await (await self._collection("users")).find_one({"_id": user_id})
        return to_user(stored) if stored else None

    async def usernames(self, ids: Collection[UUID]) -> Mapping[UUID, str | None]:
        """The users' names; none for those who were deleted."""
        if not ids:
            return {}
        found = (await self._collection("users")).find({"_id": {"$in": list(ids)}}, {"username": 1})
        return {stored["_id"]: stored["username"] async for stored in found}
