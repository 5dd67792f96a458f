"""Which streams' documents are behind, found by reading the events in their global order.

Wake-ups may be lost; this finds what they missed. Reading only below the oldest running transaction
(see migration 0002 of `commands`) means that no event is ever skipped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from commands.postgres.connections import Pool, SyncConnection
from commands.streams import Stream, StreamKind
from projections.ports import Documents

PAGE = 10_000
START = """
INSERT INTO projection_checkpoints (name, transaction_id, position) VALUES ('sweep', 0, 0)
ON CONFLICT DO NOTHING
"""
LOCK_CHECKPOINT = """
SELECT transaction_id, position FROM projection_checkpoints
WHERE name = 'sweep' FOR UPDATE SKIP LOCKED
"""
NEWS = """
SELECT transaction_id::text::numeric AS transaction_id, position, stream_kind, stream_id, version
FROM events
WHERE (transaction_id, position) > (%s::text::xid8, %s) AND stream_kind IN ('auction', 'user')
  AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY events.transaction_id, position LIMIT %s
"""
ADVANCE = """
UPDATE projection_checkpoints SET transaction_id = %s, position = %s WHERE name = 'sweep'
"""
KNOWN = "SELECT stream_kind, stream_id, version FROM projection_lagging"
ADD = """
INSERT INTO projection_lagging (stream_id, stream_kind, version, since)
VALUES (%s, %s, %s, clock_timestamp())
ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version
"""
DROP = "DELETE FROM projection_lagging WHERE stream_id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Lag:
    """A stream and the version its documents should have reached."""

    stream: Stream
    version: int


def sweep(pool: Pool, documents: Documents) -> list[Stream]:
    """The streams whose documents are behind; none while another process sweeps."""
    behind: list[Stream] = []
    while (page := _sweep_page(pool, documents)) is not None:
        behind, full = page
        if not full:
            break
    return behind


def _sweep_page(pool: Pool, documents: Documents) -> tuple[list[Stream], bool] | None:
    with pool.connection() as connection, connection.transaction():
        connection.execute(START)
        checkpoint = connection.execute(LOCK_CHECKPOINT).fetchone()
        if checkpoint is None:
            return None
        place = (str(checkpoint["transaction_id"]), checkpoint["position"], PAGE)
        news = connection.execute(NEWS, place).fetchall()
        wanted = _newest([*connection.execute(KNOWN).fetchall(), *news])
        behind = lagging(wanted.values(), documents)
        late = {lag.stream.id for lag in behind}
        connection.execute(DROP, ([stream_id for stream_id in wanted if stream_id not in late],))
        for lag in behind:
            connection.execute(ADD, (lag.stream.id, lag.stream.kind, lag.version))
        if news:
            connection.execute(ADVANCE, (news[-1]["transaction_id"], news[-1]["position"]))
    return [lag.stream for lag in behind], len(news) == PAGE


def _newest(rows: Iterable[Mapping[str, object]]) -> dict[UUID, Lag]:
    newest: dict[UUID, Lag] = {}
    for row in rows:
        kind: StreamKind = "auction" if row["stream_kind"] == "auction" else "user"
        stream_id, version = row["stream_id"], row["version"]
        assert isinstance(stream_id, UUID)
        assert isinstance(version, int)
        known = newest.get(stream_id)
        if known is None or known.version < version:
            newest[stream_id] = Lag(Stream(kind, stream_id), version)
    return newest


def lagging(wanted: Iterable[Lag], documents: Documents) -> list[Lag]:
    """The streams whose documents are below the wanted version."""
    by_kind: dict[StreamKind, list[Lag]] = {"auction": [], "user": []}
    for lag in wanted:
        by_kind[lag.stream.kind].append(lag)
    behind = []
    for kind, lags in by_kind.items():
        versions = documents.versions(kind, [lag.stream.id for lag in lags]) if lags else {}
        behind += [lag for lag in lags if versions.get(lag.stream.id, 0) < lag.version]
    return behind


def streams_of_state(connection: SyncConnection, kind: StreamKind) -> list[Lag]:
    """Every stream of the kind with the version of its state row."""
    table = {"auction": "auctions", "user": "users"}[kind]
    rows = connection.execute(f"SELECT id, version FROM {table}")
    return [Lag(Stream(kind, row["id"]), row["version"]) for row in rows]
