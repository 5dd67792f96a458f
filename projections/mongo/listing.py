"""What lists of auctions there are: their orders and filters, as the store takes them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from bson.decimal128 import Decimal128
from pymongo import ASCENDING, DESCENDING

from projections.documents import AuctionStatus
from projections.mongo.bson import PLAIN, RULED, Bson, State, folded, list_name, moment
from projections.mongo.keysets import Order

# The most words of a search that are used.
MOST_WORDS = 10
AuctionOrder = Literal[
    "ENDING_SOONEST",
    "STARTING_SOONEST",
    "NEWEST_ENDED",
    "NEWEST",
    "MOST_BIDS",
    "HIGHEST_PRICE",
    "LOWEST_PRICE",
]
# A rule that an auction has, or that it has none beside the plain ones.
AuctionRule = Literal[
    "STARTING_PRICE",
    "INCREMENTS",
    "RESERVE",
    "BUY_NOW",
    "PROXY_BIDS",
    "SEALED",
    "SOFT_CLOSE",
    "WITHDRAWAL",
    "MASKED",
    "PROMOTER",
    "OWN_LOT",
    "SECOND_CHANCE",
    "PLAIN",
]
# What a list is sorted by, and the auction's id; of the newest the id alone.
ListPlace = tuple[datetime | int | Decimal, UUID] | tuple[UUID]

ORDERS: Mapping[AuctionOrder, Order] = {
    "ENDING_SOONEST": (("ends_at", ASCENDING), ("_id", ASCENDING)),
    "STARTING_SOONEST": (("starts_at", ASCENDING), ("_id", ASCENDING)),
    "NEWEST_ENDED": (("ends_at", DESCENDING), ("_id", DESCENDING)),
    # Ids begin with the time at which they were made.
    "NEWEST": (("_id", DESCENDING),),
    "MOST_BIDS": (("bid_count", DESCENDING), ("_id", DESCENDING)),
    "HIGHEST_PRICE": (("leading_amount", DESCENDING), ("_id", DESCENDING)),
    "LOWEST_PRICE": (("leading_amount", ASCENDING), ("_id", ASCENDING)),
}
# Orders with an index of their own for all auctions, whatever their rules.
BY_TIME = frozenset({"ENDING_SOONEST", "STARTING_SOONEST", "NEWEST_ENDED"})


@dataclass(frozen=True, slots=True)
class AuctionQuery:
    """A query for auctions: their status at `now`, words that each begin a word of the title, and filters.

    The prices are what the leading bid counts, both included; an auction without live bids counts nothing, zero.
    The ends are times between which the auction ends, both excluded.
    """

    status: AuctionStatus
    now: datetime
    search: str | None = None
    order: AuctionOrder = "ENDING_SOONEST"
    rule: AuctionRule | None = None
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    ends_after: datetime | None = None
    ends_before: datetime | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it has neither filters nor an order beside those by time, of auctions in which time goes on."""
        filters = (self.rule, self.price_from, self.price_to, self.ends_after, self.ends_before)
        in_time = self.status != "PAUSED" and self.order in BY_TIME
        return in_time and all(each is None for each in filters)


def conditions(query: AuctionQuery) -> list[Bson]:
    """On one field each; the status bounds both times where one bound implies the other."""
    now = moment(query.now)
    bounds = {
        "SCHEDULED": ("$gt", "$gt"),
        "OPEN": ("$lte", "$gt"),
        "ENDED": ("$lte", "$lte"),
    }.get(query.status)
    times = [{"starts_at": {bounds[0]: now}}, {"ends_at": {bounds[1]: now}}] if bounds else []
    given = [
        ("ends_at", "$gt", query.ends_after),
        ("ends_at", "$lt", query.ends_before),
        ("leading_amount", "$gte", query.price_from),
        ("leading_amount", "$lte", query.price_to),
    ]
    filters = [
        {field: {bound: _stored(value)}} for field, bound, value in given if value is not None
    ]
    titles = [beginning(word) for word in words(query.search)]
    return [*times, *filters, *titles]


def cancelled_or_not(query: AuctionQuery) -> Bson:
    """The filter on what the house cancelled or paused, where the list's name does not tell."""
    return {"cancelled": {"$exists": query.status == "CANCELLED"}, "paused": {"$exists": False}}


def states(query: AuctionQuery) -> Sequence[State]:
    """The states of auctions with that status, the usual one last: one that ended is closed a moment later."""
    match query.status:
        case "CANCELLED":
            return ("cancelled",)
        case "PAUSED":
            return ("paused",)
        case "ENDED":
            return ("open", "closed")
        case _:
            return ("open",)


def within(query: AuctionQuery, *among: State) -> Bson:
    """The filter for auctions in those states that have the query's rule: what the lists' indexes begin with."""
    of_a_rule = (query.rule.lower(),) if query.rule else (PLAIN, RULED)
    return {"listed": {"$in": [list_name(state, each) for state in among for each in of_a_rule]}}


def words(search: str | None) -> list[str]:
    """The words that are looked for in titles."""
    return list(dict.fromkeys(folded(search or "")))[:MOST_WORDS]


def beginning(word: str) -> Bson:
    """The filter for titles with a word that begins so."""
    return {"title_words": {"$regex": f"^{re.escape(word)}"}}


def fields(order: Order) -> Bson:
    """What is read of an auction to know its place."""
    return {"_id": 1} | {field: 1 for field, _ in order}


def start_at(after: ListPlace | None) -> tuple[Any, ...] | None:
    """The place as stored values."""
    return after and tuple(_stored(part) for part in after)


def _stored(value: datetime | int | Decimal | UUID) -> Any:
    match value:
        case datetime():
            return moment(value)
        case Decimal():
            return Decimal128(value)
        case _:
            return value


def place_of(order: Order, stored: Mapping[str, Any]) -> ListPlace:
    """The auction's place in that order."""
    field, id = order[0][0], stored["_id"]
    match stored.get(field):
        case UUID():
            return (id,)
        case str(text):
            return datetime.fromisoformat(text), id
        case Decimal128() as amount:
            return amount.to_decimal(), id
        case value:
            return int(value or 0), id
