"""Bringing streams' live documents up to date, and announcing that they changed.

A stream that an event stops stays just before that event, and rests between the tries to get past it.
"""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from commands.postgres.connections import Pool
from commands.streams import Stream
from commands.wake import publish
from projections.errors import PoisonEvent
from projections.ports import WITH_DOCUMENTS, Documents
from projections.projector import project, project_together
from projections.upkeep import stuck


def bring_up_to_date(pool: Pool, documents: Documents, stream: Stream, announced: int = -1) -> int:
    """Project the stream into the live documents, and give the version they reached.

    It is announced unless it is the one that the caller knows to be `announced`.
    """
    version = _projected(pool, documents, stream)
    if version != announced:
        announce([stream])
    return version


def bring_forward(
    pool: Pool,
    documents: Documents,
    streams: Sequence[Stream],
    leave: Callable[[Sequence[Stream]], None] | None = None,
) -> list[Stream]:
    """Project the streams into the live documents together; those that may have more events.

    `leave` is given those that only a newer release can go on with, if there are any.
    """
    known = stuck.among(pool, "projections", streams)
    due = [each for each in streams if each.id not in known or not known[each.id].paused]
    projected = project_together(due, pool, documents)
    announce(projected.versions)
    for poison in projected.stopped:
        stuck.record_failure(pool, "projections", poison)
    if leave and (left := stuck.left(streams, known, projected.stopped)):
        leave(left)
    if tried := [stream for stream in due if stream.id in known]:
        stuck.clear_passed(pool, "projections", _versions(documents, tried))
    return projected.unfinished


def _versions(documents: Documents, streams: Sequence[Stream]) -> dict[UUID, int]:
    found = dict[UUID, int]()
    for kind in WITH_DOCUMENTS:
        if ids := [stream.id for stream in streams if stream.kind == kind]:
            found |= documents.versions(kind, ids)
    return found


def announce(streams: Iterable[Stream]) -> None:
    """Tell those who follow auctions among the streams that their documents changed."""
    if auctions := [str(stream.id) for stream in streams if stream.kind == "auction"]:
        publish("versions", auctions)


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
        stuck.clear_passed(pool, "projections", {stream.id: version})
    return version
