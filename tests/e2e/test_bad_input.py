"""Bad input gets a clear error, changes nothing, and is not logged as a crash."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest

from commands.postgres.connections import Pool
from portal.laptop.demo.client import (
    ANSWER_OFFER,
    BUY_NOW,
    CANCEL_AUCTION,
    CLEAR_MAXIMUM,
    CLOSE_AUCTION_NOW,
    CREATE_AUCTION,
    CREATE_USER,
    DELETE_BID,
    DELETE_USER,
    FORFEIT_SALE,
    LOGIN,
    PAUSE_AUCTION,
    PLACE_BID,
    REMOVE_BID,
    RESUME_AUCTION,
    REVISE_AUCTION,
    SET_MAXIMUM,
    PortalClient,
    Refused,
)
from tests.conftest import PASSWORD, Join, RunningPortal
from tests.e2e.acting import Json, create_auction, delete, place
from tests.e2e.bad_values import (
    AMOUNTS,
    DESCRIPTIONS,
    EMAILS,
    IDS,
    KEYS,
    LATER,
    NAMES,
    NO_BOOLEANS,
    NO_CHOICES,
    NO_CURSORS,
    NO_ORDERS,
    NO_PAGE_SIZES,
    NO_RULES,
    NO_SEARCHES,
    NO_STANDINGS,
    NO_STATUSES,
    NO_VERSIONS,
    NO_WAITS,
    NONCES,
    NOT_IDS,
    NOT_TEXT,
    NOWHERE,
    PASSWORDS,
    REASONS,
    TIMES,
    TITLES,
)

Ask = Callable[[str, Json], httpx.Response]

REFRESH = "mutation ($token: String!) { refreshSession(refreshToken: $token) { expiresAt } }"
LOGOUT = "mutation ($token: String!) { logout(refreshToken: $token) }"
CHANGE_PASSWORD = """mutation ($old: String!, $new: String!) {
  changePassword(currentPassword: $old, newPassword: $new) }"""
CHANGE_EMAIL = """mutation ($email: String, $password: String!) {
  changeEmail(email: $email, password: $password) { id } }"""
ASK_RESET = "mutation ($who: String!) { requestPasswordReset(usernameOrEmail: $who) }"
RESET = """mutation ($token: String!, $new: String!) {
  resetPassword(token: $token, newPassword: $new) }"""
END_SESSION = "mutation ($id: UUID!) { endSession(id: $id) }"
WATCH = "mutation ($id: UUID!) { watchAuction(id: $id) { watched } }"
UNWATCH = "mutation ($id: UUID!) { unwatchAuction(id: $id) { watched } }"
MARK_READ = "mutation ($ids: [ID!]) { markNotificationsRead(ids: $ids) }"
CHOOSE = """mutation ($input: [NotificationPreferenceInput!]!) {
  setNotificationPreferences(input: $input) { id } }"""
CHOICE = {"kind": "AUCTION_WON", "channel": "IN_APP", "enabled": True}

BID = {"auctionId": NOWHERE, "amount": "1.00"}
AUCTION = {"title": "A clock", "endsAt": LATER}
SIGN_UP = {"username": "mallory", "password": PASSWORD}


def cases(
    what: str, query: str, values: Iterable[Any], variables: Callable[[Any], Json]
) -> list[Any]:
    """A case for each value, named for what it is to be and for the value."""
    return [pytest.param(query, variables(value), id=f"{what} {_short(value)}") for value in values]


def commands(mutation: str, good: Json, name: str, values: Iterable[Any]) -> list[Any]:
    """The command with each of the values in that place."""
    [field] = re.findall(r"job: (\w+)", mutation)
    return cases(f"{field} {name}", mutation, values, lambda value: {"input": good | {name: value}})


def reading(field: str, kind: str, values: Iterable[Any]) -> list[Any]:
    """The query of that field with each of the values as its variable, $v."""
    query, what = f"query ($v: {kind}) {{ {field} }}", field.partition(" {")[0]
    return cases(what, query, values, lambda value: {"v": value})


def _short(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:50]}...({len(text)})"


MUTATIONS = [
    *commands(PLACE_BID, BID, "amount", AMOUNTS),
    *commands(PLACE_BID, BID, "auctionId", (*IDS, None)),
    *commands(PLACE_BID, BID, "bidderId", [NOWHERE]),
    *commands(PLACE_BID, BID, "idempotencyKey", KEYS),
    *commands(PLACE_BID, BID, "nonce", NONCES),
    *commands(BUY_NOW, {}, "auctionId", (*IDS, None)),
    *commands(BUY_NOW, {"auctionId": NOWHERE}, "idempotencyKey", KEYS),
    *commands(SET_MAXIMUM, BID, "amount", AMOUNTS),
    *commands(SET_MAXIMUM, BID, "auctionId", (*IDS, None)),
    *commands(SET_MAXIMUM, BID, "idempotencyKey", KEYS),
    *commands(CLEAR_MAXIMUM, {}, "auctionId", (*IDS, None)),
    *commands(DELETE_BID, {"bidId": NOWHERE}, "auctionId", (*IDS, None)),
    *commands(DELETE_BID, {"auctionId": NOWHERE}, "bidId", (*IDS, None)),
    *commands(DELETE_USER, {}, "userId", IDS),
    *commands(CREATE_AUCTION, AUCTION, "endsAt", TIMES),
    *commands(CREATE_AUCTION, AUCTION, "startsAt", [time for time in TIMES if time is not None]),
    *commands(CREATE_AUCTION, AUCTION, "title", TITLES),
    *commands(CREATE_AUCTION, AUCTION, "description", DESCRIPTIONS),
    *commands(CANCEL_AUCTION, {"reason": "A flood"}, "auctionId", (*IDS, None)),
    *commands(CANCEL_AUCTION, {"auctionId": NOWHERE}, "reason", REASONS),
    *commands(CLOSE_AUCTION_NOW, {"reason": "A flood"}, "auctionId", (*IDS, None)),
    *commands(CLOSE_AUCTION_NOW, {"auctionId": NOWHERE}, "reason", REASONS),
    *commands(REVISE_AUCTION, {"title": "A lamp"}, "auctionId", (*IDS, None)),
    *commands(REVISE_AUCTION, {"auctionId": NOWHERE}, "title", TITLES),
    *commands(
        REVISE_AUCTION,
        {"auctionId": NOWHERE},
        "description",
        [d for d in DESCRIPTIONS if d is not None],
    ),
    *commands(REVISE_AUCTION, {"auctionId": NOWHERE}, "startsAt", TIMES),
    *commands(REVISE_AUCTION, {"auctionId": NOWHERE}, "endsAt", TIMES),
    *commands(PAUSE_AUCTION, {"reason": "A flood"}, "auctionId", (*IDS, None)),
    *commands(PAUSE_AUCTION, {"auctionId": NOWHERE}, "reason", REASONS),
    *commands(RESUME_AUCTION, {"reason": "A flood"}, "auctionId", (*IDS, None)),
    *commands(RESUME_AUCTION, {"auctionId": NOWHERE}, "reason", REASONS),
    *commands(REMOVE_BID, {"reason": "A flood", "bidId": NOWHERE}, "auctionId", (*IDS, None)),
    *commands(REMOVE_BID, {"reason": "A flood", "auctionId": NOWHERE}, "bidId", (*IDS, None)),
    *commands(REMOVE_BID, {"auctionId": NOWHERE, "bidId": NOWHERE}, "reason", REASONS),
    *commands(FORFEIT_SALE, {"reason": "A flood", "bidId": NOWHERE}, "auctionId", (*IDS, None)),
    *commands(FORFEIT_SALE, {"reason": "A flood", "auctionId": NOWHERE}, "bidId", (*IDS, None)),
    *commands(FORFEIT_SALE, {"auctionId": NOWHERE, "bidId": NOWHERE}, "reason", REASONS),
    *commands(ANSWER_OFFER, {"accept": True}, "auctionId", (*IDS, None)),
    *commands(ANSWER_OFFER, {"auctionId": NOWHERE}, "accept", NO_BOOLEANS),
    *commands(CREATE_USER, SIGN_UP, "username", NAMES),
    *commands(CREATE_USER, SIGN_UP, "password", PASSWORDS),
    *commands(CREATE_USER, SIGN_UP, "email", EMAILS),
    pytest.param(PLACE_BID, {"input": {"amount": "1.00"}}, id="placeBid without an auction"),
    pytest.param(DELETE_BID, {"input": {"auctionId": NOWHERE}}, id="deleteBid without a bid"),
    pytest.param(CREATE_AUCTION, {"input": {}}, id="createAuction with nothing"),
    pytest.param(CREATE_USER, {"input": {}}, id="createUser with nothing"),
    *cases("login username", LOGIN, NOT_TEXT, lambda name: {"username": name, "password": "x"}),
    *cases(
        "login password",
        LOGIN,
        NOT_TEXT,
        lambda password: {"username": "alice", "password": password},
    ),
    *cases("refreshSession", REFRESH, NOT_TEXT, lambda token: {"token": token}),
    *cases("logout", LOGOUT, NOT_TEXT, lambda token: {"token": token}),
    *cases(
        "changePassword from",
        CHANGE_PASSWORD,
        (*NOT_TEXT, "x"),
        lambda old: {"old": old, "new": "a long password 7"},
    ),
    *cases(
        "changePassword to", CHANGE_PASSWORD, PASSWORDS, lambda new: {"old": PASSWORD, "new": new}
    ),
    *cases(
        "changeEmail password",
        CHANGE_EMAIL,
        (*NOT_TEXT, "x"),
        lambda given: {"email": "a@b.org", "password": given},
    ),
    *cases("requestPasswordReset", ASK_RESET, NOT_TEXT, lambda who: {"who": who}),
    *cases(
        "resetPassword token",
        RESET,
        (*NOT_TEXT, "", "x", "\ud800"),
        lambda token: {"token": token, "new": "a long password 7"},
    ),
    *cases("endSession", END_SESSION, (*IDS, None), lambda given: {"id": given}),
    *cases("watchAuction", WATCH, (*IDS, None), lambda given: {"id": given}),
    *cases("unwatchAuction", UNWATCH, (*IDS, None), lambda given: {"id": given}),
    *cases("markNotificationsRead", MARK_READ, NOT_IDS, lambda given: {"ids": [given]}),
    *cases(
        "markNotificationsRead count", MARK_READ, [1001], lambda count: {"ids": [NOWHERE] * count}
    ),
    *cases("setNotificationPreferences", CHOOSE, NO_CHOICES, lambda given: {"input": given}),
    *cases(
        "setNotificationPreferences count", CHOOSE, [101], lambda count: {"input": [CHOICE] * count}
    ),
]


# Null leaves a filter out.
PRICES = [amount for amount in AMOUNTS if amount is not None]
MOMENTS = [time for time in TIMES if time is not None]
PAGED = ["auctions", "winners", "notifications", "mySessions"]
VALUES = [
    *(
        case
        for field in PAGED
        for case in (
            *reading(f"{field}(after: $v) {{ edges {{ cursor }} }}", "String", NO_CURSORS),
            *reading(f"{field}(first: $v) {{ edges {{ cursor }} }}", "Int", NO_PAGE_SIZES),
        )
    ),
    *reading("myActivity(standing: $v) { edges { cursor } }", "Standing!", NO_STANDINGS),
    *reading("myActivity(standing: WON, after: $v) { edges { cursor } }", "String", NO_CURSORS),
    *reading("myAliases(after: $v) { edges { cursor } }", "String", NO_CURSORS),
    *reading("myAliases(first: $v) { edges { cursor } }", "Int", NO_PAGE_SIZES),
    *reading("myActivity(standing: WON, first: $v) { edges { cursor } }", "Int", NO_PAGE_SIZES),
    *reading("auction(id: $v) { id }", "UUID!", (*IDS, None)),
    *reading("job(id: $v) { id }", "UUID!", (*IDS, None)),
    *reading("bans(userId: $v) { edges { cursor } }", "UUID", IDS),
    *reading("exposureLimit(userId: $v) { amount }", "UUID", IDS),
    *reading("exposureLimit { available(auctionId: $v) }", "UUID", IDS),
    *reading("bans(first: $v) { edges { cursor } }", "Int", NO_PAGE_SIZES),
    *reading(f'auction(id: "{NOWHERE}", atLeastVersion: $v) {{ id }}', "Int", NO_VERSIONS),
    *reading(f'auction(id: "{NOWHERE}", atVersion: $v) {{ id }}', "Int", (*NO_VERSIONS, 0, -1)),
    *reading(
        f'auction(id: "{NOWHERE}", atTime: $v) {{ id }}',
        "DateTime",
        [*(time for time in TIMES if time is not None), LATER],
    ),
    *reading(f'job(id: "{NOWHERE}", wait: $v) {{ id }}', "Float", NO_WAITS),
    *reading("auctions(search: $v) { edges { cursor } }", "String", NO_SEARCHES),
    *reading("auctions(status: $v) { edges { cursor } }", "AuctionStatus", NO_STATUSES),
    *reading("auctions(order: $v) { edges { cursor } }", "AuctionOrder", NO_ORDERS),
    *reading("auctions(rule: $v) { edges { cursor } }", "AuctionRule", NO_RULES),
    *(
        case
        for name in ("priceFrom", "priceTo")
        for case in reading(f"auctions({name}: $v) {{ edges {{ cursor }} }}", "Decimal", PRICES)
    ),
    *(
        case
        for name in ("endsAfter", "endsBefore")
        for case in reading(f"auctions({name}: $v) {{ edges {{ cursor }} }}", "DateTime", MOMENTS)
    ),
]
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
    '{ auctions(priceFrom: "2.00", priceTo: "1.99") { edges { cursor } } }',
    f'{{ auctions(endsAfter: "{LATER}", endsBefore: "{LATER}") {{ edges {{ cursor }} }} }}',
    "subscription { auctionsUpdated { id } }",
    "mutation { login(username: 1, password: 2) { accessToken } }",
    "{ auctions(first: 99999999999999999999) { edges { cursor } } }",
    f'mutation {{ placeBid(input: {{auctionId: "{NOWHERE}", amount: 1e3}}) {{ id }} }}',
]
# What the portal does by itself meanwhile (a tick, the end of an auction) is nobody's input.
RECORD = """
SELECT (SELECT count(*) FROM jobs WHERE idempotency_scope <> 'system') AS jobs,
       (SELECT count(*) FROM events JOIN jobs ON jobs.id = events.causation_id
        WHERE idempotency_scope <> 'system') AS events,
       (SELECT count(*) FROM sessions) AS sessions
