"""Authorisation: each root field, requested by each kind of user."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import pytest_asyncio
from graphql import build_schema
from websockets.exceptions import ConnectionClosed

from commands.ids import new_id
from portal.laptop.demo.client import DELETE_USER, PortalClient, Refused
from portal.signin.tokens import ALGORITHM, signing_key
from tests.conftest import PASSWORD, RunningPortal
from tests.e2e.acting import create_auction, place
from tests.e2e.test_sign_in import SIGN_IN_OVER
from tests.servers import ROOT

OK = "OK"
NO_DATA = "NO_DATA"
UNAUTHENTICATED = "UNAUTHENTICATED"
FORBIDDEN = "FORBIDDEN"
NOT_FOUND = "NOT_FOUND"
BAD_INPUT = "BAD_USER_INPUT"
LATER = "2099-01-01T00:00:00Z"
NOWHERE = "01890a5d-ac96-774b-bcce-b302099a8057"


@dataclass(frozen=True, slots=True)
class Row:
    """A request, and its outcome for: nobody signed in, the bidder, another bidder, staff, a bad token."""

    asking: str
    anonymous: str
    bidder: str
    other: str
    staff: str
    bad_token: str


EVERYBODY = (OK, OK, OK, OK, OK)
NOT_THERE = ("NOT_FOUND",) * 5
SIGNED_IN = (UNAUTHENTICATED, OK, OK, OK, UNAUTHENTICATED)
STAFF = (UNAUTHENTICATED, FORBIDDEN, FORBIDDEN, OK, UNAUTHENTICATED)
# Over WebSocket a bad token does not even open the connection.
EVERYBODY_OVER_WEBSOCKET = (OK, OK, OK, OK, UNAUTHENTICATED)

# $auction is open, $job and $bid are the bidder's.
TABLE: dict[str, Row] = {
    "Query.auctions": Row("{ auctions { edges { cursor } } }", *EVERYBODY),
    "Query.auction": Row('{ auction(id: "$auction") { title } }', *EVERYBODY),
    "Query.job": Row('{ job(id: "$job") { id } }', NO_DATA, OK, NO_DATA, OK, UNAUTHENTICATED),
    "Query.winners": Row("{ winners { edges { cursor } } }", *EVERYBODY),
    "Query.me": Row("{ me { username } }", NO_DATA, OK, OK, OK, UNAUTHENTICATED),
    "Query.myAliases": Row("{ myAliases { edges { cursor } } }", *SIGNED_IN),
    "Query.myActivity": Row(
        "{ myActivity(standing: LEADING) { edges { cursor } } }", *SIGNED_IN
    ),
    "Query.mySessions": Row("{ mySessions { edges { cursor } } }", *SIGNED_IN),
    "Query.bans": Row("{ bans { edges { cursor } } }", *SIGNED_IN),
    "Query.exposureLimit": Row("{ exposureLimit { amount used available } serverTime }", *SIGNED_IN),
    "Query.notifications": Row("{ notifications { edges { cursor } } }", *SIGNED_IN),
    "Query.serverTime": Row("{ serverTime }", *EVERYBODY),
    "Query.tick": Row("{ tick { commitment } serverTime }", *EVERYBODY),
    "Query.promoterPolicy": Row("{ promoterPolicy(version: 0) { chance } }", *EVERYBODY),
    "Query.chain": Row('{ chain(id: "$auction") { hash } }', *EVERYBODY),
    "Query.checkpoint": Row("{ checkpoint { number } serverTime }", *EVERYBODY),
    "Query.checkpoints": Row("{ checkpoints { number } }", *EVERYBODY),
    "Query.inclusionProof": Row(
        '{ inclusionProof(streamId: "$nobody", version: 1) { index } }', *NOT_THERE
    ),
    "Query.consistencyProof": Row("{ consistencyProof(from: 2000000000) { path } }", *NOT_THERE),
    "Query.leaves": Row("{ leaves(first: 1) }", *EVERYBODY),
    "Mutation.createUser": Row(
        'mutation { createUser(input: {username: "$name", password: "a long password 7"}) { id } }',
        *EVERYBODY,
    ),
    "Mutation.deleteUser": Row(
        'mutation { deleteUser(input: {userId: "$nobody"}) { id } }', *STAFF
    ),
    "Mutation.createAuction": Row(
        f'mutation {{ createAuction(input: {{title: "A clock", endsAt: "{LATER}"}}) {{ id }} }}',
        *STAFF,
    ),
    "Mutation.cancelAuction": Row(
        'mutation { cancelAuction(input: {auctionId: "$nobody", reason: "A flood"}) { id } }',
        *STAFF,
    ),
    "Mutation.closeAuctionNow": Row(
        'mutation { closeAuctionNow(input: {auctionId: "$nobody", reason: "A flood"}) { id } }',
        *STAFF,
    ),
    "Mutation.reviseAuction": Row(
        'mutation { reviseAuction(input: {auctionId: "$nobody", title: "A lamp"}) { id } }',
        *STAFF,
    ),
    "Mutation.pauseAuction": Row(
        'mutation { pauseAuction(input: {auctionId: "$nobody", reason: "A flood"}) { id } }',
        *STAFF,
    ),
    "Mutation.resumeAuction": Row(
        'mutation { resumeAuction(input: {auctionId: "$nobody", reason: "A flood"}) { id } }',
        *STAFF,
    ),
    "Mutation.placeBid": Row(
        'mutation { placeBid(input: {auctionId: "$nobody", amount: "1.00"}) { id } }', *SIGNED_IN
    ),
    "Mutation.buyNow": Row(
        'mutation { buyNow(input: {auctionId: "$nobody"}) { id } }', *SIGNED_IN
    ),
    "Mutation.setMaximum": Row(
        'mutation { setMaximum(input: {auctionId: "$nobody", amount: "1.00"}) { id } }', *SIGNED_IN
    ),
    "Mutation.clearMaximum": Row(
        'mutation { clearMaximum(input: {auctionId: "$nobody"}) { id } }', *SIGNED_IN
    ),
    "Mutation.deleteBid": Row(
        'mutation { deleteBid(input: {auctionId: "$auction", bidId: "$nobody"}) { id } }',
        *SIGNED_IN,
    ),
    "Mutation.removeBid": Row(
        'mutation { removeBid(input: {auctionId: "$auction", bidId: "$nobody", reason: "x"}) { id } }',
        *STAFF,
    ),
    "Mutation.banUser": Row(
        'mutation { banUser(input: {userId: "$nobody", reason: "A flood"}) { id } }', *STAFF
    ),
    "Mutation.liftBan": Row('mutation { liftBan(input: {userId: "$nobody"}) { id } }', *STAFF),
    "Mutation.answerOffer": Row(
        'mutation { answerOffer(input: {auctionId: "$nobody", accept: true}) { id } }', *SIGNED_IN
    ),
    "Mutation.forfeitSale": Row(
        'mutation { forfeitSale(input: {auctionId: "$auction", bidId: "$nobody", reason: "x"}) { id } }',
        *STAFF,
    ),
    "Mutation.limitExposure": Row(
        'mutation { limitExposure(input: {userId: "$nobody", amount: "5", reason: "x"}) { id } }',
        *STAFF,
    ),
    "Mutation.liftExposureLimit": Row(
        'mutation { liftExposureLimit(input: {userId: "$nobody"}) { id } }', *STAFF
    ),
    "Mutation.cancelJob": Row(
        'mutation { cancelJob(id: "$job") { id } }',
        UNAUTHENTICATED, OK, NOT_FOUND, OK, UNAUTHENTICATED,
    ),
    "Mutation.login": Row(
        'mutation { login(username: "$bidder", password: "$password") { expiresAt } }', *EVERYBODY
    ),
    "Mutation.refreshSession": Row(
        'mutation { refreshSession(refreshToken: "$nobody.x") { expiresAt } }',
        *[UNAUTHENTICATED] * 5,
    ),
    "Mutation.logout": Row('mutation { logout(refreshToken: "$nobody.x") }', *EVERYBODY),
    # The password given is wrong; only a signed-in user gets that error.
    "Mutation.changePassword": Row(
        'mutation { changePassword(currentPassword: "x", newPassword: "a long password 7") }',
        UNAUTHENTICATED, BAD_INPUT, BAD_INPUT, BAD_INPUT, UNAUTHENTICATED,
    ),
    "Mutation.changeEmail": Row(
        'mutation { changeEmail(email: "a@example.org", password: "x") { id } }',
        UNAUTHENTICATED, BAD_INPUT, BAD_INPUT, BAD_INPUT, UNAUTHENTICATED,
    ),
    "Mutation.requestPasswordReset": Row(
        'mutation { requestPasswordReset(usernameOrEmail: "") }', *EVERYBODY
    ),
    "Mutation.resetPassword": Row(
        'mutation { resetPassword(token: "x", newPassword: "a long password 7") }',
        *[BAD_INPUT] * 5,
    ),
    "Mutation.endSession": Row('mutation { endSession(id: "$nobody") }', *SIGNED_IN),
    "Mutation.endOtherSessions": Row("mutation { endOtherSessions }", *SIGNED_IN),
    "Mutation.markNotificationsRead": Row("mutation { markNotificationsRead }", *SIGNED_IN),
    "Mutation.setNotificationPreferences": Row(
        "mutation { setNotificationPreferences(input: []) { id } }", *SIGNED_IN
    ),
    "Mutation.watchAuction": Row('mutation { watchAuction(id: "$auction") { watched } }', *SIGNED_IN),
    "Mutation.unwatchAuction": Row(
        'mutation { unwatchAuction(id: "$auction") { watched } }', *SIGNED_IN
    ),
    "Subscription.auctionUpdated": Row(
        'subscription { auctionUpdated(id: "$auction") { title } }', *EVERYBODY_OVER_WEBSOCKET
    ),
    "Subscription.auctionEvents": Row(
        'subscription { auctionEvents(id: "$auction") { version } }', *EVERYBODY_OVER_WEBSOCKET
    ),
    "Subscription.auctionsUpdated": Row(
        "subscription { auctionsUpdated { id } }", *EVERYBODY_OVER_WEBSOCKET
    ),
    "Subscription.jobUpdated": Row(
        'subscription { jobUpdated(id: "$job") { id } }',
        NOT_FOUND, OK, NOT_FOUND, OK, UNAUTHENTICATED,
    ),
    "Subscription.notificationReceived": Row(
        "subscription { notificationReceived { id } }", *SIGNED_IN
    ),
}  # fmt: skip
# What follows says something only when something happens; that it was let in is seen from its silence.
SILENT = {"Subscription.auctionsUpdated", "Subscription.notificationReceived"}


def test_every_root_field_has_its_row() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    fields = {f"{root.name}.{field}" for root in roots if root for field in root.fields}
    assert fields == set(TABLE)


@dataclass(frozen=True, slots=True)
class Cast:
    """The clients by kind, and the ids that they use."""

    clients: dict[str, PortalClient]
    things: dict[str, str]

    def asking(self, row: Row) -> str:
        """The row's document, about these things."""
        text = row.asking
        for name, value in self.things.items():
            text = text.replace(f"${name}", value)
        return text.replace("$nobody", NOWHERE)


