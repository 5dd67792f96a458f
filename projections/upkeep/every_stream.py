"""Every stream there is, and documents that have none, some at a time, however many there are."""

from collections.abc import Collection, Iterator
from typing import cast
from uuid import UUID

from commands.postgres.connections import SyncConnection
from commands.streams import Stream, StreamKind
from projections.ports import WITH_DOCUMENTS, Documents
from projections.upkeep.findings import Finding

AT_ONCE = 1000
FIRST = UUID(int=0)

# From stream to stream by the index, without the events between; one without events has a state row.
NEXT = """
WITH RECURSIVE logged AS (
    (SELECT stream_kind, stream_id FROM events WHERE stream_id > %(after)s
     ORDER BY stream_id, version LIMIT 1)
    UNION ALL
    SELECT next.* FROM logged CROSS JOIN LATERAL (
        SELECT stream_kind, stream_id FROM events WHERE stream_id > logged.stream_id
        ORDER BY stream_id, version LIMIT 1
    ) AS next
)
SELECT stream_kind, stream_id FROM (
    (SELECT stream_kind, stream_id FROM logged LIMIT %(limit)s)
    UNION
    (SELECT 'auction', id FROM auctions WHERE id > %(after)s ORDER BY id LIMIT %(limit)s)
    UNION
    (SELECT 'user', id FROM users WHERE id > %(after)s ORDER BY id LIMIT %(limit)s)
    UNION
    (SELECT 'tick', stream_id FROM promoter_ticks WHERE stream_id > %(after)s
     ORDER BY stream_id LIMIT %(limit)s)
) AS every ORDER BY stream_id LIMIT %(limit)s
"""
KINDS = """
SELECT DISTINCT ON (stream_id) stream_kind, stream_id FROM (
    SELECT stream_kind, stream_id FROM events WHERE stream_id = ANY(%(ids)s)
    UNION SELECT 'auction', id FROM auctions WHERE id = ANY(%(ids)s)
    UNION SELECT 'user', id FROM users WHERE id = ANY(%(ids)s)
    UNION SELECT 'tick', stream_id FROM promoter_ticks WHERE stream_id = ANY(%(ids)s)
) AS named ORDER BY stream_id
"""
KNOWN = """
SELECT id FROM unnest(%s::uuid[]) AS _ (id)
WHERE EXISTS (SELECT FROM events WHERE stream_id = id)
   OR EXISTS (SELECT FROM auctions WHERE auctions.id = _.id)
   OR EXISTS (SELECT FROM users WHERE users.id = _.id)
"""
EVENTS = "SELECT count(*) AS events FROM events WHERE %(ids)s::uuid[] IS NULL OR stream_id = ANY(%(ids)s)"


def every_stream(connection: SyncConnection) -> Iterator[Stream]:
    """Every stream that has events or a state row, in the order of their ids."""
    after: UUID | None = FIRST
    while after is not None:
        rows = connection.execute(NEXT, {"after": after, "limit": AT_ONCE}).fetchall()
        for row in rows:
            yield Stream(cast(StreamKind, row["stream_kind"]), row["stream_id"])
        after = rows[-1]["stream_id"] if len(rows) == AT_ONCE else None


def streams_named(connection: SyncConnection, ids: Collection[UUID]) -> list[Stream]:
    """Those of the streams that have events or a state row, in the order of their ids."""
    rows = connection.execute(KINDS, {"ids": list(ids)})
    return [Stream(cast(StreamKind, row["stream_kind"]), row["stream_id"]) for row in rows]


def count_events(connection: SyncConnection, ids: Collection[UUID] | None) -> int:
    """How many events those streams have, or all."""
    row = connection.execute(EVENTS, {"ids": None if ids is None else list(ids)}).fetchone()
    return int(row["events"]) if row else 0


def begins_with(connection: SyncConnection) -> str:
    """The hash of the very first event, by which a portal's log is known; empty before there is one."""
    row = connection.execute("SELECT hash FROM events ORDER BY position LIMIT 1").fetchone()
    return bytes(row["hash"]).hex() if row else ""


def orphans(connection: SyncConnection, documents: Documents) -> Iterator[Finding]:
    """Findings for documents without a stream."""
    what = "there are documents, but no events and no state row"
    for kind in sorted(WITH_DOCUMENTS):
        # Read before the streams are: a new one's events come before its documents.
        for ids in documents.ids(kind, AT_ONCE):
            known = {row["id"] for row in connection.execute(KNOWN, (ids,))}
            yield from (Finding(Stream(kind, id), what) for id in ids if id not in known)
