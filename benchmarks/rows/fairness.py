"""A bid in a quiet auction, a winner and a sign-up, while auctions that never fall quiet take all that the workers have."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from time import perf_counter, sleep

from benchmarks.bids import Bids
from benchmarks.harness import Bench, Samples
from benchmarks.portal import up
from commands.domain.commands import CreateAuction, CreateUser, PlaceBid
from commands.ids import new_id
from commands.inbox.submitting import WAITING, submit
from commands.jobs import Submission
from commands.postgres.auctions import read_auction
from commands.queues import BIDS
from commands.streams import Stream
from commands.wiring import pool
from commands.worklists import SLOTS
from tests.waiting import wait_until

BACKLOG = 2000
LONGEST = "under 2 s each, always: the longest of them"


def measure(bench: Bench) -> None:
    """Each on the idle portal, then with as many hot auctions as a worklist has tasks; the longest of all."""
    bids = Bids(pool(), 200)
    times = bench.size(10, 1)
    kinds = {
        "a bid in a quiet auction settled": _quiet_bid,
        "a winner announced after the end": _winner,
        "a sign-up settled": _sign_up,
    }
    with up():
        [quiet] = bids.auctions(1)
        idle = {name: _longest(bids, quiet, kind, times) for name, kind in kinds.items()}
        with _hot(bids):
            busy = {name: _longest(bids, quiet, kind, times) for name, kind in kinds.items()}
    for name in kinds:
        bench.compare(
            Samples(f"{name}, {SLOTS} hot auctions", busy[name]),
            Samples("on an idle portal", idle[name]),
            "s",
            note=LONGEST,
        )


Kind = Callable[[Bids, Stream], float]


def _longest(bids: Bids, quiet: Stream, kind: Kind, times: int) -> list[float]:
    return [max(kind(bids, quiet) for _ in range(times))]


@contextmanager
def _hot(bids: Bids) -> Iterator[None]:
    """Auctions that always have more bids waiting than a worker takes at once."""
    auctions, stop = bids.auctions(SLOTS), threading.Event()
    ids = [auction.id for auction in auctions]

    def flood() -> None:
        waiting = "SELECT count(*) AS n FROM jobs WHERE status = 'QUEUED' AND stream_id = ANY(%s)"
        while not stop.is_set():
            bids.waiting(auctions, 200)
            WAITING[BIDS].add(auctions)
            with bids.pool.connection() as connection:
                row = connection.execute(waiting, (ids,)).fetchone()
            if row and row["n"] > BACKLOG:
                sleep(0.02)

    thread = threading.Thread(target=flood)
    thread.start()
    sleep(2)
    yield
    stop.set()
    thread.join()


def _settled(bids: Bids, submission: Submission) -> float:
    started = perf_counter()
    job = submit(bids.pool, submission)
    wait_until(lambda: bids.in_process.job(job.id).settled, 120, submission.scope)
    return perf_counter() - started


def _quiet_bid(bids: Bids, quiet: Stream) -> float:
    bid = PlaceBid(quiet.id, new_id(), bids.bidders[0], Decimal("1.00"))
    return _settled(bids, Submission(quiet, bid, {}, "bench"))


def _sign_up(bids: Bids, quiet: Stream) -> float:
    user_id = new_id()
    command = CreateUser(user_id, f"u{user_id.hex[-20:]}", None, "!", False)
    return _settled(bids, Submission(Stream("user", user_id), command, {}, "bench"))


def _winner(bids: Bids, quiet: Stream) -> float:
    auction = Stream("auction", new_id())
    ends_at = bids.in_process.now() + timedelta(seconds=2)
    command = CreateAuction(auction.id, "A clock", "", None, ends_at, None)
    _settled(bids, Submission(auction, command, {}, "bench"))

    def closed() -> bool:
        with bids.pool.connection() as connection:
            state = read_auction(connection, auction.id)
        return bool(state and state.closed)

    wait_until(closed, 120, "the auction's end")
    return (bids.in_process.now() - ends_at).total_seconds()
