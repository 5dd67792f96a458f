"""Documents rebuilt from a million events while bids come, beside projecting the same live."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Samples, at_least, rate
from benchmarks.history import fill
from commands.streams import Stream
from commands.wiring import pool
from projections.upkeep.rebuild import rebuild
from projections.wiring import database

BIDDERS = 1000
# Seconds between two bids that come meanwhile.
APART = 0.05


def measure(bench: Bench) -> None:
    """Rebuilt once, as it takes minutes; the time in which processes follow the pointer is part of it."""
    bids = Bids(pool(), BIDDERS)
    count, held = bench.size(4000, 100), bench.size(1_000_000, 2000)

    def live() -> float:
        [auction] = bids.auctions(1)
        bids.waiting([auction], count)
        bids.drain([auction])
        return rate(count, lambda: bids.project([auction]))

    [projected] = bench.samples({"projected live, one hot auction": live})
    full, other = bids.auctions(2)
    bench.say(f"filling an auction with {held:,} bids")
    fill(bids, full, held)
    with coming(bids, other):
        rebuilt = rate(held, lambda: rebuild("auctions", pool(), database(), lambda all, *_: all))
    name = f"rebuilt from {held:,} events, while bids come"
    bench.say(f"{name}: {rebuilt:,.4g}")
    bench.compare(Samples(name, [rebuilt]), projected, "events/s", at_least(3))


@contextmanager
def coming(bids: Bids, auction: Stream) -> Iterator[None]:
    """Bids are placed, handled and projected meanwhile."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(APART):
            bids.waiting([auction], 1)
            bids.drain([auction])
            bids.project([auction])

    with ThreadPoolExecutor(1) as bidding:
        running = bidding.submit(run)
        try:
            yield
        finally:
            over.set()
            running.result()
