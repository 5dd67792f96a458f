"""Messages between the processes over Redis: wake-ups of tasks, and changes published to web processes.

Redis may lose any message at any time. What must happen is in Postgres, where the sweep finds it.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Literal

import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = structlog.get_logger("signals")

# If a wake-up's task was lost, it suppresses further ones for this many seconds.
WAKE_EXPIRES = 30

Topic = Literal["jobs", "versions", "sessions", "notifications"]


@cache
def redis() -> Redis:
    """This process's Redis client; a call fails after a second without an answer."""
    return Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1),
    )


def wake_key(task: str, arguments: Sequence[str]) -> str:
    """The Redis key that exists while a wake-up is queued."""
    return ":".join((settings.NAMESPACE, "wake", task, *arguments))


def channel(topic: Topic) -> str:
    """The pub/sub channel of a topic."""
    return f"{settings.NAMESPACE}:{topic}"


def wake(
    task: str, arguments: Sequence[str], queue: str, *, after: timedelta = timedelta()
) -> None:
    """Queue the task unless one with equal arguments is queued; without Redis, leave it to the sweep.

    It runs no sooner than `after` from now.
    """
    key = wake_key(task, arguments)
    try:
        if redis().set(key, 1, nx=True, ex=WAKE_EXPIRES):
            send(task, arguments, queue, after=after)
    except (RedisError, OperationalError) as error:
        log.warning("could not wake, the sweep will", task=task, error=str(error))
        _delete(key)


def send(
    task: str, arguments: Sequence[str], queue: str, *, after: timedelta = timedelta()
) -> None:
    """Queue the task even if one is queued already; RedisError or OperationalError without Redis."""
    countdown = after.total_seconds() or None
    current_app.send_task(task, args=list(arguments), queue=queue, countdown=countdown)


def _delete(key: str) -> None:
    try:
        redis().delete(key)
    except RedisError:
        log.debug("the wake-up's key will expire by itself", key=key)


def clear_wake_up(task: str, arguments: Sequence[str]) -> None:
    """Called by a task before it reads: changes from now on queue a new wake-up."""
    _delete(wake_key(task, arguments))


def publish(topic: Topic, message: Any) -> None:
    """Send the message to the topic's subscribers; one that misses it reads the databases later."""
    try:
        redis().publish(channel(topic), json.dumps(message))
    except RedisError as error:
        log.warning("could not publish", topic=topic, error=str(error))
