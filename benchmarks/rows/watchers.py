"""Watchers of auctions on one web process, five changes a second: from the commit to the last watcher."""

import time
from collections.abc import Sequence

import psutil

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Curve, Samples, under
from benchmarks.portal import Running, web
from benchmarks.watching import Watchers
from commands.streams import Stream
from commands.wiring import pool

RATE = 5
STATE = """subscription ($id: UUID!) { auction: auctionUpdated(id: $id) {
  id version status asOf bidCount leadingBid { amount bidder { username } }
  bids(first: 5) { edges { node { id effectiveAmount bidder { id username } } } } } }"""


def measure(bench: Bench) -> None:
    """1,000 beside 1; then 5,000 of one auction and 10,000 of 100."""
    bids, seconds = Bids(pool(), 50), bench.size(10, 1)
    one = _p99(bench, bids, 1, 1, seconds)
    thousand = _p99(bench, bids, bench.size(1000, 20), 1, seconds)
    bench.compare(thousand, one, "ms", under(10))
    more = [
        (count, _p99(bench, bids, count, auctions, seconds).median)
        for count, auctions in (
            (bench.size(5000, 40), 1),
            (bench.size(10_000, 60), bench.size(100, 3)),
        )
    ]
    points = [(1, one.median), (bench.size(1000, 20), thousand.median), *more]
    bench.curve(
        Curve(
            "From the commit to the last watcher",
            "p99",
            "watchers",
            "ms",
            [(float(count), took) for count, took in points],
        )
    )


def _p99(bench: Bench, bids: Bids, count: int, of: int, seconds: int) -> Samples:
    """Milliseconds; also reports memory, and that nothing was left out."""
    name = f"{count:,} watchers of {of:,} auction{'s' if of > 1 else ''}"
    auctions = bids.auctions(of)
    with web() as running:
        before = _memory(running)
        variables = [{"id": str(auctions[n % of].id)} for n in range(count)]
        watchers = Watchers(running.url, STATE, variables)
        watchers.ready()
        if count >= 1000:
            each = (_memory(running) - before) / count / 1024
            bench.report(f"memory for each of {name}", each, "KiB", "at most 25 wanted")
        committed = _change(bids, auctions, RATE * seconds)
        time.sleep(2)
        seen = watchers.seen()
    whole = {key for key, got in seen["counts"].items() if got == count // of}
    if count > 1:
        share = 100 * len(whole & committed.keys()) / len(committed)
        bench.report(
            f"changes that came to all of {name}", share, "%", "newer ones replace the rest"
        )
    waited = sorted(
        (min(seen["times"][each] for each in whole if _at_least(each, key)) - at) * 1000
        for key, at in committed.items()
    )
    p99 = waited[min(len(waited) - 1, int(len(waited) * 0.99))]
    bench.report(f"commit to the last of {name}, p99", p99, "ms", "under 1 s wanted")
    return Samples(f"last of {name}, p99", [p99])


def _change(bids: Bids, auctions: Sequence[Stream], count: int) -> dict[str, float]:
    """Bids at the rate, each projected as it comes; when each state's events were committed."""
    committed, versions = {}, dict.fromkeys(auctions, 1)
    started = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, started + number / RATE - time.perf_counter()))
        auction = auctions[number % len(auctions)]
        bids.waiting([auction], 1)
        bids.drain([auction])
        versions[auction] += 1
        committed[f"{auction.id} {versions[auction]}"] = time.time()
        bids.project([auction])
    return committed


def _at_least(state: str, wanted: str) -> bool:
    """Whether it is that state of the auction, or a later one."""
    (auction, version), (same, least) = state.split(), wanted.split()
    return auction == same and int(version) >= int(least)


def _memory(running: Running) -> int:
    return int(psutil.Process(running.process.pid).memory_info().rss)
