"""Bad input gets a clear answer, changes nothing, and is not logged as a crash."""

import asyncio
import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from commands.postgres.connections import Pool
from portal.laptop.demo.client import (
    CREATE_AUCTION,
    CREATE_USER,
    DELETE_BID,
    DELETE_USER,
    LOGIN,
    PLACE_BID,
    PortalClient,
    Refused,
)
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.acting import create_auction, delete, place

NOWHERE = "01890a5d-ac96-774b-bcce-b302099a8057"
LATER = "2099-01-01T00:00:00Z"
AMOUNTS: list[Any] = ["0", "0.00", "-0.00", "-1.00", "+1.00", "1.001", "1e3", "1E-2", "1e999999999", "NaN", "sNaN",
           "Infinity", "-Infinity", "1,000.00", "1.000,00", "1_000.00", "0x10", "", " 1.00", "1.00\n",
           "1.00\x00", "10000000000.00", "9" * 10_000, "٣.00", "１.００", "1.", ".5", "1.0.0", "\ud800", 12, 1.5,
           float("nan"), float("inf"), True, None, [["1.00"]], {"amount": "1.00"}]  # fmt: skip
TIMES: list[Any] = ["tomorrow", "2099-01-01", "2099-01-01T00:00:00", "", 0, None, "9999-99-99T00:00:00Z",
         "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:59", "2099-01-01T00:00:00+99:00",
         "２０９９-01-01T00:00:00Z", "2099-01-01T00:00:00Z" * 1000, "\x00", [], {}, True,
         "2099-01-01T00:00:00Z\x00garbage", "2099-01-01X00:00:00Z", "2099-01-01 00:00:00Z", "2099-01-01t00:00:00z",
         "2099-01-01T00:00Z", "2099-01-01T00:00:00.Z", "2099-01-01T00:00:00,5Z", "2099-01-01T00:00:00+0000",
         "20990101T000000Z", "2099-W01-1T00:00:00Z", "2099-01-01T24:00:00Z", "2099-01-01T00:00:60Z",
         "2099-01-01T00:00:00Z\n", " 2099-01-01T00:00:00Z", "2099-02-29T00:00:00Z"]  # fmt: skip
IDS: list[Any] = ["", "x", "0" * 31, "g" * 32, "\x00", "\ud800", "٣" * 32, 7, -1, 1.5, True, [], {}]
TITLES: list[Any] = ["", "   ", "x" * 201, "a\x00b", "a\nb", "a\x7fb", "a\u2028b", "\u202egnp", "a\u2066b",
          "a\u061cb", "\u200b", "\u200b\ufeff", "\ud800", "\ufdd0", "\ue000", None, 7, [], {}]  # fmt: skip
NAMES: list[Any] = ["", "ab", "x" * 31, "-dash", "a b c", "naïve", "a\x00b", "аlice", "alice\u202e", "alice\n",
         "ali\u200bce", "\ud800lice", "٣٣٣", "ａｌｉｃｅ", None, 7, [], {}]  # fmt: skip
PASSWORDS: list[Any] = ["", "short", "12345678901", "password", "mallory1", "x" * 201, "\ud800abcdefgh", "a\tb\tc\td\te", None,
             7, []]  # fmt: skip
EMAILS: list[Any] = ["x", "a@", "@b.org", f"{'x' * 250}@b.org", "a\n@b.org", "a\x00@b.org", "a@b.org\nBcc: c@d.org",
          "a\u202e@b.org", "\ud800@b.org", '"\x1e\x1cM"@[::1]', '"a b"@b.org', "a@[127.0.0.1]", "a@1.2.3.4",
          "a@localhost", "a@b.local", "ä@b.org", "A <a@b.org>", "a..b@b.org", " a@b.org", 7, [], {}]  # fmt: skip
NOT_TEXT: list[Any] = [None, 7, [], {}]
NOT_IDS: list[Any] = ["", "x", "\x00", "\ud800", 1.5, [[]], {}, None]
NO_CHOICES: list[Any] = [None, [{}], [{"kind": "X"}], 7]
KEYS: list[Any] = ["", "a b", "k" * 201, "schlüssel", "\x00", "a\n", "\ud800", 7, [], {}]
DESCRIPTIONS: list[Any] = ["x" * 5001, "a\x00b", "\ud800", "a\u202eb", 7]

REFRESH = "mutation ($token: String!) { refreshSession(refreshToken: $token) { expiresAt } }"
LOGOUT = "mutation ($token: String!) { logout(refreshToken: $token) }"
CHANGE_PASSWORD = """mutation ($old: String!, $new: String!) {
  changePassword(currentPassword: $old, newPassword: $new) }"""
