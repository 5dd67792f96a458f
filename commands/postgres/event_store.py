"""The event log in Postgres: table `events`, unique (stream_id, version), changes refused by trigger."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from commands.postgres.connections import SyncConnection
from commands.postgres.errors import ImportUnfinished
from commands.postgres.rows import as_json
from commands.record.chain import GENESIS, chain_hash, hashed_content
from commands.record.codec import Json, decode_event, encode, event_name
from commands.record.upcasters import CURRENT_SCHEMA
from commands.streams import Conflict, NewEvent, RecordedEvent, Stream, StreamKind, UnreadableEvent

# In the order of streams and versions, so that two batches never wait for each other in a circle. The
# transaction has its id before any event has its position: see commands/postgres/tree.py.
APPEND = """
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data,
                    causation_id, correlation_id, accepted_at, recorded_at, hash, transaction_id)
SELECT stream_kind, stream_id, version, type, schema_version, data, causation_id, correlation_id,
       accepted_at, %(recorded_at)s, hash, writing.id
FROM pg_current_xact_id() AS writing (id)
CROSS JOIN json_populate_recordset(NULL::events, %(events)s)
WHERE NOT EXISTS (SELECT FROM imports WHERE finished_at IS NULL)
ORDER BY stream_id, version
"""
COLUMNS = """stream_kind, stream_id, version, type, schema_version, data, causation_id, correlation_id,
accepted_at, recorded_at, hash"""
READ = f"""
SELECT {COLUMNS} FROM events WHERE stream_id = %s AND version > %s ORDER BY version LIMIT %s
"""
# By the lowest and the highest id Postgres finds the parts that it need not look into before it plans for them.
READ_SEVERAL = f"""
SELECT news.* FROM unnest(%(ids)s::uuid[], %(after)s::int[]) AS stream (id, after)
CROSS JOIN LATERAL (
    SELECT {COLUMNS} FROM events WHERE stream_id = stream.id AND version > after
    AND stream_id BETWEEN %(lowest)s AND %(highest)s ORDER BY version LIMIT %(limit)s
) AS news
"""
READ_ALL = f"SELECT {COLUMNS} FROM events WHERE stream_id = %s ORDER BY version"
# What follows from a tick has higher positions: it was written after the tick was committed.
LAST_DRAW = """
WITH made AS MATERIALIZED (SELECT position FROM events WHERE stream_id = %s AND version = 2)
SELECT greatest(
    (SELECT max(recorded_at) FROM events
     WHERE type = 'BidDoubled' AND position > (SELECT position FROM made)),
    (SELECT max(recorded_at) FROM events
     WHERE type = 'NothingDrawn' AND position > (SELECT position FROM made))
) AS last
"""
EVENT_AT = """
SELECT position, stream_kind, hash FROM events WHERE stream_id = %s AND version = %s
"""
LAST_VERSION = "SELECT version FROM events WHERE stream_id = %s ORDER BY version DESC LIMIT 1"
# Planned once, where that for several streams is planned each time.
LAST_HASH = """
SELECT stream_id, version, hash FROM events WHERE stream_id = %s ORDER BY version DESC LIMIT 1
"""
LAST_HASHES = """
SELECT stream.id AS stream_id, last.version, last.hash
FROM unnest(%(ids)s::uuid[]) AS stream (id) CROSS JOIN LATERAL (
    SELECT version, hash FROM events WHERE stream_id = stream.id
    AND stream_id BETWEEN %(lowest)s AND %(highest)s ORDER BY version DESC LIMIT 1
) AS last
"""


@dataclass(frozen=True, slots=True)
class Addition:
    """Events to append to a stream that stands at that version."""

    stream: Stream
    expected_version: int
    events: Sequence[NewEvent]


class PostgresEventStore:
    """The EventStore port over one connection; what it appends commits with that connection's transaction."""

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    def append(
        self,
        stream: Stream,
        expected_version: int,
        events: Sequence[NewEvent],
        recorded_at: datetime,
    ) -> list[RecordedEvent]:
        """Add events after expected_version; Conflict unless the stream stands exactly there."""
        return self.append_all([Addition(stream, expected_version, events)], recorded_at)

    def append_all(
        self, additions: Sequence[Addition], recorded_at: datetime
    ) -> list[RecordedEvent]:
        """Add events to several streams; Conflict, and none is added, unless each stands where expected."""
        last = self.last_hashes({each.stream.id: each.expected_version for each in additions})
        recorded: list[RecordedEvent] = []
        rows: list[Json] = []
        for each in additions:
            previous = last[each.stream.id]
            for version, new in enumerate(each.events, each.expected_version + 1):
                row = _row(each.stream, version, new, recorded_at, previous)
                previous = row.pop("hash")
                rows.append(row | {"hash": rf"\x{previous.hex()}"})
                recorded.append(
                    RecordedEvent(
                        each.stream, version, new.event, new.causation_id, new.correlation_id,
                        recorded_at, previous, new.accepted_at,
                    )
                )  # fmt: skip
        if not rows:
            return []
        try:
            values = {"recorded_at": recorded_at, "events": as_json(rows)}
            appended = self._connection.execute(APPEND, values).rowcount
        except UniqueViolation as error:
            raise Conflict(f"one of {len(additions)} streams has moved on meanwhile") from error
        if not appended:
            raise ImportUnfinished("a record is being imported: nothing else may append events")
        return recorded

    def last_hashes(self, versions: Mapping[UUID, int]) -> Mapping[UUID, bytes]:
        """The hash of each stream's last event; Conflict unless it has the version given."""
        found = {row["stream_id"]: row for row in self._last_rows(list(versions))}
        for stream_id, version in versions.items():
            at = found[stream_id]["version"] if stream_id in found else 0
            if at != version:
                raise Conflict(f"stream {stream_id} stands at version {at}, not {version}")
        return {
            stream_id: bytes(found[stream_id]["hash"]) if stream_id in found else GENESIS
            for stream_id in versions
        }

    def _last_rows(self, ids: Sequence[UUID]) -> Sequence[DictRow]:
        if len(ids) == 1:
            return self._connection.execute(LAST_HASH, ids).fetchall()
        return self._connection.execute(LAST_HASHES, _several(ids)).fetchall() if ids else []

    def last_draw_after(self, tick_id: UUID) -> datetime | None:
        """The latest time of any draw recorded after that tick was made; None if there is none."""
        row = self._connection.execute(LAST_DRAW, (tick_id,)).fetchone()
        return row["last"] if row else None

    def read(
        self, stream_id: UUID, after_version: int = 0, limit: int = 500
    ) -> list[RecordedEvent]:
        """At most `limit` events after that version, in order, without gaps."""
        rows = self._connection.execute(READ, (stream_id, after_version, limit))
        return [recorded_event(row) for row in rows]

    def read_several(
        self, after_versions: Mapping[UUID, int], limit: int
    ) -> Mapping[UUID, list[RecordedEvent]]:
        """As `read`, for several streams: at most `limit` events of each; none for one without any."""
        found: defaultdict[UUID, list[RecordedEvent]] = defaultdict(list)
        if not after_versions:
            return found
        parameters = _several(list(after_versions))
        parameters |= {"after": list(after_versions.values()), "limit": limit}
        for row in self._connection.execute(READ_SEVERAL, parameters):
            found[row["stream_id"]].append(recorded_event(row))
        return found

    def streams(self, kind: StreamKind) -> Iterator[UUID]:
        """Every stream of the kind, oldest first."""
        rows = self._connection.execute(
            "SELECT stream_id FROM events WHERE stream_kind = %s AND version = 1 ORDER BY position",
            (kind,),
        )
        return (row["stream_id"] for row in rows)


