"""Draws over the API, and their check by docs/verify_auction.py."""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from hashlib import sha256
from types import ModuleType
from typing import Any

import pytest

from commands.beacon.local import LocalBeacon
from commands.postgres.connections import Pool
from commands.promoter.rounds import commit
from portal.laptop.demo.client import PortalClient
from tests.conftest import Join, RunningPortal, until
from tests.e2e.acting import create_auction, events, place
from tests.e2e.outsider import falsified, script

TICK = """query ($number: Int) { tick(number: $number) {
  id number commitment committedAt madeAt draws secret revealedAt
  beaconRound { beacon number publicAt value url } } }"""
CHAIN = "query ($id: UUID!) { chain(id: $id) { version content hash } }"
Json = dict[str, Any]


async def tick_of(client: PortalClient, number: int | None = None) -> Json:
    """A tick as it is published; without a number the one that is committed to."""
    tick: Json = (await client.execute(TICK, number=number))["tick"]
    return tick


async def chain_of(client: PortalClient, stream_id: str) -> list[Json]:
    """The first links of a chain."""
    links: list[Json] = (await client.execute(CHAIN, id=stream_id))["chain"]
    return links


@pytest.fixture
async def drawn(portal: RunningPortal, join: Join, carol: PortalClient) -> str:
    """An auction with two draws whose secrets are revealed."""
    alice, bob = await join("alice"), await join("bob")
    auction_id = await create_auction(carol)
    for bidder, amount in ((alice, "10.00"), (bob, "20.00"), (alice, "30.00"), (bob, "25.00")):
        await place(bidder, auction_id, amount)
    for _ in range(2):
        done = portal.manage("run_promoter", "--once", "--json")
        assert done.returncode == 0, done.stderr
        number = json.loads(done.stdout)["tick"]
        while (await tick_of(carol, number))["secret"] is None:
            continue
    return auction_id


def draws(lines: Iterable[str]) -> list[str]:
    """Those that tell of a fair draw."""
    return [line for line in lines if "fairly drew" in line]


