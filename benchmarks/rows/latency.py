"""From sending a bid until a watcher has the state with it, while 100 bids a second come."""

import asyncio
import time
from decimal import Decimal

from benchmarks.bids import FIRST, Bids
from benchmarks.harness import Bench, Samples, under
from benchmarks.load import Connection, Request
from benchmarks.portal import Running, tokens, up
from benchmarks.whole import bid_requests
from commands.wiring import pool
from portal.laptop.demo.client import PortalClient

OFFERED = 100
# Requests of the reference a second, at the same time.
PROBES = 20
STATE = "subscription ($id: UUID!) { auctionUpdated(id: $id) { leadingBid { amount } } }"


def measure(bench: Bench) -> None:
    """Bids at a steady rate, whether the earlier ones were answered or not; reported by percentile."""
    bids = Bids(pool(), 200)
    signed_in = tokens(pool(), bids.bidders)
    with up() as running:
        asyncio.run(_measure(bench, running, bids, signed_in))


async def _measure(bench: Bench, running: Running, bids: Bids, signed_in: list[str]) -> None:
    for offered in (10, OFFERED):
        [auction] = bids.auctions(1)
        count = offered * bench.size(15, 2)
        lines = [request.line() for request in bid_requests(signed_in, [auction], count)]
        seen: dict[int, float] = {}
        watching = asyncio.create_task(_watch(running, str(auction.id), count, seen))
        probing = asyncio.create_task(_probe(running, count / offered))
        await asyncio.sleep(0.5)
        sent = await _offer(running, lines, offered)
        await asyncio.wait_for(watching, 60)
        waited = sorted(seen[number] - sent[number] for number in range(count))
        trivial = sorted(await probing)
        for name, place in (("p50", 0.5), ("p99", 0.99)):
            bench.compare(
                Samples(f"bid to state, {offered}/s offered, {name}", [_at(waited, place)]),
                Samples("{ __typename }", [_at(trivial, place)]),
                "ms",
                under(10) if offered == OFFERED and name == "p99" else None,
            )


def _at(times: list[float], place: float) -> float:
    return times[int(len(times) * place)] * 1000


async def _offer(running: Running, lines: list[str], offered: int) -> list[float]:
    """Send the requests at that rate; when each was sent."""
    started = time.perf_counter()
    connections = [Connection(running.graphql) for _ in range(32)]
    free = asyncio.Queue[Connection]()
    for connection in connections:
        free.put_nowait(connection)
    sent = [0.0] * len(lines)

    async def send(number: int) -> None:
        await asyncio.sleep(max(0.0, started + number / offered - time.perf_counter()))
        sent[number] = time.perf_counter()
        connection = await free.get()
        assert await connection.post(lines[number]), "a bid was refused"
        free.put_nowait(connection)

    await asyncio.gather(*(send(number) for number in range(len(lines))))
    for connection in connections:
        connection.close()
    return sent


async def _watch(running: Running, auction: str, count: int, seen: dict[int, float]) -> None:
    """Note when the state with each bid came; a state shows all bids up to its leading one."""
    client = PortalClient(running.url)
    reached = 0
    async for data in client.subscribe(STATE, id=auction):
        leading = data["auctionUpdated"]["leadingBid"]
        amount = int(Decimal(leading["amount"])) if leading else FIRST
        now = time.perf_counter()
        for number in range(reached, amount - FIRST):
            seen[number] = now
        reached = max(reached, amount - FIRST)
        if reached == count:
            break
    await client.close()


async def _probe(running: Running, seconds: float) -> list[float]:
    """The time of trivial requests beside."""
    connection, times = Connection(running.graphql), list[float]()
    line = Request("{ __typename }", {}).line()
    ends = time.perf_counter() + seconds
    while (started := time.perf_counter()) < ends:
        await connection.post(line)
        times.append(time.perf_counter() - started)
        await asyncio.sleep(1 / PROBES)
    connection.close()
    return times
