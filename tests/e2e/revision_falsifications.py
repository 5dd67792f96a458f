"""Falsifications of the record of an auction that the house revised, and what a check must say of them.

The record is of six events: the creation, a revision of title and end, a bid of 10, a revision of the description, a bid of
20, and the early close.
"""

from datetime import datetime, timedelta

from tests.e2e.falsifications import Falsify, Json, changing, inserted

PAST = "2001-01-01T00:00:00+00:00"


def after_a_bid(contents: list[Json]) -> list[Json]:
    """The first revision comes after the first bid."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[1], contents[2] = contents[2], contents[1]
        contents[1]["version"], contents[2]["version"] = 2, 3
        contents[2]["accepted_at"] = contents[1]["accepted_at"]
    return contents


def dated_back(contents: list[Json]) -> list[Json]:
    """The second revision was asked for just before the bid that came before it."""
    if contents and contents[0]["type"] == "AuctionCreated":
        placed = datetime.fromisoformat(contents[2]["accepted_at"])
        at = (placed - timedelta(microseconds=1)).isoformat(timespec="microseconds")
        contents[3]["accepted_at"] = at
    return contents


def beginning_later(contents: list[Json]) -> list[Json]:
    """The first revision moves the start, though it had passed."""
    if contents and contents[0]["type"] == "AuctionCreated":
        starts_at = datetime.fromisoformat(contents[0]["data"]["starts_at"])
        later = (starts_at + timedelta(microseconds=1)).isoformat()
        contents[1]["data"]["before"] |= {"starts_at": contents[0]["data"]["starts_at"]}
        contents[1]["data"]["after"] |= {"starts_at": later}
    return contents


def bounded_before(contents: list[Json]) -> list[Json]:
    """The first revision ends the auction in the past."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[1]["data"]["after"] |= {"ends_at": PAST}
    return contents


def named_anew(contents: list[Json]) -> list[Json]:
    """The second revision changes the title, too."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[3]["data"]["before"] |= {"title": contents[1]["data"]["after"]["title"]}
        contents[3]["data"]["after"] |= {"title": "Another lot"}
    return contents


def sealing(contents: list[Json]) -> list[Json]:
    """The first revision has bids sealed from then on."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[1]["data"]["before"] |= {"rules": {}}
        contents[1]["data"]["after"] |= {"rules": {"sealed": {}}}
    return contents


REVISED: dict[str, tuple[Falsify, str]] = {
    "a revision of more than the description after a bid": (named_anew, "there was a bid before"),
    "a revision that came after a bid": (after_a_bid, "there was a bid before"),
    "a revision dated back before a bid": (
        dated_back,
        "what was asked for after it came before it",
    ),
    "a revision of what was otherwise": (
        changing(4, before={"description": "What it never was"}),
        "it was",
    ),
    "a revision that changes nothing": (
        changing(4, before={}, after={}),
        "it revises nothing",
    ),
    "a revision twice": (inserted(5, of=4), "it was"),
    "a revision by which bids are sealed": (sealing, "whether bids are sealed stays"),
    "a revised start that had passed": (beginning_later, "it had begun before"),
    "a revised end in the past": (bounded_before, "it is too late for that"),
}
