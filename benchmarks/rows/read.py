"""Auctions' pages and lists read from one web process: by many the same, and by each another."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from benchmarks.bids import Bids
from benchmarks.harness import Bench, at_least
from benchmarks.load import Request, load
from benchmarks.portal import bare, web
from commands.streams import Stream
from commands.wiring import pool

CONNECTIONS = 32
# Bids a second that come meanwhile.
COMING = 20
TOP = 20
BID = "id amount effectiveAmount doubled placedAt bidder { id username }"
PAGE = f"""query ($id: UUID!) {{ auction(id: $id) {{
  id version title description status startsAt endsAt asOf bidCount bidderCount
  leadingBid {{ {BID} }} winner {{ bidder {{ username }} bid {{ amount }} }}
  bids {{ edges {{ cursor node {{ {BID} }} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"""
LIST = """{ auctions { edges { node { id version title status startsAt endsAt asOf bidCount
  leadingBid { amount effectiveAmount bidder { username } } } }
  pageInfo { hasNextPage endCursor } } }"""
TYPENAME = Request("{ __typename }", {})


def measure(bench: Bench) -> None:
    """Beside `{ __typename }` on the same process, and beside a bare application for what is not shared."""
    bids = Bids(pool(), 200)
    auctions = bids.auctions(bench.size(2_000, 40))
    bids.waiting(auctions, TOP * len(auctions))
    bids.drain(auctions)
    bids.project(auctions)
    pages = [Request(PAGE, {"id": str(auction.id)}) for auction in auctions]
    seconds = bench.size(5, 2)

    def rate(url: str, requests: Sequence[Request]) -> float:
        answered = load(url, requests, CONNECTIONS, seconds)
        assert answered.failed == 0, f"{answered.failed} of {answered.requests} failed"
        return answered.rate

    with web() as running, bare() as other:
        url = running.graphql
        # Both connect to their servers at the first request.
        for each in (url, other.graphql):
            rate(each, pages[:1])
        with _coming(bids, auctions[:1]):
            page, listed, trivial = bench.samples(
                {
                    "an auction's page, read by many": lambda: rate(url, pages[:1]),
                    "a list of 20, read by many": lambda: rate(url, [Request(LIST, {})]),
                    "{ __typename }": lambda: rate(url, [TYPENAME]),
                }
            )
        for measured in (page, listed):
            bench.compare(measured, trivial, "requests/s", at_least(0.7))
        apart, reference = bench.samples(
            {
                "an auction's page, each another": lambda: rate(url, pages),
                "a bare application": lambda: rate(other.graphql, pages),
            }
        )
        bench.compare(apart, reference, "requests/s", at_least(0.3))


@contextmanager
def _coming(bids: Bids, auctions: Sequence[Stream]) -> Iterator[None]:
    """Bids come, are handled and projected, which is announced to web processes."""
    over = Event()

    def come() -> None:
        while not over.is_set():
            started = time.perf_counter()
            bids.waiting(auctions, 1)
            bids.drain(auctions)
            bids.project(auctions)
            over.wait(max(0.0, 1 / COMING - (time.perf_counter() - started)))

    coming = Thread(target=come, daemon=True)
    coming.start()
    try:
        yield
    finally:
        over.set()
        coming.join()
