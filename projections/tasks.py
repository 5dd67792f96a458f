"""The read side's Celery tasks: thin, and harmless when run twice."""

from uuid import UUID

import structlog
from celery import shared_task

from commands.handling.retrying import try_again
from commands.inbox.sweeping import forget_failed, forget_keys
from commands.postgres.connections import pool
from commands.queues import PROJECTIONS
from commands.streams import Stream, StreamKind
from commands.tasks import PROJECT, wake_waiting_streams
from commands.wake import hear, heard_since, publish, send
from projections.errors import PoisonEvent, passes
from projections.mongo.generations import live_documents
from projections.projector import project
from projections.upkeep import lag, stuck
from projections.upkeep.audit import audit

log = structlog.get_logger("projections")


@shared_task(name=PROJECT)
def project_stream(kind: StreamKind, stream_id: str) -> None:
    """Bring a stream's documents up to date and announce their version."""
    arguments = (kind, stream_id)
    try:
        while True:
            hear(PROJECT, arguments)
            bring_up_to_date(Stream(kind, UUID(stream_id)))
            if not heard_since(PROJECT, arguments):
                return
    except Exception as error:
        if not passes(error):
            raise
        try_again(project_stream, error)


def bring_up_to_date(stream: Stream, announced: int = -1) -> int:
    """Project the stream into the live documents, and give the version they reached.

    It is announced unless it is the one that the caller knows to be `announced`. A stream that an
    event stops stays just before that event, and rests between the tries to get past it.
    """
    version = _projected(stream)
    if version != announced:
        publish("versions", {"kind": stream.kind, "id": str(stream.id), "version": version})
    return version


def _projected(stream: Stream) -> int:
    documents = live_documents()
    rests = stuck.rests(pool(), "projections", stream)
    if rests:
        return documents.versions(stream.kind, [stream.id]).get(stream.id, 0)
    try:
        version = project(stream, pool(), documents)
    except PoisonEvent as poison:
        stuck.note(pool(), "projections", poison)
        return poison.version - 1
    if rests is not None:
        stuck.clear(pool(), "projections", stream)
    return version


@shared_task(name="projections.sweep")
def sweep() -> None:
    """Wake whatever was left lying: streams with waiting jobs, and documents that are behind."""
    forget_failed()
    forget_keys()
    woken = wake_waiting_streams()
    resting = stuck.resting(pool(), "projections")
    behind = [s for s in lag.sweep(pool(), live_documents()) if s.id not in resting]
    for stream in behind:
        send(PROJECT, (stream.kind, str(stream.id)), PROJECTIONS)
    if woken or behind:
        log.warning("swept", waiting_streams=woken, lagging_streams=len(behind))


@shared_task(name="projections.audit")
def audit_documents() -> None:
    """Compare the next documents with their events, and repair those that differ."""
    audit(pool(), live_documents())