END_SESSION = "mutation ($id: UUID!) { endSession(id: $id) }"
MARK_READ = "mutation ($ids: [ID!]) { markNotificationsRead(ids: $ids) }"
CHOOSE = """mutation ($input: [NotificationPreferenceInput!]!) {
  setNotificationPreferences(input: $input) { id } }"""
CHOICE = {"kind": "AUCTION_WON", "channel": "IN_APP", "enabled": True}

COMMANDS: list[tuple[str, dict[str, Any]]] = [
    *((PLACE_BID, {"auctionId": NOWHERE, "amount": amount}) for amount in AMOUNTS),
    *((PLACE_BID, {"auctionId": given, "amount": "1.00"}) for given in (*IDS, None)),
    (PLACE_BID, {"amount": "1.00"}),
    (PLACE_BID, {"auctionId": NOWHERE, "amount": "1.00", "bidderId": NOWHERE}),
    *((PLACE_BID, {"auctionId": NOWHERE, "amount": "1.00", "idempotencyKey": key}) for key in KEYS),
    *((DELETE_BID, {"auctionId": given, "bidId": NOWHERE}) for given in (*IDS, None)),
    *((DELETE_BID, {"auctionId": NOWHERE, "bidId": given}) for given in (*IDS, None)),
    (DELETE_BID, {"auctionId": NOWHERE}),
    *((DELETE_USER, {"userId": given}) for given in IDS),
    *((CREATE_AUCTION, {"title": "A clock", "endsAt": time}) for time in TIMES),
    *(
        (CREATE_AUCTION, {"title": "A clock", "startsAt": time, "endsAt": LATER})
        for time in TIMES
        if time is not None
    ),
    *((CREATE_AUCTION, {"title": title, "endsAt": LATER}) for title in TITLES),
    *(
        (CREATE_AUCTION, {"title": "A clock", "description": text, "endsAt": LATER})
        for text in DESCRIPTIONS
    ),
    *((CREATE_USER, {"username": name, "password": PASSWORD}) for name in NAMES),
    *((CREATE_USER, {"username": "mallory", "password": password}) for password in PASSWORDS),
    *(
        (CREATE_USER, {"username": "mallory", "password": PASSWORD, "email": email})
        for email in EMAILS
    ),
    (CREATE_AUCTION, {}),
    (CREATE_USER, {}),
]
OTHERS: list[tuple[str, dict[str, Any]]] = [
    *((LOGIN, {"username": name, "password": "x"}) for name in NOT_TEXT),
    *((LOGIN, {"username": "alice", "password": given}) for given in NOT_TEXT),
    *((REFRESH, {"token": token}) for token in NOT_TEXT),
    *((LOGOUT, {"token": token}) for token in NOT_TEXT),
    *((CHANGE_PASSWORD, {"old": given, "new": "a long password 7"}) for given in (*NOT_TEXT, "x")),
    *((CHANGE_PASSWORD, {"old": PASSWORD, "new": given}) for given in PASSWORDS),
    *((END_SESSION, {"id": given}) for given in (*IDS, None)),
    *((MARK_READ, {"ids": [given]}) for given in NOT_IDS),
    (MARK_READ, {"ids": [NOWHERE] * 1001}),
    *((CHOOSE, {"input": given}) for given in NO_CHOICES),
    (CHOOSE, {"input": [CHOICE] * 101}),
]
BAD = [*((mutation, {"input": content}) for mutation, content in COMMANDS), *OTHERS]


@pytest.fixture
def record(portal_pool: Pool) -> Any:
    """How many jobs and events there are."""

    def count() -> tuple[int, ...]:
        with portal_pool.connection() as connection:
            return tuple(
                connection.execute(f"SELECT count(*) AS n FROM {table}").fetchone()["n"]  # type: ignore[index]
                for table in ("jobs", "events", "sessions")
            )

    return count


async def test_bad_input_to_a_mutation_is_refused_and_leaves_no_trace(
    portal: RunningPortal, record: Any, carol: PortalClient
) -> None:
    before, logged = record(), len(portal.logged())
    for mutation, content in BAD:
        answer = (await carol.post({"query": mutation, "variables": content})).json()
        [error, *_] = answer.get("errors") or [{}]
        assert error.get("extensions", {}).get("code") == "BAD_USER_INPUT", (content, answer)
        assert 10 < len(error["message"]) < 1000, (content, error)
    assert record() == before
    assert "[error" not in portal.logged()[logged:]
    assert "Traceback" not in portal.logged()[logged:]


