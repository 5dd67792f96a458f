"""What the processes tell each other over Redis: wake-ups and announcements.

Redis may lose any of it at any time. What must happen is in Postgres, and the sweep finds it there.
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

# What a wake-up may suppress further ones for, if its task was lost: seconds.
WAKE_EXPIRES = 30

Topic = Literal["jobs", "versions", "sessions", "notifications"]


@cache
def redis() -> Redis:
    """This process's Redis client; it fails within a second rather than hang."""
    return Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1),
    )


def wake_key(task: str, arguments: Sequence[str]) -> str:
    """The key that stands while a wake-up is on its way."""
    return ":".join((settings.NAMESPACE, "wake", task, *arguments))


def channel(topic: Topic) -> str:
    """The pub/sub channel of a topic."""
    return f"{settings.NAMESPACE}:{topic}"


def wake(task: str, arguments: Sequence[str], queue: str) -> None:
    """Queue the task unless one for the same arguments is on its way; without Redis, leave it to the sweep."""
    key = wake_key(task, arguments)
    try:
        if redis().set(key, 1, nx=True, ex=WAKE_EXPIRES):
            send(task, arguments, queue)
    except (RedisError, OperationalError) as error:
        log.warning("could not wake, the sweep will", task=task, error=str(error))
        _forget(key)


def send(task: str, arguments: Sequence[str], queue: str) -> None:
    """Queue the task whatever is on its way; raises RedisError or OperationalError without Redis."""
    current_app.send_task(task, args=list(arguments), queue=queue)


def _forget(key: str) -> None:
    try:
        redis().delete(key)
    except RedisError:
        log.debug("the wake-up's key will expire by itself", key=key)


def hear(task: str, arguments: Sequence[str]) -> None:
    """The task is about to read: what comes from now on needs a new wake-up."""
    _forget(wake_key(task, arguments))


def leave_note(task: str, arguments: Sequence[str]) -> None:
    """Tell the worker that has the stream to look once more before it goes."""
    try:
        redis().set(wake_key(task, arguments), 1, ex=WAKE_EXPIRES)
    except RedisError as error:
        log.warning("could not leave a note, the sweep will wake", error=str(error))


def heard_since(task: str, arguments: Sequence[str]) -> bool:
    """Whether there was a wake-up or a note since `hear`."""
    try:
        return bool(redis().exists(wake_key(task, arguments)))
    except RedisError:
        return False


def publish(topic: Topic, message: Any) -> None:
    """Tell whoever listens; who misses it reads the truth a moment later."""
    try:
        redis().publish(channel(topic), json.dumps(message))
    except RedisError as error:
        log.warning("could not publish", topic=topic, error=str(error))
