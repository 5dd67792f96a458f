"""The read side's Celery tasks. Running one twice does no harm."""

from collections.abc import Sequence

import structlog
from celery import shared_task

from commands.handling.retrying import try_again
from commands.queues import PROJECTIONS
from commands.streams import Stream
from commands.tasks import wake_waiting_streams
from commands.wiring import pool
from commands.worklists import Left, Worklist
from projections.errors import passes
from projections.upkeep import lag, stuck
from projections.upkeep.audit import audit
from projections.upkeep.rebuild import drop_abandoned
from projections.wiring import database, live_documents, project_streams

BEHIND = Worklist("projections", "projections.project", PROJECTIONS)
COME_BACK = "projections.come_back"
LEFT = Left(BEHIND, COME_BACK)

log = structlog.get_logger("projections")


@shared_task(name=BEHIND.task)
def project(_list: str, slot: str) -> None:
    """Bring the documents of streams with new events up to date and announce their versions, for one turn."""
    try:
        BEHIND.work(int(slot), _project, passes)
    except Exception as error:
        if not passes(error):
            raise
        try_again(project, error)


@shared_task(name=COME_BACK)
def come_back(_list: str) -> None:
    """Look again at streams that were left for a newer release."""
    LEFT.come_back(_project, passes)


def _project(streams: Sequence[Stream]) -> Sequence[Stream]:
    return project_streams(streams, LEFT.add)


@shared_task(name="projections.sweep")
def sweep() -> None:
    """Wake streams with waiting jobs and streams whose documents are behind."""
    woken = wake_waiting_streams()
    behind = stuck.to_wake(pool(), "projections", lag.sweep(pool(), live_documents()))
    BEHIND.add(behind, left_lying=True)
    if woken or behind:
        log.warning("swept", waiting_streams=woken, lagging_streams=len(behind))


@shared_task(name="projections.audit")
def audit_documents() -> None:
    """Compare the next documents with their events, repair those that differ, drop abandoned rebuilds."""
    audit(pool(), live_documents())
    drop_abandoned(pool(), database())
