"""Auctions with rules beside the plain ones, from their creation to their end, as users see them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from commands.postgres.connections import Pool
from portal.laptop.demo.client import CREATE_AUCTION, PortalClient, Refused
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, delete, events, place
from tests.e2e.test_house_interventions import told

Json = dict[str, Any]
READ = """query ($id: UUID!, $v: Int, $n: Int) { auction(id: $id, atLeastVersion: $v, atVersion: $n) {
  version endsAt firstEndsAt nextBids leadingBid { amount }
  rules { startingPrice mustLead sentences softClose { window extension times hardEnd }
    increments { overLeader { start step } overOwn { start step } } }
  whyWinner { closing { sentence } } } }"""
ALL = {
    "startingPrice": "10.00",
    "increments": {
        "overLeader": [{"step": "1.00"}, {"start": "50.00", "step": "5.00"}],
        "overOwn": [{"step": "3.00"}],
    },
    "softClose": {"window": 60, "extension": 2, "times": 1},
}


async def read(reader: PortalClient, auction_id: str, **more: int) -> Json:
    found: Json = (await reader.execute(READ, id=auction_id, **more))["auction"]
    return found


async def test_a_plain_auction_offers_steps_of_the_houses_table(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, auction_id = await join("alice"), await create_auction(carol)
    found = await read(nobody, auction_id)
    assert found["rules"] == {
        "startingPrice": None,
        "increments": None,
        "softClose": None,
        "mustLead": False,
        "sentences": [
            "A bid is higher than the bidder's own highest, and may be lower than the leading one.",
            "The promoter may double a bid: it then ranks with twice the amount that its bidder pays.",
        ],
    }
    assert found["nextBids"] == ["1.00", "2.00", "3.00"]
    job = await place(alice, auction_id, "100.00")
    found = await read(nobody, auction_id, v=job["result"]["version"])
    assert found["nextBids"] == ["110.00", "120.00", "130.00"]


async def test_bids_by_rules_that_combine(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules=ALL)
    told = (await read(nobody, auction_id))["rules"]
    assert told["startingPrice"] == "10.00"
    assert told["increments"]["overLeader"] == [
        {"start": "0.00", "step": "1.00"},
        {"start": "50.00", "step": "5.00"},
    ]
    assert told["softClose"] == {"window": 60, "extension": 2, "times": 1, "hardEnd": None}
    assert told["mustLead"]
    outcomes = [
        await outcome(alice, auction_id, "9.99"),
        await outcome(alice, auction_id, "10.00"),
        await outcome(bob, auction_id, "10.99"),
        await outcome(bob, auction_id, "11.00"),
        await outcome(bob, auction_id, "13.99"),
        await outcome(bob, auction_id, "60.00"),
        await outcome(alice, auction_id, "64.99"),
    ]
    assert outcomes == [
        ("BELOW_STARTING_PRICE", "9.99 is below the starting price, 10.00"),
        None,
        (
            "BELOW_INCREMENT",
            "10.99 is not enough: the leading bid counts 10.00, and a bid must be higher by 1.00, so "
            "11.00 or more",
        ),
        None,
        (
            "BELOW_INCREMENT",
            "13.99 is not enough: your own highest live bid counts 11.00, and a bid must be higher by "
            "3.00, so 14.00 or more",
        ),
        None,
        (
            "BELOW_INCREMENT",
            "64.99 is not enough: the leading bid counts 60.00, and a bid must be higher by 5.00, so "
            "65.00 or more",
        ),
    ]
    found = await read(nobody, auction_id, v=4)
    assert found["nextBids"] == ["65.00", "70.00", "75.00"]
    for bidder, amount in zip((alice, bob, alice), found["nextBids"], strict=True):
        job = await place(bidder, auction_id, amount)
        now = await read(nobody, auction_id, v=job["result"]["version"])
        assert now["leadingBid"] == {"amount": amount}


async def test_a_preset_and_what_is_chosen_beside_it(
    carol: PortalClient, nobody: PortalClient
) -> None:
    chosen = {"preset": "ENGLISH", "softClose": {"window": 30, "extension": 30, "times": 2}}
    told = (await read(nobody, await create_auction(carol, rules=chosen)))["rules"]
    assert told["softClose"]["window"] == 30
    assert len(told["increments"]["overLeader"]) == 14
    assert told["increments"]["overOwn"] == []


async def test_a_charity_auctions_bids_are_promises(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, rules={"preset": "CHARITY"})
    await place(alice, auction_id, "100.00")
    low = await place(bob, auction_id, "20.00")
    assert low["status"] == "SUCCEEDED"
    assert (await outcome(bob, auction_id, "21.00") or ("",))[0] == "BELOW_INCREMENT"
    job = await delete(bob, auction_id, low["result"]["bidId"])
    assert job["rejection"]["code"] == "BID_BINDING"
    told = (await read(nobody, auction_id))["rules"]
    assert "Bids are binding: their bidders can't delete them." in told["sentences"]


async def test_a_late_bid_moves_the_end_and_the_auction_closes_then(
    portal: RunningPortal, join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=4, rules=ALL)
    first = (await read(nobody, auction_id))["endsAt"]
    placed = await place(alice, auction_id, "10.00")
    # Its version is that of the extension, so that whoever reads it has both.
    assert placed["result"]["version"] == 3
    found = await read(nobody, auction_id, v=3)
    moved = datetime.fromisoformat(found["endsAt"])
    assert found["firstEndsAt"] == first
    assert moved - datetime.fromisoformat(first) == timedelta(seconds=2)
    # Once at most.
    assert (await place(bob, auction_id, "20.00"))["result"]["version"] == 4
    happened = await events(nobody, auction_id, until="WinnerAnnounced")
    assert [each["__typename"] for each in happened] == [
        "AuctionCreated", "BidPlaced", "AuctionExtended", "BidPlaced", "WinnerAnnounced",
    ]  # fmt: skip
    assert datetime.fromisoformat(happened[-1]["recordedAt"]) >= moved
    assert await outcome(alice, auction_id, "99.00") == (
        "AUCTION_ENDED",
        f"the auction ended at {moved:%Y-%m-%d %H:%M:%S} UTC",
    )
    ended = await read(nobody, auction_id, v=5)
    assert "Late bids had moved the end by 2.0 s." in ended["whyWinner"]["closing"]["sentence"]
    assert ended["nextBids"] == []
    then = await read(nobody, auction_id, n=2)
    assert (then["endsAt"], then["firstEndsAt"]) == (first, None)
    later = await read(nobody, auction_id, n=4)
    assert (later["endsAt"], later["firstEndsAt"]) == (found["endsAt"], first)
    checked = await asyncio.to_thread(portal.manage, "verify_events", auction_id)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            {"increments": {"overLeader": [{"start": "5.00", "step": "1.00"}]}},
            "a table of increments begins with a bracket from 0.00",
        ),
        (
            {"softClose": {"window": 60, "extension": 60}},
            "a soft close moves the end so many times at most, or up to a hard end",
        ),
        (
            {"softClose": {"window": 0, "extension": 60, "times": 1}},
            "the window of a soft close is 1 to 86400 seconds, not 0",
        ),
    ],
)
async def test_rules_that_are_none(carol: PortalClient, rules: Json, message: str) -> None:
    with pytest.raises(Refused) as refused:
        await carol.command(
            CREATE_AUCTION, title="A clock", endsAt="2999-01-01T00:00:00Z", rules=rules
        )
    [error] = refused.value.errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "rules"}
    assert error["message"] == message


async def test_a_hard_end_before_the_end_is_refused(carol: PortalClient) -> None:
    soft = {"window": 60, "extension": 60, "hardEnd": "2998-01-01T00:00:00Z"}
    job = await carol.command(
        CREATE_AUCTION, title="A clock", endsAt="2999-01-01T00:00:00Z", rules={"softClose": soft}
    )
    assert job["rejection"]["code"] == "INVALID_SCHEDULE"


def test_an_operator_chooses_rules(portal: RunningPortal, auctioneer: str) -> None:
    words = ("create_auction", "A clock", "--ends-at", "+1h", "--json")
    made = portal.manage(
        *words, "--starting-price", "5", "--increments", "table", "--soft-close", "60s/60s/10"
    )
    assert made.returncode == 0, made.stderr
    refused = portal.manage(*words, "--soft-close", "soon")
    assert refused.returncode == 2
    assert "'soon' is no length of time; a soft close is written like 60s/60s/10" in refused.stderr


async def outcome(bidder: PortalClient, auction_id: str, amount: str) -> tuple[str, str] | None:
    """Why the bid was rejected; None if it was placed."""
    job = await place(bidder, auction_id, amount)
    rejection = job["rejection"]
    return (rejection["code"], rejection["message"]) if rejection else None


RESERVE = """query ($id: UUID!, $v: Int, $n: Int) { auction(id: $id, atLeastVersion: $v, atVersion: $n) {
  version reserve { met amount salt } rules { reserve sentences } winner { bid { amount } }
  whyWinner { sentence } } }"""


async def test_a_hidden_reserve_is_met_or_not_and_revealed_at_the_end(
    join: Join, carol: PortalClient, nobody: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol, seconds=5, rules={"reserve": "100.00"})

    async def reserve(**at: int) -> Json:
        found: Json = (await nobody.execute(RESERVE, id=auction_id, **at))["auction"]
        return found

    hidden = {"amount": None, "salt": None}
    found = await reserve()
    assert found["reserve"] == {"met": False, **hidden}
    assert found["rules"]["sentences"][1] == (
        "There is a hidden reserve price: nobody wins with a lower bid."
    )
    commitment = found["rules"]["reserve"]
    low = await place(alice, auction_id, "99.99")
    assert (await reserve(v=low["result"]["version"]))["reserve"] == {"met": False, **hidden}
    high = await place(bob, auction_id, "100.00")
    # Its version is that of the event by which the reserve is met.
    assert high["result"]["version"] == 4
    assert (await reserve(v=4))["reserve"] == {"met": True, **hidden}
    await events(carol, auction_id, until="WinnerAnnounced")
    found = await reserve(v=6)
    assert found["reserve"]["amount"] == "100.00"
    told = json.dumps({"amount": "100.00", "salt": found["reserve"]["salt"]}, separators=(",", ":"))
    assert sha256(told.encode()).hexdigest() == commitment
    assert found["winner"]["bid"]["amount"] == "100.00"
    # As it was.
    assert (await reserve(n=3))["reserve"] == {"met": False, **hidden}


async def test_an_auction_below_its_reserve_ends_unsold_and_its_bidders_are_told(
    join: Join, carol: PortalClient, nobody: PortalClient, portal_pool: Pool
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol, seconds=3, rules={"reserve": "1234.56"})
    await place(alice, auction_id, "600.00")
    await events(carol, auction_id, until="AuctionEndedUnsold")
    found = (await nobody.execute(RESERVE, id=auction_id, v=4))["auction"]
    assert found["reserve"]["amount"] == "1234.56"
    assert found["winner"] is None
    assert found["whyWinner"]["sentence"].endswith("did not meet the reserve, 1,234.56.")
    lost = await told(alice, "AUCTION_LOST")
    assert lost["message"].endswith("ended without a sale: no bid met the reserve.")
    # What was hidden stands in no job, and in no event but the one that reveals it.
    with portal_pool.connection() as connection:
        rows = connection.execute(
            "SELECT payload::text FROM jobs WHERE stream_id = %(id)s"
            " UNION ALL SELECT data::text FROM events"
            " WHERE stream_id = %(id)s AND type <> 'ReserveRevealed'",
            {"id": auction_id},
        ).fetchall()
    assert len(rows) == 6
    assert not any("1234.56" in row["payload"] for row in rows)


async def test_a_reserve_is_no_part_of_what_an_idempotency_key_compares_in_the_open(
    carol: PortalClient,
) -> None:
    ends_at = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()

    async def create(reserve: str) -> Json:
        return await carol.command(
            CREATE_AUCTION,
            title="A clock",
            endsAt=ends_at,
            rules={"reserve": reserve},
            idempotencyKey="one-reserve",
        )

    first, again = await create("100.00"), await create("100.00")
    assert first["id"] == again["id"]
    with pytest.raises(Refused, match="this idempotency key was used before"):
        await create("100.01")


async def test_a_promoter_of_an_auctions_own(carol: PortalClient, nobody: PortalClient) -> None:
    query = """query ($id: UUID!) { auction(id: $id) {
      rules { promoter { off chance weight exclude limit } sentences } } }"""
    own = {"chance": "50.00", "weight": ["by_amount"], "limit": ["per_bidder:1"]}
    for given, answer in (
        (
            {"off": True},
            {"off": True, "chance": "0.00", "weight": [], "exclude": [], "limit": []},
        ),
        (
            own,
            {
                "off": False,
                "chance": "50.00",
                "weight": ["by_amount"],
                "exclude": [],
                "limit": ["per_bidder:1"],
            },
        ),
    ):
        auction_id = await create_auction(carol, rules={"promoter": given})
        rules = (await nobody.execute(query, id=auction_id))["auction"]["rules"]
        assert rules["promoter"] == answer
        doubles = any("The promoter may double a bid" in each for each in rules["sentences"])
        assert doubles == (not answer["off"])
    with pytest.raises(Refused) as refused:
        await create_auction(carol, rules={"promoter": {"weight": ["height"]}})
    [error] = refused.value.errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "rules"}
    assert error["message"].startswith("weight of the promoter: there is no option 'height'; ")
