"""Falsifications of the record of an auction that was bought at its buy-now price, and what a check must say of them.

The price is 50, offered until the leading bid counts 20. The record is of five events: the creation, a bid of 10, the
purchase (two), and the winner.
"""

from datetime import datetime, timedelta

from tests.e2e.falsifications import NOBODY, Falsify, Json, changing, inserted, without
from tests.e2e.house_falsifications import LATER, UNPLACED

RULES = {"buyNow": {"price": "50.00", "until": "20.00"}}
STORED = {"buy_now": {"price": "50.00", "until": "20.00"}}


def without_the_end(contents: list[Json]) -> list[Json]:
    """The record ends with the purchase's bid, without what it ended."""
    ours = contents and contents[0]["type"] == "AuctionCreated"
    return contents[:3] if ours else contents


def dated_back(contents: list[Json]) -> list[Json]:
    """The purchase was accepted just before the bid that came before it."""
    if contents and contents[0]["type"] == "AuctionCreated":
        placed = datetime.fromisoformat(contents[1]["accepted_at"])
        at = (placed - timedelta(microseconds=1)).isoformat(timespec="microseconds")
        contents[2]["accepted_at"] = contents[2]["data"]["placed_at"] = at
        contents[3]["accepted_at"] = contents[3]["data"]["ends_at"] = at
    return contents


BOUGHT: dict[str, tuple[Falsify, str]] = {
    "a purchase for less": (changing(3, amount="40.00"), "it could not be bought for so much"),
    "a purchase that was not offered any more": (
        changing(2, amount="20.00"),
        "it could not be bought any more",
    ),
    "a purchase without a price": (changing(1, rules={}), "it could not be bought for so much"),
    "a purchase that is a bid": (changing(3, bought=False), "the end moves with a bid"),
    "a bid that is a purchase": (changing(2, bought=True), "it could not be bought for so much"),
    "another end": (changing(4, ends_at=LATER), "the rules give"),
    "an end by another bid": (changing(4, bid_id=NOBODY), "the rules give"),
    "an end left out": (without(4), "the end moves with a bid"),
    "an end removed with all after it": (without_the_end, "which is missing"),
    "a purchase dated back before a bid": (
        dated_back,
        "what was asked for after it came before it",
    ),
    "a bid after the purchase": (
        inserted(5, of=2, bid_id=UNPLACED, amount="90.00", placed_at=LATER),
        "it was asked for after the end",
    ),
    "a second purchase": (inserted(5, of=4), "asked for after the end|the end moves with a bid"),
}
