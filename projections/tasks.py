"""The read side's Celery tasks: thin, and harmless when run twice."""

from uuid import UUID

import structlog
from celery import shared_task

from commands.house import forget_failed
from commands.ports import Stream, StreamKind
from commands.postgres.pool import pool
from commands.signals import hear, heard_since, publish, send
from commands.tasks import PROJECT, wake_waiting_streams
from projections import lag
from projections.mongo import live_documents
from projections.projector import project

log = structlog.get_logger("projections")


@shared_task(name=PROJECT)
def project_stream(kind: StreamKind, stream_id: str) -> None:
    """Bring a stream's documents up to date and announce their version."""
    arguments = (kind, stream_id)
    while True:
        hear(PROJECT, arguments)
        bring_up_to_date(Stream(kind, UUID(stream_id)))
        if not heard_since(PROJECT, arguments):
            return


def bring_up_to_date(stream: Stream, announced: int = -1) -> int:
    """Project the stream into the live documents, and give the version they reached.

    It is announced unless it is the one that the caller knows to be `announced`.
    """
    version = project(stream, pool(), live_documents())
    if version != announced:
        publish("versions", {"kind": stream.kind, "id": str(stream.id), "version": version})
    return version


@shared_task(name="projections.sweep")
def sweep() -> None:
    """Wake whatever was left lying: streams with waiting jobs, and documents that are behind."""
    forget_failed()
    woken = wake_waiting_streams()
    behind = lag.sweep(pool(), live_documents())
    for stream in behind:
        send(PROJECT, (stream.kind, str(stream.id)), "projections")
    if woken or behind:
        log.warning("swept", waiting_streams=woken, lagging_streams=len(behind))
