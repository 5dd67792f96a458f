"""The chain that makes tampering show: each event's hash covers its content and its predecessor's hash."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from commands.codec import Json, canonical

GENESIS = bytes(32)


def link(
    previous: bytes,
    *,
    stream_id: UUID,
    version: int,
    name: str,
    schema_version: int,
    data: Json,
    causation_id: UUID,
    correlation_id: UUID,
    recorded_at: datetime,
) -> bytes:
    """SHA-256 of the predecessor's hash (32 zero bytes for the first event) and the canonical JSON of the row."""
    content = {
        "stream_id": str(stream_id),
        "version": version,
        "type": name,
        "schema_version": schema_version,
        "data": data,
        "causation_id": str(causation_id),
        "correlation_id": str(correlation_id),
        "recorded_at": recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return sha256(previous + canonical(content)).digest()
