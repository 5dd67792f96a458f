"""Bids accepted by one web process: durable, with token and session checked for each."""

from benchmarks.bids import Bids
from benchmarks.harness import Bench, at_least
from benchmarks.load import Request, load
from benchmarks.portal import tokens, web
from benchmarks.whole import bid_requests
from commands.wiring import pool

CONNECTIONS = 32
TYPENAME = Request("{ __typename }", {})


def measure(bench: Bench) -> None:
    """`placeBid` beside `{ __typename }`, on the same process."""
    bids = Bids(pool(), 200)
    signed_in = tokens(pool(), bids.bidders)
    seconds = bench.size(6, 1)
    with web() as running:

        def placed() -> float:
            requests = bid_requests(signed_in, bids.auctions(1), bench.size(30_000, 500))
            answered = load(running.graphql, requests, CONNECTIONS, seconds)
            assert answered.failed == 0, f"{answered.failed} of {answered.requests} failed"
            return answered.rate

        def trivial() -> float:
            return load(running.graphql, [TYPENAME], CONNECTIONS, seconds).rate

        accepted, reference = bench.samples({"placeBid": placed, "{ __typename }": trivial})
        bench.compare(accepted, reference, "requests/s", at_least(0.6))