async def test_the_house_commits_ticks_and_reveals_in_public(
    portal: RunningPortal,
    portal_pool: Pool,
    nobody: PortalClient,
    join: Join,
    carol: PortalClient,
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00")
    commit(portal_pool)
    before = await tick_of(nobody)
    assert before["commitment"]
    assert (before["secret"], before["madeAt"], before["revealedAt"]) == (None, None, None)
    named = before["beaconRound"]
    assert (named["beacon"], named["value"], named["url"]) == (LocalBeacon.name, None, None)
    [committed] = await chain_of(nobody, before["id"])
    data = json.loads(committed["content"])["data"]
    assert data == {
        "number": before["number"],
        "commitment": before["commitment"],
        "policies": data["policies"],
        "beacon": named["beacon"],
        "round": int(named["number"]),
        "public_at": named["publicAt"],
    }
    portal.manage("run_promoter", "--once")
    history = await events(nobody, auction_id, until="BidDoubled")
    assert history[-1]["tick"] == before["number"]

    async def revealed() -> Json | None:
        tick = await tick_of(nobody, before["number"])
        return tick if tick["secret"] else None

    after = await until(revealed)
    assert after["commitment"] == before["commitment"]
    assert sha256(bytes.fromhex(after["secret"])).hexdigest() == before["commitment"]
    value = LocalBeacon().value(int(named["number"])).hex()
    assert after["beaconRound"] == named | {"value": value}
    assert after["committedAt"] <= named["publicAt"] < after["madeAt"] < after["revealedAt"]


async def test_the_chain_is_what_the_events_hashes_say(
    drawn: str, nobody: PortalClient, portal: RunningPortal
) -> None:
    last = bytes(32)
    links = await chain_of(nobody, drawn)
    for link in links:
        last = sha256(last + link["content"].encode()).digest()
        assert link["hash"] == last.hex()
    streamed = await events(nobody, drawn, until=len(links))
    assert [event["hash"] for event in streamed] == [link["hash"] for link in links]


async def test_a_bids_nonce_is_in_its_event_and_in_the_chain(
    join: Join, nobody: PortalClient, carol: PortalClient
) -> None:
    alice = await join("alice")
    auction_id = await create_auction(carol)
    await place(alice, auction_id, "10.00", nonce="my-own-choice")
    await place(alice, auction_id, "20.00")
    seen = await events(nobody, auction_id, until=3)
    assert [event["nonce"] for event in seen[1:]] == ["my-own-choice", None]
    _, chosen, none = [json.loads(link["content"]) for link in await chain_of(nobody, auction_id)]
    assert chosen["data"]["nonce"] == "my-own-choice"
    assert "nonce" not in none["data"]


async def test_nobodys_account_is_in_a_public_chain(join: Join, nobody: PortalClient) -> None:
    alice = await join("alice")
    assert await chain_of(nobody, alice.user["id"]) == []


async def test_policies_are_public(nobody: PortalClient) -> None:
    query = """{ first: promoterPolicy(version: 0) { version chance weight exclude limit withdrawn }
                 none: promoterPolicy(version: 2000000000) { version } }"""
    assert await nobody.execute(query) == {
        "first": {
            "version": 0, "chance": "100.00", "weight": ["constant"], "exclude": [], "limit": [],
            "withdrawn": False,
        },
        "none": None,
    }  # fmt: skip


def test_an_outsider_finds_the_draws_fair(portal: RunningPortal, drawn: str) -> None:
    done = script(portal, drawn)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = draws(done.stdout.splitlines())
    assert "weight 1 of 4" in first
    assert "weight 1 of 3" in second


def test_operators_find_the_draws_fair(portal: RunningPortal, drawn: str) -> None:
    done = portal.manage("verify_draw", drawn, "--json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["fair"] is True
    first, second = content["draws"]
    assert (first["total_weight"], second["total_weight"]) == (4, 3)
    one = portal.manage("verify_draw", drawn, str(second["tick"]), "--json")
    assert json.loads(one.stdout)["draws"] == [second]
    assert portal.manage("verify_draw", drawn, "99999").returncode == 1


async def test_under_every_option_the_script_and_the_portal_agree(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, bob, dave = await join("alice"), await join("bob"), await join("dave")
    for options in (
        {"weight": ["by_amount", "newcomers"], "exclude": ["leader"], "limit": ["per_bidder:1"]},
        {"weight": ["underdogs"], "exclude": ["overtaken", "staff"], "limit": ["per_auction:2"]},
        {"weight": ["by_bidder_activity", "constant"], "exclude": [], "limit": []},
    ):
        auction_id = await create_auction(carol)
        done = portal.manage(
            "change_policy", "--auction", auction_id, "--chance", "99.5",
            *(word for name, values in options.items() for v in values for word in (f"--{name}", v)),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        for bidder, amount in (
            (alice, "10.00"), (bob, "12.00"), (alice, "30.00"), (dave, "20.00"), (bob, "35.50"),
        ):  # fmt: skip
            await place(bidder, auction_id, amount)
        for _ in range(3):
            assert portal.manage("run_promoter", "--once").returncode == 0
        assert script(portal, auction_id).returncode == 0
        assert portal.manage("verify_draw", auction_id).returncode == 0


def _another_bid(contents: list[Json]) -> list[Json]:
    """The house doubles another bid than the one that was drawn."""
    bids = [c["data"] for c in contents if c["type"] == "BidPlaced"]
    draws = [c["data"] for c in contents if c["type"] == "BidDoubled"]
    for draw in draws[-1:]:
        other = next(b for b in bids if b["bid_id"] not in {d["bid_id"] for d in draws})
        draw |= {"bid_id": other["bid_id"], "bidder_id": other["bidder_id"]}
        draw["effective_amount"] = str(2 * Decimal(other["amount"]))
    return contents


def _another_secret(contents: list[Json]) -> list[Json]:
    """The house reveals another secret than it committed to."""
    for content in contents:
        if content["type"] == "SecretRevealed":
            content["data"]["secret"] = "ab" * 32
    return contents


def _late_commitment(contents: list[Json]) -> list[Json]:
    """The house commits after it has seen the bids."""
    for content in contents:
        if content["type"] == "TickCommitted":
            content["recorded_at"] = "2999-01-01T00:00:00.000000+00:00"
    return contents


def _early_reveal(contents: list[Json]) -> list[Json]:
    """The secret was known when the draw was made."""
    for content in contents:
        if content["type"] == "SecretRevealed":
            content["recorded_at"] = "2000-01-01T00:00:00.000000+00:00"
    return contents


def _twice(contents: list[Json]) -> list[Json]:
    """A tick draws twice."""
    draws = [c for c in contents if c["type"] == "BidDoubled"]
    if draws:
        draws[1]["data"]["tick"] = draws[0]["data"]["tick"]
    return contents


@pytest.mark.parametrize(
    ("falsify", "says"),
    [
        (_another_bid, "the draw hits"),
        (_another_secret, "committed to another secret"),
        (_late_commitment, "committed to too late"),
        (_early_reveal, "revealed too early"),
        (_twice, "drew twice"),
    ],
)
def test_a_falsified_record_is_not_fair_even_with_hashes_that_fit(
    portal: RunningPortal,
    drawn: str,
    outsider: ModuleType,
    falsify: Callable[[list[Json]], list[Json]],
    says: str,
) -> None:
    with falsified(outsider, lambda contents: contents):
        try:
            assert len(draws(outsider.check(outsider.Portal(portal.url), drawn))) == 2
        except outsider.Wrong as wrong:
            pytest.fail(f"the true record is taken for false: {wrong}")
    with falsified(outsider, falsify), pytest.raises(outsider.Wrong, match=says):
        list(outsider.check(outsider.Portal(portal.url), drawn))


async def test_a_changed_event_breaks_the_chain(
    portal: RunningPortal, drawn: str, outsider: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = outsider.Portal.ask

    def answer(record: object, query: str, **variables: Any) -> Any:
        data = ask(record, query, **variables)
        for link in data.get("chain", []):
            link["content"] = link["content"].replace('"20.00"', '"99.00"')
        return data

    monkeypatch.setattr(outsider.Portal, "ask", answer)
    with pytest.raises(outsider.Wrong, match="the chain breaks"):
        list(outsider.check(outsider.Portal(portal.url), drawn))
