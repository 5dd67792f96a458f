"""An auction from its creation to its end, over HTTP and WebSocket, with real workers."""

from portal.laptop.demo.client import PortalClient
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import auction, create_auction, delete, events, place


async def test_an_auction_runs_from_creation_to_its_announced_winner(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    # Long enough for an operator's command on a busy machine.
    auction_id = await create_auction(carol, seconds=15)
    first = await place(alice, auction_id, "100.00")
    lower = await place(bob, auction_id, "90.00")
    too_low = await place(bob, auction_id, "90.00")
    deleted = await delete(alice, auction_id, first["result"]["bidId"])
    assert [j["status"] for j in (first, lower, too_low, deleted)] == [
        "SUCCEEDED", "SUCCEEDED", "REJECTED", "SUCCEEDED",
    ]  # fmt: skip
    assert too_low["rejection"]["code"] == "BID_TOO_LOW"

    seen = await auction(bob, auction_id, at_least=4)
    assert (seen["version"], seen["bidCount"], seen["bidderCount"]) == (4, 1, 1)
    assert seen["leadingBid"]["id"] == lower["result"]["bidId"]

    drawn = portal.manage("run_promoter", "--once", "--json")
    assert drawn.returncode == 0, drawn.stderr
    history = await events(alice, auction_id, until="WinnerAnnounced")
    assert [(event["version"], event["__typename"]) for event in history] == [
        (1, "AuctionCreated"),
        (2, "BidPlaced"),
        (3, "BidPlaced"),
        (4, "BidDeleted"),
        (5, "BidDoubled"),
        (6, "WinnerAnnounced"),
    ]
    assert history[4]["bidId"] == lower["result"]["bidId"]
    assert history[4]["effectiveAmount"] == "180.00"
    ended = await auction(bob, auction_id, at_least=6)
    assert (ended["status"], ended["winner"]["bidder"]["id"]) == ("ENDED", bob.user["id"])


async def test_without_live_bids_it_ends_unsold(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, seconds=2)
    placed = await place(alice, auction_id, "10.00")
    await delete(alice, auction_id, placed["result"]["bidId"])
    history = await events(alice, auction_id, until="AuctionEndedUnsold")
    assert [event["__typename"] for event in history][-2:] == ["BidDeleted", "AuctionEndedUnsold"]
    ended = await auction(alice, auction_id, at_least=4)
    assert (ended["status"], ended["winner"], ended["leadingBid"]) == ("ENDED", None, None)
