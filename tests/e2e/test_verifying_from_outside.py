"""docs/verify_auction.py checks each event of an auction by the rules, from the API alone."""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from portal.laptop.demo.client import PortalClient
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, delete, events, place
from tests.e2e.outsider import falsified, script

Json = dict[str, Any]
Falsify = Callable[[list[Json]], list[Json]]


@pytest.fixture
async def sold(portal: RunningPortal, join: Join, carol: PortalClient) -> str:
    """An auction that is over: five bids, one deleted, one doubled, and a winner."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=12)
    for bidder, amount in ((alice, "10.00"), (bob, "20.00"), (alice, "12.00"), (alice, "15.00")):
        await place(bidder, auction_id, amount)
    taken_back = await place(bob, auction_id, "90.00")
    await delete(bob, auction_id, taken_back["result"]["bidId"])
    done = await asyncio.to_thread(portal.manage, "run_promoter", "--once")
    assert done.returncode == 0, done.stderr
    await events(carol, auction_id, until="WinnerAnnounced")
    done = await asyncio.to_thread(portal.manage, "run_promoter", "--once")
    assert done.returncode == 0, done.stderr
    return auction_id


def test_an_outsider_follows_an_auction_to_its_end(portal: RunningPortal, sold: str) -> None:
    done = script(portal, sold.upper())
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        "1 AuctionCreated", "2 BidPlaced", "3 BidPlaced", "4 BidPlaced", "5 BidPlaced",
        "6 BidPlaced", "7 BidDeleted", "8 BidDoubled", "9 WinnerAnnounced",
    ]  # fmt: skip
    assert "leading: 10.00 of" in lines[1]
    assert "leading: 20.00 of" in lines[2]
    assert "leading: 90.00 of" in lines[5]
    assert "leading: 20.00 of" in lines[6]
    assert "fairly drew" in lines[7]
    assert lines[-1].startswith("9 events, 1 draws: ")
    assert "won and pays" in lines[-1]


def test_there_must_be_such_an_auction(portal: RunningPortal) -> None:
    done = script(portal, "01a20969-5c3e-7d11-8f0a-3a0f1de1c9aa")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "WRONG: there is no such auction\n"


def changing(version: int, **data: Any) -> Falsify:
    """That event of the auction says something else."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            contents[version - 1]["data"] |= data
        return contents

    return change


def recorded(version: int, by: timedelta) -> Falsify:
    """That event of the auction was recorded earlier, or later."""

    def change(contents: list[Json]) -> list[Json]:
        if contents and contents[0]["type"] == "AuctionCreated":
            at = datetime.fromisoformat(contents[version - 1]["recorded_at"]) + by
            contents[version - 1]["recorded_at"] = at.isoformat(timespec="microseconds")
        return contents

    return change


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
    return [
        {**content, "stream_id": "01a20969-5c3e-7d11-8f0a-3a0f1de1c9aa"} for content in contents
    ]


def without_the_tick(contents: list[Json]) -> list[Json]:
    """The house committed to a tick, and never made it."""
    return [content for content in contents if content["type"] == "TickCommitted"] or contents


def nothing_drawn(contents: list[Json]) -> list[Json]:
    """The house says that the draw doubled nothing, by chance, and has another winner."""
    for content in contents:
        if content["type"] == "BidDoubled":
            kept = {name: content["data"][name] for name in ("tick", "policy_version", "draw")}
            content |= {"type": "NothingDrawn", "schema_version": 1}
            content["data"] = kept | {"reason": "CHANCE"}
    return contents


FALSIFICATIONS: dict[str, tuple[Falsify, str]] = {
    "a bid that is not higher than the bidder's own": (
        changing(4, amount="9.00"),
        "is not more than",
    ),
    "a bid after the end": (
        changing(4, placed_at="2999-01-01T00:00:00+00:00"),
        "the auction was not open",
    ),
    "a bid before the start": (
        changing(4, placed_at="2000-01-01T00:00:00+00:00"),
        "the auction was not open",
    ),
    "a bid deleted in another's name": (
        changing(7, bidder_id="01a20969-5c3e-7d11-8f0a-3a0f1de1c9aa"),
        "somebody else's",
    ),
    "a doubling to more than twice the amount": (changing(8, effective_amount="777.00"), "twice"),
    "a doubling by another chance": (changing(8, weight=3), "the draw hits"),
    "a doubling in a tick that was never made": (
        changing(8, tick=2_000_000_000),
        "there is no tick",
    ),
    "a doubling in a tick that was committed to and not made": (without_the_tick, "was never made"),
    "the winner pays another amount": (changing(9, amount="1.00"), "the leading bid is"),
    "the winner's bid counts another amount": (changing(9, effective_amount="1.00"), "it counts"),
    "another bidder wins": (
        changing(9, bidder_id="01a20969-5c3e-7d11-8f0a-3a0f1de1c9aa"),
        "the leading bid is",
    ),
    "a winner before the end": (recorded(9, timedelta(minutes=-1)), "closed before its end"),
    "an auction's end moved": (
        changing(1, ends_at="2999-01-01T00:00:00+00:00"),
        "the draw hits",
    ),
    "an event after the close": (again(2), "after the close"),
    # As chance will have it, it is the one that was doubled.
    "a bid left out": (without(4), "the draw hits|there is no such live bid"),
    "the deletion left out": (without(7), "the draw hits"),
    "a draw left out": (without(8), "left no draw, though there was a bid to draw"),
    "a draw with another number": (changing(8, draw=2), "draw 1 of the auction is missing"),
    "a draw without a number": (changing(8, draw=None), "draw 1 of the auction is missing"),
    "a draw by a policy that did not apply": (changing(8, policy_version=1), "applied, not 1"),
    "a draw said to have come to nothing": (nothing_drawn, "the draw hits"),
    "the creation left out": (without(1), "it is created once, first"),
    "another stream's chain": (of_another, "another event stands in the place of 1"),
}


def test_what_the_rules_do_not_give_is_found_from_outside(
    portal: RunningPortal, sold: str, outsider: ModuleType
) -> None:
    with falsified(outsider, lambda contents: contents):
        assert "won and pays" in list(outsider.check(portal.url, sold))[-1]
    for what, (falsify, says) in FALSIFICATIONS.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, sold)
        assert re.search(says, found), f"{what}: {found}"


def finding(outsider: ModuleType, portal: RunningPortal, auction_id: str) -> str:
    """What is found to be wrong; nothing is "nothing"."""
    try:
        list(outsider.check(portal.url, auction_id))
    except outsider.Wrong as wrong:
        return str(wrong)
    return "nothing"
