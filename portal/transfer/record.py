"""Events as lines of a file: as the API's chain gives them, with content and hash."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from commands.postgres.event_store import content_of
from commands.postgres.importing import ExportedEvent
from commands.record.chain import GENESIS, chain_hash, hashed_content
from commands.record.codec import canonical, decode_event, encode_fields, kind_of
from commands.record.upcasters import CURRENT_SCHEMA
from commands.streams import RecordedEvent, Stream, StreamKind
from portal.transfer.lines import Json, Lines

FORMAT, ALL = "auction portal record", "all"


def line_of(row: dict[str, Any]) -> Json:
    """The line's object for an event's row."""
    return {"content": content_of(row).decode(), "hash": row["hash"].hex()}


@dataclass(frozen=True, slots=True)
class _Last:
    """Where a stream stands."""

    kind: StreamKind
    version: int
    hash: bytes


class Record:
    """Reads the events of a file that holds all; Refused at the first line that is not right.

    Where each stream stands is kept in memory: some 300 bytes for each.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.lines = Lines(file, FORMAT, ALL)
        self._streams: dict[bytes, _Last] = {}

    def __iter__(self) -> Iterator[ExportedEvent]:
        """The events in their order."""
        for found in self.lines:
            yield self._event(found)

    def _event(self, found: Json) -> ExportedEvent:
        """The event in that line, which must be the next one of its stream."""
        try:
            text, hash_ = str(found["content"]).encode(), bytes.fromhex(found["hash"])
            content = json.loads(text)
            stream_id = UUID(content["stream_id"])
            version, data = content["version"], content["data"]
            name, schema_version = content["type"], content["schema_version"]
            causes = UUID(content["causation_id"]), UUID(content["correlation_id"])
            recorded_at = datetime.fromisoformat(content["recorded_at"])
            accepted = content.get("accepted_at")
            accepted_at = datetime.fromisoformat(accepted) if accepted is not None else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.lines.refused("it is no event") from error
        # JSON's true equals 1.
        if type(version) is not int or type(schema_version) is not int:
            raise self.lines.refused("it is no event")
        last = self._streams.get(stream_id.bytes)
        self._check_place(last, stream_id, version)
        if chain_hash(last.hash if last else GENESIS, text) != hash_:
            raise self.lines.refused(
                f"the chain of {stream_id} breaks: version {version} was changed"
            )
        try:
            event = decode_event(name, schema_version, data)
        except Exception as error:
            raise self.lines.refused(f"this release can't read {str(name)[:40]}") from error
        kind = kind_of(event)
        if last and last.kind != kind:
            raise self.lines.refused(f"{name} does not belong to the {last.kind} {stream_id}")
        recorded = RecordedEvent(
            Stream(kind, stream_id), version, event, *causes, recorded_at, hash_, accepted_at
        )
        exported = ExportedEvent(
            self.lines.number, self.lines.digest, recorded, name, schema_version, data
        )
        if not _as_stored(exported, text):
            raise self.lines.refused("no portal would have stored the event in this form")
        self._streams[stream_id.bytes] = _Last(kind, version, hash_)
        return exported

    def _check_place(self, last: _Last | None, stream_id: UUID, version: int) -> None:
        before = last.version if last else 0
        if version != before + 1:
            raise self.lines.refused(
                f"version {version} of {stream_id} stands behind version {before}: "
                "an event is missing, or they are out of order"
            )


def _as_stored(exported: ExportedEvent, text: bytes) -> bool:
    """Whether the row gives exactly this content again, so that its hash stays valid."""
    recorded = exported.recorded
    again = hashed_content(
        stream_id=recorded.stream.id,
        version=recorded.version,
        name=exported.name,
        schema_version=exported.schema_version,
        data=exported.data,
        causation_id=recorded.causation_id,
        correlation_id=recorded.correlation_id,
        recorded_at=recorded.recorded_at,
        accepted_at=recorded.accepted_at,
    )
    # Postgres has no NUL in texts.
    return again == text and _plain(exported) and b"\\u0000" not in text


def _plain(exported: ExportedEvent) -> bool:
    """Whether the event's values are written as the portal writes them; older forms have other fields."""
    if exported.schema_version != CURRENT_SCHEMA.get(exported.name, 1):
        return True
    try:
        values = encode_fields(exported.recorded.event, exported.data)
    except (AttributeError, TypeError):
        return False
    return canonical(values) == canonical(exported.data)
