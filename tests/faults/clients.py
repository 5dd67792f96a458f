"""People who use the portal while it breaks, and the books they keep of what they were told."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
from websockets.exceptions import InvalidHandshake, WebSocketException

from portal.laptop.demo.client import (
    CREATE_AUCTION,
    CREATE_USER,
    DELETE_BID,
    DELETE_USER,
    JOB,
    LOGIN,
    PLACE_BID,
    PortalClient,
    Refused,
)
from tests.e2e.acting import EVENTS

Json = dict[str, Any]

PASSWORD = "correct horse battery staple 7"
# A client that got no answer in that time asks again, elsewhere.
PATIENCE = 4.0
# Who gets no answer waits longer each time, or a slow portal would drown in repetitions.
PAUSE, LONGEST_PAUSE = 0.1, 2.0
# Before anything is broken, slowness is only slowness.
UNHURRIED = 60.0
RETRYABLE = {"UNAVAILABLE", "RATE_LIMITED"}
# What tells a client that it got no answer, or none that counts.
NO_ANSWER = (httpx.HTTPError, WebSocketException, InvalidHandshake, OSError, EOFError)
LOOK = f"query ($id: UUID!) {{ job(id: $id, wait: 2) {JOB} }}"
VERSIONS = "subscription ($id: UUID!) { auction: auctionUpdated(id: $id) { version status } }"
NOTIFIED = """subscription { told: notificationReceived { id kind auctionId amount createdAt } }"""


@dataclass(slots=True)
class Entry:
    """A command as its sender knows it: under one key, all answers must name one job."""

    key: str
    sender: str
    mutation: str
    values: Json
    tries: int = 0
    jobs: set[str] = field(default_factory=set)
    refused: str | None = None
    # The last that its sender was told of it.
    job: Json | None = None

    @property
    def told(self) -> bool:
        """Whether a client was told about the job."""
        return bool(self.jobs)


@dataclass(slots=True)
class Lot:
    """An auction of the round."""

    id: str
    starts_at: datetime
    ends_at: datetime
    versions: list[int] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """Everything that clients were told in a round."""

    entries: list[Entry] = field(default_factory=list)
    lots: dict[str, Lot] = field(default_factory=dict)
    deleted_users: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    no_answers: Counter[str] = field(default_factory=Counter)
    resumed: int = 0


@dataclass(slots=True)
class Webs:
    """Where the webs are, and which of them nobody is to be sent to, by number from 1."""

    urls: list[str]
    out: set[int] = field(default_factory=set)


class Person:
    """Somebody with a connection to each web, who asks the other when one does not answer."""

    def __init__(
        self,
        webs: Webs,
        ledger: Ledger,
        rng: random.Random,
        patience: float = PATIENCE,
    ) -> None:
        self.doors = [PortalClient(url, timeout=patience) for url in webs.urls]
        self.webs = webs
        self.ledger = ledger
        self.rng = rng
        self.id = self.name = ""
        self._at = rng.randrange(len(webs.urls))

    async def close(self) -> None:
        """Hang up."""
        for door in self.doors:
            await door.close()

    async def hurry(self) -> None:
        """From now on, wait no longer than PATIENCE for an answer."""
        patient, self.doors = self.doors, []
        for door in patient:
            hasty = PortalClient(door.url, timeout=PATIENCE)
            hasty.access_token = door.access_token
            self.doors.append(hasty)
            await door.close()

    @property
    def door(self) -> PortalClient:
        """The web they talk to now."""
        served = [door for n, door in enumerate(self.doors, 1) if n not in self.webs.out]
        return served[self._at % len(served)]

    def elsewhere(self, why: str) -> None:
        """This web gave no answer."""
        self.ledger.no_answers[why] += 1
        self._at += 1

    async def ask(self, query: str, **variables: Any) -> Json:
        """An answer, however often it takes; Refused if it is a refusal for good."""
        pause = PAUSE
        while (answer := await self.try_once(query, **variables)) is None:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return answer

    async def try_once(self, query: str, **variables: Any) -> Json | None:
        """An answer, or None without one that counts."""
        try:
            return await self.door.execute(query, **variables)
        except Refused as refused:
            if refused.code not in RETRYABLE:
                raise
            self.elsewhere(refused.code)
        except (*NO_ANSWER, ValueError) as error:
            self.elsewhere(type(error).__name__)
        return None

    async def sign_in(self, username: str) -> None:
        """From now on, ask as that user, everywhere."""
        session = (await self.ask(LOGIN, username=username, password=PASSWORD))["session"]
        self.id = session["user"]["id"]
        for door in self.doors:
            door.access_token = session["accessToken"]

    async def submit(self, mutation: str, **values: Any) -> Entry:
        """Submit a command under a key of its own, again and again until there is an answer."""
        entry = Entry(f"key-{self.rng.getrandbits(64):x}", self.id, mutation, values)
        self.ledger.entries.append(entry)
        values = {**values, "idempotencyKey": entry.key}
        pause = PAUSE
        while not entry.told and entry.refused is None:
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
        """The same command once more, as a double click does."""
        entry.tries += 1
        values = {**entry.values, "idempotencyKey": entry.key}
        if answer := await self.try_once(entry.mutation, input=values):
            entry.jobs.add(answer["job"]["id"])

    async def look(self, entry: Entry) -> Json | None:
        """The outcome, if it can be had now."""
        if entry.job is None:
            return None
        answer = await self.try_once(LOOK, id=entry.job["id"])
        if answer and answer["job"]:
            entry.job = answer["job"]
        return entry.job

    async def outcome(self, entry: Entry) -> Json:
        """The settled job, however long it takes."""
        while (job := await self.look(entry)) is None or job["status"] == "QUEUED":
            await asyncio.sleep(PAUSE)
        return job

    async def follow(self, query: str, **variables: Any) -> AsyncGenerator[Json, None]:
        """A subscription until it breaks; how it ended is nobody's error, but must be clear."""
        try:
            async with aclosing(self.door.subscribe(query, **variables)) as news:
                async for data in news:
                    yield data
        except Refused as refused:
            if refused.code not in RETRYABLE:
                self.ledger.faults.append(f"a subscription ended with {refused.code}: {refused}")
            self.elsewhere(f"subscription {refused.code}")
        except (*NO_ANSWER, ValueError, AssertionError) as error:
            self.elsewhere(f"subscription {type(error).__name__}")


