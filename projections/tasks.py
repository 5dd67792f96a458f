"""The read side's Celery tasks. Running one twice does no harm."""

from uuid import UUID

import structlog
from celery import shared_task

from commands.handling.retrying import try_again
from commands.inbox.sweeping import forget_failed, forget_keys, forget_sessions
from commands.queues import PROJECTIONS
from commands.streams import Stream, StreamKind
from commands.tasks import wake_waiting_streams
from commands.wake import clear_wake_up, send, woken_since
from commands.wiring import pool
from projections.errors import passes
from projections.upkeep import lag, stuck
from projections.upkeep.audit import audit
from projections.upkeep.rebuild import drop_abandoned
from projections.wiring import catch_up, database, live_documents

PROJECT = "projections.project_stream"

log = structlog.get_logger("projections")


@shared_task(name=PROJECT)
def project_stream(kind: StreamKind, stream_id: str) -> None:
    """Bring a stream's documents up to date and publish their version."""
    arguments = (kind, stream_id)
    try:
        while True:
            clear_wake_up(PROJECT, arguments)
            catch_up(Stream(kind, UUID(stream_id)))
            if not woken_since(PROJECT, arguments):
                return
    except Exception as error:
        if not passes(error):
            raise
        try_again(project_stream, error)


@shared_task(name="projections.sweep")
def sweep() -> None:
    """Wake streams with waiting jobs and streams whose documents are behind; delete what is out of date."""
    forget_failed(pool())
    forget_keys(pool())
    forget_sessions(pool())
    woken = wake_waiting_streams()
    paused = stuck.paused_streams(pool(), "projections")
    behind = [s for s in lag.sweep(pool(), live_documents()) if s.id not in paused]
    for stream in behind:
        send(PROJECT, (stream.kind, str(stream.id)), PROJECTIONS)
    if woken or behind:
        log.warning("swept", waiting_streams=woken, lagging_streams=len(behind))


@shared_task(name="projections.audit")
def audit_documents() -> None:
    """Compare the next documents with their events, repair those that differ, drop abandoned rebuilds."""
    audit(pool(), live_documents())
    drop_abandoned(pool(), database())
