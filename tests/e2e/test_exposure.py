"""The limit on a user's exposure, as the house sets it and users see it."""

import asyncio
from typing import Any

import pytest

from commands.ids import new_id
from commands.postgres.connections import Pool
from portal.laptop.demo.client import JOB, PortalClient, Refused
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, delete, place
from tests.e2e.test_admin import Browser, browser  # noqa: F401  (a fixture)
from tests.e2e.test_bans import code, id_of

Json = dict[str, Any]
LIMIT = f"mutation ($input: LimitExposureInput!) {{ job: limitExposure(input: $input) {JOB} }}"
LIFT = (
    f"mutation ($input: LiftExposureLimitInput!) {{ job: liftExposureLimit(input: $input) {JOB} }}"
)
SHOWN = """query ($u: UUID, $a: UUID) { limit: exposureLimit(userId: $u) {
  amount used sealedBids reason anywhere: available here: available(auctionId: $a) } }"""
REASON = "Two lots of märz wait to be paid."


async def shown(reader: PortalClient, **of: Any) -> Json | None:
    """The limit that the reader sees."""
    found: Json | None = (await reader.execute(SHOWN, **of))["limit"]
    return found


async def test_a_user_with_a_limit_bids_up_to_it_and_reads_what_is_left(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    alices = await id_of(alice)
    here, there = await create_auction(carol), await create_auction(carol)
    first = await place(alice, here, "60.00")
    assert await shown(alice) is None
    limited = await carol.command(LIMIT, userId=alices, amount="100", reason=REASON)
    assert limited["status"] == "SUCCEEDED"
    job = await place(alice, there, "40.01")
    assert job["rejection"] == {
        "code": "OVER_LIMIT",
        "message": "it would take you above your limit of 100.00 for all open auctions together: 60.00 of it is "
        "used, and here you can bid 40.00 at most",
    }
    assert code(await place(alice, there, "40.00")) is None
    expected = {
        "amount": "100.00",
        "used": "100.00",
        "sealedBids": 0,
        "reason": REASON,
        "anywhere": "0.00",
        "here": "60.00",
    }
    assert await shown(alice, a=here) == expected
    assert await shown(carol, u=alices, a=here) == expected
    assert await shown(bob) is None
    with pytest.raises(Refused) as refused:
        await shown(bob, u=alices)
    assert refused.value.errors[0]["extensions"]["code"] == "FORBIDDEN"

    # What was bid stays when the limit is lowered, and makes room once it is deleted.
    assert code(await carol.command(LIMIT, userId=alices, amount="50", reason="Less.")) is None
    lowered = await shown(alice, a=there)
    assert lowered
    assert (lowered["used"], lowered["here"]) == ("100.00", "0.00")
    assert code(await delete(alice, here, first["result"]["bidId"])) is None
    assert code(await place(alice, there, "50.01")) == "OVER_LIMIT"
    assert code(await place(alice, there, "50.00")) is None
    assert code(await carol.command(LIFT, userId=alices)) is None
    assert await shown(alice) is None
    assert code(await place(alice, there, "5000.00")) is None
    for stream in (here, there, alices):
        checked = await asyncio.to_thread(portal.manage, "verify_events", stream)
        assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_what_a_sealed_bid_holds_only_its_bidder_reads(
    join: Join, carol: PortalClient, portal_pool: Pool
) -> None:
    alice = await join("alice")
    alices = await id_of(alice)
    sealed, there = await create_auction(carol, rules={"sealed": {}}), await create_auction(carol)
    await carol.command(LIMIT, userId=alices, amount="100", reason=REASON)
    assert code(await place(alice, sealed, "77.77")) is None
    mine, houses = await shown(alice, a=there), await shown(carol, u=alices, a=there)
    assert mine
    assert houses
    assert (mine["used"], mine["sealedBids"], mine["here"]) == ("77.77", 0, "22.23")
    assert (houses["used"], houses["sealedBids"], houses["here"]) == ("0.00", 1, "100.00")
    job = await place(alice, there, "22.24")
    assert job["rejection"]["code"] == "OVER_LIMIT"
    with portal_pool.connection() as connection:
        for table in ("jobs", "events", "exposure_limits", "stakes"):
            for amount in ("77.77", "22.23"):
                found = connection.execute(
                    f"SELECT 1 FROM {table} AS t WHERE t::text LIKE %s", (f"%{amount}%",)
                ).fetchone()
                assert found is None, (table, amount)
    assert code(await place(alice, there, "22.23")) is None


async def test_the_reason_stands_readable_nowhere(
    join: Join, carol: PortalClient, portal_pool: Pool
) -> None:
    alice = await join("alice")
    alices, words = await id_of(alice), f"Lot {new_id()} was never paid."
    await carol.command(LIMIT, userId=alices, amount="10", reason=words)
    await place(alice, await create_auction(carol), "20.00")
    with portal_pool.connection() as connection:
        for table in ("jobs", "events", "exposure_limits", "users"):
            found = connection.execute(
                f"SELECT 1 FROM {table} AS t WHERE t::text LIKE %s", (f"%{words[:20]}%",)
            ).fetchone()
            assert found is None, table


async def test_a_repeated_limit_is_one(join: Join, carol: PortalClient) -> None:
    alices = await id_of(await join("alice"))
    asked = {"userId": alices, "amount": "5", "reason": REASON, "idempotencyKey": str(new_id())}
    jobs = [await carol.command(LIMIT, **asked) for _ in range(2)]
    assert jobs[0]["id"] == jobs[1]["id"]
    for other in ({"reason": "Another."}, {"amount": "6"}):
        with pytest.raises(Refused) as refused:
            await carol.command(LIMIT, **asked | other)
        assert refused.value.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"reason": ""}, "can't be empty"),
        ({"reason": "x" * 501}, "at most 500"),
        ({"amount": "0"}, "an amount lies between 0.01"),
        ({"amount": "-1"}, "is not an amount"),
        ({"amount": "1.001"}, "at most two decimal places"),
    ],
)
async def test_a_limit_that_is_none(carol: PortalClient, asked: Json, message: str) -> None:
    with pytest.raises(Refused) as refused:
        await carol.command(
            LIMIT, **{"userId": str(new_id()), "amount": "5", "reason": "x"} | asked
        )
    [error] = refused.value.errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert message in error["message"]


