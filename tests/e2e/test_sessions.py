"""Sessions: refreshed once per token, ended when a token is stolen, a password changed, or time is up."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from commands.postgres.connections import Pool
from commands.postgres.sessions import MOST_OPEN
from portal.laptop.demo.client import PortalClient, Refused
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.acting import create_auction
from tests.e2e.test_admin import Browser
from tests.e2e.test_sign_in import (
    LOGOUT,
    ME,
    REFRESH,
    SIGN_IN_OVER,
    closing,
    following,
    refused_code,
)

NEW = "another good one 8"
MINE = """query ($first: Int, $after: String) { mySessions(first: $first, after: $after) {
  edges { node { id createdAt lastUsedAt expiresAt current } }
  pageInfo { endCursor hasNextPage } } }"""
END = "mutation ($id: UUID!) { ended: endSession(id: $id) }"
END_OTHERS = "mutation { ended: endOtherSessions }"
CHANGE = """mutation ($old: String!, $new: String!) {
  ended: changePassword(currentPassword: $old, newPassword: $new) }"""


def session_id(client: PortalClient) -> str:
    """The session that the client is in."""
    assert client.refresh_token
    return client.refresh_token.partition(".")[0]


async def refreshed(client: PortalClient, token: str | None = None) -> str:
    """The refresh token that follows the given one, or the client's."""
    session = (await client.execute(REFRESH, token=token or client.refresh_token))["session"]
    client.access_token, client.refresh_token = session["accessToken"], session["refreshToken"]
    following: str = session["refreshToken"]
    return following


@pytest.fixture
def later(portal_pool: Pool) -> Callable[..., None]:
    """Lets time pass for a session: since it was used last, or since its sign-in."""

    def pass_(client: PortalClient, since: str, time: timedelta) -> None:
        with portal_pool.connection() as connection:
            changed = connection.execute(
                f"UPDATE sessions SET {since} = {since} - %s WHERE id = %s",
                (time, session_id(client)),
            )
            assert changed.rowcount == 1

    return pass_


async def test_a_token_spent_just_now_gives_the_same_successor(join: Join) -> None:
    alice = await join("alice")
    first = alice.refresh_token
    second = await refreshed(alice)
    assert second != first
    # The answer was lost on the way, so the client asks again.
    assert await refreshed(alice, first) == second
    assert (await alice.execute(ME))["me"]["id"] == alice.user["id"]
    assert await refreshed(alice, second) not in (first, second)


async def test_refreshes_at_once_get_the_same_successor(join: Join) -> None:
    alice = await join("alice")
    token = alice.refresh_token
    answers = await asyncio.gather(*(alice.execute(REFRESH, token=token) for _ in range(6)))
    assert len({answer["session"]["refreshToken"] for answer in answers}) == 1
    assert (await alice.execute(ME))["me"]["id"] == alice.user["id"]


@pytest.mark.parametrize("used_since", [1, 3])
async def test_a_token_spent_longer_ago_ends_the_session(
    join: Join, carol: PortalClient, later: Callable[..., None], used_since: int
) -> None:
    alice = await join("alice")
    auction_id, first = await create_auction(carol), alice.refresh_token
    for _ in range(used_since):
        await refreshed(alice)
    later(alice, "used_at", timedelta(minutes=1))
    async with following(alice, auction_id) as socket:
        assert await refused_code(alice.execute(REFRESH, token=first)) == "UNAUTHENTICATED"
        # The thief has come, or the owner after the thief: nobody keeps the session.
        assert await closing(socket) == SIGN_IN_OVER
    assert await refused_code(alice.execute(ME)) == "UNAUTHENTICATED"
    assert await refused_code(refreshed(alice)) == "UNAUTHENTICATED"


async def test_the_token_before_the_last_ends_the_session_at_once(join: Join) -> None:
    alice = await join("alice")
    first = alice.refresh_token
    await refreshed(alice)
    await refreshed(alice)
    assert await refused_code(alice.execute(REFRESH, token=first)) == "UNAUTHENTICATED"
    assert await refused_code(refreshed(alice)) == "UNAUTHENTICATED"


