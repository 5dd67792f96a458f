"""Retrying tasks after transient faults: with growing, random pauses, a limited number of times."""

from typing import Any, NoReturn

import structlog
from celery import Task
from celery.utils.time import get_exponential_backoff_interval

log = structlog.get_logger("commands")

# Retries within about two minutes; after them the sweep wakes the stream. No pause may reach the
# broker's visibility timeout, which would deliver the waiting task twice.
RETRIES = 8
LONGEST_PAUSE = 30


def try_again(task: Task[Any, Any], error: Exception) -> NoReturn:
    """Retry the running task later. Always raises: Celery's Retry, or the error after the last try."""
    pause = pause_before(task.request.retries)
    log.warning("transient fault, retrying", task=task.name, error=str(error), retry_in=pause)
    raise task.retry(exc=error, countdown=pause, max_retries=RETRIES) from error


def pause_before(retries: int) -> float:
    """Seconds until the next try: random, up to a bound that doubles with each try.

    Random, so that tasks that failed together are not retried together.
    """
    return get_exponential_backoff_interval(
        factor=1, retries=retries, maximum=LONGEST_PAUSE, full_jitter=True
    )