async def test_who_may_not_leaves_no_trace(join: Join, nobody: PortalClient, record: Any) -> None:
    alice = await join("alice")
    before = record()
    for client, mutation, content, code in (
        (nobody, PLACE_BID, {"auctionId": NOWHERE, "amount": "1.00"}, "UNAUTHENTICATED"),
        (nobody, DELETE_BID, {"auctionId": NOWHERE, "bidId": NOWHERE}, "UNAUTHENTICATED"),
        (nobody, DELETE_USER, {"userId": NOWHERE}, "UNAUTHENTICATED"),
        (nobody, CREATE_AUCTION, {"title": "A clock", "endsAt": LATER}, "UNAUTHENTICATED"),
        (alice, DELETE_USER, {"userId": NOWHERE}, "FORBIDDEN"),
        (alice, CREATE_AUCTION, {"title": "A clock", "endsAt": LATER}, "FORBIDDEN"),
    ):
        with pytest.raises(Refused) as refused:
            await client.submit(mutation, **content)
        assert refused.value.code == code
    assert record() == before


async def test_what_breaks_a_rule_is_rejected_by_name_and_appends_nothing(
    join: Join, record: Any, carol: PortalClient
) -> None:
    alice, bob = await join("alice"), await join("bob")
    open_now = await create_auction(carol)
    soon = await carol.command(
        CREATE_AUCTION, title="Later", startsAt="2098-01-01T00:00:00Z", endsAt=LATER
    )
    later = soon["result"]["auctionId"]
    bid = (await place(alice, open_now, "50.00"))["result"]["bidId"]
    gone = (await place(alice, open_now, "60.00"))["result"]["bidId"]
    await delete(alice, open_now, gone)
    events = record()[1]
    name = alice.user["username"]
    outcomes = [
        (await place(alice, NOWHERE, "1.00"), "AUCTION_NOT_FOUND"),
        (await place(alice, later, "1.00"), "AUCTION_NOT_STARTED"),
        (await place(alice, open_now, "50.00"), "BID_TOO_LOW"),
        (await delete(alice, open_now, NOWHERE), "BID_NOT_FOUND"),
        (await delete(alice, NOWHERE, bid), "AUCTION_NOT_FOUND"),
        (await delete(bob, open_now, bid), "BID_NOT_YOURS"),
        (await delete(alice, open_now, gone), "BID_ALREADY_DELETED"),
        (await carol.command(DELETE_USER, userId=NOWHERE), "USER_NOT_FOUND"),
        (await bob.command(CREATE_USER, username=name, password=PASSWORD), "USERNAME_TAKEN"),
        (
            await bob.command(CREATE_USER, username=name.upper(), password=PASSWORD),
            "USERNAME_TAKEN",
        ),
        (
            await carol.command(CREATE_AUCTION, title="Over", endsAt="2020-01-01T00:00:00Z"),
            "INVALID_SCHEDULE",
        ),
        (
            await carol.command(CREATE_AUCTION, title="Turned", startsAt=LATER, endsAt=LATER),
            "INVALID_SCHEDULE",
        ),
        (
            await carol.command(
                CREATE_AUCTION, title="Past", startsAt="2020-01-01T00:00:00Z", endsAt=LATER
            ),
            "INVALID_SCHEDULE",
        ),
    ]
    for job, code in outcomes:
        assert (job["status"], job["rejection"]["code"], job["result"]) == ("REJECTED", code, None)
        assert job["rejection"]["message"]
    assert record()[1] == events


