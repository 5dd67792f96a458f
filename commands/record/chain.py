"""The chain of hashes, which shows tampering: each event's hash covers its content and the hash before."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from commands.record.codec import Json, canonical

GENESIS = bytes(32)


def hashed_content(
    *,
    stream_id: UUID,
    version: int,
    name: str,
    schema_version: int,
    data: Json,
    causation_id: UUID,
    correlation_id: UUID,
    recorded_at: datetime,
    accepted_at: datetime | None = None,
) -> bytes:
    """The content that an event's hash covers: the row as canonical JSON, in UTF-8.

    Without a moment of acceptance it is as it was before events had one, so that older hashes hold.
    """
    content = {
        "stream_id": str(stream_id),
        "version": version,
        "type": name,
        "schema_version": schema_version,
        "data": data,
        "causation_id": str(causation_id),
        "correlation_id": str(correlation_id),
        "recorded_at": _exact(recorded_at),
    }
    if accepted_at is not None:
        content["accepted_at"] = _exact(accepted_at)
    return canonical(content)


def _exact(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def chain_hash(previous: bytes, content: bytes) -> bytes:
    """SHA-256 of the predecessor's hash (32 zero bytes for the first event) and the covered content."""
    return sha256(previous + content).digest()
