"""Falsifications of the record of an auction with sealed bids, and what a check must say of them.

Its rules are a starting price of 10, and sealed bids by the second price. The record is of eight events: the creation,
sealed bids of 20, 30 and 25 by three bidders, a reveal of each, and the winner, who pays 25.
"""

from datetime import timedelta
from decimal import Decimal

from commands.domain.hidden import Content
from tests.e2e.falsifications import (
    Falsify,
    Json,
    asked,
    changing,
    inserted,
    of_the_bid,
    swapped,
    unsold,
    without,
)
from tests.e2e.house_falsifications import UNPLACED

RULES = {"startingPrice": "10.00", "sealed": {"secondPrice": True}}
STORED = {"starting_price": {"amount": "10.00"}, "sealed": {"second_price": True}}


def committed_to(amount: str) -> Falsify:
    """The first bid's commitment and reveal fit another amount."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            salt = contents[4]["data"]["salt"]
            contents[1]["data"]["commitment"] = Content(Decimal(amount), salt).commitment
            contents[4]["data"]["amount"] = amount
        return contents

    return change


def unsold_at_once(contents: list[Json]) -> list[Json]:
    """The auction ended without a sale, and no bid was revealed."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[4] |= {"type": "AuctionEndedUnsold", "data": {}}
        return contents[:5]
    return contents


def lost_afterwards(contents: list[Json]) -> list[Json]:
    """The first bid's key is to be gone once it was revealed."""
    if contents and contents[0]["type"] == "AuctionCreated":
        bid = {name: contents[1]["data"][name] for name in ("bid_id", "bidder_id")}
        contents[5] |= {"type": "BidNotRevealed", "data": bid}
    return contents


def opened(contents: list[Json]) -> list[Json]:
    """The second bid is an open one, and was not revealed."""
    if contents and contents[0]["type"] == "AuctionCreated":
        amount = contents[5]["data"]["amount"]
        contents[2]["type"] = "BidPlaced"
        contents[2]["data"] = {
            **{name: contents[2]["data"][name] for name in ("bid_id", "bidder_id", "placed_at")},
            "amount": amount,
        }
    return contents


def first_price(contents: list[Json]) -> list[Json]:
    """The winner pays what they bid."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[-1]["data"].pop("price", None)
    return contents


def doubled(contents: list[Json]) -> list[Json]:
    """The house doubled the first bid after it was revealed."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[5] |= {
            "type": "BidDoubled",
            "schema_version": 2,
            "accepted_at": contents[3]["accepted_at"],
            "data": {
                **{name: contents[1]["data"][name] for name in ("bid_id", "bidder_id")},
                "effective_amount": "40.00", "tick": 999_999, "policy_version": 0, "weight": 1,
                "total_weight": 1, "staff": [], "draw": 1,
            },
        }  # fmt: skip
    return contents


def placed_in_a_pause(contents: list[Json]) -> list[Json]:
    """The house paused the auction at the moment at which its first bid was placed."""
    if contents and contents[0]["type"] == "AuctionCreated":
        since = contents[1]["data"]["placed_at"]
        pause = {"type": "AuctionPaused", "schema_version": 1, "accepted_at": since}
        told = {"reason": "A flood", "paused_by": None, "paused_at": since}
        contents.insert(1, contents[1] | pause | {"data": told})
        for number, content in enumerate(contents, 1):
            content["version"] = number
    return contents


SEALED: dict[str, tuple[Falsify, str]] = {
    "another amount revealed": (changing(5, amount="40.00"), "not what its bidder was committed"),
    "another salt revealed": (changing(6, salt="00" * 16), "not what its bidder was committed"),
    "another commitment": (changing(2, commitment="ab" * 32), "not what its bidder was committed"),
    "a reveal left out": (without(6), "another bid is to be revealed"),
    "the last reveal left out": (without(7), "a live bid was not revealed"),
    "reveals in another order": (swapped(5), "another bid is to be revealed"),
    "a reveal twice": (inserted(6, of=5), "another bid is to be revealed"),
    "a reveal of no bid": (changing(5, bid_id=UNPLACED), "another bid is to be revealed"),
    "a reveal before the end": (asked(5, timedelta(minutes=-1)), "revealed before the end"),
    "a bid below the starting price": (committed_to("9.00"), "9.00 is less than 10.00"),
    "a bid that is no money": (committed_to("20.001"), "it is no amount of money"),
    "a second bid of a bidder": (
        inserted(3, of=2, bid_id=UNPLACED),
        "its bidder has a live bid already",
    ),
    "a bid in a pause": (placed_in_a_pause, "time stood still when it was asked for"),
    "a bid that was not sealed": (opened, "bids are sealed where the rules say so"),
    "a sealed bid where bids are open": (
        changing(1, rules={"starting_price": {"amount": "10.00"}}),
        "bids are sealed where the rules say so",
    ),
    "a bid doubled": (doubled, "where bids are sealed none is doubled"),
    "a price that nobody bid": (changing(8, price="26.00"), "or its price"),
    "the first price instead of the second": (first_price, "or its price"),
    "the first price by the rules": (
        changing(1, rules=STORED | {"sealed": {}}),
        "or its price",
    ),
    "another winner": (of_the_bid(2), "the leading bid is another"),
    "no winner": (unsold, "a live bid wins"),
    "no winner before the reveals": (unsold_at_once, "a live bid was not revealed"),
    "a winner before the reveals": (without(5), "another bid is to be revealed"),
    "a revealed bid lost afterwards": (lost_afterwards, "another bid is to be revealed"),
}
