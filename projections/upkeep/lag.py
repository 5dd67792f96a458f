"""Which streams a reader is behind with, found by reading the events in their global order.

Readers are the projections of documents and the notifier. Wake-ups may be lost; this finds what they
missed. Reading only below the oldest running transaction (see migration 0002 of `commands`) means that
no event is ever skipped. What is found stays in a table until its reader has caught up.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from psycopg.rows import DictRow

from commands.postgres.connections import Pool, SyncConnection
from commands.streams import Stream, StreamKind
from projections.ports import WITH_DOCUMENTS, Documents
from projections.upkeep.stuck import Reader

PAGE = 10_000
# A sweep begins no page after so many seconds; the next one goes on from there.
SECONDS = 5.0
FIRST = UUID(int=0)
START = """
INSERT INTO projection_checkpoints (name, transaction_id, position) VALUES (%s, 0, 0)
ON CONFLICT DO NOTHING
"""
LOCK_CHECKPOINT = """
SELECT transaction_id, position FROM projection_checkpoints WHERE name = %s FOR UPDATE SKIP LOCKED
"""
NEWS = """
SELECT transaction_id::text::numeric AS transaction_id, position, stream_kind, stream_id, version
FROM events
WHERE (transaction_id, position) > (%s::text::xid8, %s)
  AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY events.transaction_id, position LIMIT %s
"""
ADVANCE = """
UPDATE projection_checkpoints SET transaction_id = %s, position = %s WHERE name = %s
"""
KNOWN = """
SELECT stream_kind, stream_id, version FROM projection_lagging
WHERE reader = %s AND stream_id > %s ORDER BY stream_id LIMIT %s
"""
ADD = """
INSERT INTO projection_lagging (reader, stream_id, stream_kind, version, since)
SELECT %s, id, kind, version, clock_timestamp()
FROM unnest(%s::uuid[], %s::text[], %s::int[]) AS _ (id, kind, version)
ON CONFLICT (reader, stream_id) DO UPDATE SET version = excluded.version
"""
DROP = "DELETE FROM projection_lagging WHERE reader = %s AND stream_id = ANY(%s)"

# The versions that a reader has reached in streams of a kind, without those it has not begun.
Versions = Callable[[StreamKind, Collection[UUID]], Mapping[UUID, int]]


@dataclass(frozen=True, slots=True)
class Lag:
    """A stream and the version its reader should have reached."""

    stream: Stream
    version: int


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Finds what a reader of such streams is behind with; its checkpoint has that name."""

    reader: Reader
    checkpoint: str
    kinds: Collection[StreamKind]

    def sweep(self, pool: Pool, versions: Versions) -> list[Stream]:
        """The streams that it is behind with; none while another process sweeps."""
        until = time.monotonic() + SECONDS
        behind: dict[Stream, None] = {}
        known, after = True, FIRST
        while time.monotonic() < until:
            with pool.connection() as connection, connection.transaction():
                connection.execute(START, (self.checkpoint,))
                place = connection.execute(LOCK_CHECKPOINT, (self.checkpoint,)).fetchone()
                if place is None:
                    return list(behind)
                rows = (
                    connection.execute(KNOWN, (self.reader, after, PAGE)).fetchall()
                    if known
                    else self._news(connection, place)
                )
                late = self._kept(connection, rows, versions)
            behind |= dict.fromkeys(lag.stream for lag in late)
            if len(rows) < PAGE:
                if not known:
                    break
                known = False
            elif known:
                after = rows[-1]["stream_id"]
        return list(behind)

    def _news(self, connection: SyncConnection, place: DictRow) -> list[DictRow]:
        """The next page of events; the checkpoint moves behind it."""
        values = (str(place["transaction_id"]), place["position"], PAGE)
        news = connection.execute(NEWS, values).fetchall()
        if news:
            last = news[-1]
            connection.execute(ADVANCE, (last["transaction_id"], last["position"], self.checkpoint))
        return news

    def _kept(
        self, connection: SyncConnection, rows: Iterable[DictRow], versions: Versions
    ) -> list[Lag]:
        """Those of the streams that are behind; the table has them from now on, and the others no more."""
        wanted = _newest(row for row in rows if row["stream_kind"] in self.kinds)
        behind = lagging(wanted.values(), versions)
        late = {lag.stream.id for lag in behind}
        connection.execute(DROP, (self.reader, [id for id in wanted if id not in late]))
        if behind:
            ids = [lag.stream.id for lag in behind]
            kinds, reached = [lag.stream.kind for lag in behind], [lag.version for lag in behind]
            connection.execute(ADD, (self.reader, ids, kinds, reached))
        return behind


PROJECTIONS = Sweeper("projections", "sweep", WITH_DOCUMENTS)


def sweep(pool: Pool, documents: Documents) -> list[Stream]:
    """The streams whose documents are behind; none while another process sweeps."""
    return PROJECTIONS.sweep(pool, documents.versions)


def _newest(rows: Iterable[DictRow]) -> dict[UUID, Lag]:
    newest: dict[UUID, Lag] = {}
    for row in rows:
        known = newest.get(row["stream_id"])
        if known is None or known.version < row["version"]:
            stream = Stream(row["stream_kind"], row["stream_id"])
            newest[stream.id] = Lag(stream, row["version"])
    return newest


def reached(wanted: Iterable[Lag], versions: Versions) -> Iterator[tuple[Lag, int]]:
    """Each with the version that its reader has reached, 0 if none; asked for page by page."""
    by_kind: dict[StreamKind, list[Lag]] = {}
    for lag in wanted:
        by_kind.setdefault(lag.stream.kind, []).append(lag)
    for kind, lags in by_kind.items():
        left = iter(lags)
        while page := list(islice(left, PAGE)):
            found = versions(kind, [lag.stream.id for lag in page])
            yield from ((lag, found.get(lag.stream.id, 0)) for lag in page)


def lagging(wanted: Iterable[Lag], versions: Versions) -> list[Lag]:
    """The streams in which the reader is below the wanted version."""
    return [lag for lag, version in reached(wanted, versions) if version < lag.version]


def streams_of_state(connection: SyncConnection, kind: StreamKind) -> list[Lag]:
    """Every stream of the kind with the version of its state row."""
    table = {"auction": "auctions", "user": "users"}[kind]
    rows = connection.execute(f"SELECT id, version FROM {table}")
    return [Lag(Stream(kind, row["id"]), row["version"]) for row in rows]
