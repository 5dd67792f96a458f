"""Checkpoints: what they add to handling bids, and the first one over a long log."""

from benchmarks.bids import Bids
from benchmarks.harness import Bench, at_least, rate, seconds
from commands.checkpoints.making import SECONDS, make, make_due
from commands.record.checkpoints import Signer
from commands.wiring import pool

BIDDERS = 200
FILL = """
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, causation_id,
                    correlation_id, recorded_at, hash)
SELECT 'auction', id, 1, 'BidPlaced', 1, '{}', id, id, now(), sha256(id::text::bytea)
FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, %s)) AS new
"""
SIGNER = Signer(bytes(32))


def measure(bench: Bench) -> None:
    """Bids handled by one process that makes the checkpoint over them as well, beside handling alone."""
    bids = Bids(pool(), BIDDERS)
    count = bench.size(6000, 100)
    _first(bench)

    def alone() -> float:
        [auction] = bids.auctions(1)
        bids.waiting([auction], count)
        handled = rate(count, lambda: bids.drain([auction]))
        _make()
        return handled

    def with_checkpoint() -> float:
        [auction] = bids.auctions(1)
        bids.waiting([auction], count)

        def both() -> None:
            bids.drain([auction])
            _make()

        return rate(count, both)

    name = f"handled, with a checkpoint over {count:,} bids"
    found, reference = bench.samples({name: with_checkpoint, "handled alone": alone})
    bench.compare(found, reference, "bids/s", at_least(0.9))
    _add(1)
    one = seconds(_make)
    bench.report("a checkpoint over one new event", one * 1000, "ms")


def _first(bench: Bench) -> None:
    """The first checkpoint over a log that had none."""
    events = bench.size(1_000_000, 1000)
    _add(events)
    runs: list[float] = []
    more = True
    while more:

        def run() -> None:
            nonlocal more
            _, more = make_due(pool(), SIGNER)

        runs.append(seconds(run))
    bench.report(f"first checkpoint over {events:,} events", sum(runs), "s", f"{len(runs)} runs")
    bench.report("longest run of it", max(runs), "s", f"a run begins nothing after {SECONDS} s")


def _add(events: int) -> None:
    with pool().connection() as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute(FILL, (events,))


def _make() -> None:
    with pool().connection() as connection:
        make(connection, SIGNER)
