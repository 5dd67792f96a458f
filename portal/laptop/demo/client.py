"""An outside client of the portal: GraphQL over HTTP, subscriptions over graphql-transport-ws."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

Json = dict[str, Any]

JOB = """{ id command status rejection { code message }
           result { auctionId bidId userId version } acceptedAt settledAt }"""
CREATE_USER = f"mutation ($input: CreateUserInput!) {{ job: createUser(input: $input) {JOB} }}"
DELETE_USER = f"mutation ($input: DeleteUserInput!) {{ job: deleteUser(input: $input) {JOB} }}"
CREATE_AUCTION = (
    f"mutation ($input: CreateAuctionInput!) {{ job: createAuction(input: $input) {JOB} }}"
)
CANCEL_AUCTION = (
    f"mutation ($input: CancelAuctionInput!) {{ job: cancelAuction(input: $input) {JOB} }}"
)
CLOSE_AUCTION_NOW = (
    f"mutation ($input: CloseAuctionNowInput!) {{ job: closeAuctionNow(input: $input) {JOB} }}"
)
PAUSE_AUCTION = (
    f"mutation ($input: PauseAuctionInput!) {{ job: pauseAuction(input: $input) {JOB} }}"
)
RESUME_AUCTION = (
    f"mutation ($input: ResumeAuctionInput!) {{ job: resumeAuction(input: $input) {JOB} }}"
)
REVISE_AUCTION = (
    f"mutation ($input: ReviseAuctionInput!) {{ job: reviseAuction(input: $input) {JOB} }}"
)
PLACE_BID = f"mutation ($input: PlaceBidInput!) {{ job: placeBid(input: $input) {JOB} }}"
BUY_NOW = f"mutation ($input: BuyInput!) {{ job: buyNow(input: $input) {JOB} }}"
DELETE_BID = f"mutation ($input: DeleteBidInput!) {{ job: deleteBid(input: $input) {JOB} }}"
REMOVE_BID = f"mutation ($input: RemoveBidInput!) {{ job: removeBid(input: $input) {JOB} }}"
SET_MAXIMUM = f"mutation ($input: SetMaximumInput!) {{ job: setMaximum(input: $input) {JOB} }}"
CLEAR_MAXIMUM = (
    f"mutation ($input: ClearMaximumInput!) {{ job: clearMaximum(input: $input) {JOB} }}"
)
ANSWER_OFFER = f"mutation ($input: AnswerOfferInput!) {{ job: answerOffer(input: $input) {JOB} }}"
FORFEIT_SALE = f"mutation ($input: ForfeitSaleInput!) {{ job: forfeitSale(input: $input) {JOB} }}"
WAIT_FOR_JOB = f"query ($id: UUID!) {{ job(id: $id, wait: 30) {JOB} }}"
LOGIN = """mutation ($username: String!, $password: String!) {
  session: login(username: $username, password: $password) {
    accessToken refreshToken expiresAt user { id username isStaff } } }"""


class Refused(Exception):
    """The answer was an error; `code` is its extensions.code."""

    def __init__(self, errors: list[Json]) -> None:
        super().__init__("; ".join(error["message"] for error in errors))
        self.errors = errors
        self.code: str | None = errors[0].get("extensions", {}).get("code")


class PortalClient:
    """One person's connection to the portal, signed in or not."""

    def __init__(self, url: str, timeout: float = 60) -> None:
        self.url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout)
        self.access_token: str | None = None
        self.refresh_token: str | None = None
        self.user: Json = {}

    async def close(self) -> None:
        """Close the client's connections."""
        await self._http.aclose()

    async def execute(self, query: str, **variables: Any) -> Json:
        """A query's or mutation's data; Refused if there are errors."""
        answer = await self.post({"query": query, "variables": variables})
        content = answer.json()
        if content.get("errors"):
            raise Refused(content["errors"])
        data: Json = content["data"]
        return data

    async def post(self, body: object) -> httpx.Response:
        """The HTTP answer to a request's body, whatever it is."""
        headers = {"Content-Type": "application/json", **self.headers()}
        # In ASCII, so that anything that is a string here can be sent.
        return await self._http.post("/graphql", content=json.dumps(body), headers=headers)

    def headers(self) -> dict[str, str]:
        """The Authorization header, if somebody is signed in."""
        return {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}

    async def command(self, mutation: str, **values: Any) -> Json:
        """Submit a command and wait for its outcome: the settled job."""
        job = await self.submit(mutation, **values)
        return await self.settled(job["id"])

    async def submit(self, mutation: str, **values: Any) -> Json:
        """Submit a command: the accepted job."""
        job: Json = (await self.execute(mutation, input=values))["job"]
        return job

    async def settled(self, job_id: str) -> Json:
        """The job once it is settled."""
        job: Json = (await self.execute(WAIT_FOR_JOB, id=job_id))["job"]
        return job

    async def sign_up(self, username: str, password: str, **more: Any) -> Json:
        """Create the user and sign in as them; the settled job."""
        job = await self.command(CREATE_USER, username=username, password=password, **more)
        if job["status"] == "SUCCEEDED":
            await self.sign_in(username, password)
        return job

    async def sign_in(self, username: str, password: str) -> None:
        """From now on, ask as that user."""
        session = (await self.execute(LOGIN, username=username, password=password))["session"]
        self.access_token, self.refresh_token = session["accessToken"], session["refreshToken"]
        self.user = session["user"]

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[ClientConnection]:
        """A WebSocket with the connection acknowledged."""
        url = self.url.replace("http", "ws", 1) + "/graphql"
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": self.headers()}))
            acknowledged = json.loads(await socket.recv())
            assert acknowledged["type"] == "connection_ack", acknowledged
            yield socket

    async def subscribe(self, query: str, **variables: Any) -> AsyncGenerator[Json, None]:
        """A subscription's data as they come; Refused on errors; ends when it is complete."""
        async with self.socket() as socket:
            payload = {"query": query, "variables": variables}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            async for message in socket:
                content = json.loads(message)
                match content["type"]:
                    case "next":
                        if errors := content["payload"].get("errors"):
                            raise Refused(errors)
                        yield content["payload"]["data"]
                    case "error":
                        raise Refused(content["payload"])
                    case "complete":
                        return
                    case "ping":
                        await socket.send(json.dumps({"type": "pong"}))
