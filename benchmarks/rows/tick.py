"""A tick of the promoter with very many open auctions, and how long bids wait to be accepted meanwhile."""

import random
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import perf_counter, sleep
from uuid import UUID

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Curve, Samples
from commands.postgres.accepting import cutoffs
from commands.promoter import rounds
from commands.streams import Stream
from commands.wiring import pool
from commands.worklists import MOST

# Draws are accepted for auctions with bids; their rows are enough.
OPEN = """
WITH auction AS (
    INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)
    SELECT gen_random_uuid(), 2, 'A clock', '', clock_timestamp(),
           clock_timestamp() + interval '1 day', false FROM generate_series(1, %(count)s)
    RETURNING id
), bid AS (
    INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at,
                      placed_version, reached_version, doubled, deleted)
    SELECT gen_random_uuid(), id, %(bidder)s, 1, 1, clock_timestamp(), 2, 2, false, false
    FROM auction
)
SELECT id FROM auction
"""


def measure(bench: Bench) -> None:
    """The longest that one bid after another waits, without a tick and with one, by open auctions."""
    bids, there, points = Bids(pool(), 200), list[UUID](), list[tuple[float, float]]()
    for size in (bench.size(1000, 20), bench.size(10_000, 250), bench.size(100_000, 500)):
        there += _open(bids, size - len(there))
        random.shuffle(there)
        quiet, ticking = list[float](), list[float]()
        for _ in range(bench.repetitions):
            quiet.append(_longest(bids, there, lambda: sleep(bench.size(2, 1))) * 1000)
            started = perf_counter()
            ticking.append(_longest(bids, there, partial(_tick, bids, size)) * 1000)
            taken = perf_counter() - started
            _forget(bids)
        name = f"longest a bid waits during a tick, {size:,} open auctions"
        note = "under 200 ms" if size == bench.size(10_000, 250) else ""
        bench.compare(Samples(name, ticking), Samples("without a tick", quiet), "ms", note=note)
        bench.report(f"all draws accepted, {size:,} open auctions", taken, "s")
        points.append((float(size), max(ticking)))
    bench.curve(Curve("A bid during a tick", "longest wait", "open auctions", "ms", points))


def _open(bids: Bids, count: int) -> list[UUID]:
    with bids.pool.connection() as connection, connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")
        rows = connection.execute(OPEN, {"count": count, "bidder": bids.bidders[0]}).fetchall()
        connection.execute("ANALYZE auctions, bids, jobs")
    return [row["id"] for row in rows]


def _tick(bids: Bids, size: int) -> None:
    number = rounds.tick(bids.pool, timedelta(0))
    assert number, "the one before has all its draws"
    assert sum(rounds.accept_draws(bids.pool)) == size


def _forget(bids: Bids) -> None:
    """Draws are not handled here, and must not be in the way of the next tick."""
    with bids.pool.connection() as connection:
        connection.execute("DELETE FROM jobs WHERE command = 'DoubleBid'")


def _longest(bids: Bids, auctions: Sequence[UUID], work: Callable[[], None]) -> float:
    """The longest of one bid after another, in any auctions, while workers take their cutoffs."""
    stop, waited = threading.Event(), [0.0]

    def bid() -> None:
        while not stop.is_set():
            auction = Stream("auction", random.choice(auctions))
            started = perf_counter()
            bids.waiting([auction], 1)
            waited[0] = max(waited[0], perf_counter() - started)

    def take() -> None:
        while not stop.is_set():
            some = random.sample(auctions, min(MOST, len(auctions)))
            with bids.pool.connection() as connection:
                cutoffs(connection, some)

    threads = [threading.Thread(target=each) for each in (bid, take)]
    for thread in threads:
        thread.start()
    work()
    stop.set()
    for thread in threads:
        thread.join()
    return waited[0]