def cursor(*parts: object) -> str:
    """A cursor as the portal writes them, with other content."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


NO_CURSORS = [
    "", "x", "é", "\ud800", "WyJ4Il0=", "%", cursor(), cursor("x", NOWHERE), cursor(LATER, "x"),
    cursor(LATER, NOWHERE, ""), cursor("0001-01-01T00:00:00+23:59", NOWHERE), cursor(LATER[:-1], NOWHERE),
    cursor("2099-01-01X00:00:00+00:00", NOWHERE), cursor("2099-01-01 00:00:00+00:00\x00garbage", NOWHERE),
    cursor("20990101T000000+0000", NOWHERE), cursor("2099-01-01 00:00:00+00:00", NOWHERE.upper()),
    cursor("2099-01-01 00:00:00+00:00", f"urn:uuid:{NOWHERE}"), cursor("2099-01-01 00:00:00+00:00", NOWHERE) + "!",
    f" {cursor('2099-01-01 00:00:00+00:00', NOWHERE)}", cursor({}, []), base64.urlsafe_b64encode(b"[" * 60_000).decode(),
    *(cursor(amount, "1") for amount in ("NaN", "Infinity", "1e999999999", "-1", "٣.00", "9" * 50)),
    *(cursor("1.00", version) for version in ("-1", "9" * 30, "9" * 5000, "1.5", "٣")),
]  # fmt: skip
PAGED = ["auctions", "winners", "notifications", "mySessions"]
NO_PAGE_SIZES: list[Any] = [-1, 0, 101, 2**31, 1.5, "x", True, [], {}]
NO_VERSIONS: list[Any] = [2**31, -(2**31) - 1, 1.5, "1", [], {}]
NO_WAITS: list[Any] = [-1, 31, 10**400, float("nan"), float("inf"), "1", [], {}]
NO_SEARCHES: list[Any] = ["x" * 201, "a\x00b", "\ud800", "\u202e", "a\nb", 7, []]
NO_STATUSES: list[Any] = ["GONE", "open", 7, []]
VALUES: list[tuple[str, dict[str, Any]]] = [
    *((f"query ($v: String) {{ {field}(after: $v) {{ edges {{ cursor }} }} }}", {"v": value})
      for field in PAGED for value in NO_CURSORS),
    *((f"query ($v: Int) {{ {field}(first: $v) {{ edges {{ cursor }} }} }}", {"v": value})
      for field in PAGED for value in NO_PAGE_SIZES),
    *(("query ($v: UUID!) { auction(id: $v) { id } }", {"v": value}) for value in (*IDS, None)),
    *(("query ($v: UUID!) { job(id: $v) { id } }", {"v": value}) for value in (*IDS, None)),
    *((f'query ($v: Int) {{ auction(id: "{NOWHERE}", atLeastVersion: $v) {{ id }} }}', {"v": value})
      for value in NO_VERSIONS),
    *((f'query ($v: Float) {{ job(id: "{NOWHERE}", wait: $v) {{ id }} }}', {"v": value})
      for value in NO_WAITS),
    *(("query ($v: String) { auctions(search: $v) { edges { cursor } } }", {"v": value})
      for value in NO_SEARCHES),
    *(("query ($v: AuctionStatus) { auctions(status: $v) { edges { cursor } } }", {"v": value})
      for value in NO_STATUSES),
]  # fmt: skip
QUERIES = [
    "{ nope }",
    "{",
    "\x00",
    "\ud800",
    "{ serverTime } { serverTime }",
    "query a { serverTime } query a { serverTime }",
    "fragment f on Query { serverTime }",
    "{ ...f } fragment f on Query { ...f }",
    "query ($a: Nothing) { serverTime }",
    "{ serverTime @nothing }",
    "{ auctions(status: GONE) { edges { cursor } } }",
    "subscription { auctionsUpdated { id } }",
    "mutation { login(username: 1, password: 2) { accessToken } }",
    "{ auctions(first: 99999999999999999999) { edges { cursor } } }",
    f'mutation {{ placeBid(input: {{auctionId: "{NOWHERE}", amount: 1e3}}) {{ id }} }}',
]


async def test_bad_input_to_a_query_is_refused(portal: RunningPortal, carol: PortalClient) -> None:
    logged = len(portal.logged())
    for query, variables in [*VALUES, *((query, {}) for query in QUERIES)]:
        answer = await carol.post({"query": query, "variables": variables})
        assert answer.status_code < 500, (query, variables)
        [error, *_] = answer.json().get("errors") or [{}]
        assert error.get("extensions", {}).get("code") == "BAD_USER_INPUT", (
            query,
            variables,
            error,
        )
        assert len(error["message"]) < 1000, (query, variables)
    assert "[error" not in portal.logged()[logged:]
    assert "Traceback" not in portal.logged()[logged:]


@pytest.mark.parametrize("search", ["%", ".*", "$where", "\\", '"', "(", "clock -", "日本"])
async def test_a_search_takes_any_words_literally(nobody: PortalClient, search: str) -> None:
    query = "query ($s: String) { auctions(search: $s) { edges { node { title } } } }"
    found = await nobody.execute(query, s=search)
    assert all(
        word in edge["node"]["title"].lower()
        for edge in found["auctions"]["edges"]
        for word in search.split()
        if word.isalnum()
    )


async def test_a_version_that_does_not_come_is_unavailable_after_a_bounded_wait(
    carol: PortalClient,
) -> None:
    auction_id = await create_auction(carol)
    query = "query ($id: UUID!) { auction(id: $id, atLeastVersion: 99) { id } }"
    # Several at once: a cancellation that a driver swallows must not make one of them wait for ever.
    answers = await asyncio.gather(
        *(carol.execute(query, id=auction_id) for _ in range(10)), return_exceptions=True
    )
    assert [getattr(answer, "code", answer) for answer in answers] == ["UNAVAILABLE"] * 10


INIT = json.dumps({"type": "connection_init"})


def subscribe(id: Any = "1", **payload: Any) -> str:
    """A subscribe message with any content."""
    return json.dumps({"id": id, "type": "subscribe", "payload": payload})


# What is said on a fresh connection, and the code that it is closed with.
GARBAGE: dict[str, tuple[list[str | bytes], int]] = {
    "not JSON": (["x"], 4400),
    "nothing": ([""], 4400),
    "binary": ([b"\x00\xff"], 4400),
    "a list": (["[]"], 4400),
    "a number": (["7"], 4400),
    "null": (["null"], 4400),
    "too deep": (["[" * 100_000], 4400),
    "too many digits": (["9" * 5000], 4400),
    "no type": (["{}"], 4400),
    "a type that is none": (['{"type": 7}'], 4400),
    "an unknown type": ([json.dumps({"type": "x" * 1000})], 4400),
    "an init that is none": (['{"type": "connection_init", "payload": 7}'], 4400),
    "two inits": ([INIT, INIT], 4429),
    "a forged token": (['{"type": "connection_init", "payload": {"Authorization": "Bearer x"}}'], 4403),
    "a token that is none": (['{"type": "connection_init", "payload": {"Authorization": []}}'], 4403),
    "asking before the init": ([subscribe(query="{ serverTime }")], 4401),
    "no payload": ([INIT, '{"type": "subscribe", "id": "1"}'], 4400),
    "no query": ([INIT, subscribe()], 4400),
    "a query that is none": ([INIT, subscribe(query=7)], 4400),
    "an id that is none": ([INIT, subscribe(id=[], query="{ serverTime }")], 4400),
    "variables that are none": ([INIT, subscribe(query="{ serverTime }", variables=7)], 4400),
    "an id twice": ([INIT, *[subscribe(id="x" * 1000, query="subscription { auctionsUpdated { id } }")] * 2], 4409),
    "a huge frame": (["x" * 200_000], 1009),
}  # fmt: skip


@pytest.mark.parametrize("what", GARBAGE)
async def test_garbage_closes_the_socket_with_a_code(portal: RunningPortal, what: str) -> None:
    said, code = GARBAGE[what]
    logged = len(portal.logged())
    url = portal.url.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        for message in said:
            await socket.send(message)
        async with asyncio.timeout(20):
            with suppress(ConnectionClosed):
                async for _ in socket:
                    pass
        assert socket.close_code == code, socket.close_reason
    assert "[error" not in portal.logged()[logged:]
    assert "Traceback" not in portal.logged()[logged:]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (subscribe(query="{"), "Syntax Error"),
        (subscribe(query="{ nope }"), "nope"),
        (subscribe(query="x" * 1000), "Syntax Error"),
        (subscribe(query=""), "query"),
        (subscribe(query="query a { serverTime }", operationName="b"), "operation"),
        (subscribe(query="{ a" * 300 + "}" * 300), "Syntax Error"),
    ],
)
async def test_a_bad_operation_over_websocket_is_refused_and_the_socket_goes_on(
    portal: RunningPortal, nobody: PortalClient, asked: str, told: str
) -> None:
    logged = len(portal.logged())
    async with nobody.socket() as socket:
        await socket.send(asked)
        answer = json.loads(await socket.recv())
        assert answer["type"] == "error"
        assert answer["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert told in answer["payload"][0]["message"]
        await socket.send(subscribe(id="2", query="{ serverTime }"))
        assert json.loads(await socket.recv())["type"] == "next"
    assert "[error" not in portal.logged()[logged:]


async def test_a_text_frame_that_is_no_text_closes_the_socket(
    portal: RunningPortal, nobody: PortalClient
) -> None:
    logged = len(portal.logged())
    async with nobody.socket() as socket:
        await socket.send(b"\xff\xfe", text=True)
        await socket.wait_closed()
    assert socket.close_code == 1007
    assert "Traceback" not in portal.logged()[logged:]


async def test_another_subprotocol_is_not_spoken(portal: RunningPortal) -> None:
    url = portal.url.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-ws")]) as socket:
        await socket.wait_closed()
    assert socket.close_code == 4406
