"""Events appended in batches and durable: our log in Postgres beside a server made for events alone."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from uuid import uuid4

import umadb

from benchmarks.harness import Bench, rate
from commands.domain.events import BidPlaced
from commands.ids import new_id
from commands.postgres.connections import clock
from commands.postgres.event_store import PostgresEventStore
from commands.record.codec import canonical, encode
from commands.streams import NewEvent, Stream
from commands.wiring import pool
from tests.waiting import wait_until

BATCHES = (1, 100)


def measure(bench: Bench) -> None:
    """The same events in the same batches, each batch durable before the next; reported, without a bound."""
    with _umadb() as client:
        for batch in BATCHES:
            count = bench.size(batch * 100 + 200, batch * 2)
            ours, theirs = bench.samples(
                {
                    f"appended to Postgres, {batch} at a time": partial(_ours, count, batch),
                    "umadb": partial(_theirs, client, count, batch),
                }
            )
            bench.compare(ours, theirs, "events/s")


def _bids(count: int) -> list[BidPlaced]:
    bidder = uuid4()
    now = datetime.now(UTC)
    return [BidPlaced(new_id(), bidder, Decimal(number + 1), now) for number in range(count)]


def _ours(count: int, batch: int) -> float:
    stream, bids = Stream("auction", new_id()), _bids(count)

    def append() -> None:
        with pool().connection() as connection:
            for at in range(0, count, batch):
                with connection.transaction():
                    new = [NewEvent(bid, new_id(), new_id()) for bid in bids[at : at + batch]]
                    PostgresEventStore(connection).append(stream, at, new, clock(connection))

    return rate(count, append)


def _theirs(client: umadb.Client, count: int, batch: int) -> float:
    """Conditioned on nothing else having come to the stream, as ours is by its version."""
    tag, bids = f"auction:{uuid4()}", _bids(count)
    mine = umadb.Query(items=[umadb.QueryItem(types=[], tags=[tag])])

    def append() -> None:
        after = client.head()
        for at in range(0, count, batch):
            events = _events(tag, bids[at : at + batch])
            after = client.append(events, umadb.AppendCondition(mine, after))

    return rate(count, append)


def _events(tag: str, bids: Sequence[BidPlaced]) -> list[umadb.Event]:
    return [
        umadb.Event(event_type="BidPlaced", data=canonical(encode(bid)), tags=[tag], uuid=uuid4())
        for bid in bids
    ]


@contextmanager
def _umadb() -> Iterator[umadb.Client]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as folder:
        start = "import umadb.umadb_server_cli as cli; cli.main()"
        command = [sys.executable, "-c", start, "--listen", f"127.0.0.1:{port}"]
        process = subprocess.Popen(
            [*command, "--db-path", f"{folder}/uma.db"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def connected() -> umadb.Client | None:
            assert process.poll() is None, "umadb ended"
            try:
                client = umadb.Client(f"http://127.0.0.1:{port}")
                client.head()
            except Exception:
                return None
            return client

        try:
            yield wait_until(connected, 30, "umadb")
        finally:
            process.terminate()
            process.wait(timeout=30)
