"""Many auctions at once, for tests of what goes on in batches."""

from datetime import timedelta
from decimal import Decimal

from commands.domain.commands import CreateAuction, PlaceBid
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.jobs import Submission
from commands.postgres.accepting import accept_all
from commands.streams import Stream
from tests.integration.in_process import InProcessPortal


def opened(in_process: InProcessPortal, count: int) -> list[Stream]:
    """New auctions, handled together, each with a bid of Alice and one of Bob."""
    ends_at = in_process.now() + timedelta(hours=1)
    alice, bob = in_process.user(), in_process.user()
    streams = [Stream("auction", new_id()) for _ in range(count)]
    commands = [
        (stream, command)
        for stream in streams
        for command in (
            CreateAuction(stream.id, "A clock", "", None, ends_at, None),
            PlaceBid(stream.id, new_id(), alice, Decimal("1.00")),
            PlaceBid(stream.id, new_id(), bob, Decimal("2.00")),
        )
    ]
    with in_process.pool.connection() as connection:
        accept_all(
            connection, [Submission(*each, {"id": str(new_id())}, "test") for each in commands]
        )
    drain(in_process, streams)
    return streams


def drain(in_process: InProcessPortal, streams: list[Stream]) -> None:
    """Settle all that waits in the streams."""
    while (handled := drain_batch(streams, in_process.pool)).outcomes:
        assert handled.fault is None
