"""An auction's ranking as it was at a version, even if the bids' documents are ahead of it.

Bids are written before their auction, and go on changing after it was read. So the ranking at a
version is put together from two sources: the bids that have not changed since, in the order of
the index, and those that have, of which `bid_at` says how they were. The changed ones are read
last: a bid that changes between the two reads is in both, and none is in neither.
"""

from decimal import Decimal
from uuid import UUID

from bson.decimal128 import Decimal128
from pymongo import ASCENDING, DESCENDING

from projections.mongo.bson import Bson
from projections.mongo.keysets import behind

# A place in the ranking: effective amount and reached version of the last bid before it.
Place = tuple[Decimal, int]
ORDER = (("effective_amount", DESCENDING), ("reached_version", ASCENDING))


def ranked_and_unchanged(
    auction_id: UUID, version: int, limit: int, after: Place | None = None
) -> list[Bson]:
    """Pipeline stages for the first live bids after the place that did not change since the version."""
    live = {"auction_id": auction_id, "live": True, "version": {"$lte": version}}
    place = behind(ORDER, after and (Decimal128(after[0]), after[1]))
    return [{"$match": {**live, **place}}, {"$sort": dict(ORDER)}, {"$limit": limit}]


def changed_since(auction_id: UUID, version: int) -> list[Bson]:
    """Pipeline stages for the bids that were placed by the version and changed since."""
    changed = {"version": {"$gt": version}, "placed_version": {"$lte": version}}
    return [{"$match": {"auction_id": auction_id, **changed}}]
