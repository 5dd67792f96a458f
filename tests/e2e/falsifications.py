"""Falsifications of an auction's record: what the house might show instead, and what a check must say of it.

The record is of nine events: the creation, bids of 10, 20, 12, 15 and 90, the deletion of the last one, a doubling, and the
winner. Ticks' chains are falsified, too.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]
Falsify = Callable[[list[Json]], list[Json]]
NOBODY = "01a20969-5c3e-7d11-8f0a-3a0f1de1c9aa"


def changing(version: int, **data: Any) -> Falsify:
    """That event of the auction says something else."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            contents[version - 1]["data"] |= data
        return contents

    return change


def asked(version: int, by: timedelta, *, of: str = "accepted_at") -> Falsify:
    """That event of the auction was asked for earlier, or later, or recorded then."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            at = datetime.fromisoformat(contents[version - 1][of]) + by
            contents[version - 1][of] = at.isoformat(timespec="microseconds")
        return contents

    return change


def blaming(version: int) -> Falsify:
    """Another job is to have caused that event of the auction."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            contents[version - 1]["causation_id"] = NOBODY
        return contents

    return change


def hiding(version: int) -> Falsify:
    """That event of the auction does not say when it was asked for."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            del contents[version - 1]["accepted_at"]
        return contents

    return change


def swapped(version: int) -> Falsify:
    """That event of the auction and the next are in each other's place."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            one, other = contents[version - 1 : version + 1]
            contents[version - 1 : version + 1] = [
                other | {"version": version},
                one | {"version": version + 1},
            ]
        return contents

    return change


def inserted(place: int, of: int, **data: Any) -> Falsify:
    """An event like that one comes at that place, too, and the later ones are numbered anew."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            like = contents[of - 1]
            contents.insert(place - 1, {**like, "data": like["data"] | data})
            for number, content in enumerate(contents, 1):
                content["version"] = number
        return contents

    return change


def undrawn(version: int, **data: Any) -> Falsify:
    """That doubling of the auction says that it is of a time before draws could be checked."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            contents[version - 1]["schema_version"] = 1
            contents[version - 1]["data"] |= data
        return contents

    return change


def of_the_bid(version: int) -> Falsify:
    """The winner is the bid that was placed at that version."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            contents[-1]["data"] |= contents[version - 1]["data"]
        return contents

    return change


def of_the_deleted(contents: list[Json]) -> list[Json]:
    """What was doubled is the bid that had been deleted."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[7]["data"] |= contents[6]["data"]
    return contents


def unsold(contents: list[Json]) -> list[Json]:
    """The auction ended without a sale."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[-1] |= {"type": "AuctionEndedUnsold", "data": {}}
    return contents


def unsold_early(contents: list[Json]) -> list[Json]:
    """The auction ended without a sale at its beginning, with nothing else in it."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[1] |= {"type": "AuctionEndedUnsold", "data": {}}
        return contents[:2]
    return contents


def without(version: int) -> Falsify:
    """That event of the auction was removed, and the later ones numbered anew."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            del contents[version - 1]
            for place, content in enumerate(contents, 1):
                content["version"] = place
        return contents

    return change


def again(version: int) -> Falsify:
    """That event of the auction happens once more, at the end."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            contents.append({**contents[version - 1], "version": len(contents) + 1})
        return contents

    return change


def of_another(contents: list[Json]) -> list[Json]:
    """The chain is another stream's."""
    return [{**content, "stream_id": NOBODY} for content in contents]


def without_the_tick(contents: list[Json]) -> list[Json]:
    """The house committed to a tick, and never made it."""
    return [content for content in contents if content["type"] == "TickCommitted"] or contents


def of_another_type(contents: list[Json]) -> list[Json]:
    """An event of the auction is of a type that the rules do not know."""
    if contents and contents[0]["type"] == "AuctionCreated":
        contents[3]["type"] = "BidRaised"
    return contents


