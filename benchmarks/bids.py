"""Bids for benchmarks: accepted, handled and projected in this process, as the workers do it."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from commands.domain.commands import CreateAuction, PlaceBid
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.jobs import Submission
from commands.postgres.accepting import accept_all
from commands.postgres.connections import Pool
from commands.streams import Stream
from commands.worklists import MOST
from projections import wiring
from tests.integration.in_process import InProcessPortal

# Written as rows: what counts in a benchmark of bids is how many they are, not how they signed up.
PEOPLE = """
INSERT INTO users (id, username, password, is_staff, version, created_at)
SELECT gen_random_uuid(), left(%(prefix)s || n, 30), '', false, 1, clock_timestamp()
FROM generate_series(1, %(count)s) AS n RETURNING id
"""
ACCEPTED_TOGETHER = 200
# The first bid's amount; what history.py writes is lower.
FIRST = 100


class Bids:
    """Bids of some bidders in some auctions, each higher than the bidder's last one there."""

    def __init__(self, pool: Pool, bidders: int) -> None:
        self.pool = pool
        self.in_process = InProcessPortal(pool)
        with pool.connection() as connection:
            parameters = {"prefix": f"b{new_id().hex[-10:]}-", "count": bidders}
            rows = connection.execute(PEOPLE, parameters).fetchall()
        self.bidders: list[UUID] = [row["id"] for row in rows]
        self._next = FIRST

    def auctions(self, count: int) -> list[Stream]:
        """New auctions that are open for a day."""
        ends_at = self.in_process.now().replace(year=self.in_process.now().year + 1)
        streams = [Stream("auction", new_id()) for _ in range(count)]
        self.accept(
            [
                Submission(
                    stream,
                    CreateAuction(stream.id, "A clock", "", None, ends_at, None),
                    {},
                    "bench",
                )
                for stream in streams
            ]
        )
        assert self.drain(streams) == count
        self.project(streams)
        return streams

    def waiting(self, auctions: Sequence[Stream], count: int) -> None:
        """Accept so many bids, spread over the auctions and the bidders."""
        submissions = []
        for _ in range(count):
            number = self._next
            self._next += 1
            auction = auctions[number % len(auctions)]
            bidder = self.bidders[(number // len(auctions) + number) % len(self.bidders)]
            bid = PlaceBid(auction.id, new_id(), bidder, Decimal(f"{number}.00"))
            submissions.append(Submission(auction, bid, {"n": number}, "bench"))
        self.accept(submissions)

    def accept(self, submissions: Sequence[Submission]) -> None:
        """Accept the commands."""
        with self.pool.connection() as connection:
            for at in range(0, len(submissions), ACCEPTED_TOGETHER):
                accept_all(connection, submissions[at : at + ACCEPTED_TOGETHER])

    def drain(self, streams: Sequence[Stream]) -> int:
        """Handle all that waits; how many jobs that were."""
        done, left = 0, list(streams)
        while left:
            batch, left = left[:MOST], left[MOST:]
            handled = drain_batch(batch, self.pool)
            assert handled.fault is None, handled.fault
            done += len(handled.outcomes)
            left += handled.unfinished if handled.outcomes else []
        return done

    def project(self, streams: Sequence[Stream]) -> None:
        """Bring the streams' documents up to date."""
        left = list(streams)
        while left:
            batch, left = left[:MOST], left[MOST:]
            left += wiring.project_streams(batch)