def _several(ids: Sequence[UUID]) -> dict[str, Any]:
    return {"ids": ids, "lowest": min(ids), "highest": max(ids)}


def _row(
    stream: Stream, version: int, new: NewEvent, recorded_at: datetime, previous: bytes
) -> Json:
    """The event's row as JSON, but for the moment; `hash` is in bytes."""
    name, data = event_name(new.event), encode(new.event)
    schema_version = CURRENT_SCHEMA.get(name, 1)
    content = hashed_content(
        stream_id=stream.id,
        version=version,
        name=name,
        schema_version=schema_version,
        data=data,
        causation_id=new.causation_id,
        correlation_id=new.correlation_id,
        recorded_at=recorded_at,
        accepted_at=new.accepted_at,
    )
    return {
        "stream_kind": stream.kind,
        "stream_id": stream.id,
        "version": version,
        "type": name,
        "schema_version": schema_version,
        "data": data,
        "causation_id": new.causation_id,
        "correlation_id": new.correlation_id,
        "accepted_at": new.accepted_at,
        "hash": chain_hash(previous, content),
    }


async def stored_events(
    connection: AsyncConnection[DictRow], stream_id: UUID, after_version: int, limit: int
) -> list[DictRow]:
    """The rows of at most `limit` events after that version, in order, for the web process."""
    cursor = await connection.execute(READ, (stream_id, after_version, limit))
    return await cursor.fetchall()


async def event_at(
    connection: AsyncConnection[DictRow], stream_id: UUID, version: int
) -> DictRow | None:
    """The event's position, hash and kind of stream; None if there is none."""
    return await (await connection.execute(EVENT_AT, (stream_id, version))).fetchone()


async def last_version(connection: AsyncConnection[DictRow], stream_id: UUID) -> int:
    """The version that the stream stands at; 0 if it has no events."""
    row = await (await connection.execute(LAST_VERSION, (stream_id,))).fetchone()
    return row["version"] if row else 0


def all_stored_events(connection: SyncConnection, stream_id: UUID) -> list[DictRow]:
    """The rows of all of a stream's events, in order."""
    return connection.execute(READ_ALL, (stream_id,)).fetchall()


def content_of(row: dict[str, Any]) -> bytes:
    """The content that the event's hash covers, from a row that READ selected."""
    return hashed_content(
        stream_id=row["stream_id"],
        version=row["version"],
        name=row["type"],
        schema_version=row["schema_version"],
        data=row["data"],
        causation_id=row["causation_id"],
        correlation_id=row["correlation_id"],
        recorded_at=row["recorded_at"],
        accepted_at=row["accepted_at"],
    )


def recorded_event(row: dict[str, Any]) -> RecordedEvent:
    """The event in a row that READ selected; UnreadableEvent if this release can't read it."""
    data: Json = row["data"]
    try:
        event = decode_event(row["type"], row["schema_version"], data)
    except Exception as error:
        raise UnreadableEvent(row["type"], row["version"]) from error
    return RecordedEvent(
        stream=Stream(row["stream_kind"], row["stream_id"]),
        version=row["version"],
        event=event,
        causation_id=row["causation_id"],
        correlation_id=row["correlation_id"],
        recorded_at=row["recorded_at"],
        hash=bytes(row["hash"]),
        accepted_at=row["accepted_at"],
    )
