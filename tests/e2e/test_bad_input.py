"""Bad input gets a clear answer, changes nothing, and is not logged as a crash."""

import asyncio
from typing import Any

import httpx
import pytest
from psycopg_pool import ConnectionPool

from commands.postgres.pool import SyncConnection
from portal.demo.client import (
    CREATE_AUCTION,
    CREATE_USER,
    DELETE_BID,
    DELETE_USER,
    PLACE_BID,
    PortalClient,
    Refused,
)
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.acting import create_auction, delete, place

NOWHERE = "01890a5d-ac96-774b-bcce-b302099a8057"
LATER = "2099-01-01T00:00:00Z"
AMOUNTS = ["0", "0.00", "-1.00", "1.001", "1e3", "NaN", "Infinity", "1,000.00", "", " 1.00",
           "10000000000.00", "٣.00", "1.", 12, 1.5, True, None, ["1.00"]]  # fmt: skip
TIMES = ["tomorrow", "2099-01-01", "2099-01-01T00:00:00", "", 0, None, "9999-99-99T00:00:00Z",
         "0001-01-01T00:00:00+23:00"]  # fmt: skip

BAD: list[tuple[str, dict[str, Any]]] = [
    *((PLACE_BID, {"auctionId": NOWHERE, "amount": amount}) for amount in AMOUNTS),
    (PLACE_BID, {"auctionId": "x", "amount": "1.00"}),
    (PLACE_BID, {"auctionId": None, "amount": "1.00"}),
    (PLACE_BID, {"auctionId": 7, "amount": "1.00"}),
    (PLACE_BID, {"amount": "1.00"}),
    (PLACE_BID, {"auctionId": NOWHERE, "amount": "1.00", "bidderId": NOWHERE}),
    *(
        (PLACE_BID, {"auctionId": NOWHERE, "amount": "1.00", "idempotencyKey": key})
        for key in ("", "a b", "k" * 201, "schlüssel", "\x00", 7)
    ),
    (DELETE_BID, {"auctionId": "x", "bidId": NOWHERE}),
    (DELETE_BID, {"auctionId": NOWHERE, "bidId": "x"}),
    (DELETE_BID, {"auctionId": NOWHERE}),
    (DELETE_USER, {"userId": "x"}),
    *((CREATE_AUCTION, {"title": "A clock", "endsAt": time}) for time in TIMES),
    *((CREATE_AUCTION, {"title": "A clock", "startsAt": t, "endsAt": LATER}) for t in TIMES[:5]),
    *(
        (CREATE_AUCTION, {"title": title, "endsAt": LATER})
        for title in ("", "   ", "x" * 201, "a\x00b", "a\nb", "\u202egnp", "\ud800", None, 7)
    ),
    (CREATE_AUCTION, {"title": "A clock", "description": "x" * 5001, "endsAt": LATER}),
    (CREATE_AUCTION, {"title": "A clock", "description": "a\x00b", "endsAt": LATER}),
    *(
        (CREATE_USER, {"username": name, "password": PASSWORD})
        for name in ("", "ab", "x" * 31, "-dash", "a b c", "naïve", "a\x00b", "аlice", None, 7)
    ),
    *(
        (CREATE_USER, {"username": "mallory", "password": password})
        for password in (
            "",
            "short",
            "12345678901",
            "password",
            "mallory1",
            "x" * 201,
            "\ud800abcdefgh",
            None,
        )
    ),
    *(
        (CREATE_USER, {"username": "mallory", "password": PASSWORD, "email": email})
        for email in ("x", "a@", "@b.org", f"{'x' * 250}@b.org", "a\n@b.org", 7)
    ),
]


@pytest.fixture
def record(portal_pool: ConnectionPool[SyncConnection]) -> Any:
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
        with pytest.raises(Refused) as refused:
            await carol.submit(mutation, **content)
        error = refused.value.errors[0]
        assert refused.value.code == "BAD_USER_INPUT", (mutation, content, error)
        assert len(error["message"]) > 10, (content, error)
        assert "Traceback" not in error["message"]
    assert record() == before
    assert "[error" not in portal.logged()[logged:]
    assert "Traceback" not in portal.logged()[logged:]


async def test_who_is_not_signed_in_may_read_and_sign_up_and_nothing_else(
    join: Join, record: Any
) -> None:
    alice = await join("alice")
    commands = (
        (PLACE_BID, {"auctionId": NOWHERE, "amount": "1.00"}, "UNAUTHENTICATED", "NOT_THERE"),
        (DELETE_BID, {"auctionId": NOWHERE, "bidId": NOWHERE}, "UNAUTHENTICATED", "NOT_THERE"),
        (DELETE_USER, {"userId": NOWHERE}, "UNAUTHENTICATED", "FORBIDDEN"),
        (CREATE_AUCTION, {"title": "A clock", "endsAt": LATER}, "UNAUTHENTICATED", "FORBIDDEN"),
    )
    before = record()
    token = alice.access_token
    for mutation, content, for_nobody, for_bidders in commands:
        for access_token, code in ((None, for_nobody), (token, for_bidders)):
            if code == "NOT_THERE":
                continue
            alice.access_token = access_token
            with pytest.raises(Refused) as refused:
                await alice.submit(mutation, **content)
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


QUERIES = [
    "{ nope }",
    "{",
    "{ auction(id: 7) { id } }",
    '{ auction(id: "x") { id } }',
    f'{{ auction(id: "{NOWHERE}", atLeastVersion: "x") {{ id }} }}',
    f'{{ job(id: "{NOWHERE}", wait: -1) {{ id }} }}',
    f'{{ job(id: "{NOWHERE}", wait: 31) {{ id }} }}',
    "{ auctions(first: -1) { edges { cursor } } }",
    "{ auctions(first: 101) { edges { cursor } } }",
    '{ auctions(after: "x") { edges { cursor } } }',
    '{ auctions(after: "WyJ4Il0=") { edges { cursor } } }',
    "{ auctions(status: GONE) { edges { cursor } } }",
    '{ winners(after: "é") { edges { cursor } } }',
    f'{{ auctions(search: "{"x" * 201}") {{ edges {{ cursor }} }} }}',
    "subscription { auctionsUpdated { id } }",
    "mutation { login(username: 1, password: 2) { accessToken } }",
]


@pytest.mark.parametrize("query", QUERIES)
async def test_bad_input_to_a_query_is_refused(nobody: PortalClient, query: str) -> None:
    with pytest.raises(Refused) as refused:
        await nobody.execute(query)
    assert refused.value.code == "BAD_USER_INPUT", refused.value.errors


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


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"7", "application/json"),
        (b"null", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"query": 7}', "application/json"),
        (b'{"query": "{ serverTime }", "variables": []}', "application/json"),
        (b'{"variables": {}}', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"query={serverTime}", "text/plain"),
        (b"--x", "multipart/form-data; boundary=x"),
    ],
)
async def test_a_body_that_is_no_request_is_a_client_error(
    portal: RunningPortal, content: bytes, content_type: str
) -> None:
    async with httpx.AsyncClient(base_url=portal.url) as http:
        answer = await http.post(
            "/graphql", content=content, headers={"Content-Type": content_type}
        )
    assert 400 <= answer.status_code < 500 or answer.json()["errors"], answer.text
    assert "Traceback" not in answer.text
