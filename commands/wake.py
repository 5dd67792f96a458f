"""Messages between the processes over Redis: wake-ups of tasks, and changes published to web processes.

Redis may lose any message at any time. What must happen is in Postgres, where the sweep finds it.
"""

import json
from collections.abc import Sequence
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


def wake(task: str, arguments: Sequence[str], queue: str) -> None:
    """Queue the task unless one with equal arguments is queued; without Redis, leave it to the sweep."""
    key = wake_key(task, arguments)
    try:
        if redis().set(key, 1, nx=True, ex=WAKE_EXPIRES):
            send(task, arguments, queue)
    except (RedisError, OperationalError) as error:
        log.warning("could not wake, the sweep will", task=task, error=str(error))
        _delete(key)


def send(task: str, arguments: Sequence[str], queue: str) -> None:
    """Queue the task even if one is queued already; RedisError or OperationalError without Redis."""
    current_app.send_task(task, args=list(arguments), queue=queue)


def _delete(key: str) -> None:
    try:
        redis().delete(key)
    except RedisError:
        log.debug("the wake-up's key will expire by itself", key=key)


def clear_wake_up(task: str, arguments: Sequence[str]) -> None:
    """Called by a task before it reads: changes from now on queue a new wake-up."""
    _delete(wake_key(task, arguments))


def leave_note(task: str, arguments: Sequence[str]) -> None:
    """Have the worker that holds the stream's lock read once more before it ends; see `woken_since`."""
    try:
        redis().set(wake_key(task, arguments), 1, ex=WAKE_EXPIRES)
    except RedisError as error:
        log.warning("could not leave a note, the sweep will wake", error=str(error))


def woken_since(task: str, arguments: Sequence[str]) -> bool:
    """Whether there was a wake-up or a note since `clear_wake_up`."""
    try:
        return bool(redis().exists(wake_key(task, arguments)))
    except RedisError:
        return False


def publish(topic: Topic, message: Any) -> None:
    """Send the message to the topic's subscribers; one that misses it reads the databases later."""
    try:
        redis().publish(channel(topic), json.dumps(message))
    except RedisError as error:
        log.warning("could not publish", topic=topic, error=str(error))
