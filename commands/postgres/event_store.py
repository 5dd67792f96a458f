"""The event log in Postgres: table `events`, unique (stream_id, version), changes refused by trigger."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from commands.postgres.connections import SyncConnection
from commands.record.chain import GENESIS, chain_hash, hashed_content
from commands.record.codec import Json, decode_event, encode, event_name
from commands.record.upcasters import CURRENT_SCHEMA
from commands.streams import Conflict, NewEvent, RecordedEvent, Stream, StreamKind, UnreadableEvent

APPEND = """
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data,
                    causation_id, correlation_id, recorded_at, hash)
SELECT %(kind)s, %(stream)s, version, type, schema_version, data,
       causation_id, correlation_id, %(recorded_at)s, hash
FROM unnest(%(version)s::int[], %(type)s::text[], %(schema_version)s::smallint[], %(data)s::jsonb[],
            %(causation_id)s::uuid[], %(correlation_id)s::uuid[], %(hash)s::bytea[])
     AS new (version, type, schema_version, data, causation_id, correlation_id, hash)
ORDER BY version
"""
COLUMNS = """stream_kind, stream_id, version, type, schema_version, data, causation_id, correlation_id,
recorded_at, hash"""
READ = f"""
SELECT {COLUMNS} FROM events WHERE stream_id = %s AND version > %s ORDER BY version LIMIT %s
"""
READ_ALL = f"SELECT {COLUMNS} FROM events WHERE stream_id = %s ORDER BY version"
LAST_HASH = "SELECT version, hash FROM events WHERE stream_id = %s ORDER BY version DESC LIMIT 1"


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
        previous = self.last_hash(stream, expected_version)
        recorded: list[RecordedEvent] = []
        columns: dict[str, list[Any]] = {
            name: []
            for name in (
                "version", "type", "schema_version", "data", "causation_id", "correlation_id", "hash"
            )
        }  # fmt: skip
        for version, new in enumerate(events, expected_version + 1):
            previous = _add_row(columns, stream, version, new, recorded_at, previous)
            recorded.append(
                RecordedEvent(
                    stream, version, new.event, new.causation_id, new.correlation_id,
                    recorded_at, previous,
                )
            )  # fmt: skip
        try:
            self._connection.execute(
                APPEND,
                {"kind": stream.kind, "stream": stream.id, "recorded_at": recorded_at, **columns},
            )
        except UniqueViolation as error:
            raise Conflict(f"{stream} has moved past version {expected_version}") from error
        return recorded

    def last_hash(self, stream: Stream, expected_version: int) -> bytes:
        """The hash of the stream's last event; Conflict unless its version is expected_version."""
        row = self._connection.execute(LAST_HASH, (stream.id,)).fetchone()
        version, last = (row["version"], bytes(row["hash"])) if row else (0, GENESIS)
        if version != expected_version:
            raise Conflict(f"{stream} stands at version {version}, not {expected_version}")
        return last

    def read(
        self, stream_id: UUID, after_version: int = 0, limit: int = 500
    ) -> list[RecordedEvent]:
        """At most `limit` events after that version, in order, without gaps."""
        rows = self._connection.execute(READ, (stream_id, after_version, limit))
        return [recorded_event(row) for row in rows]

    def streams(self, kind: StreamKind) -> Iterator[UUID]:
        """Every stream of the kind, oldest first."""
        rows = self._connection.execute(
            "SELECT stream_id FROM events WHERE stream_kind = %s AND version = 1 ORDER BY position",
            (kind,),
        )
        return (row["stream_id"] for row in rows)


def _add_row(
    columns: dict[str, list[Any]],
    stream: Stream,
    version: int,
    new: NewEvent,
    recorded_at: datetime,
    previous: bytes,
) -> bytes:
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
    )
    chained = chain_hash(previous, content)
    row = (
        version,
        name,
        schema_version,
        Jsonb(data),
        new.causation_id,
        new.correlation_id,
        chained,
    )
    for column, value in zip(columns.values(), row, strict=True):
        column.append(value)
    return chained


async def stored_events(
    connection: AsyncConnection[DictRow], stream_id: UUID, after_version: int, limit: int
) -> list[DictRow]:
    """The rows of at most `limit` events after that version, in order, for the web process."""
    cursor = await connection.execute(READ, (stream_id, after_version, limit))
    return await cursor.fetchall()


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
    )
