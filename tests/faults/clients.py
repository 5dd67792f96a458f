"""Clients that use the portal under faults, and record each answer that they get."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
from websockets.exceptions import InvalidHandshake, WebSocketException

from portal.laptop.demo.client import (
    ANSWER_OFFER,
    BUY_NOW,
    CREATE_AUCTION,
    CREATE_USER,
    DELETE_BID,
    DELETE_USER,
    JOB,
    LOGIN,
    PLACE_BID,
    SET_MAXIMUM,
    PortalClient,
    Refused,
)
from tests.e2e.acting import EVENTS
from tests.faults.rules import MOVED, RULES, Json, is_binding

PASSWORD = "correct horse battery staple 7"
# A client that got no answer in that time asks again, elsewhere.
PATIENCE = 4.0
# Pauses between attempts grow, so that repetitions don't overload a slow portal.
PAUSE, LONGEST_PAUSE = 0.1, 2.0
# The timeout before the first fault, when only slowness is to be expected.
UNHURRIED = 60.0
RETRYABLE = {"UNAVAILABLE", "RATE_LIMITED"}
# The errors of a request without an answer.
NO_ANSWER = (httpx.HTTPError, WebSocketException, InvalidHandshake, OSError, EOFError)
LOOK = f"query ($id: UUID!) {{ job(id: $id, wait: 2) {JOB} }}"
# The last events of an auction; with a second chance those of its sale.
LAST = {"AuctionEndedUnsold", "AuctionCancelled", "OfferAccepted", "SaleFailed"}
VERSIONS = "subscription ($id: UUID!) { auction: auctionUpdated(id: $id) { version status } }"
NOTIFIED = (
    """subscription { notification: notificationReceived { id kind auctionId amount createdAt } }"""
)


@dataclass(slots=True)
class Entry:
    """A command that a client sent: all answers to its idempotency key must name the same job."""

    key: str
    sender: str
    mutation: str
    values: Json
    tries: int = 0
    jobs: set[str] = field(default_factory=set)
    refused: str | None = None
    # The job as in the last answer.
    job: Json | None = None

    @property
    def answered(self) -> bool:
        """Whether an answer named the job."""
        return bool(self.jobs)


@dataclass(slots=True)
class AuctionRecord:
    """An auction of the round, and what watchers received of it."""

    id: str
    starts_at: datetime
    ends_at: datetime
    rules: Json = field(default_factory=dict)
    versions: list[int] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)

    def may_go_on(self, now: datetime) -> bool:
        """Whether it may be open still: bids or a pause may have moved its end."""
        return self.ends_at + timedelta(seconds=MOVED if "softClose" in self.rules else 1) > now


@dataclass(slots=True)
class Ledger:
    """What clients sent and received in a round."""

    entries: list[Entry] = field(default_factory=list)
    auctions: dict[str, AuctionRecord] = field(default_factory=dict)
    deleted_users: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    no_answers: Counter[str] = field(default_factory=Counter)
    resumed: int = 0


@dataclass(slots=True)
class Webs:
    """The webs' URLs, and the numbers (from 1) of those that get no more requests."""

    urls: list[str]
    out: set[int] = field(default_factory=set)


