"""Signs up, bids and follows the auction to its end: bidder.py URL AUCTION_ID USERNAME PASSWORD."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from gql import Client, GraphQLRequest
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportQueryError,
    TransportServerError,
)
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

Json = dict[str, Any]

JOB = "{ id status rejection { code message } result { version } }"
CREATE_USER = f"mutation ($input: CreateUserInput!) {{ job: createUser(input: $input) {JOB} }}"
PLACE_BID = f"mutation ($input: PlaceBidInput!) {{ job: placeBid(input: $input) {JOB} }}"
WAIT = f"query ($id: UUID!) {{ job(id: $id, wait: 30) {JOB} }}"
SESSION = "{ accessToken refreshToken }"
LOGIN = f"""mutation ($username: String!, $password: String!) {{
  session: login(username: $username, password: $password) {SESSION} }}"""
REFRESH = f"""mutation ($token: String!) {{
  session: refreshSession(refreshToken: $token) {SESSION} }}"""
AUCTION = """query ($id: UUID!, $version: Int!) {
  auction(id: $id, atLeastVersion: $version) { leadingBid { amount bidder { name } } } }"""
EVENTS = """subscription ($id: UUID!, $after: Int!) {
  event: auctionEvents(id: $id, afterVersion: $after) { __typename version } }"""
NOTIFICATIONS = "subscription { notification: notificationReceived { kind auctionId message } }"

# The same request may succeed in a moment.
PASSING = {"RATE_LIMITED", "UNAVAILABLE"}
LOST = (TransportConnectionFailed, TransportServerError, TimeoutError)
ENDS = {"WinnerAnnounced", "AuctionEndedUnsold", "AuctionCancelled"}


class Portal:
    """One person's connection to the portal."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/graphql"
        self._session: Json = {}

    async def sign_in(self, username: str, password: str) -> None:
        """From now on, ask as that user."""
        answer = await self.ask(LOGIN, username=username, password=password)
        self._session = answer["session"]

    async def ask(self, query: str, **variables: Any) -> Json:
        """A query's or mutation's data; the session is refreshed if its access token expired."""
        try:
            return await self._send(query, variables)
        except TransportQueryError as error:
            if code_of(error) != "UNAUTHENTICATED" or not self._session:
                raise
        token = self._session["refreshToken"]
        self._session = (await self._send(REFRESH, {"token": token}))["session"]
        return await self._send(query, variables)

    async def command(self, mutation: str, **content: Any) -> Json:
        """The settled job of a command, asked for until there is an answer: the key makes it one."""
        content["idempotencyKey"] = uuid4().hex
        while True:
            try:
                job: Json = (await self.ask(mutation, input=content))["job"]
                while job["status"] == "QUEUED":
                    job = (await self.ask(WAIT, id=job["id"]))["job"]
                return job
            except TransportQueryError as error:
                if code_of(error) not in PASSING:
                    raise
            except LOST as lost:
                print(f"asking again: {lost}", file=sys.stderr)
            await pause()

    async def events(self, auction_id: str) -> AsyncGenerator[Json, None]:
        """Every event of the auction once, in order, over as many connections as it takes."""
        seen = {"id": auction_id, "after": 0}
        async with aclosing(self.follow(EVENTS, seen)) as answers:
            async for answer in answers:
                # Whoever comes back goes on behind the last event that was seen.
                seen["after"] = answer["event"]["version"]
                yield answer["event"]

    async def follow(self, query: str, variables: Json) -> AsyncGenerator[Json, None]:
        """A subscription's data; one that breaks off is begun anew, with `variables` as they are then."""
        while True:
            try:
                # Sees to it that the access token is good.
                await self.ask("{ me { id } }")
                async with Client(transport=self._socket()) as connection:
                    async for data in connection.subscribe(request(query, variables)):
                        yield data
            except TransportQueryError as error:
                if code_of(error) not in PASSING:
                    raise
            except LOST as lost:
                print(f"connecting again: {lost}", file=sys.stderr)
            await pause()

    async def _send(self, query: str, variables: Json) -> Json:
        transport = HTTPXAsyncTransport(self._url, headers=self._authorization(), timeout=60)
        async with Client(transport=transport, execute_timeout=60) as connection:
            data: Json = await connection.execute(request(query, variables))
            return data

    def _socket(self) -> WebsocketsTransport:
        return WebsocketsTransport(
            self._url.replace("http", "ws", 1),
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            init_payload=self._authorization(),
            # A line that is dead without saying so is noticed.
            ping_interval=15,
        )

    def _authorization(self) -> dict[str, str]:
        token = self._session.get("accessToken")
        return {"Authorization": f"Bearer {token}"} if token else {}


def request(query: str, variables: Json) -> GraphQLRequest:
    """The query with its variables as they are now."""
    return GraphQLRequest(query, variable_values=dict(variables))


def code_of(error: TransportQueryError) -> str:
    """What the client can act on."""
    assert error.errors
    code: str = error.errors[0]["extensions"]["code"]
    return code


async def pause() -> None:
    """A moment, of differing length, so that not all clients come back at once."""
    await asyncio.sleep(0.5 + random.random())


async def main(url: str, auction_id: str, username: str, password: str) -> None:
    """Bid 100.00, and see what comes of it."""
    portal = Portal(url)
    await portal.command(CREATE_USER, username=username, password=password)
    await portal.sign_in(username, password)
    bid = await portal.command(PLACE_BID, auctionId=auction_id, amount="100.00")
    if bid["status"] != "SUCCEEDED":
        sys.exit(f"no bid: {bid}")
    seen = await portal.ask(AUCTION, id=auction_id, version=bid["result"]["version"])
    leading = seen["auction"]["leadingBid"]
    print(f"{leading['bidder']['name']} leads with {leading['amount']}")
    async with aclosing(portal.events(auction_id)) as events:
        async for event in events:
            print(event["version"], event["__typename"])
            if event["__typename"] in ENDS:
                break
    async with aclosing(portal.follow(NOTIFICATIONS, {})) as answers:
        async for answer in answers:
            if answer["notification"]["auctionId"] == auction_id:
                print(answer["notification"]["message"])
                break


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
