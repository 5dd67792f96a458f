"""A record of many events as the portal's own rules make it, so that verifying it finds nothing.

python -m benchmarks.record DIR [EVENTS]: make a portal's data folder with it, for `manage.py up --data DIR`.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count, islice
from pathlib import Path

from commands.domain.commands import Command, CreateAuction, CreateUser, DeleteBid, PlaceBid
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.inbox.closing import announce_winners
from commands.jobs import Submission
from commands.postgres.accepting import accept_all
from commands.postgres.connections import Pool
from commands.promoter.rounds import reveal_secrets, run_promoter
from commands.streams import Stream
from commands.worklists import MOST
from portal.laptop.cluster import cluster
from tests.integration.in_process import InProcessPortal

ROOT = Path(__file__).resolve().parent.parent
# Of a hundred auctions so many have that many times as many bids as most; the first has a fifth of all.
SIZES = ((1, 25), (9, 7), (90, 1))
LONGEST = 0.2
# The last third of them ends while the record is made.
ENDED = 1 / 3
# One bid in so many is deleted.
DELETED = 50
TOGETHER = 200


class Record:
    """Fills an empty portal with about so many events."""

    def __init__(
        self, pool: Pool, *, events: int, auctions: int, people: int, ticks: int, ends_in: timedelta
    ) -> None:
        self._pool, self._in_process = pool, InProcessPortal(pool)
        self._events, self._auctions = events, auctions
        self._ticks, self._ends_in = ticks, ends_in
        self._people = [new_id() for _ in range(people)]
        self._amounts = count(1)

    def fill(self, say: Callable[[str], None]) -> None:
        """People, auctions, bids, deletions, ticks with their draws, and the end of some auctions."""
        self._settle(
            _submission(Stream("user", id), CreateUser(id, f"bidder{number}", None, "!", False))
            for number, id in enumerate(self._people)
        )
        sizes = self._sizes()
        going_on = sizes[: round(len(sizes) * (1 - ENDED))]
        ended = self._open(sizes[len(going_on) :], self._ends_in)
        self._bid(ended, 2, say)
        self._bid(self._open(going_on, timedelta(days=30)), self._ticks, say)
        self._in_process.over(next(iter(ended)))
        for jobs in announce_winners(self._pool):
            self._drain(job.stream for job in jobs)

    def _sizes(self) -> list[int]:
        """How many bids each auction is to have; there are fewer bids than events."""
        weights = [weight for many, weight in SIZES for _ in range(many * self._auctions // 100)]
        bids = self._events * 9 // 10
        others = int(bids * (1 - LONGEST)) / sum(weights[1:])
        return [int(bids * LONGEST), *(round(others * weight) for weight in weights[1:])]

    def _open(self, sizes: Iterable[int], ends_in: timedelta) -> dict[Stream, int]:
        ends_at = self._in_process.now() + ends_in
        auctions = {Stream("auction", new_id()): size for size in sizes}
        self._settle(
            _submission(each, CreateAuction(each.id, "A clock", "", None, ends_at, None))
            for each in auctions
        )
        return auctions

    def _bid(self, auctions: dict[Stream, int], ticks: int, say: Callable[[str], None]) -> None:
        """Place the auctions' bids, with a tick after each part of them."""
        for tick in range(ticks):
            self._settle(
                submission
                for auction, size in auctions.items()
                for _ in range(size * (tick + 1) // ticks - size * tick // ticks)
                for submission in self._one_bid(auction)
            )
            _, draws = run_promoter(self._pool, timedelta(0))
            self._drain(job.stream for job in draws)
            reveal_secrets(self._pool)
            say(f"tick {tick + 1} of {ticks} in {len(auctions)} auctions")

    def _one_bid(self, auction: Stream) -> Iterator[Submission]:
        number = next(self._amounts)
        bidder = self._people[number % len(self._people)]
        bid = PlaceBid(auction.id, new_id(), bidder, Decimal(number))
        yield _submission(auction, bid)
        if number % DELETED == 0:
            yield _submission(auction, DeleteBid(auction.id, bid.bid_id, bidder))

    def _settle(self, submissions: Iterator[Submission]) -> None:
        streams = dict[Stream, None]()
        with self._pool.connection() as connection:
            while batch := list(islice(submissions, TOGETHER)):
                accept_all(connection, batch)
                streams.update((each.stream, None) for each in batch)
        self._drain(streams)

    def _drain(self, streams: Iterable[Stream]) -> None:
        left = list(streams)
        while left:
            batch, left = left[:MOST], left[MOST:]
            handled = drain_batch(batch, self._pool)
            assert handled.fault is None, handled.fault
            left += handled.unfinished
            for stream in handled.alone:
                self._drain([stream])


def _submission(stream: Stream, command: Command) -> Submission:
    return Submission(stream, command, {}, "bench")


def main(data: Path, events: int) -> None:
    """Make the folder, with servers that are stopped at the end."""
    with cluster(data, durable=False) as servers:
        os.environ.update({"DJANGO_SETTINGS_MODULE": "portal.settings", "PORTAL_ENV": "local",
                           "PORTAL_DATA": str(data), "LOG_LEVEL": "WARNING", **servers.urls})  # fmt: skip
        manage = [sys.executable, str(ROOT / "manage.py")]
        subprocess.run([*manage, "migrate", "--verbosity", "0"], check=True, cwd=ROOT)
        import django

        django.setup()
        from commands.wiring import pool

        Record(
            pool(),
            events=events,
            auctions=2000,
            people=1000,
            ticks=18,
            ends_in=timedelta(minutes=10),
        ).fill(print)
        pool().close()
        subprocess.run([*manage, "rebuild_projections"], check=True, cwd=ROOT)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