async def test_what_the_rules_refuse(join: Join, carol: PortalClient) -> None:
    alices, nobody = await id_of(await join("alice")), str(new_id())
    limited = await carol.command(LIMIT, userId=nobody, amount="5", reason="x")
    assert code(limited) == "USER_NOT_FOUND"
    assert code(await carol.command(LIFT, userId=nobody)) == "USER_NOT_FOUND"
    assert code(await carol.command(LIFT, userId=alices)) == "NOT_LIMITED"


async def test_an_operator_limits_and_lifts(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    name, auction_id = alice.user["username"], await create_auction(carol)

    async def run(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(portal.manage, *words)
        return done.returncode, done.stdout + done.stderr

    words = ("limit_exposure", name, "9.50", "--reason", REASON)
    assert await run(*words) == (0, f"Limited {name}.\n")
    assert code(await place(alice, auction_id, "10.00")) == "OVER_LIMIT"
    assert await run("lift_exposure_limit", name) == (0, f"Lifted the limit of {name}.\n")
    assert code(await place(alice, auction_id, "10.00")) is None
    status, said = await run("lift_exposure_limit", name)
    assert (status, "(NOT_LIMITED)" in said) == (1, True)
    status, said = await run("limit_exposure", name, "much", "--reason", REASON)
    assert (status, "'much' is not an amount" in said) == (2, True)


async def test_the_house_limits_in_admin(
    request: pytest.FixtureRequest, join: Join, carol: PortalClient
) -> None:
    desk: Browser = request.getfixturevalue("browser")
    alice = await join("alice")
    alices, auction_id = await id_of(alice), await create_auction(carol)
    page = f"/admin/commands/user/{alices}/"
    assert "Lift the limit" not in desk.get(f"{page}change/").text
    refused = desk.submit(f"{page}limit/", {"reason": "", "amount": ""})
    assert refused.text.count("This field is required") == 2
    wrong = desk.submit(f"{page}limit/", {"reason": REASON, "amount": "much"})
    assert "is not an amount; write it like 120.00" in wrong.text
    await place(alice, auction_id, "7.00")
    done = desk.submit(f"{page}limit/", {"reason": REASON, "amount": "9.50"})
    assert "The limit is set." in done.text
    assert f"“{REASON}”" in done.text
    assert ", of which 7.00 is used" in done.text
    assert code(await place(alice, auction_id, "10.00")) == "OVER_LIMIT"
    record = desk.get(f"/admin/commands/event/stream/{alices}/").text
    assert REASON not in record
    assert "set a limit of 9.50 for the bids of" in record
    assert "The limit is lifted." in desk.submit(f"{page}lift_limit/", {}).text
    again = desk.submit(f"{page}lift_limit/", {})
    assert "The user has no limit on their exposure." in again.text
    assert code(await place(alice, auction_id, "10.00")) is None
