"""docs/verify_auction.py checks each event of an auction by the rules, from the API alone."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from commands.postgres.connections import Pool
from commands.promoter.rounds import commit
from portal.laptop.demo.client import (
    ANSWER_OFFER,
    BUY_NOW,
    CANCEL_AUCTION,
    CLOSE_AUCTION_NOW,
    FORFEIT_SALE,
    PAUSE_AUCTION,
    REMOVE_BID,
    RESUME_AUCTION,
    REVISE_AUCTION,
    SET_MAXIMUM,
    PortalClient,
)
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, delete, events, place
from tests.e2e.buying_falsifications import BOUGHT
from tests.e2e.buying_falsifications import RULES as BUYING
from tests.e2e.falsifications import FALSIFICATIONS, NOBODY, UNHASHED
from tests.e2e.house_falsifications import CANCELLED, CLOSED_EARLY, REMOVED
from tests.e2e.masked_falsifications import MASKED
from tests.e2e.maxima_falsifications import PROXIED
from tests.e2e.maxima_falsifications import RULES as OF_MAXIMA
from tests.e2e.outsider import falsified, finding, script
from tests.e2e.own_lot_falsifications import OWNED
from tests.e2e.pause_falsifications import PAUSED
from tests.e2e.promoter_falsifications import DRAWN, OFF, UNDRAWN
from tests.e2e.promoter_falsifications import RULES as PROMOTER
from tests.e2e.reserve_falsifications import RESERVED
from tests.e2e.revision_falsifications import REVISED
from tests.e2e.ruled_falsifications import RULED, RULES
from tests.e2e.sealed_falsifications import RULES as OF_SEALED
from tests.e2e.sealed_falsifications import SEALED
from tests.e2e.second_chance_falsifications import SOLD_LATER
from tests.e2e.withdrawal_falsifications import RULES as WITHDRAWAL
from tests.e2e.withdrawal_falsifications import WITHDRAWN
from tests.integration.in_process import InProcessPortal


@pytest.fixture
async def sold(
    portal: RunningPortal, portal_pool: Pool, join: Join, carol: PortalClient
) -> AsyncIterator[str]:
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
    commit(portal_pool)
    yield auction_id
    InProcessPortal(portal_pool).give_up_open_tick()


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


@pytest.fixture
async def sold_by_rules(portal: RunningPortal, join: Join, carol: PortalClient) -> str:
    """An auction that is over, with rules beside the plain ones: three bids, the first two of which moved its end."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=5, rules=RULES)
    for bidder, amount in ((alice, "9.99"), (alice, "10.00"), (bob, "11.00"), (alice, "20.00")):
        await place(bidder, auction_id, amount)
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_the_rules_that_were_chosen(
    portal: RunningPortal, sold_by_rules: str, outsider: ModuleType
) -> None:
    done = script(portal, sold_by_rules)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:-1]] == [
        "1 AuctionCreated", "2 BidPlaced", "3 AuctionExtended", "4 BidPlaced", "5 AuctionExtended",
        "6 BidPlaced", "7 WinnerAnnounced",
    ]  # fmt: skip
    for what, (falsify, says) in RULED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, sold_by_rules)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def reserved(join: Join, carol: PortalClient) -> str:
    """An auction that is over, with a hidden reserve that was met, missed again, and met."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=6, rules={"reserve": "15.00"})
    await place(alice, auction_id, "10.00")
    met = await place(bob, auction_id, "20.00")
    await delete(bob, auction_id, met["result"]["bidId"])
    await place(alice, auction_id, "16.00")
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


@pytest.fixture
async def masked(join: Join, carol: PortalClient) -> str:
    """A masked auction that is over and shows who won."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules={"masked": {"namesWinner": True}}, seconds=5)
    for bidder, amount in ((alice, "10.00"), (bob, "20.00"), (alice, "30.00")):
        await place(bidder, auction_id, amount)
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_a_masked_auction(
    portal: RunningPortal, masked: str, outsider: ModuleType
) -> None:
    assert script(portal, masked).returncode == 0
    for what, (falsify, says) in MASKED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, masked)
        assert re.search(says, found), f"{what}: {found}"


