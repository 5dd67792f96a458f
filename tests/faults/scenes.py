"""Scenes whose answers are known beforehand: a server is away, or each process is restarted in turn."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed

from portal.laptop.demo.client import (
    CREATE_USER,
    LOGIN,
    PLACE_BID,
    WAIT_FOR_JOB,
    PortalClient,
    Refused,
)
from tests.e2e.acting import AUCTION
from tests.faults.clients import (
    NO_ANSWER,
    PASSWORD,
    UNHURRIED,
    VERSIONS,
    AuctionRecord,
    Party,
    Person,
    create_auction,
    sign_up,
)
from tests.faults.processes import Actor, Processes

Scene = Callable[[Processes, Party, random.Random], Coroutine[Any, Any, None]]

# Within so many seconds each request must have an answer of some kind.
QUICK = 5.0
BEFORE, AWAY = 0.5, 3.5
# What a client may get instead of an answer when a web is restarted as planned; or the machine is slow.
RETRYABLE = {"UNAVAILABLE", "ReadTimeout"}


# The code with which a web that is asked to end closes its sockets.
RESTARTED = "1012"


async def _ready(
    processes: Processes, party: Party, rng: random.Random
) -> tuple[Person, AuctionRecord]:
    """A signed-in user, and an auction that ends after the scene."""
    await asyncio.sleep(BEFORE)
    person = await sign_up(processes.webs, party.auctioneer.ledger, rng, QUICK)
    # A plain one: who somebody is in a masked auction is asked of Postgres.
    auction = await create_auction(party.auctioneer, 0, AWAY + 2, (None,))
    assert auction, "nothing is broken yet"
    # Everybody can read it, whichever web they ask.
    await person.ask(AUCTION, id=auction.id, atLeast=1)
    return person, auction


def _bid(auction: AuctionRecord, rng: random.Random) -> dict[str, Any]:
    return {"auctionId": auction.id, "amount": f"{rng.randrange(100, 10**6) / 100:.2f}"}


@asynccontextmanager
async def _away(processes: Processes, server: str, rng: random.Random) -> AsyncIterator[None]:
    """Make the server unreachable: connections to it break, or hang."""
    wires = [actor.wires[server] for actor in processes.processes]
    silent = rng.random() < 0.5
    for wire in wires:
        if silent:
            wire.hold()
        else:
            wire.cut()
    try:
        yield
    finally:
        for wire in wires:
            wire.mend()


class Witness:
    """Makes each request once, and records an answer that is not the expected one."""

    def __init__(self, person: Person) -> None:
        self.person = person

    async def expect(self, code: str | None, what: str, query: str, **variables: Any) -> None:
        """An answer (no code), or a refusal with that code, at the first attempt at each web."""
        for number, client in enumerate(self.person.clients, 1):
            try:
                await client.execute(query, **variables)
                got = None
            except Refused as refused:
                got = refused.code or "no code"
            except NO_ANSWER as error:
                got = type(error).__name__
            if got != code:
                self.person.ledger.faults.append(
                    f"{what} at web{number}: {got or 'an answer'} instead of {code or 'an answer'}"
                )

    async def follow(
        self,
        auction: AuctionRecord,
        code: str | None,
        opened: asyncio.Event,
        client: PortalClient | None = None,
    ) -> None:
        """An auction's states until that refusal or close code, or for good."""
        try:
            async with aclosing(
                (client or self.person.clients[0]).subscribe(VERSIONS, id=auction.id)
            ) as results:
                async for _ in results:
                    opened.set()
            ended = "an end"
        except Refused as refused:
            ended = refused.code or "no code"
        except ConnectionClosed as closed:
            ended = str(closed.rcvd.code if closed.rcvd else 1006)
        except NO_ANSWER as error:
            ended = type(error).__name__
        if ended != code:
            self.person.ledger.faults.append(f"a subscription ended with {ended}, not {code}")

    async def wait_for_job(self, job_id: str, client: PortalClient) -> None:
        """The job's outcome, or the job as it stands; anything but an answer is a fault."""
        try:
            await client.execute(WAIT_FOR_JOB, id=job_id)
        except (Refused, *NO_ANSWER, ValueError) as error:
            why = error.code if isinstance(error, Refused) else type(error).__name__
            self.person.ledger.faults.append(f"a web ended with a request in hand: {why}")


async def without_mongodb(processes: Processes, party: Party, rng: random.Random) -> None:
    """Commands are accepted, people sign in, subscriptions wait; queries answer UNAVAILABLE, quickly."""
    person, auction = await _ready(processes, party, rng)
    witness, opened = Witness(person), asyncio.Event()
    following = asyncio.create_task(witness.follow(auction, None, opened))
    await asyncio.wait_for(opened.wait(), QUICK)
    async with _away(processes, "mongodb", rng):
        until = asyncio.get_running_loop().time() + AWAY
        while asyncio.get_running_loop().time() < until:
            await witness.expect(None, "a bid", PLACE_BID, input=_bid(auction, rng))
            await witness.expect(None, "a sign-in", LOGIN, username=person.name, password=PASSWORD)
            await witness.expect("UNAVAILABLE", "a query", AUCTION, id=auction.id)
    await person.ask(AUCTION, id=auction.id)
    if following.done():
        person.ledger.faults.append("a running subscription ended without MongoDB")
    following.cancel()
    await person.close()


