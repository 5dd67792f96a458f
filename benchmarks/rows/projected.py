"""Events projected by one process into MongoDB's documents, majority and journal awaited."""

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Curve, at_least, rate
from benchmarks.references.documents import Written
from commands.wiring import pool

BIDDERS = 200


def measure(bench: Bench) -> None:
    """One hot auction beside writing the same documents alone; then many auctions beside the hot one."""
    bids = Bids(pool(), BIDDERS)
    count, auctions = bench.size(4000, 100), bench.size(1000, 10)
    many = bids.auctions(auctions)

    [sample] = bids.auctions(1)
    bids.waiting([sample], count)
    bids.drain([sample])
    bids.project([sample])
    written = Written(sample)

    def hot() -> float:
        [auction] = bids.auctions(1)
        bids.waiting([auction], count)
        bids.drain([auction])
        return rate(count, lambda: bids.project([auction]))

    def over_many() -> float:
        bids.waiting(many, count)
        bids.drain(many)
        return rate(count, lambda: bids.project(many))

    one, thousand, alone = bench.samples(
        {
            "projected, one hot auction": hot,
            f"projected, over {auctions:,} auctions": over_many,
            "the same documents, written alone": lambda: rate(count, written.write),
        }
    )
    bench.compare(one, alone, "events/s", at_least(0.4))
    bench.compare(thousand, one, "events/s", at_least(0.5))
    points = [(1.0, one.median), (float(auctions), thousand.median)]
    bench.curve(
        Curve("Bids a second over many auctions", "projected", "auctions", "bids/s", points)
    )