def test_an_outsider_checks_a_hidden_reserve(
    portal: RunningPortal, reserved: str, outsider: ModuleType
) -> None:
    done = script(portal, reserved)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:-1]] == [
        "1 AuctionCreated", "2 BidPlaced", "3 BidPlaced", "4 ReserveMet", "5 BidDeleted", "6 ReserveMissed",
        "7 BidPlaced", "8 ReserveMet", "9 ReserveRevealed", "10 WinnerAnnounced",
    ]  # fmt: skip
    for what, (falsify, says) in RESERVED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, reserved)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def sold_later(join: Join, carol: PortalClient) -> str:
    """An auction whose winner did not confirm, and whose sale failed in the end."""
    alice, bob, dora = await join("alice"), await join("bob"), await join("dora")
    chance = {"confirmWithin": 2, "answerWithin": 600, "most": 2}
    auction_id = await create_auction(carol, seconds=5, rules={"secondChance": chance})
    for bidder, amount in ((alice, "10.00"), (bob, "15.00"), (alice, "20.00")):
        await place(bidder, auction_id, amount)
    third = await place(dora, auction_id, "5.00")
    await events(carol, auction_id, until=9)
    await bob.command(ANSWER_OFFER, auctionId=auction_id, accept=False)
    await dora.command(ANSWER_OFFER, auctionId=auction_id, accept=True)
    bid_id = third["result"]["bidId"]
    await carol.command(FORFEIT_SALE, auctionId=auction_id, bidId=bid_id, reason="Never paid.")
    return auction_id


def test_an_outsider_checks_a_second_chance(
    portal: RunningPortal, sold_later: str, outsider: ModuleType
) -> None:
    done = script(portal, sold_later)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:-1]] == [
        "1 AuctionCreated", "2 BidPlaced", "3 BidPlaced", "4 BidPlaced", "5 BidPlaced", "6 WinnerAnnounced",
        "7 LotOffered", "8 OfferLapsed", "9 LotOffered", "10 OfferDeclined", "11 LotOffered", "12 OfferAccepted",
        "13 SaleForfeited", "14 SaleFailed",
    ]  # fmt: skip
    for what, (falsify, says) in SOLD_LATER.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, sold_later)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def proxied(join: Join, carol: PortalClient) -> str:
    """An auction in which maxima bid, that was closed early."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=OF_MAXIMA)
    await alice.command(SET_MAXIMUM, auctionId=auction_id, amount="30.00")
    await place(bob, auction_id, "15.00")
    for amount in ("20.00", "40.00"):
        await bob.command(SET_MAXIMUM, auctionId=auction_id, amount=amount)
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_what_maxima_bid(
    portal: RunningPortal, proxied: str, outsider: ModuleType
) -> None:
    done = script(portal, proxied)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:-1]] == [
        "1 AuctionCreated", "2 MaximumSet", "3 BidPlaced", "4 BidPlaced", "5 BidPlaced", "6 MaximumSet",
        "7 BidPlaced", "8 BidPlaced", "9 MaximumEnded", "10 MaximumSet", "11 BidPlaced", "12 BidPlaced",
        "13 MaximumEnded", "14 AuctionClosedEarly", "15 WinnerAnnounced",
    ]  # fmt: skip
    for what, (falsify, says) in PROXIED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, proxied)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def cancelled(join: Join, carol: PortalClient) -> str:
    """An auction that was cancelled with two bids."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "20.00")
    await carol.command(CANCEL_AUCTION, auctionId=auction_id, reason="A flood")
    await events(carol, auction_id, until="AuctionCancelled")
    return auction_id


