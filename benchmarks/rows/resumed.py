"""`auctionEvents` resumed from the beginning of a long auction."""

from benchmarks.bids import Bids
from benchmarks.harness import Bench, at_least, rate
from benchmarks.history import fill
from benchmarks.portal import web
from benchmarks.watching import Watchers
from commands.postgres.event_store import READ_ALL
from commands.wiring import pool

EVENTS = """subscription ($id: UUID!) { event: auctionEvents(id: $id, afterVersion: 0) {
  __typename version recordedAt hash
  ... on BidPlaced { bid { id amount effectiveAmount placedAt bidder { id username } } } } }"""


def measure(bench: Bench) -> None:
    """Read by one subscriber, beside reading the rows with psycopg alone."""
    bids, count = Bids(pool(), 100), bench.size(100_000, 500)
    [auction] = bids.auctions(1)
    fill(bids, auction, count)
    with web() as running:

        def followed() -> float:
            def follow() -> None:
                watcher = Watchers(running.url, EVENTS, [{"id": str(auction.id)}], last=count + 1)
                watcher.ready()
                watcher.seen()

            return rate(count, follow)

        def read() -> float:
            with bids.pool.connection() as connection:
                return rate(count, connection.execute(READ_ALL, (auction.id,)).fetchall)

        ours, alone = bench.samples({"auctionEvents from 0": followed, "the rows": read})
    bench.compare(ours, alone, "events/s", at_least(0.2))
