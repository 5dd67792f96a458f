"""Bringing one stream's live documents up to date, and publishing their version."""

from commands.postgres.connections import Pool
from commands.streams import Stream
from commands.wake import publish
from projections.errors import PoisonEvent
from projections.ports import Documents
from projections.projector import project
from projections.upkeep import stuck


def bring_up_to_date(pool: Pool, documents: Documents, stream: Stream, announced: int = -1) -> int:
    """Project the stream into the live documents; the version they then have.

    The version is published unless it is `announced`, which the caller knows to be published. If an
    event stops the stream, the documents stay at the version before it, and the stream is paused
    until the next try.
    """
    version = _projected(pool, documents, stream)
    if version != announced:
        publish("versions", {"kind": stream.kind, "id": str(stream.id), "version": version})
    return version


def _projected(pool: Pool, documents: Documents, stream: Stream) -> int:
    paused = stuck.is_paused(pool, "projections", stream)
    if paused:
        return documents.versions(stream.kind, [stream.id]).get(stream.id, 0)
    try:
        version = project(stream, pool, documents)
    except PoisonEvent as poison:
        stuck.record_failure(pool, "projections", poison)
        return poison.version - 1
    if paused is not None:
        stuck.clear(pool, "projections", stream)
    return version