async def test_a_guessed_secret_ends_nothing(join: Join) -> None:
    alice, bob = await join("alice"), await join("bob")
    await refreshed(alice)
    mine, number, proof = str(alice.refresh_token).split(".")
    guesses = (
        mine, f"{mine}.", f"{mine}..", f"{mine}.x", f"{mine}.0.x", f"{mine}.0.{proof}", f"{mine}.1.",
        f"{mine}.9.{proof}", f"{mine}.-1.{proof}", f"{mine}.{proof}", f"{mine}.{number}.{proof[:-1]}",
        f"{mine}.\u0661.{proof}", f"{mine}.{'9' * 5000}.{proof}", f"{mine}.1.\ud800",
        f"{mine}.{str(bob.refresh_token).partition('.')[2]}",
    )  # fmt: skip
    for guess in guesses:
        for asked in (REFRESH, LOGOUT):
            answer = (await alice.post({"query": asked, "variables": {"token": guess}})).json()
            errors = answer.get("errors") or [{"extensions": {"code": "UNAUTHENTICATED"}}]
            assert errors[0]["extensions"]["code"] == "UNAUTHENTICATED", (guess, answer)
            assert (answer["data"] or {}).get("ended") is not True, guess
    assert (await alice.execute(ME))["me"]["id"] == alice.user["id"]
    await refreshed(alice)


async def test_a_session_ends_so_long_after_its_sign_in_however_often_it_is_refreshed(
    join: Join, later: Callable[..., None], portal_pool: Pool
) -> None:
    alice = await join("alice")
    later(alice, "created_at", timedelta(days=89))
    await refreshed(alice)
    with portal_pool.connection() as connection:
        row = connection.execute(
            "SELECT expires_at - created_at AS lasts FROM sessions WHERE id = %s",
            (session_id(alice),),
        ).fetchone()
    assert row
    assert row["lasts"] == timedelta(days=90)
    later(alice, "created_at", timedelta(days=1))
    assert await refused_code(refreshed(alice)) == "UNAUTHENTICATED"


async def test_a_session_from_before_tokens_had_numbers_goes_on(
    join: Join, portal_pool: Pool
) -> None:
    alice = await join("alice")
    with portal_pool.connection() as connection:
        connection.execute(
            "UPDATE sessions SET seed = %s WHERE id = %s",
            (sha256(b"old-secret").digest(), session_id(alice)),
        )
    alice.refresh_token = f"{session_id(alice)}.old-secret"
    assert await refused_code(refreshed(alice, alice.refresh_token + "x")) == "UNAUTHENTICATED"
    first = alice.refresh_token
    second = await refreshed(alice)
    assert await refreshed(alice, first) == second
    await refreshed(alice)


async def mine(client: PortalClient, **page: Any) -> Any:
    """The client's own sessions."""
    return (await client.execute(MINE, **page))["mySessions"]


async def test_signing_in_once_too_often_ends_the_session_used_longest_ago(
    portal: RunningPortal, join: Join, carol: PortalClient, portal_pool: Pool
) -> None:
    alice, phone = await join("alice"), PortalClient(portal.url)
    auction_id = await create_auction(carol)
    with portal_pool.connection() as connection:
        connection.execute(
            "INSERT INTO sessions (id, user_id, seed, generation, created_at, used_at, expires_at)"
            " SELECT gen_random_uuid(), %s, '', 0, now, now, now + interval '1 day'"
            " FROM generate_series(1, %s), clock_timestamp() AS now",
            (alice.user["id"], MOST_OPEN - 1),
        )
    async with following(alice, auction_id) as socket:
        await phone.sign_in(alice.user["username"], PASSWORD)
        assert await closing(socket) == SIGN_IN_OVER
    assert await refused_code(refreshed(alice)) == "UNAUTHENTICATED"
    assert len((await mine(phone, first=100))["edges"]) == MOST_OPEN
    await phone.close()


async def test_own_sessions_are_listed_without_secrets_and_ended(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, phone, bob = await join("alice"), PortalClient(portal.url), await join("bob")
    await phone.sign_in(alice.user["username"], PASSWORD)
    await refreshed(alice)
    page = await mine(alice)
    found = [edge["node"] for edge in page["edges"]]
    assert [(each["id"], each["current"]) for each in found] == [
        (session_id(phone), False),
        (session_id(alice), True),
    ]
    times = [[datetime.fromisoformat(each[name]) for each in found] for name in
             ("createdAt", "lastUsedAt", "expiresAt")]  # fmt: skip
    assert times[0][0] == times[1][0], "the phone's was not refreshed yet"
    assert times[0][1] < times[1][1], "the other was"
    assert all(end > used for end, used in zip(times[2], times[1], strict=True))
    first = await mine(alice, first=1)
    rest = await mine(alice, first=1, after=first["pageInfo"]["endCursor"])
    assert [first["edges"][0]["node"]["id"], rest["edges"][0]["node"]["id"]] == [
        session_id(phone),
        session_id(alice),
    ]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)

    auction_id = await create_auction(carol)
    assert (await bob.execute(END, id=session_id(phone)))["ended"] is False
    async with following(phone, auction_id) as socket:
        assert (await alice.execute(END, id=session_id(phone)))["ended"] is True
        assert await closing(socket) == SIGN_IN_OVER
    assert await refused_code(refreshed(phone)) == "UNAUTHENTICATED"
    assert (await alice.execute(END, id=session_id(phone)))["ended"] is False
    assert len((await mine(alice))["edges"]) == 1
    await phone.close()