def test_an_outsider_checks_a_cancelled_auction(
    portal: RunningPortal, cancelled: str, outsider: ModuleType
) -> None:
    assert script(portal, cancelled).returncode == 0
    for what, (falsify, says) in CANCELLED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, cancelled)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def closed_early(join: Join, carol: PortalClient) -> str:
    """An auction that the house closed early, with two bids."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00")
    await place(bob, auction_id, "20.00")
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_an_auction_that_was_closed_early(
    portal: RunningPortal, closed_early: str, outsider: ModuleType
) -> None:
    assert script(portal, closed_early).returncode == 0
    for what, (falsify, says) in CLOSED_EARLY.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, closed_early)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def withdrawn(join: Join, carol: PortalClient) -> str:
    """An auction that was closed early, of whose two bids one was deleted in time."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=WITHDRAWAL)
    await place(alice, auction_id, "10.00")
    bid_id = (await place(bob, auction_id, "20.00"))["result"]["bidId"]
    await delete(bob, auction_id, bid_id)
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_that_bids_were_deleted_in_time(
    portal: RunningPortal, withdrawn: str, outsider: ModuleType
) -> None:
    done = script(portal, withdrawn)
    assert (done.returncode, done.stderr) == (0, "")
    for what, (falsify, says) in WITHDRAWN.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, withdrawn)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def owned(join: Join, carol: PortalClient) -> str:
    """An auction whose owner can't bid, with somebody else's bid, that was closed early."""
    alice, bob = await join("alice"), await join("bob")
    owner = (await alice.execute("{ me { id } }"))["me"]["id"]
    auction_id = await create_auction(carol, rules={"ownLot": {"owners": [owner]}})
    await place(bob, auction_id, "10.00")
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_that_no_owner_has_bid(
    portal: RunningPortal, owned: str, outsider: ModuleType
) -> None:
    done = script(portal, owned)
    assert (done.returncode, done.stderr) == (0, "")
    for what, (falsify, says) in OWNED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, owned)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def bought(join: Join, carol: PortalClient) -> str:
    """An auction that was bought at its buy-now price, after a bid."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=BUYING)
    await place(alice, auction_id, "10.00")
    await bob.command(BUY_NOW, auctionId=auction_id)
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_a_purchase(
    portal: RunningPortal, bought: str, outsider: ModuleType
) -> None:
    done = script(portal, bought)
    assert (done.returncode, done.stderr) == (0, "")
    for what, (falsify, says) in BOUGHT.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, bought)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def paused(join: Join, carol: PortalClient) -> str:
    """An auction that the house paused and resumed between two bids, and then closed early."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00")
    await carol.command(PAUSE_AUCTION, auctionId=auction_id, reason="A flood")
    await carol.command(RESUME_AUCTION, auctionId=auction_id, reason="It is dry")
    await place(bob, auction_id, "20.00")
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_an_auction_that_was_paused(
    portal: RunningPortal, paused: str, outsider: ModuleType
) -> None:
    done = script(portal, paused)
    assert done.returncode == 0, done.stderr
    assert "3 AuctionPaused: the house pauses it: A flood" in done.stdout
    assert "4 AuctionResumed: the house resumes it, and the end moves to " in done.stdout
    for what, (falsify, says) in PAUSED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, paused)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def promoted(
    portal: RunningPortal, portal_pool: Pool, join: Join, carol: PortalClient
) -> AsyncIterator[tuple[str, str]]:
    """An auction in which a bid was doubled by its own options, and one that the same tick left alone."""
    alice, bob = await join("alice"), await join("bob")
    own = await create_auction(carol, rules=PROMOTER)
    off = await create_auction(carol, rules=OFF)
    for auction_id in (own, off):
        await place(alice, auction_id, "10.00")
        await place(bob, auction_id, "20.00")
    InProcessPortal(portal_pool).give_up_open_tick()
    for _ in range(2):
        done = await asyncio.to_thread(portal.manage, "run_promoter", "--once")
        assert done.returncode == 0, done.stderr
        if _ == 0:
            await events(carol, own, until="BidDoubled")
            await carol.command(CLOSE_AUCTION_NOW, auctionId=own, reason="A flood")
            await carol.command(CLOSE_AUCTION_NOW, auctionId=off, reason="A flood")
            await place(alice, await create_auction(carol), "5.00")
    yield own, off
    InProcessPortal(portal_pool).give_up_open_tick()


