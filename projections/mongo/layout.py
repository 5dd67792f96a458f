"""The collections of each projection, their names in a generation, and their indexes."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pymongo import ASCENDING, DESCENDING, IndexModel

ProjectionName = Literal["auctions", "users"]
Generations = Mapping[ProjectionName, int]

# Auctions come first: readers look for the auction before its bids, so they are dropped in this order.
COLLECTIONS: Mapping[ProjectionName, Sequence[str]] = {
    "auctions": ("auctions", "winners", "bids", "bidders", "moments"),
    "users": ("users",),
}


def _listed(name: str, *fields: str) -> IndexModel:
    """An index of lists of auctions, with all that these are filtered by; it is read in both directions."""
    return IndexModel([(field, ASCENDING) for field in ("listed", *fields)], name=name)


# Every query of the API uses one of these indexes.
INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "auctions": [
        IndexModel([("ends_at", ASCENDING), ("_id", ASCENDING)], name="ending_soonest"),
        IndexModel([("starts_at", ASCENDING), ("_id", ASCENDING)], name="starting_soonest"),
        IndexModel([("title_words", ASCENDING), ("ends_at", ASCENDING)], name="title_words"),
        _listed("list_by_end", "ends_at", "_id", "starts_at", "leading_amount"),
        _listed("list_by_start", "starts_at", "_id", "ends_at", "leading_amount"),
        _listed("list_by_age", "_id", "ends_at", "starts_at", "leading_amount"),
        _listed("list_by_bids", "bid_count", "_id", "ends_at", "starts_at", "leading_amount"),
        _listed("list_by_price", "leading_amount", "_id", "ends_at", "starts_at"),
        # Few auctions are cancelled, so the others pay nothing for these.
        IndexModel(
            [("ends_at", ASCENDING), ("_id", ASCENDING)],
            name="cancelled_ending_soonest",
            partialFilterExpression={"cancelled": {"$exists": True}},
        ),
        IndexModel(
            [("starts_at", ASCENDING), ("_id", ASCENDING)],
            name="cancelled_starting_soonest",
            partialFilterExpression={"cancelled": {"$exists": True}},
        ),
    ],
    "bids": [
        IndexModel(
            [
                ("auction_id", ASCENDING),
                ("live", ASCENDING),
                ("effective_amount", DESCENDING),
                ("reached_version", ASCENDING),
            ],
            name="ranking",
        ),
        IndexModel(
            [("auction_id", ASCENDING), ("bidder_id", ASCENDING), ("placed_version", DESCENDING)],
            name="own_bids",
        ),
        IndexModel(
            [("auction_id", ASCENDING), ("version", ASCENDING), ("placed_version", ASCENDING)],
            name="changed",
        ),
        # Few bids are doubled, so the others pay nothing for this one.
        IndexModel(
            [("auction_id", ASCENDING), ("amount", DESCENDING), ("placed_version", ASCENDING)],
            name="doubled",
            partialFilterExpression={"doubled": True},
        ),
        IndexModel(
            [
                ("auction_id", ASCENDING),
                ("sealed_amount", DESCENDING),
                ("placed_version", ASCENDING),
            ],
            name="sealed",
            partialFilterExpression={"sealed_amount": {"$exists": True}},
        ),
    ],
    # The other moments are read by their keys.
    "moments": [
        IndexModel(
            [("_id.auction_id", ASCENDING), ("_id.version", ASCENDING)],
            name="changes_of_the_lead",
            partialFilterExpression={"led": True},
        )
    ],
    "winners": [
        IndexModel([("announced_at", DESCENDING), ("_id", DESCENDING)], name="newest_first")
    ],
    # There in any case; but so is the collection then, before its first document: see save_user.
    "users": [IndexModel([("_id", ASCENDING)], name="_id_")],
}


def collection_name(base: str, generation: int) -> str:
    """The name of the collection of those documents in that generation."""
    return f"{base}_{generation}"


def generation_of(collection: str) -> int:
    """The generation in a collection's name."""
    return int(collection.rpartition("_")[2])
