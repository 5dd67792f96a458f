"""Falsifications of the record of an auction that the house paused, and what a check must say of them.

The record is of six events: the creation, a bid of 10, the pause, the resumption, a bid of 20, and the early close.
"""

from datetime import datetime, timedelta

from tests.e2e.falsifications import Falsify, Json, changing, inserted, without

UNPLACED = "01a20969-5c3e-7d11-8f0a-3a0f1de1c9ac"
LATER = "2999-01-01T00:00:00+00:00"


def bid_in_the_pause(contents: list[Json]) -> list[Json]:
    """The second bid was asked for just when the pause began, and came in it."""
    if contents and contents[0]["type"] == "AuctionCreated":
        since = contents[2]["data"]["paused_at"]
        bid = contents.pop(4)
        bid["accepted_at"] = bid["data"]["placed_at"] = since
        contents.insert(3, bid)
        for place, content in enumerate(contents, 1):
            content["version"] = place
    return contents


def late_bid_from_the_pause(contents: list[Json]) -> list[Json]:
    """The second bid, which came after the pause, was asked for in it."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[4]["accepted_at"] = contents[2]["data"]["paused_at"]
        contents[4]["data"]["placed_at"] = contents[2]["data"]["paused_at"]
    return contents


def paused_before_a_bid(contents: list[Json]) -> list[Json]:
    """The pause was asked for just before the bid that came before it."""
    if contents and contents[0]["type"] == "AuctionCreated":
        placed = datetime.fromisoformat(contents[1]["accepted_at"])
        at = (placed - timedelta(microseconds=1)).isoformat(timespec="microseconds")
        contents[2]["accepted_at"] = contents[2]["data"]["paused_at"] = at
    return contents


def sold_in_the_pause(contents: list[Json]) -> list[Json]:
    """The auction is unsold, and was closed while time stood still."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[3] |= {"type": "AuctionEndedUnsold", "data": {}, "accepted_at": LATER}
        contents[3]["recorded_at"] = LATER
        return contents[:4]
    return contents


PAUSED: dict[str, tuple[Falsify, str]] = {
    "a bid in the pause": (bid_in_the_pause, "time stood still when it was asked for"),
    "a bid after the pause that was asked for in it": (
        late_bid_from_the_pause,
        "time stood still when it was asked for",
    ),
    "a pause at another moment": (
        changing(3, paused_at=LATER),
        "it is paused when that was asked for",
    ),
    "a pause dated back before a bid": (
        paused_before_a_bid,
        "what was asked for after it came before it",
    ),
    "a second pause": (inserted(4, of=3), "it was paused already"),
    "a pause left out": (without(3), "it was not paused"),
    "a resumption at another moment": (
        changing(4, resumed_at=LATER),
        "it goes on when that was asked for",
    ),
    "an end moved by more than the pause": (
        changing(4, ends_at=LATER),
        "the pause moves the end to",
    ),
    "a resumption left out": (without(4), "time stood still when it was asked for"),
    "a close in the pause": (sold_in_the_pause, "it was closed in a pause"),
}
