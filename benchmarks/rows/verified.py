"""Verifying a record of the portal's own making: each event decided again, each row and document compared."""

from collections.abc import Sequence
from datetime import timedelta

from benchmarks.harness import Bench, rate
from benchmarks.record import Record
from commands.postgres.facts import moments_since
from commands.streams import Stream
from commands.wiring import pool
from commands.worklists import MOST
from projections.upkeep.every_stream import count_events, every_stream
from projections.upkeep.verify import verify
from projections.wiring import live_documents, project_streams


def measure(bench: Bench) -> None:
    """In this process alone; `verify_events` has one for each core."""
    Record(
        pool(),
        events=bench.size(100_000, 100),
        auctions=bench.size(200, 12),
        people=bench.size(1000, 10),
        ticks=bench.size(18, 1),
        ends_in=timedelta(seconds=bench.size(60, 2)),
    ).fill(bench.say)
    with pool().connection() as connection:
        events, since = count_events(connection, None), moments_since(connection)
        every = list(every_stream(connection))
        _project(every)

        def verified() -> None:
            for stream in every:
                verdict = verify(connection, stream, live_documents(), moments_since=since)
                assert not verdict.findings, verdict.findings

        found = rate(events, verified)
    bench.report(f"verified by one process, of {events:,}", found, "events/s")


def _project(every: Sequence[Stream]) -> None:
    left = [stream for stream in every if stream.kind in {"auction", "user"}]
    while left:
        batch, left = left[:MOST], left[MOST:]
        left += project_streams(batch)