class Person:
    """A user with a client for each web, who uses the other web when one gives no answer."""

    def __init__(
        self,
        webs: Webs,
        ledger: Ledger,
        rng: random.Random,
        patience: float = PATIENCE,
    ) -> None:
        self.clients = [PortalClient(url, timeout=patience) for url in webs.urls]
        self.webs = webs
        self.ledger = ledger
        self.rng = rng
        self.id = self.name = ""
        self._at = rng.randrange(len(webs.urls))

    async def close(self) -> None:
        """Close the clients."""
        for client in self.clients:
            await client.close()

    async def hurry(self) -> None:
        """From now on, wait no longer than PATIENCE for an answer."""
        patient, self.clients = self.clients, []
        for client in patient:
            hasty = PortalClient(client.url, timeout=PATIENCE)
            hasty.access_token = client.access_token
            self.clients.append(hasty)
            await client.close()

    @property
    def client(self) -> PortalClient:
        """The client of the web that is used now."""
        served = [client for n, client in enumerate(self.clients, 1) if n not in self.webs.out]
        return served[self._at % len(served)]

    def switch_web(self, why: str) -> None:
        """Note that this web gave no answer, and use the other one."""
        self.ledger.no_answers[why] += 1
        self._at += 1

    async def ask(self, query: str, **variables: Any) -> Json:
        """Repeat the request until there is an answer; Refused if repeating it can't help."""
        pause = PAUSE
        while (answer := await self.try_once(query, **variables)) is None:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return answer

    async def try_once(self, query: str, **variables: Any) -> Json | None:
        """The answer to one attempt; None if it failed and may be repeated."""
        try:
            return await self.client.execute(query, **variables)
        except Refused as refused:
            if refused.code not in RETRYABLE:
                raise
            self.switch_web(refused.code)
        except (*NO_ANSWER, ValueError) as error:
            self.switch_web(type(error).__name__)
        return None

    async def sign_in(self, username: str) -> None:
        """Sign in; all clients use the session."""
        session = (await self.ask(LOGIN, username=username, password=PASSWORD))["session"]
        self.id = session["user"]["id"]
        for client in self.clients:
            client.access_token = session["accessToken"]

    async def submit(self, mutation: str, **values: Any) -> Entry:
        """Submit a command with an idempotency key of its own, until there is an answer."""
        entry = Entry(f"key-{self.rng.getrandbits(64):x}", self.id, mutation, values)
        self.ledger.entries.append(entry)
        values = {**values, "idempotencyKey": entry.key}
        pause = PAUSE
        while not entry.answered and entry.refused is None:
            entry.tries += 1
            try:
                answer = await self.try_once(mutation, input=values)
            except Refused as refused:
                entry.refused = refused.code or "no code"
                break
            if answer is None:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            entry.job = answer["job"]
            entry.jobs.add(answer["job"]["id"])
        return entry

    async def again(self, entry: Entry) -> None:
        """Submit the same command once more, as a double click does."""
        entry.tries += 1
        values = {**entry.values, "idempotencyKey": entry.key}
        if answer := await self.try_once(entry.mutation, input=values):
            entry.jobs.add(answer["job"]["id"])

    async def poll(self, entry: Entry) -> Json | None:
        """The job as one more query shows it, or as it was known before."""
        if entry.job is None:
            return None
        answer = await self.try_once(LOOK, id=entry.job["id"])
        if answer and answer["job"]:
            entry.job = answer["job"]
        return entry.job

    async def outcome(self, entry: Entry) -> Json:
        """Wait for the settled job."""
        while (job := await self.poll(entry)) is None or job["status"] == "QUEUED":
            await asyncio.sleep(PAUSE)
        return job

    async def follow(self, query: str, **variables: Any) -> AsyncGenerator[Json, None]:
        """The results of a subscription until it breaks; its end must be a connection error or a retryable code."""
        try:
            async with aclosing(self.client.subscribe(query, **variables)) as results:
                async for data in results:
                    yield data
        except Refused as refused:
            if refused.code not in RETRYABLE:
                self.ledger.faults.append(f"a subscription ended with {refused.code}: {refused}")
            self.switch_web(f"subscription {refused.code}")
        except (*NO_ANSWER, ValueError, AssertionError) as error:
            self.switch_web(f"subscription {type(error).__name__}")


@dataclass(slots=True)
class Party:
    """The users of all rounds: an auctioneer and bidders."""

    auctioneer: Person
    bidders: list[Person]

    async def close(self) -> None:
        """Close all clients."""
        for person in [self.auctioneer, *self.bidders]:
            await person.close()

    def begin(self, ledger: Ledger, rng: random.Random) -> None:
        """Begin a round with a new ledger."""
        for person in [self.auctioneer, *self.bidders]:
            person.ledger, person.rng = ledger, rng


async def sign_up(
    webs: Webs, ledger: Ledger, rng: random.Random, patience: float = PATIENCE
) -> Person:
    """A new user, signed in."""
    person = Person(webs, ledger, rng, patience)
    person.name = name = f"bidder-{uuid4().hex[-12:]}"
    entry = await person.submit(
        CREATE_USER, username=name, password=PASSWORD, email=f"{name}@example.org"
    )
    job = await person.outcome(entry)
    if job["status"] != "SUCCEEDED":
        ledger.faults.append(f"a sign-up ended as {job}")
    await person.sign_in(name)
    return person


async def create_auction(
    auctioneer: Person, starts_in: float, lasts: float, kinds: Sequence[Json | None] = RULES
) -> AuctionRecord | None:
    """A new auction; None if it was refused, because too much time passed until it was accepted."""
    starts_at = datetime.now(UTC) + timedelta(seconds=starts_in)
    ends_at = starts_at + timedelta(seconds=lasts)
    rules = auctioneer.rng.choice(kinds)
    values: Json = {
        "title": f"Lot {uuid4().hex[:6]}",
        "endsAt": ends_at.isoformat(),
        "rules": rules,
    }
    if starts_in:
        values["startsAt"] = starts_at.isoformat()
    entry = await auctioneer.submit(CREATE_AUCTION, **values)
    job = await auctioneer.outcome(entry)
    if job["status"] != "SUCCEEDED":
        return None
    auction = AuctionRecord(job["result"]["auctionId"], starts_at, ends_at, rules or {})
    auctioneer.ledger.auctions[auction.id] = auction
    return auction


