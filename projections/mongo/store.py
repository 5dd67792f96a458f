"""The document store in MongoDB: one generation of each projection's collections."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import cast
from uuid import UUID

from bson import MaxKey, MinKey
from pymongo import ASCENDING, InsertOne, ReplaceOne, UpdateOne, WriteConcern, timeout
from pymongo.collection import Collection as MongoCollection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from commands.streams import StreamKind
from projections.changes import ranked_at
from projections.documents import (
    AuctionDocument,
    BidderDocument,
    BidDocument,
    Lifespan,
    Moment,
    UserDocument,
    WinnerDocument,
)
from projections.errors import DUPLICATE_KEY
from projections.mongo.bson import (
    Bson,
    auction_to_change,
    bid_to_change,
    from_auction,
    from_bid,
    from_bidder,
    from_moment,
    from_user,
    from_winner,
    listing,
    moment_key,
    to_auction,
    to_bid,
    to_bidder,
    to_moment,
    to_user,
    to_winner,
)
from projections.mongo.layout import COLLECTIONS, INDEXES, Generations, collection_name
from projections.mongo.ranking import changed_since, ranked_and_unchanged
from projections.ports import At, Bidder

# The most seconds that building indexes takes.
INDEXING = 3600
# So many auctions are completed with one command.
COMPLETED_AT_ONCE = 500
# The most that counting an auction's bids takes: some 0.3 s for a million.
COUNTING = 60


class MongoDocuments:
    """The Documents port over one generation of each projection."""

    def __init__(self, database: Database[Bson], generations: Generations) -> None:
        self.database = database
        self._collections: dict[str, MongoCollection[Bson]] = {}
        for projection, bases in COLLECTIONS.items():
            for base in bases:
                name = collection_name(base, generations[projection])
                self._collections[base] = database[name]

    def create_indexes(self, *, but: Collection[str] = ()) -> None:
        """Create the collections and indexes that are missing, but for those of some collections."""
        # However many documents they are built from.
        with timeout(INDEXING):
            for base, indexes in INDEXES.items():
                if base not in but:
                    self._collections[base].create_indexes(list(indexes))

    def complete(self) -> None:
        """Give auctions that were written before lists had filters what these look at.

        One that changes meanwhile is left to whoever changes it.
        """
        auctions = self._collections["auctions"]
        without = {"listed": {"$exists": False}}
        with timeout(INDEXING):
            found = map(to_auction, auctions.find(without, hint="list_by_end"))
            while several := list(islice(found, COMPLETED_AT_ONCE)):
                auctions.bulk_write(
                    [
                        UpdateOne(
                            {"_id": each.id, "version": each.version}, {"$set": listing(each)}
                        )
                        for each in several
                    ],
                    ordered=False,
                )

    def auction(self, auction_id: UUID) -> AuctionDocument | None:
        """The auction's document."""
        return self.auctions([auction_id]).get(auction_id)

    def auctions(self, ids: Collection[UUID]) -> Mapping[UUID, AuctionDocument]:
        """The auctions of these ids, without those that have no document."""
        found = self._collections["auctions"].find({"_id": {"$in": list(ids)}})
        return {stored["_id"]: auction_to_change(stored) for stored in found}

    def save_auctions(self, changed: Sequence[tuple[AuctionDocument, int]]) -> None:
        """Replace each document if it still stands at the version beside it (0: there is none)."""
        writes: list[Write] = [
            ReplaceOne({"_id": auction.id, "version": version}, from_auction(auction))
            if version
            else InsertOne(from_auction(auction))
            for auction, version in changed
        ]
        _refused(self._collections["auctions"], writes)

    def bids(self, ids: Collection[UUID]) -> Mapping[UUID, BidDocument]:
        """The bids of these ids, without those that have no document."""
        found = self._collections["bids"].find({"_id": {"$in": list(ids)}})
        return {stored["_id"]: bid_to_change(stored) for stored in found}

    def save_bids(self, bids: Sequence[BidDocument]) -> None:
        """Write each bid unless a newer version of it is stored."""
        _replace_older(self._collections["bids"], [from_bid(bid) for bid in bids])

    def fill_bids(self, bids: Sequence[BidDocument]) -> None:
        """As save_bids, for bids of which there are hardly any yet in a generation that nobody reads."""
        _insert_or_replace(self._filling("bids"), [from_bid(bid) for bid in bids])

    def fill_auctions(
        self, auctions: Sequence[AuctionDocument], bidders: Sequence[BidderDocument]
    ) -> None:
        """Write auctions and their bidders and winners in a generation that nobody reads, auctions last."""
        _insert_or_replace(self._filling("bidders"), [from_bidder(bidder) for bidder in bidders])
        winners = [from_winner(each.winner) for each in auctions if each.winner]
        _replace(self._filling("winners"), winners)
        _insert_or_replace(self._filling("auctions"), [from_auction(each) for each in auctions])

    def _filling(self, base: str) -> MongoCollection[Bson]:
        """The collection, without waiting for the journal or other members at each write."""
        return self._collections[base].with_options(write_concern=WriteConcern(w=1))

    def top_bids(self, auction_id: UUID, version: int, limit: int) -> list[BidDocument]:
        """The auction's first live bids as they were at that version of it, leading first."""
        bids = self._collections["bids"]
        changed = {"coll": bids.name, "pipeline": changed_since(auction_id, version)}
        found = bids.aggregate(
            [*ranked_and_unchanged(auction_id, version, limit), {"$unionWith": changed}]
        )
        return ranked_at((to_bid(stored) for stored in found), version)[:limit]

    def lifespans(self, bidders: Collection[Bidder]) -> list[Lifespan]:
        """The lifespans of all bids, live and deleted, of these bidders."""
        if not bidders:
            return []
        wanted = defaultdict[UUID, list[UUID]](list)
        for each in bidders:
            wanted[each.auction_id].append(each.bidder_id)
        fields = ("auction_id", "bidder_id", "placed_version", "deleted_version")
        found = self._collections["bids"].find(
            {"$or": [{"auction_id": id, "bidder_id": {"$in": of}} for id, of in wanted.items()]},
            {"_id": 0} | dict.fromkeys(fields, 1),
        )
        return [Lifespan(**stored) for stored in found]

    def bidders(self, bidders: Collection[Bidder]) -> Mapping[Bidder, BidderDocument]:
        """The documents of these bidders, without those that have none."""
        keys = [bidder._asdict() for bidder in bidders]
        found = self._collections["bidders"].find({"_id": {"$in": keys}})
        documents = map(to_bidder, found)
        return {Bidder(each.auction_id, each.bidder_id): each for each in documents}

    def save_bidders(self, bidders: Sequence[BidderDocument]) -> None:
        """Write each bidder unless a newer version of it is there."""
        _replace_older(self._collections["bidders"], [from_bidder(each) for each in bidders])

    def moments(self, wanted: Collection[At]) -> Mapping[At, Moment]:
        """Those of these moments that have a document."""
        if not wanted:
            return {}
        found = self._collections["moments"].find(
            {"_id": {"$in": [moment_key(*at) for at in wanted]}}
        )
        return {At(each.auction_id, each.version): each for each in map(to_moment, found)}

    def save_moments(self, moments: Sequence[Moment]) -> None:
        """Write each moment, unless it is there: it never changes."""
        _refused(self._collections["moments"], [InsertOne(from_moment(each)) for each in moments])

    def fill_moments(self, moments: Sequence[Moment]) -> None:
        """As save_moments, in a generation that nobody reads."""
        _refused(self._filling("moments"), [InsertOne(from_moment(each)) for each in moments])

    def moments_of(self, auction_id: UUID, after_version: int, limit: int) -> list[Moment]:
        """At most `limit` moments of the auction after that version, in order."""
        behind = {"$gt": moment_key(auction_id, after_version), "$lt": _end_of(auction_id)}
        found = self._collections["moments"].find({"_id": behind}).sort("_id", ASCENDING)
        return [to_moment(stored) for stored in found.limit(limit)]

    def bids_of(self, auction_id: UUID) -> Mapping[UUID, BidDocument]:
        """All bids of the auction that have a document."""
        found = self._collections["bids"].find({"auction_id": auction_id})
        return {stored["_id"]: to_bid(stored) for stored in found}

    def bids_beyond(
        self, auction_id: UUID, version: int, at_once: int
    ) -> Iterator[list[BidDocument]]:
        """The auction's bids whose documents stand beyond that version of it, so many at a time."""
        wanted = {"auction_id": auction_id, "version": {"$gt": version}}
        found = map(to_bid, self._collections["bids"].find(wanted, batch_size=at_once))
        while bids := list(islice(found, at_once)):
            yield bids

    def count_bids(self, auction_id: UUID, version: int) -> int:
        """How many of the auction's bids that were placed up to that version have a document."""
        wanted = {"auction_id": auction_id, "placed_version": {"$lte": version}}
        # However many they are: the index is walked.
        with timeout(COUNTING):
            return self._collections["bids"].count_documents(wanted, hint="changed")

    def winner(self, auction_id: UUID) -> WinnerDocument | None:
        """The auction's winner."""
        stored = self._collections["winners"].find_one({"_id": auction_id})
        return to_winner(stored) if stored else None

    def restore_auction(self, auction: AuctionDocument, bids: Sequence[BidDocument]) -> None:
        """Replace the documents of the auction, its winner and its bids, without comparing versions."""
        stored = self._collections["bids"]
        _replace(stored, [from_bid(bid) for bid in bids])
        there = {found["_id"] for found in stored.find({"auction_id": auction.id}, {"_id": 1})}
        stored.delete_many({"_id": {"$in": list(there - {bid.id for bid in bids})}})
        # What bidders have is counted anew when it is next needed.
        self._collections["bidders"].delete_many({"_id": _bidders_of(auction.id)})
        if auction.winner:
            _replace(self._collections["winners"], [from_winner(auction.winner)])
        else:
            self._collections["winners"].delete_one({"_id": auction.id})
        _replace(self._collections["auctions"], [from_auction(auction)])

    def restore_moments(self, auction_id: UUID, moments: Sequence[Moment]) -> None:
        """Make these the moments of the auction, whatever was there."""
        stored = self._collections["moments"]
        _replace(stored, [from_moment(each) for each in moments])
        last = max((each.version for each in moments), default=0)
        beyond = {"$gt": moment_key(auction_id, last), "$lt": _end_of(auction_id)}
        stored.delete_many({"_id": beyond})

    def restore_user(self, user: UserDocument) -> None:
        """Replace the user's document, without comparing versions."""
        _replace(self._collections["users"], [from_user(user)])

    def save_winner(self, winner: WinnerDocument) -> None:
        """Write the winner unless a newer version of it is there."""
        _replace_older(self._collections["winners"], [from_winner(winner)])

    def user(self, user_id: UUID) -> UserDocument | None:
        """The user's document."""
        return self.users([user_id]).get(user_id)

    def users(self, ids: Collection[UUID]) -> Mapping[UUID, UserDocument]:
        """The users of these ids, without those that have no document."""
        found = self._collections["users"].find({"_id": {"$in": list(ids)}})
        return {stored["_id"]: to_user(stored) for stored in found}

    def save_users(self, users: Sequence[UserDocument]) -> None:
        """Write each user unless a newer version is there; deleted ones in every generation.

        A rebuild that is under way, or was killed, has a generation with names of its own. It
        makes its collection before it reads any name, so either the deletion is found there when
        it writes the name, or it reads none. The own generation comes last: its version says that
        the deletion is done.
        """
        live = self._collections["users"]
        if deleted := [from_user(user) for user in users if user.deleted]:
            for name in generations_of(self.database, "users") - {live.name}:
                _replace_older(self.database[name], deleted)
        _replace_older(live, [from_user(user) for user in users])

    def ids(self, kind: StreamKind, at_once: int) -> Iterator[list[UUID]]:
        """The ids of the streams that have documents, so many at a time."""
        stored = self._collections[f"{kind}s"].find({}, {"_id": 1}, batch_size=at_once)
        found = (each["_id"] for each in stored)
        while ids := list(islice(found, at_once)):
            yield ids

    def versions(self, kind: StreamKind, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """The versions of those streams' documents; without streams that have none."""
        found = self._collections[f"{kind}s"].find({"_id": {"$in": list(ids)}}, {"version": 1})
        return {stored["_id"]: stored["version"] for stored in found}


def _end_of(auction_id: UUID) -> Bson:
    """Behind the keys of all the auction's moments."""
    return {"auction_id": auction_id, "version": MaxKey()}


def _bidders_of(auction_id: UUID) -> Bson:
    """The keys of the auction's bidders."""
    return {
        "$gte": {"auction_id": auction_id, "bidder_id": MinKey()},
        "$lte": {"auction_id": auction_id, "bidder_id": MaxKey()},
    }


def generations_of(database: Database[Bson], base: str) -> set[str]:
    """The names of all collections of those documents, of whatever generation."""
    named = {"name": {"$regex": f"^{base}_[0-9]+$"}}
    return set(database.list_collection_names(filter=named))


def _replace(collection: MongoCollection[Bson], documents: Sequence[Bson]) -> None:
    """Upsert each document, without comparing versions."""
    if documents:
        collection.bulk_write([ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in documents])


def _replace_older(collection: MongoCollection[Bson], documents: Sequence[Bson]) -> None:
    """Upsert each document where an older version or none is stored.

    Where a newer one is, the upsert matches nothing, tries to insert, and fails on the key: that
    is the guard at work. But an upsert also fails on the key of an older one that somebody is
    just inserting; so what failed is written once more, now that a document is there.
    Unordered, so that one refusal does not drop the rest.
    """
    writes: list[Write] = [
        ReplaceOne({"_id": d["_id"], "version": {"$lt": d["version"]}}, d, upsert=True)
        for d in documents
    ]
    for _ in range(2):
        writes = _refused(collection, writes)


def _insert_or_replace(collection: MongoCollection[Bson], documents: Sequence[Bson]) -> None:
    """Insert each document, or upsert it where one is stored, unless that is as new."""
    refused = _refused(collection, [InsertOne(document) for document in documents])
    _replace_older(collection, [cast(Bson, each._doc) for each in refused])


Write = InsertOne[Bson] | ReplaceOne[Bson]


def _refused(collection: MongoCollection[Bson], writes: Sequence[Write]) -> list[Write]:
    """Write, and give back those that failed on their key."""
    if not writes:
        return []
    try:
        collection.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        failures = error.details["writeErrors"]
        if error.details["writeConcernErrors"]:
            raise
        if any(failure["code"] != DUPLICATE_KEY for failure in failures):
            raise
        return [writes[failure["index"]] for failure in failures]
    return []