def test_an_outsider_checks_other_promoters(
    portal: RunningPortal, promoted: tuple[str, str], outsider: ModuleType
) -> None:
    for auction_id, falsifications in zip(promoted, (DRAWN, UNDRAWN), strict=True):
        done = script(portal, auction_id)
        assert (done.returncode, done.stderr) == (0, "")
        for what, (falsify, says) in falsifications.items():
            with falsified(outsider, falsify):
                found = finding(outsider, portal, auction_id)
            assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def revised(join: Join, carol: PortalClient) -> str:
    """An auction that the house revised before the first bid and after it, and then closed early."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for bidder, amount, changes in (
        (alice, "10.00", {"title": "A lantern", "endsAt": later}),
        (bob, "20.00", {"description": "Broken"}),
    ):
        await carol.command(REVISE_AUCTION, auctionId=auction_id, **changes)
        await place(bidder, auction_id, amount)
    await carol.command(CLOSE_AUCTION_NOW, auctionId=auction_id, reason="A flood")
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_an_auction_that_was_revised(
    portal: RunningPortal, revised: str, outsider: ModuleType
) -> None:
    done = script(portal, revised)
    assert done.returncode == 0, done.stderr
    assert "2 AuctionRevised: the house revises it: ends_at, title" in done.stdout
    for what, (falsify, says) in REVISED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, revised)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def removed(join: Join, carol: PortalClient) -> str:
    """An auction that is over, with two bids, of which the house removed the leading one."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=5)
    await place(alice, auction_id, "10.00")
    bid_id = (await place(bob, auction_id, "20.00"))["result"]["bidId"]
    await carol.command(REMOVE_BID, auctionId=auction_id, bidId=bid_id, reason="A flood")
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_an_auction_with_a_removed_bid(
    portal: RunningPortal, removed: str, outsider: ModuleType
) -> None:
    done = script(portal, removed)
    assert done.returncode == 0, done.stderr
    assert ", by the house: A flood; leading: 10.00" in done.stdout
    for what, (falsify, says) in REMOVED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, removed)
        assert re.search(says, found), f"{what}: {found}"


@pytest.fixture
async def sealed(join: Join, carol: PortalClient) -> str:
    """An auction with sealed bids that is over: three bids, and the winner pays the second price."""
    bidders = [await join(name) for name in ("alice", "bob", "charlie")]
    auction_id = await create_auction(carol, seconds=5, rules=OF_SEALED)
    for bidder, amount in zip(bidders, ("20.00", "30.00", "25.00"), strict=True):
        await place(bidder, auction_id, amount)
    await events(carol, auction_id, until="WinnerAnnounced")
    return auction_id


def test_an_outsider_checks_an_auction_with_sealed_bids(
    portal: RunningPortal, sealed: str, outsider: ModuleType
) -> None:
    done = script(portal, sealed)
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 BidRevealed: 20.00 by " in done.stdout
    assert "won and pays 25.00" in done.stdout
    for what, (falsify, says) in SEALED.items():
        with falsified(outsider, falsify):
            found = finding(outsider, portal, sealed)
        assert re.search(says, found), f"{what}: {found}"


def test_there_must_be_such_an_auction(portal: RunningPortal) -> None:
    done = script(portal, NOBODY)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "WRONG: there is no such auction\n"


def test_what_the_rules_do_not_give_is_found_from_outside(
    portal: RunningPortal, sold: str, outsider: ModuleType
) -> None:
    with falsified(outsider, lambda contents: contents):
        lines = list(outsider.check(outsider.Portal(portal.url), sold))
        assert "won and pays" in lines[-1]
    for rehash, falsifications in ((True, FALSIFICATIONS), (False, UNHASHED)):
        for what, (falsify, says) in falsifications.items():
            with falsified(outsider, falsify, rehash=rehash):
                found = finding(outsider, portal, sold)
            assert re.search(says, found), f"{what}: {found}"