async def without_redis(processes: Processes, party: Party, rng: random.Random) -> None:
    """Commands are accepted, queries answered; subscriptions end with UNAVAILABLE."""
    person, auction = await _ready(processes, party, rng)
    witness, opened = Witness(person), asyncio.Event()
    following = asyncio.create_task(witness.follow(auction, "UNAVAILABLE", opened))
    await asyncio.wait_for(opened.wait(), QUICK)
    async with _away(processes, "redis", rng):
        until = asyncio.get_running_loop().time() + AWAY
        # A silent Redis is asked before it is given up.
        await asyncio.wait([following], timeout=AWAY + QUICK)
        await witness.follow(auction, "UNAVAILABLE", opened)
        # Nothing else will happen in this stream: only the sweep can find it.
        newcomer = {"username": f"late-{rng.getrandbits(40):x}", "password": PASSWORD}
        await witness.expect(None, "a sign-up", CREATE_USER, input=newcomer)
        while asyncio.get_running_loop().time() < until:
            await witness.expect(None, "a bid", PLACE_BID, input=_bid(auction, rng))
            await witness.expect(None, "a query", AUCTION, id=auction.id)
    if not following.done():
        following.cancel()
        person.ledger.faults.append("a subscription did not end without Redis")
    await person.close()


async def without_postgres(processes: Processes, party: Party, rng: random.Random) -> None:
    """Queries are answered, to signed-in readers, too, and subscriptions go on; commands are not accepted."""
    person, auction = await _ready(processes, party, rng)
    witness, opened = Witness(person), asyncio.Event()
    # This one starts and ends while Postgres is away: its subscribers see it by the clock.
    soon = await create_auction(party.auctioneer, 1.5, 2.0)
    assert soon
    following = asyncio.create_task(witness.follow(soon, None, opened))
    await asyncio.wait_for(opened.wait(), QUICK)
    async with _away(processes, "postgres", rng):
        until = asyncio.get_running_loop().time() + AWAY
        while asyncio.get_running_loop().time() < until:
            await witness.expect("UNAVAILABLE", "a bid", PLACE_BID, input=_bid(auction, rng))
            await witness.expect(None, "a query", AUCTION, id=auction.id)
        if following.done():
            person.ledger.faults.append("a running subscription ended without Postgres")
    following.cancel()
    await person.ask(PLACE_BID, input=_bid(auction, rng))
    await person.close()


async def rolling_restart(processes: Processes, party: Party, rng: random.Random) -> None:
    """Each process is asked to end, in turn, and started again; the load goes on."""
    await asyncio.sleep(BEFORE)
    ledger = party.auctioneer.ledger
    person = await sign_up(processes.webs, ledger, rng, UNHURRIED)
    for number in (1, 2):
        for actor in [a for a in processes.processes if a.name.endswith(str(number))]:
            is_web = actor.name.startswith("web")
            ended = await (
                _end_web(processes, party, person, number, actor, rng)
                if is_web
                else actor.terminate()
            )
            if not ended:
                ledger.faults.append(f"{actor.name} did not end by itself")
            actor.start()
            if is_web:
                await processes.web_answers(number)
                processes.webs.out.remove(number)
    await person.close()
    lost = {why for why in ledger.no_answers if not why.startswith("subscription")} - RETRYABLE
    ledger.faults += [f"a request got {why}, which nobody should repeat" for why in lost]


async def _end_web(
    processes: Processes, party: Party, person: Person, number: int, web: Actor, rng: random.Random
) -> bool:
    """Send nobody to a web any more, and ask it to end while people wait for it: it must answer them."""
    client, witness, opened = person.clients[number - 1], Witness(person), asyncio.Event()
    processes.webs.out.add(number)
    auction = await create_auction(party.auctioneer, 0, AWAY + 2)
    assert auction, "nothing is broken"
    workers = [a for a in processes.processes if a.name.startswith(("bids", "worker"))]
    # Nobody handles the bid, so that there is something to wait for.
    for worker in workers:
        worker.send(signal.SIGSTOP)
    try:
        job = await client.submit(PLACE_BID, **_bid(auction, rng))
        waiting = asyncio.create_task(witness.wait_for_job(job["id"], client))
        following = asyncio.create_task(witness.follow(auction, RESTARTED, opened, client))
        # What was sent before the subscription has arrived, too, that of others included.
        await asyncio.wait_for(opened.wait(), QUICK)
        ended = await web.terminate()
        await asyncio.gather(waiting, following)
    finally:
        for worker in workers:
            worker.send(signal.SIGCONT)
    return ended


SCENES: dict[str, Scene] = {
    "without mongodb": without_mongodb,
    "without redis": without_redis,
    "without postgres": without_postgres,
    "rolling restart": rolling_restart,
}
