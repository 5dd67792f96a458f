"""The portal's own Celery task. Running it twice does no harm."""

import structlog
from celery import shared_task

from commands.inbox import sweeping
from commands.postgres.pruning import Ending, prune
from commands.queues import UPKEEP
from commands.wake import clear_wake_up, wake
from commands.wiring import pool
from commands.worklists import TURN
from notifications.postgres import endings as notifications
from portal import failing
from projections.upkeep import audit

log = structlog.get_logger("portal")

PRUNE = "portal.prune"


def endings() -> list[Ending]:
    """All that ends, of all tables; docs/operators.md lists it."""
    return [
        *sweeping.endings(),
        *notifications.endings(),
        *audit.endings(),
        *failing.endings(),
    ]


@shared_task(name=PRUNE)
def prune_tables() -> None:
    """End rows whose time is over, for one turn; the next turn comes behind what else waits in the queue."""
    clear_wake_up(PRUNE, ())
    pruned = prune(pool(), endings(), TURN)
    if pruned.rows:
        log.info("pruned", rows=pruned.rows)
    if pruned.more:
        wake(PRUNE, (), UPKEEP)