def encoded(part: bytes) -> str:
    """A part of a token, encoded."""
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def bad_tokens(token: str, expired_at: datetime) -> dict[str, str]:
    """Forged variants of a valid token."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    head, body, signature = token.split(".")
    other_user = jwt.encode(claims | {"sub": NOWHERE}, "k" * 64, algorithm=ALGORITHM).split(".")[1]
    # Signed with the right secret under the name of an algorithm that has none.
    renamed = encoded(b'{"alg":"RS256","typ":"JWT"}') + "." + body
    confused = hmac.digest(signing_key().encode(), renamed.encode(), "sha256")
    return {
        "expired": jwt.encode(claims | {"exp": expired_at}, signing_key(), algorithm=ALGORITHM),
        "tampered": f"{head}.{other_user}.{signature}",
        "none": jwt.encode(claims, "", algorithm="none"),
        "another secret": jwt.encode(claims, "k" * 64, algorithm=ALGORITHM),
        "HS512": jwt.encode(claims, signing_key(), algorithm="HS512"),
        "RS256": f"{renamed}.{encoded(confused)}",
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(portal: RunningPortal, auctioneer: str) -> AsyncIterator[Cast]:
    """A client of each kind, and an auction with a bid; shared by all rows."""
    async with AsyncExitStack() as doors:

        def somebody(access_token: str | None = None) -> PortalClient:
            client = PortalClient(portal.url)
            client.access_token = access_token
            doors.push_async_callback(client.close)
            return client

        people = {who: somebody() for who in ("anonymous", "bidder", "other", "staff")}
        bidder, staff, gone = people["bidder"], people["staff"], somebody()
        for client in (bidder, people["other"], gone):
            await client.sign_up(f"cast-{new_id().hex[-12:]}", PASSWORD)
        await staff.sign_in(auctioneer, PASSWORD)
        deletion = await staff.command(DELETE_USER, userId=gone.user["id"])
        assert deletion["status"] == "SUCCEEDED"
        auction_id = await create_auction(staff)
        job = await place(bidder, auction_id, "10.00")
        assert bidder.access_token
        tokens = bad_tokens(bidder.access_token, datetime.now(UTC) - timedelta(seconds=1))
        holders = {what: somebody(token) for what, token in tokens.items()}
        things = {
            "auction": auction_id,
            "job": job["id"],
            "bidder": bidder.user["username"],
            "name": f"new-{bidder.user['username'][-12:]}",
            "password": PASSWORD,
        }
        yield Cast({**people, **holders, "deleted": gone}, things)


async def outcome(client: PortalClient, field: str, asking: str) -> str:
    """OK, NO_DATA or the error's code."""
    try:
        if field.startswith("Subscription."):
            return await followed(client, field, asking)
        data = await client.execute(asking)
    except Refused as refused:
        return refused.code or "no code"
    return OK if any(value is not None for value in data.values()) else NO_DATA


async def followed(client: PortalClient, field: str, asking: str) -> str:
    """What a subscription comes to; Refused if it begins with an error."""
    try:
        async with client.socket() as socket:
            payload = {"query": asking}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            async with asyncio.timeout(1 if field in SILENT else 30):
                first = json.loads(await socket.recv())
    except ConnectionClosed as closed:
        return UNAUTHENTICATED if closed.rcvd and closed.rcvd.code == SIGN_IN_OVER else str(closed)
    except TimeoutError:
        return OK if field in SILENT else "silence"
    if errors := first["payload"] if first["type"] == "error" else first["payload"].get("errors"):
        raise Refused(errors)
    return OK


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("field", TABLE)
async def test_everybody_gets_what_the_table_says(cast: Cast, field: str) -> None:
    row, few_at_once = TABLE[field], asyncio.Semaphore(4)

    async def found(client: PortalClient) -> str:
        async with few_at_once:
            return await outcome(client, field, cast.asking(row))

    found_by = await asyncio.gather(*map(found, cast.clients.values()))
    expected = {who: getattr(row, who, row.bad_token) for who in cast.clients}
    assert dict(zip(cast.clients, found_by, strict=True)) == expected
