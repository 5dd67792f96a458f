"""Bans from bidding, as the house sets them and users see them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commands.ids import new_id
from commands.postgres.connections import Pool
from portal.laptop.demo.client import JOB, PortalClient, Refused
from tests.conftest import Join, RunningPortal
from tests.e2e.acting import create_auction, delete, place
from tests.e2e.test_admin import Browser, browser  # noqa: F401  (a fixture)

Json = dict[str, Any]
BAN_USER = f"mutation ($input: BanUserInput!) {{ job: banUser(input: $input) {JOB} }}"
LIFT_BAN = f"mutation ($input: LiftBanInput!) {{ job: liftBan(input: $input) {JOB} }}"
BANS = """query ($u: UUID, $n: Int, $a: String) { bans(userId: $u, first: $n, after: $a) {
  edges { node { auctionId since until endedAt reason } } pageInfo { hasNextPage endCursor } } }"""
REJECTION = """query ($id: UUID!) { job(id: $id) {
  rejection { code message ban { auctionId until endedAt reason } } } }"""
REASON = "Three lots of märz were never paid."


async def id_of(user: PortalClient) -> str:
    found: str = (await user.execute("{ me { id } }"))["me"]["id"]
    return found


def code(job: Json) -> str | None:
    """Why it was rejected, if it was."""
    return job["rejection"]["code"] if job["rejection"] else None


async def bans(reader: PortalClient, **of: Any) -> list[Json]:
    """The bans that the reader sees."""
    found = (await reader.execute(BANS, **of))["bans"]
    return [edge["node"] for edge in found["edges"]]


async def test_a_banned_user_is_told_until_when_and_why(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    alices, auction_id = await id_of(alice), await create_auction(carol)
    first = await place(alice, auction_id, "10.00")
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=7)
    banned = await carol.command(
        BAN_USER, userId=alices, auctionId=auction_id, until=until.isoformat(), reason=REASON
    )
    assert banned["status"] == "SUCCEEDED", banned
    assert banned["result"]["userId"] == alices

    job = await place(alice, auction_id, "20.00")
    found = (await alice.execute(REJECTION, id=job["id"]))["job"]["rejection"]
    assert datetime.fromisoformat(found["ban"].pop("until")) == until
    assert found == {
        "code": "BANNED",
        "message": f"by a ban of the house you can't bid in this auction until {until:%Y-%m-%d %H:%M:%S} UTC",
        "ban": {"auctionId": auction_id, "endedAt": None, "reason": REASON},
    }
    # The house can read it, and nobody else.
    again = (await carol.execute(REJECTION, id=job["id"]))["job"]["rejection"]
    assert again["ban"]["reason"] == REASON
    assert (await bob.execute(REJECTION, id=job["id"]))["job"] is None
    for reader, of in ((alice, {}), (carol, {"u": alices})):
        [shown] = await bans(reader, **of)
        assert (shown["reason"], shown["auctionId"]) == (REASON, auction_id)
    assert await bans(bob) == []
    with pytest.raises(Refused) as refused:
        await bans(bob, u=alices)
    assert refused.value.errors[0]["extensions"]["code"] == "FORBIDDEN"

    # What was bid before stays, and can be deleted; elsewhere she can bid.
    assert code(await place(bob, auction_id, "5.00")) is None
    assert code(await place(alice, await create_auction(carol), "5.00")) is None
    assert code(await delete(alice, auction_id, first["result"]["bidId"])) is None
    lifted = await carol.command(LIFT_BAN, userId=alices, auctionId=auction_id)
    assert lifted["status"] == "SUCCEEDED"
    assert code(await place(alice, auction_id, "30.00")) is None
    [over] = await bans(alice)
    assert over["endedAt"] is not None
    # The refusal of then has its ban still.
    then = (await alice.execute(REJECTION, id=job["id"]))["job"]["rejection"]
    assert then["ban"]["reason"] == REASON
    for stream in (auction_id, alices):
        checked = await asyncio.to_thread(portal.manage, "verify_events", stream)
        assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_a_ban_from_all_auctions_for_good(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    alices, auction_id = await id_of(alice), await create_auction(carol)
    assert (await carol.command(BAN_USER, userId=alices, reason=REASON))["status"] == "SUCCEEDED"
    job = await place(alice, auction_id, "20.00")
    assert job["rejection"] == {
        "code": "BANNED",
        "message": "by a ban of the house you can't bid in any auction any more",
    }
    assert code(await carol.command(LIFT_BAN, userId=alices, auctionId=auction_id)) == "NOT_BANNED"
    assert code(await carol.command(LIFT_BAN, userId=alices)) is None


async def test_the_reason_stands_readable_nowhere(
    join: Join, carol: PortalClient, portal_pool: Pool
) -> None:
    alice = await join("alice")
    alices, words = await id_of(alice), f"Lot {new_id()} was never paid."
    await carol.command(BAN_USER, userId=alices, reason=words)
    await place(alice, await create_auction(carol), "20.00")
    with portal_pool.connection() as connection:
        for table in ("jobs", "events", "bans", "users"):
            found = connection.execute(
                f"SELECT 1 FROM {table} AS t WHERE t::text LIKE %s", (f"%{words[:20]}%",)
            ).fetchone()
            assert found is None, table
    # Streams of users are shown to nobody over the API.
    query = "query ($id: UUID!) { chain(id: $id) { content } }"
    assert (await carol.execute(query, id=alices))["chain"] == []


async def test_a_repeated_ban_is_one(join: Join, carol: PortalClient) -> None:
    alices = await id_of(await join("alice"))
    asked = {"userId": alices, "reason": REASON, "idempotencyKey": str(new_id())}
    jobs = [await carol.command(BAN_USER, **asked) for _ in range(2)]
    assert jobs[0]["id"] == jobs[1]["id"]
    with pytest.raises(Refused) as refused:
        await carol.command(BAN_USER, **asked | {"reason": "Another."})
    assert refused.value.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert len(await bans(carol, u=alices)) == 1


async def test_the_list_comes_in_pages(join: Join, carol: PortalClient) -> None:
    alice = await join("alice")
    alices = await id_of(alice)
    for number in range(3):
        await carol.command(BAN_USER, userId=alices, reason=f"Number {number}")
    seen, after = list[str](), None
    while True:
        page = (await alice.execute(BANS, n=2, a=after))["bans"]
        seen += [edge["node"]["reason"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == ["Number 2", "Number 1", "Number 0"]


@pytest.mark.parametrize(
    ("asked", "field", "message"),
    [
        ({"reason": ""}, "reason", "can't be empty"),
        ({"reason": "x" * 501}, "reason", "at most 500"),
        ({"reason": "a\nb"}, "reason", "U+000A"),
        ({"reason": "x", "until": "9999-06-01T00:00:00Z"}, "until", "before the year 9999"),
    ],
)
async def test_a_ban_that_is_none(
    carol: PortalClient, asked: Json, field: str, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        await carol.command(BAN_USER, userId=str(new_id()), **asked)
    [error] = refused.value.errors
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": field}
    assert message in error["message"]


async def test_what_the_rules_refuse(join: Join, carol: PortalClient) -> None:
    alices, nobody = await id_of(await join("alice")), str(new_id())
    over = {"until": "2020-01-01T00:00:00Z"}
    for asked, expected in (
        ({"userId": nobody}, "USER_NOT_FOUND"),
        ({"userId": alices, "auctionId": nobody}, "AUCTION_NOT_FOUND"),
        ({"userId": alices} | over, "INVALID_SCHEDULE"),
    ):
        assert code(await carol.command(BAN_USER, reason="x", **asked)) == expected
    for asked, expected in (
        ({"userId": nobody}, "USER_NOT_FOUND"),
        ({"userId": alices}, "NOT_BANNED"),
    ):
        assert code(await carol.command(LIFT_BAN, **asked)) == expected


async def test_an_operator_bans_and_lifts(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice = await join("alice")
    name, auction_id = alice.user["username"], await create_auction(carol)

    async def run(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(portal.manage, *words)
        return done.returncode, done.stdout + done.stderr

    words = ("ban_user", name, "--auction", auction_id, "--until", "+7d", "--reason", REASON)
    assert await run(*words) == (0, f"Banned {name}.\n")
    assert code(await place(alice, auction_id, "10.00")) == "BANNED"
    assert await run("lift_ban", name, "--auction", auction_id) == (
        0,
        f"Lifted the ban of {name}.\n",
    )
    assert code(await place(alice, auction_id, "10.00")) is None
    status, said = await run("lift_ban", name)
    assert (status, "(NOT_BANNED)" in said) == (1, True)
    status, said = await run("ban_user", name, "--until", "soon", "--reason", REASON)
    assert (status, "'soon' is neither a time" in said) == (2, True)
    status, said = await run("ban_user", "nobody-of-that-name", "--reason", REASON)
    assert (status, "there is no user named" in said) == (1, True)


async def test_the_house_bans_in_admin(
    request: pytest.FixtureRequest, join: Join, carol: PortalClient
) -> None:
    desk: Browser = request.getfixturevalue("browser")
    alice = await join("alice")
    alices, auction_id = await id_of(alice), await create_auction(carol)
    page = f"/admin/commands/user/{alices}/"
    assert "Lift a ban" not in desk.get(f"{page}change/").text
    refused = desk.submit(f"{page}ban/", {"reason": "", "auction_id": "x"})
    assert "This field is required" in refused.text
    assert "Enter a valid UUID" in refused.text
    past = {"reason": REASON, "until_0": "2020-01-01", "until_1": "00:00:00"}
    assert "It would be over already, at 2020-01-01" in desk.submit(f"{page}ban/", past).text
    done = desk.submit(f"{page}ban/", {"reason": REASON, "auction_id": auction_id})
    assert "The user is banned." in done.text
    assert f"“{REASON}”" in done.text
    assert "A clock</a> for good" in done.text
    assert code(await place(alice, auction_id, "10.00")) == "BANNED"
    record = desk.get(f"/admin/commands/event/stream/{alices}/").text
    assert REASON not in record
    wrong = desk.submit(f"{page}lift/", {})
    assert "The user is not banned from the portal." in wrong.text
    assert "The ban is lifted." in desk.submit(f"{page}lift/", {"auction_id": auction_id}).text
    assert code(await place(alice, auction_id, "10.00")) is None
