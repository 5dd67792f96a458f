"""Bids through the whole portal, from the request to the document."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bids import FIRST
from benchmarks.load import Answered, Request, load
from benchmarks.portal import Running, processor_time
from commands.postgres.connections import Pool
from commands.streams import Stream
from projections.wiring import live_documents
from tests.waiting import wait_until

PLACE_BID = "mutation ($input: PlaceBidInput!) { placeBid(input: $input) { id } }"
# The longest that what was accepted may take to be settled and projected, in seconds.
PATIENCE = 300
OUTCOMES = """
SELECT count(*) FILTER (WHERE status = 'QUEUED') AS queued,
       count(*) FILTER (WHERE status = 'SUCCEEDED') AS succeeded, count(*) AS accepted
FROM jobs WHERE command = 'PlaceBid' AND stream_id = ANY(%s)
"""
VERSIONS = "SELECT id, version FROM auctions WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a load of bids: how many were accepted, and when all were settled and projected."""

    answered: Answered
    accepted: int
    succeeded: int
    seconds: float
    processor_time: dict[str, float]

    @property
    def rate(self) -> float:
        """Bids settled and projected a second, from the first request until the last is shown."""
        return self.accepted / self.seconds


def bid_requests(tokens: Sequence[str], auctions: Sequence[Stream], count: int) -> list[Request]:
    """So many bids, spread over auctions and bidders, each higher than the ones before."""
    return [
        Request(
            PLACE_BID,
            {
                "input": {
                    "auctionId": str(auctions[number % len(auctions)].id),
                    "amount": f"{FIRST + number + 1}.00",
                }
            },
            tokens[(number // len(auctions) + number) % len(tokens)],
        )
        for number in range(count)
    ]


def bid(
    running: Running,
    pool: Pool,
    requests: Sequence[Request],
    auctions: Sequence[Stream],
    connections: int,
    seconds: float,
) -> Settled:
    """Post the bids as fast as they are accepted, then wait until all are settled and projected."""
    before, started = processor_time(running), time.perf_counter()
    answered = load(running.graphql, requests, connections, seconds)
    ids = [auction.id for auction in auctions]
    with pool.connection() as connection:

        def outcomes() -> dict[str, int] | None:
            found = connection.execute(OUTCOMES, (ids,)).fetchone()
            assert found
            return None if found["queued"] else dict(found)

        def shown() -> bool:
            rows = connection.execute(VERSIONS, (ids,)).fetchall()
            wanted = {row["id"]: row["version"] for row in rows}
            return live_documents().versions("auction", ids) == wanted

        settled = wait_until(outcomes, PATIENCE, "bids to be settled")
        wait_until(shown, PATIENCE, "documents")
    took = time.perf_counter() - started
    used = {name: spent - before.get(name, 0.0) for name, spent in processor_time(running).items()}
    return Settled(answered, settled["accepted"], settled["succeeded"], took, used)