async def test_all_other_sessions_are_ended_at_once(portal: RunningPortal, join: Join) -> None:
    alice, others = await join("alice"), [PortalClient(portal.url) for _ in range(2)]
    for other in others:
        await other.sign_in(alice.user["username"], PASSWORD)
    assert (await alice.execute(END_OTHERS))["ended"] == 2
    assert (await alice.execute(END_OTHERS))["ended"] == 0
    for other in others:
        assert await refused_code(other.execute(ME)) == "UNAUTHENTICATED"
        await other.close()
    assert (await alice.execute(ME))["me"]


async def test_a_changed_password_ends_every_other_session(
    portal: RunningPortal, join: Join, carol: PortalClient
) -> None:
    alice, thief = await join("alice"), PortalClient(portal.url)
    name = alice.user["username"]
    await thief.sign_in(name, PASSWORD)
    auction_id = await create_auction(carol)
    async with following(thief, auction_id) as socket, following(alice, auction_id) as own:
        assert (await alice.execute(CHANGE, old=PASSWORD, new=NEW))["ended"] == 1
        assert await closing(socket) == SIGN_IN_OVER
        assert own.close_code is None
    assert await refused_code(refreshed(thief)) == "UNAUTHENTICATED"
    assert await refused_code(thief.sign_in(name, PASSWORD)) == "UNAUTHENTICATED"
    await refreshed(alice)
    await alice.sign_in(name, NEW)
    await thief.close()


async def test_a_password_is_changed_only_by_who_knows_it_and_to_a_good_one(join: Join) -> None:
    alice = await join("alice")
    for old, new, field in (
        (PASSWORD + "x", NEW, "currentPassword"),
        (PASSWORD, "password", "newPassword"),
        (PASSWORD, alice.user["username"], "newPassword"),
        (PASSWORD, "correct\thorse", "newPassword"),
    ):
        with pytest.raises(Refused) as refused:
            await alice.execute(CHANGE, old=old, new=new)
        assert refused.value.errors[0]["extensions"] == {"code": "BAD_USER_INPUT", "field": field}
    await alice.sign_in(alice.user["username"], PASSWORD)


async def test_guesses_of_a_password_at_its_change_count_as_failed_sign_ins(join: Join) -> None:
    alice = await join("alice")
    codes = [
        await refused_code(alice.execute(CHANGE, old=f"guess {n}", new=NEW)) for n in range(11)
    ]
    assert codes == ["BAD_USER_INPUT"] * 10 + ["RATE_LIMITED"]


async def test_a_password_changed_in_admin_ends_api_sessions_and_one_over_the_api_those_of_admin(
    portal: RunningPortal, nobody: PortalClient
) -> None:
    name = f"dora-{UUID(int=0).hex[:4]}{datetime.now().timestamp():.0f}"
    assert portal.manage("create_user", name, "--staff", stdin=f"{PASSWORD}\n").returncode == 0
    dora, nobreak = nobody, "another good\u00a0one 9"
    await dora.sign_in(name, PASSWORD)
    with Browser(base_url=portal.url, follow_redirects=True, timeout=30) as desk:
        desk.submit("/admin/login/?next=/admin/", {"username": name, "password": PASSWORD})
        changed = desk.submit(
            "/admin/password_change/",
            {"old_password": PASSWORD, "new_password1": nobreak, "new_password2": nobreak},
        )
        assert "Your password was changed" in changed.text
        assert await refused_code(dora.execute(ME)) == "UNAUTHENTICATED"
        assert await refused_code(refreshed(dora)) == "UNAUTHENTICATED"
        assert desk.get("/admin/").url.path == "/admin/", "who changed it stays"
        await dora.sign_in(name, nobreak.replace("\u00a0", " "))
        assert (await dora.execute(CHANGE, old=nobreak, new=NEW))["ended"] == 0
        assert desk.get("/admin/").url.path == "/admin/login/"