"""


def recorded(pool: Pool) -> Json:
    """How many jobs and events of people, and sessions, there are."""
    with pool.connection() as connection:
        row = connection.execute(RECORD).fetchone()
    assert row
    return row


@pytest.fixture(scope="module")
def ask(portal: RunningPortal, auctioneer: str) -> Iterator[Ask]:
    """The answer to an auctioneer's request; one connection and one sign-in for the tables."""
    with httpx.Client(base_url=portal.url, timeout=60) as http:
        http.headers["Content-Type"] = "application/json"

        def answer(query: str, variables: Json) -> httpx.Response:
            # In ASCII, so that anything that is a string here can be sent.
            body = json.dumps({"query": query, "variables": variables})
            return http.post("/graphql", content=body)

        signed_in = answer(LOGIN, {"username": auctioneer, "password": PASSWORD}).json()
        token = signed_in["data"]["session"]["accessToken"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield answer


@pytest.fixture(scope="class")
def untouched(portal: RunningPortal, portal_pool: Pool, ask: Ask) -> Iterator[None]:
    """Once the whole table was asked, nothing is recorded and no fault is logged."""
    before, logged = recorded(portal_pool), len(portal.logged())
    yield
    assert recorded(portal_pool) == before
    assert "[error" not in portal.logged()[logged:]
    assert "Traceback" not in portal.logged()[logged:]


def check_refusal(answer: httpx.Response) -> None:
    """It is BAD_USER_INPUT, and says why in a sentence."""
    assert answer.status_code < 500, answer.text
    [error, *_] = answer.json().get("errors") or [{}]
    assert error.get("extensions", {}).get("code") == "BAD_USER_INPUT", answer.text
    assert 10 < len(error["message"]) < 1000


@pytest.mark.usefixtures("untouched")
class TestBadInput:
    """Asked one by one; what they leave is looked at once, after the last."""

    @pytest.mark.parametrize(("mutation", "variables"), MUTATIONS)
    def test_to_a_mutation_is_refused(self, ask: Ask, mutation: str, variables: Json) -> None:
        check_refusal(ask(mutation, variables))

    @pytest.mark.parametrize(("query", "variables"), VALUES)
    def test_to_a_query_is_refused(self, ask: Ask, query: str, variables: Json) -> None:
        check_refusal(ask(query, variables))

    @pytest.mark.parametrize("query", QUERIES, ids=ascii)
    def test_that_is_no_operation_is_refused(self, ask: Ask, query: str) -> None:
        check_refusal(ask(query, {}))


async def test_who_may_not_leaves_no_trace(
    join: Join, nobody: PortalClient, portal_pool: Pool
) -> None:
    alice = await join("alice")
    before = recorded(portal_pool)
    for client, mutation, content, code in (
        (nobody, PLACE_BID, {"auctionId": NOWHERE, "amount": "1.00"}, "UNAUTHENTICATED"),
        (nobody, BUY_NOW, {"auctionId": NOWHERE}, "UNAUTHENTICATED"),
        (nobody, SET_MAXIMUM, {"auctionId": NOWHERE, "amount": "1.00"}, "UNAUTHENTICATED"),
        (nobody, CLEAR_MAXIMUM, {"auctionId": NOWHERE}, "UNAUTHENTICATED"),
        (nobody, DELETE_BID, {"auctionId": NOWHERE, "bidId": NOWHERE}, "UNAUTHENTICATED"),
        (nobody, DELETE_USER, {"userId": NOWHERE}, "UNAUTHENTICATED"),
        (nobody, CREATE_AUCTION, {"title": "A clock", "endsAt": LATER}, "UNAUTHENTICATED"),
        (alice, DELETE_USER, {"userId": NOWHERE}, "FORBIDDEN"),
        (alice, CREATE_AUCTION, {"title": "A clock", "endsAt": LATER}, "FORBIDDEN"),
    ):
        with pytest.raises(Refused) as refused:
            await client.submit(mutation, **content)
        assert refused.value.code == code
    assert recorded(portal_pool) == before


async def test_what_breaks_a_rule_is_rejected_by_name_and_appends_nothing(
    join: Join, portal_pool: Pool, carol: PortalClient
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
    events = recorded(portal_pool)["events"]
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
    assert recorded(portal_pool)["events"] == events
