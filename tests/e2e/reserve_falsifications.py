"""Falsifications of the record of an auction with a hidden reserve of 15, and what a check must say of them.

The record is of ten events: the creation, a bid of 10 by one bidder and of 20 by another, which meets it, the deletion
of that, by which it is not met any more, a bid of 16 by the first, which meets it, the reserve, and the winner.
"""

from tests.e2e.falsifications import NOBODY, Falsify, Json, changing, inserted, without


def met_by_the_first(contents: list[Json]) -> list[Json]:
    """The bid of 10 is to have met it, too."""
    if contents and contents[0]["type"] == "AuctionCreated":
        first = contents[1]
        met = {**first, "type": "ReserveMet", "data": {"bid_id": first["data"]["bid_id"]}}
        contents = [*contents[:2], met, contents[2], *contents[4:]]
        for number, content in enumerate(contents, 1):
            content["version"] = number
    return contents


def unsold(contents: list[Json]) -> list[Json]:
    """Nobody is to have won, though the reserve is met."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[9] |= {"type": "AuctionEndedUnsold", "data": {}}
    return contents


RESERVED: dict[str, tuple[Falsify, str]] = {
    "another reserve than was committed to": (changing(9, amount="16.00"), "committed to"),
    "another salt": (changing(9, salt="00" * 16), "committed to"),
    "another commitment": (
        changing(1, rules={"reserve": {"commitment": "00" * 32, "sealed": ""}}),
        "committed to",
    ),
    "a reserve met by too little": (met_by_the_first, "it was said to be met by 10.00"),
    "a reserve that was met in silence": (without(4), "that was told before|no such event"),
    "a reserve met by another bid": (changing(4, bid_id=NOBODY), "another bid leads"),
    "a reserve still met by too little": (without(6), "that was told before"),
    "a reserve met in silence at the end": (without(8), "it was said not to be met by 16.00"),
    "a reserve met twice": (inserted(5, of=4), "it does not follow on|told before"),
    "a reserve never revealed": (without(9), "revealed|the key of its reserve is lost"),
    "a reserve revealed before the end": (
        inserted(8, of=9),
        "revealed|the rules give|it was said not to be met|closed once",
    ),
    "nobody won though it is met": (unsold, "the rules give|a live bid wins"),
}