async def bid(
    person: Person, over: Callable[[], bool], avoided: Callable[[Json], bool] = lambda _: False
) -> None:
    """Place bids, too low ones as well, buy, delete some and submit some twice, until `over`.

    Not in auctions whose rules are `avoided`.
    """
    rng, ledger = person.rng, person.ledger
    highest: dict[str, Decimal] = {}
    placed: list[Entry] = []
    while not over():
        now = datetime.now(UTC)
        auctions = [
            each
            for each in ledger.auctions.values()
            if each.may_go_on(now) and not avoided(each.rules)
        ]
        if not auctions:
            await asyncio.sleep(PAUSE)
            continue
        auction, dice = rng.choice(auctions), rng.random()
        if placed and dice < 0.15:
            await _take_back(person, rng.choice(placed))
        elif "buyNow" in auction.rules and dice > 0.95:
            await person.submit(BUY_NOW, auctionId=auction.id)
        elif "proxyBids" in auction.rules and dice > 0.6:
            most = highest.get(auction.id, Decimal(10)) + rng.randrange(2000) / Decimal(100)
            await person.submit(SET_MAXIMUM, auctionId=auction.id, amount=f"{most:.2f}")
        else:
            step = Decimal(rng.randrange(-300 if dice > 0.85 else 1, 1000)) / 100
            amount = max(highest.get(auction.id, Decimal(10)) + step, Decimal("0.01"))
            highest[auction.id] = max(amount, highest.get(auction.id, amount))
            entry = await person.submit(PLACE_BID, auctionId=auction.id, amount=f"{amount:.2f}")
            placed.append(entry)
            if rng.random() < 0.1:
                await person.again(entry)
        await asyncio.sleep(rng.uniform(0.02, 0.15))


async def answer(person: Person, auction: AuctionRecord) -> None:
    """Answer for some seconds after the end, whether it is their turn or not."""
    rng = person.rng
    await asyncio.sleep(max((auction.ends_at - datetime.now(UTC)).total_seconds(), 0))
    until = auction.ends_at + timedelta(seconds=MOVED)
    while datetime.now(UTC) < until:
        await person.submit(ANSWER_OFFER, auctionId=auction.id, accept=rng.random() < 0.4)
        await asyncio.sleep(rng.uniform(0.3, 1.5))


async def _take_back(person: Person, entry: Entry) -> None:
    job = await person.poll(entry)
    if job and job["status"] == "SUCCEEDED":
        result = job["result"]
        await person.submit(DELETE_BID, auctionId=result["auctionId"], bidId=result["bidId"])


async def bid_and_leave(
    webs: Webs, ledger: Ledger, rng: random.Random, over: Callable[[], bool]
) -> None:
    """Sign up, bid for a while, and ask to be deleted; every other time with no bid that is binding."""
    person = await sign_up(webs, ledger, rng)
    free = rng.random() < 0.5
    try:
        await bid(person, over, is_binding if free else lambda _: False)
        entry = await person.submit(DELETE_USER)
        if entry.answered:
            ledger.deleted_users.add(person.id)
    finally:
        await person.close()


async def watch_events(person: Person, auction: AuctionRecord) -> None:
    """Subscribe to an auction's events until its end, resuming after each broken connection."""
    seen = 0
    while True:
        async with aclosing(person.follow(EVENTS, id=auction.id, after=seen)) as results:
            async for data in results:
                event = data["event"]
                if event["version"] != seen + 1:
                    person.ledger.faults.append(
                        f"auction {auction.id}: event {event['version']} came after {seen}"
                    )
                seen = event["version"]
                auction.events.append(event)
                sold = event["__typename"] == "WinnerAnnounced"
                if event["__typename"] in LAST or (sold and "secondChance" not in auction.rules):
                    return
        person.ledger.resumed += 1
        await asyncio.sleep(PAUSE)


async def watch_states(person: Person, auction: AuctionRecord) -> None:
    """Subscribe to an auction's states and record their versions."""
    version = 0
    while True:
        async with aclosing(person.follow(VERSIONS, id=auction.id)) as results:
            async for data in results:
                seen = data["auction"]["version"]
                auction.versions.append(seen)
                version = max(version, seen)
        person.ledger.resumed += 1
        await asyncio.sleep(PAUSE)
