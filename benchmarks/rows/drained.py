"""Waiting bids handled by one process: events appended, state saved, jobs settled, durably."""

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Curve, Samples, at_least, rate
from benchmarks.references import library, tasks
from commands.wiring import pool

BIDDERS = 200


def measure(bench: Bench) -> None:
    """One hot auction beside a library and a task per bid; then many auctions beside the hot one."""
    bids = Bids(pool(), BIDDERS)
    count, spread = bench.size(6000, 100), [bench.size(1000, 10), bench.size(10_000, 20)]
    few, many = (bids.auctions(size) for size in spread)

    def hot() -> float:
        [auction] = bids.auctions(1)
        bids.waiting([auction], count)
        return rate(count, lambda: bids.drain([auction]))

    def over_few() -> float:
        bids.waiting(few, count)
        return rate(count, lambda: bids.drain(few))

    def over_many() -> float:
        bids.waiting(many, count * 2)
        return rate(count * 2, lambda: bids.drain(many))

    application = library.on_this_database()
    some = bench.size(1000, 20)
    with tasks.worker():
        one, thousand, ten_thousand, by_library, by_task = bench.samples(
            {
                "drained, one hot auction": hot,
                f"drained, over {len(few):,} auctions": over_few,
                f"drained, over {len(many):,} auctions": over_many,
                "the eventsourcing library": lambda: rate(
                    some, lambda: library.bid(application, bids.bidders, some)
                ),
                "a Celery task per bid": lambda: tasks.run(some),
            }
        )
    application.close()
    bench.compare(one, by_library, "bids/s", at_least(12))
    bench.compare(one, by_task, "bids/s", at_least(4))
    bench.compare(thousand, one, "bids/s", at_least(0.6))
    bench.compare(ten_thousand, one, "bids/s", at_least(0.6))
    bench.curve(_curve([1, *spread], [one, thousand, ten_thousand]))


def _curve(auctions: list[int], found: list[Samples]) -> Curve:
    points = [
        (float(count), samples.median) for count, samples in zip(auctions, found, strict=True)
    ]
    return Curve("Bids a second over many auctions", "drained", "auctions", "bids/s", points)
