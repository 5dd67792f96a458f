"""What plain.py measures in each of its releases: the processor time of plain bids, for as long as it is asked.

It uses only what both have. A question is a line with a number of auctions and one of bids; the answer has the
seconds of handling, of projecting, of Postgres and of MongoDB.
"""

import json
import sys
import time

import psutil

from benchmarks.bids import Bids
from benchmarks.harness import Bench
from commands.streams import Stream
from commands.wiring import pool

BIDDERS = 200


def measure(bench: Bench) -> None:
    """Answer until nothing more is asked."""
    bids = Bids(pool(), BIDDERS)
    places: dict[int, list[Stream]] = {}
    bench.say("asked for bids")
    for line in sys.stdin:
        auctions, count = map(int, line.split())
        if auctions not in places:
            places[auctions] = bids.auctions(auctions)
        bids.waiting(places[auctions], count)
        servers = [_of("postgres"), _of("mongod")]
        began = time.process_time()
        bids.drain(places[auctions])
        handled = time.process_time()
        bids.project(places[auctions])
        own = [handled - began, time.process_time() - handled]
        theirs = [_of("postgres") - servers[0], _of("mongod") - servers[1]]
        print(json.dumps(own + theirs), flush=True)


def _of(server: str) -> float:
    """The processor time of all of its processes so far, in seconds."""
    used = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if server in process.name():
                times = process.cpu_times()
                used += times.user + times.system
        except psutil.Error:  # It has ended.
            continue
    return used