def without_its_amount(contents: list[Json]) -> list[Json]:
    """A bid does not say how much it is."""
    if contents and contents[0]["type"] == "AuctionCreated":
        del contents[3]["data"]["amount"]
    return contents


def made_twice(contents: list[Json]) -> list[Json]:
    """A tick has two cut-offs, of which the house may name the one that it likes."""
    made = [content for content in contents if content["type"] == "TickMade"]
    for version, content in enumerate(made, len(contents) + 1):
        contents.append({**content, "version": version})
    return contents


def naming_no(*what: str) -> Falsify:
    """The next tick looks as ticks did before they named that, and not all draws left an event."""

    def change(contents: list[Json]) -> list[Json]:
        if [content["type"] for content in contents] == ["TickCommitted"]:
            for name in what:
                del contents[0]["data"][name]
        return contents

    return change


def ticking(**data: Any) -> Falsify:
    """The ticks' events say something else, those that name it; null is nothing."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "TickCommitted":
            for content in contents:
                has = content["data"].keys() & data.keys()
                content["data"] |= {name: data[name] for name in has}
        return contents

    return change


def committed_late(contents: list[Json]) -> list[Json]:
    """The house committed to the tick, and its round, when that was public already."""
    if contents and contents[0]["type"] == "TickCommitted" and len(contents) > 1:
        at = datetime.fromisoformat(contents[0]["data"]["public_at"]) + timedelta(microseconds=1)
        contents[0]["recorded_at"] = at.isoformat(timespec="microseconds")
    return contents


def nothing_drawn(reason: str) -> Falsify:
    """The house says that the draw doubled nothing, for that reason, and has another winner."""

    def change(contents: list[Json]) -> list[Json]:
        for content in contents:
            if content["type"] == "BidDoubled":
                names = ("tick", "policy_version", "draw", "bid_id")
                kept = {name: content["data"][name] for name in names}
                content |= {"type": "NothingDrawn", "schema_version": 1}
                content["data"] = kept | {"reason": reason}
        return contents

    return change


FALSIFICATIONS: dict[str, tuple[Falsify, str]] = {
    "a bid that is not higher than the bidder's own": (
        changing(4, amount="9.00"),
        "is not more than",
    ),
    "a bid after the end": (
        changing(4, placed_at="2999-01-01T00:00:00+00:00"),
        "asked for after the end",
    ),
    "a bid before the start": (
        changing(4, placed_at="2000-01-01T00:00:00+00:00"),
        "placed before the auction was open",
    ),
    "a bid deleted in another's name": (
        changing(7, bidder_id=NOBODY),
        "somebody else's",
    ),
    "a bid deleted twice": (inserted(8, 7), "there is no such live bid"),
    "a bid deleted after the end": (asked(7, timedelta(hours=1)), "asked for after the end"),
    "a withdrawal at another moment": (
        changing(7, withdrawn_at="2999-01-01T00:00:00+00:00"),
        "asked for after the end",
    ),
    "another moment than a bid's": (asked(4, timedelta(seconds=-1)), "at another moment"),
    "an event that hides when it was asked for": (hiding(6), "it hides when it was asked for"),
    "a doubling to more than twice the amount": (changing(8, effective_amount="777.00"), "twice"),
    "a doubling of somebody else's bid": (changing(8, bidder_id=NOBODY), "somebody else's"),
    "a second doubling of a bid": (inserted(9, 8, tick=1), "a bid is doubled once"),
    "a doubling of a deleted bid": (of_the_deleted, "there is no such live bid"),
    "a doubling after the end": (asked(8, timedelta(hours=1)), "asked for after the end"),
    "a draw from before there were commitments that gives more than twice the amount": (
        undrawn(8, effective_amount="777.00"),
        "twice",
    ),
    "a doubling by another chance": (changing(8, weight=3), "the draw hits"),
    "a doubling in a tick that was never made": (
        changing(8, tick=2_000_000_000),
        "there is no tick",
    ),
    "a doubling in a tick that was committed to and not made": (without_the_tick, "was never made"),
    "the winner pays another amount": (changing(9, amount="1.00"), "the leading bid is"),
    "the winner's bid counts another amount": (
        changing(9, effective_amount="1.00"),
        "the leading bid is",
    ),
    "another bidder wins": (
        changing(9, bidder_id=NOBODY),
        "the leading bid is",
    ),
    "a winner before the end": (asked(9, timedelta(minutes=-1)), "closed before its end"),
    "a winner before the end, said to have been asked for after it": (
        asked(9, timedelta(minutes=-5), of="recorded_at"),
        "it was asked for later",
    ),
    "an end without a sale before the end": (unsold_early, "closed before its end"),
    "the lowest bid wins": (of_the_bid(2), "the leading bid is"),
    "nobody wins, though there are bids": (unsold, "a live bid wins"),
    "an auction's end moved": (
        changing(1, ends_at="2999-01-01T00:00:00+00:00"),
        # As chance will have it, the draw hits the same bid still.
        "the draw hits|closed before its end",
    ),
    "an event after the close": (again(2), "after the close"),
    # As chance will have it, it is the one that was doubled.
    "a bid left out": (without(4), "the draw hits|there is no such live bid"),
    "the deletion left out": (without(7), "the draw hits"),
    "a draw left out": (without(8), "left no draw, though there was a bid to draw"),
    "a draw with another number": (changing(8, draw=2), "draw 1 of the auction is missing"),
    "a draw without a number": (changing(8, draw=None), "draw 1 of the auction is missing"),
    "a draw by a policy that did not apply": (changing(8, policy_version=1), "applied, not 1"),
    "another round named": (ticking(round=7), "its round: 1970"),
    "the value of the round missing": (ticking(value=None), "its round:"),
    "the cut-off moved": (ticking(public_at="2999-01-01T00:00:00+00:00"), "was not open then"),
    "a round named when it was public": (committed_late, "its round:"),
    "a draw said to have come to nothing": (nothing_drawn("NOBODY"), "the draw hits"),
    "a draw of a bid that is said to be gone": (nothing_drawn("GONE"), "is there to be doubled"),
    "the creation left out": (without(1), "there is no such auction"),
    "an auction that opened before it was created": (
        changing(1, starts_at="2000-01-01T00:00:00+00:00"),
        "opens too early",
    ),
    "an amount that is none": (changing(6, amount="90.001"), "no amount of money"),
    "a winner whose bid was placed at another moment": (
        changing(9, placed_at="2000-01-01T00:00:00+00:00"),
        "the leading bid is|asked for",
    ),
    "a draw that names no tick": (undrawn(8, tick=None), "there is no tick None"),
    "an event that there is not": (of_another_type, "the rules know no such event"),
    "an event without what it should say": (without_its_amount, "version 4 .BidPlaced.: 'amount'"),
    "a tick made twice": (made_twice, "TickMade happened twice"),
    "a tick that names no policies": (naming_no("policies"), "names no policies or no round"),
    "a tick that names no round": (
        naming_no("beacon", "round", "public_at"),
        "names no policies or no round",
    ),
    "another stream's chain": (of_another, "another event stands in the place of 1"),
}


# With the hashes that the events had.
UNHASHED: dict[str, tuple[Falsify, str]] = {
    "a changed payload": (changing(4, amount="13.00"), "the chain breaks after 3"),
    "a changed time": (
        asked(4, timedelta(seconds=1), of="recorded_at"),
        "the chain breaks after 3",
    ),
    "another job blamed": (blaming(4), "the chain breaks after 3"),
    "a removed event": (without(4), "the chain breaks after 3"),
    "two versions swapped": (swapped(3), "the chain breaks after 2"),
    "an event added": (inserted(10, 3), "the chain breaks after 9"),
}
