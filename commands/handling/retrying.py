"""Running a task again after a fault that passes: later each time, never all at once, and not for ever."""

from typing import Any, NoReturn

import structlog
from celery import Task
from celery.utils.time import get_exponential_backoff_interval

log = structlog.get_logger("commands")

# Tries in some two minutes; then the sweep makes up for what is left. No pause may reach the
# broker's visibility timeout, which would deliver the waiting task twice.
RETRIES = 8
LONGEST_PAUSE = 30


def try_again(task: Task[Any, Any], error: Exception) -> NoReturn:
    """Have the running task run again later; raises what tells Celery so, or the error at the end."""
    pause = pause_before(task.request.retries)
    log.warning("a fault that passes", task=task.name, error=str(error), retry_in=pause)
    raise task.retry(exc=error, countdown=pause, max_retries=RETRIES) from error


def pause_before(retries: int) -> float:
    """Seconds until the next try: anything up to a bound that doubles with each, so that tasks
    that failed together don't come back together."""
    return get_exponential_backoff_interval(
        factor=1, retries=retries, maximum=LONGEST_PAUSE, full_jitter=True
    )
