"""Falsifications of the record of an auction with rules beside the plain ones, and what a check must say of them.

Its rules are a starting price of 10, increments of 1 over the leading bid, and a soft close that every bid meets, by which
the end moves by a second, twice at most. The record is of seven events: the creation, a bid of 10, an extension, a
bid of 11, an extension, a bid of 20, and the winner.
"""

from datetime import timedelta

from tests.e2e.falsifications import NOBODY, Falsify, Json, asked, changing, inserted, without

RULES = {
    "startingPrice": "10.00",
    "increments": {"overLeader": [{"step": "1.00"}]},
    "softClose": {"window": 3600, "extension": 1, "times": 2},
}
STORED = {
    "starting_price": {"amount": "10.00"},
    "increments": {"over_leader": [{"start": "0.00", "step": "1.00"}]},
    "soft_close": {"window": 3600, "extension": 1, "times": 2},
}


def cut_after_a_bid(contents: list[Json]) -> list[Json]:
    """The record ends with a bid, without the extension that came with it."""
    ours = contents and contents[0]["type"] == "AuctionCreated"
    return contents[:4] if ours else contents


RULED: dict[str, tuple[Falsify, str]] = {
    "a bid below the starting price": (changing(2, amount="9.00"), "9.00 is less than 10.00"),
    "a bid below its increment": (changing(4, amount="10.50"), "10.50 is less than 11.00"),
    "an end moved too far": (
        changing(3, ends_at="2999-01-01T00:00:00+00:00"),
        "the rules give",
    ),
    "an end moved by another bid": (changing(3, bid_id=NOBODY), "the rules give"),
    "an extension counted twice": (changing(3, extension=2), "it counts another extension"),
    "an extension left out": (without(3), "the end moves with a bid"),
    "an extension removed with all after it": (cut_after_a_bid, "which is missing"),
    "an extension too many": (
        inserted(7, of=5, extension=3, ends_at="2999-01-01T00:00:00+00:00"),
        "the end moves with a bid",
    ),
    "an auction closed before its moved end": (
        asked(7, timedelta(seconds=-2)),
        "it was closed before its end",
    ),
    "a rule that was not chosen": (
        changing(1, rules=STORED | {"starting_price": {"amount": "15.00"}}),
        "10.00 is less than 15.00",
    ),
    "a rule taken away": (changing(1, rules={}), "the end moves with a bid"),
    "a rule that nobody knows": (changing(1, rules={"lottery": {}}), "unknown"),
}