@dataclass(slots=True)
class Party:
    """The people of all rounds: an auctioneer and bidders."""

    auctioneer: Person
    bidders: list[Person]

    async def close(self) -> None:
        """All hang up."""
        for person in [self.auctioneer, *self.bidders]:
            await person.close()

    def begin(self, ledger: Ledger, rng: random.Random) -> None:
        """A new round, with new books."""
        for person in [self.auctioneer, *self.bidders]:
            person.ledger, person.rng = ledger, rng


async def sign_up(
    webs: Webs, ledger: Ledger, rng: random.Random, patience: float = PATIENCE
) -> Person:
    """Somebody new, signed in."""
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


async def open_lot(auctioneer: Person, starts_in: float, lasts: float) -> Lot | None:
    """A new auction; None if it was refused, because too much time passed until it was accepted."""
    starts_at = datetime.now(UTC) + timedelta(seconds=starts_in)
    ends_at = starts_at + timedelta(seconds=lasts)
    values: Json = {"title": f"Lot {uuid4().hex[:6]}", "endsAt": ends_at.isoformat()}
    if starts_in:
        values["startsAt"] = starts_at.isoformat()
    entry = await auctioneer.submit(CREATE_AUCTION, **values)
    job = await auctioneer.outcome(entry)
    if job["status"] != "SUCCEEDED":
        return None
    lot = Lot(job["result"]["auctionId"], starts_at, ends_at)
    auctioneer.ledger.lots[lot.id] = lot
    return lot


async def bid(person: Person, over: Callable[[], bool]) -> None:
    """Bid, bid too low, delete, and click twice, until it is over."""
    rng, ledger = person.rng, person.ledger
    highest: dict[str, Decimal] = {}
    placed: list[Entry] = []
    while not over():
        now = datetime.now(UTC)
        lots = [lot for lot in ledger.lots.values() if lot.ends_at > now]
        if not lots:
            await asyncio.sleep(PAUSE)
            continue
        lot, dice = rng.choice(lots), rng.random()
        if placed and dice < 0.15:
            await _take_back(person, rng.choice(placed))
        else:
            step = Decimal(rng.randrange(-300 if dice > 0.85 else 1, 1000)) / 100
            amount = max(highest.get(lot.id, Decimal(10)) + step, Decimal("0.01"))
            highest[lot.id] = max(amount, highest.get(lot.id, amount))
            entry = await person.submit(PLACE_BID, auctionId=lot.id, amount=f"{amount:.2f}")
            placed.append(entry)
            if rng.random() < 0.1:
                await person.again(entry)
        await asyncio.sleep(rng.uniform(0.02, 0.15))


async def _take_back(person: Person, entry: Entry) -> None:
    job = await person.look(entry)
    if job and job["status"] == "SUCCEEDED":
        result = job["result"]
        await person.submit(DELETE_BID, auctionId=result["auctionId"], bidId=result["bidId"])


async def visit(webs: Webs, ledger: Ledger, rng: random.Random, over: Callable[[], bool]) -> None:
    """Sign up, bid for a while, and be deleted."""
    person = await sign_up(webs, ledger, rng)
    try:
        await bid(person, over)
        entry = await person.submit(DELETE_USER)
        if entry.told:
            ledger.deleted_users.add(person.id)
    finally:
        await person.close()


async def watch(person: Person, lot: Lot) -> None:
    """Follow an auction's events to its end, resuming wherever the connection broke."""
    seen = 0
    while True:
        async with aclosing(person.follow(EVENTS, id=lot.id, after=seen)) as news:
            async for data in news:
                event = data["event"]
                if event["version"] != seen + 1:
                    person.ledger.faults.append(
                        f"auction {lot.id}: event {event['version']} came after {seen}"
                    )
                seen = event["version"]
                lot.events.append(event)
                if event["__typename"] in {"WinnerAnnounced", "AuctionEndedUnsold"}:
                    return
        person.ledger.resumed += 1
        await asyncio.sleep(PAUSE)


async def glance(person: Person, lot: Lot) -> None:
    """Follow an auction's states; they never go back."""
    version = 0
    while True:
        async with aclosing(person.follow(VERSIONS, id=lot.id)) as news:
            async for data in news:
                seen = data["auction"]["version"]
                lot.versions.append(seen)
                version = max(version, seen)
        person.ledger.resumed += 1
        await asyncio.sleep(PAUSE)
