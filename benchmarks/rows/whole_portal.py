"""The whole portal as `manage.py up` starts it: bids posted as fast as it accepts them, until all are shown."""

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Samples, at_least, under
from benchmarks.load import load
from benchmarks.portal import Running, tokens, up
from benchmarks.whole import Settled, bid, bid_requests
from commands.wiring import pool

CONNECTIONS = 32
# Bids a second that two cores should carry.
GOAL = 1000


def measure(bench: Bench) -> None:
    """One auction and 200; bids a second, the time until a bid is accepted, processor time for each."""
    bids = Bids(pool(), 200)
    signed_in = tokens(pool(), bids.bidders)
    seconds = bench.size(30, 2)
    with up() as running:
        warm = bids.auctions(1)
        bid(running, pool(), bid_requests(signed_in, warm, 2000), warm, CONNECTIONS, 1)
        idle = _idle(running, signed_in, bids, bench.size(5, 1))
        for count in (1, bench.size(200, 5)):
            auctions = bids.auctions(count)
            requests = bid_requests(signed_in, auctions, bench.size(120_000, 5000))
            settled = bid(running, pool(), requests, auctions, CONNECTIONS, seconds)
            assert settled.answered.failed == 0, f"{settled.answered.failed} requests failed"
            _report(bench, settled, f"{count} auction{'s' if count > 1 else ''}", idle)


def _idle(running: Running, signed_in: list[str], bids: Bids, seconds: int) -> Samples:
    """The 99th percentile of the time until a bid is accepted, one after the other."""
    auctions = bids.auctions(1)
    answered = load(running.graphql, bid_requests(signed_in, auctions, 20_000), 1, seconds)
    return Samples("one connection", [answered.p99 * 1000])


def _report(bench: Bench, settled: Settled, where: str, idle: Samples) -> None:
    note = (
        f"{settled.answered.client}; {settled.accepted:,} accepted, {settled.succeeded:,} counted"
    )
    bench.compare(
        Samples(f"settled and projected, {where}", [settled.rate]),
        Samples("wanted on 2 cores", [GOAL]),
        "bids/s",
        at_least(1),
        note,
    )
    accepted = Samples(f"accepted, {where}, p99", [settled.answered.p99 * 1000])
    bench.compare(accepted, idle, "ms", under(20))
    for name, spent in sorted(settled.processor_time.items(), key=lambda item: -item[1]):
        if spent > 0:
            each = spent * 1000 / settled.accepted
            bench.report(f"processor time, {where}: {name}", each, "ms/bid")
    total = sum(settled.processor_time.values()) * 1000 / settled.accepted
    bench.report(f"processor time, {where}: all", total, "ms/bid")
