"""Falsifications of the records of auctions that the house intervened in, and what a check must say of them."""

from datetime import datetime, timedelta

from tests.e2e.falsifications import Falsify, Json, again, changing, inserted, without

UNPLACED = "01a20969-5c3e-7d11-8f0a-3a0f1de1c9ab"
LATER = "2999-01-01T00:00:00+00:00"


def sold_early(contents: list[Json]) -> list[Json]:
    """In the place of the cancellation the auction is sold."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[-1] |= {"type": "WinnerAnnounced", "data": contents[-2]["data"]}
    return contents


def closed_before_a_bid(contents: list[Json]) -> list[Json]:
    """The early close was asked for just before the bid that came before it."""
    if contents and contents[0]["type"] == "AuctionCreated":
        placed = datetime.fromisoformat(contents[2]["accepted_at"])
        at = (placed - timedelta(microseconds=1)).isoformat(timespec="microseconds")
        contents[3]["accepted_at"] = contents[3]["data"]["ends_at"] = at
    return contents


# Of an auction with bids of 10 and 20 that the house then closed early, and which was sold: five events.
CLOSED_EARLY: dict[str, tuple[Falsify, str]] = {
    "an early close at another moment": (
        changing(4, ends_at="2999-01-01T00:00:00+00:00"),
        "it ends when that was asked for",
    ),
    "an early close dated back before a bid": (
        closed_before_a_bid,
        "what was asked for after it came before it",
    ),
    "a bid after the early close": (
        inserted(5, of=3, bid_id=UNPLACED, amount="30.00", placed_at=LATER),
        "it was asked for after the end",
    ),
    "a second early close": (inserted(5, of=4), "it was asked for after the end"),
    "an early close left out": (without(4), "it was closed before its end"),
}


def removed_of_another(contents: list[Json]) -> list[Json]:
    """The bid that was removed is to have been the other bidder's."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[3]["data"]["bidder_id"] = contents[1]["data"]["bidder_id"]
    return contents


def removed_late(contents: list[Json]) -> list[Json]:
    """The removal was asked for at the end."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[3]["accepted_at"] = contents[0]["data"]["ends_at"]
        contents[3]["data"]["reason"] = "LATE"
    return contents


# Of an auction with bids of 10 and 20, of which the house removed the second, and which was sold: five events.
REMOVED: dict[str, tuple[Falsify, str]] = {
    "a removal of a bid that is none": (changing(4, bid_id=UNPLACED), "there is no such live bid"),
    "a removal of somebody else's bid": (removed_of_another, "the bid is somebody else's"),
    "a removal after the end": (removed_late, "it was asked for after the end"),
    "a removal twice": (inserted(5, of=4), "there is no such live bid"),
    "a removal left out": (without(4), "the leading bid is another"),
}
# Of an auction with bids of 10 and 20 that was cancelled: four events.
CANCELLED: dict[str, tuple[Falsify, str]] = {
    "a bid after the cancellation": (
        inserted(5, of=3, bid_id=UNPLACED, amount="30.00"),
        "something happened after the close",
    ),
    "a second cancellation": (again(4), "something happened after the close"),
    "a winner instead of the cancellation": (sold_early, "it was closed before its end"),
}
