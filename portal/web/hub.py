"""One Redis subscription for the whole web process, which notifies the listeners in it."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from commands.wake import Topic, channel
from portal.errors import unavailable
from portal.web.fresh import News

log = structlog.get_logger("portal")

TOPICS: tuple[Topic, ...] = ("jobs", "versions", "sessions", "notifications")
EVERYTHING = "*"
RECONNECT = 0.5
# Redis is pinged after this many seconds without a message; as many without an answer: it is lost.
SILENCE = 2.0
NO_UPDATES = "updates can't be delivered now; subscribe again in a moment"


class Listener:
    """Collects the subjects that changed; what changed, the caller reads from the databases.

    With `needs_redis`, `wait` raises UNAVAILABLE once the connection to Redis is lost. Without it,
    the caller reads again at its own interval.
    """

    def __init__(self, *, needs_redis: bool) -> None:
        self._notified = asyncio.Event()
        self._subjects: set[str] = set()
        self._needs_redis = needs_redis
        self._failed = False

    @property
    def notified(self) -> bool:
        """Whether `wait` would end at once."""
        return self._notified.is_set()

    def notify(self, subject: str) -> None:
        """Note that the subject changed, and end `wait`."""
        self._subjects.add(subject)
        self._notified.set()

    def redis_lost(self) -> None:
        """Note that the connection to Redis is lost, and end `wait`."""
        self._failed = self._needs_redis
        self._notified.set()

    async def wait(self, seconds: float) -> set[str]:
        """The subjects that changed since the last call; empty if none did within that time."""
        _raise_swallowed_cancellation()
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._notified.wait()
        except TimeoutError:
            pass
        if self._failed:
            raise unavailable(NO_UPDATES)
        self._notified.clear()
        subjects, self._subjects = self._subjects, set()
        return subjects


def _raise_swallowed_cancellation() -> None:
    """Raise CancelledError if this task was cancelled and the exception was lost.

    On Python 3.11 asyncio.wait_for, which the drivers use, loses a cancellation that comes just as
    it finishes (cpython issue 86296). A loop that reads and waits would then never end.
    """
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


class Hub:
    """Receives messages from Redis, and tells the news and the listeners.

    Messages can be lost, so listeners must also read the databases at an interval of their own.
    """

    def __init__(self, news: News) -> None:
        self._news = news
        self._listeners: dict[tuple[Topic, str], set[Listener]] = defaultdict(set)
        self.connected = False
        self.stopping = False

    @contextmanager
    def listen_or_fail(self, topic: Topic, *subjects: str) -> Iterator[Listener]:
        """As `listen`, but UNAVAILABLE while Redis is away, and from `wait` once it is lost."""
        if not self.connected:
            raise unavailable(NO_UPDATES)
        with self.listen(topic, *subjects, needs_redis=True) as listener:
            yield listener

    def documents_switched(self) -> None:
        """Any document may be another: those of a rebuild have become the live ones."""
        self._news.missed()
        for (topic, _), listeners in self._listeners.items():
            if topic == "versions":
                for listener in listeners:
                    listener.notify(EVERYTHING)

    def stop(self) -> None:
        """Notify all listeners once, so that those who check `stopping` stop waiting."""
        self.stopping = True
        self._notify_all()

    @contextmanager
    def listen(self, topic: Topic, *subjects: str, needs_redis: bool = False) -> Iterator[Listener]:
        """A listener for these subjects of the topic, or without any for all of them.

        Listen before reading, so that no change in between is missed.
        """
        listener = Listener(needs_redis=needs_redis)
        keys = [(topic, subject) for subject in subjects or (EVERYTHING,)]
        for key in keys:
            self._listeners[key].add(listener)
        try:
            yield listener
        finally:
            for key in keys:
                self._listeners[key].discard(listener)
                if not self._listeners[key]:
                    del self._listeners[key]

    async def run(self) -> None:
        """Receive messages until cancelled, reconnecting whenever the connection is lost."""
        while True:
            try:
                await self._receive()
            except (RedisError, OSError) as error:
                log.warning("lost the connection to Redis, reconnecting", error=str(error))
                self.connected = False
                self._report_loss()
            await asyncio.sleep(RECONNECT)

    async def _receive(self) -> None:
        async with (
            Redis.from_url(
                settings.REDIS_URL,
                decode_responses=True,
                socket_timeout=SILENCE,
                socket_connect_timeout=SILENCE,
            ) as redis,
            redis.pubsub() as pubsub,
        ):
            await pubsub.subscribe(*(channel(topic) for topic in TOPICS))
            self.connected = True
            self._notify_all()
            asked = False
            while True:
                # Any message shows that the connection is alive; the answer to a ping is of type "pong".
                message = await pubsub.get_message(timeout=SILENCE)
                if message is None and asked:
                    raise RedisTimeout("Redis does not answer")
                if message is None:
                    await pubsub.ping()
                elif message["type"] == "message":
                    self._dispatch(message["channel"], json.loads(message["data"]))
                asked = message is None

    def _dispatch(self, source: str, content: Any) -> None:
        topic = next(topic for topic in TOPICS if channel(topic) == source)
        match topic:
            case "jobs" | "versions" | "notifications":
                subjects = [str(each) for each in content]
            case "sessions":
                subjects = [str(value) for value in content.values()]
        for subject in subjects:
            # First, so that whoever is notified reads anew.
            self._news.heard(topic, subject)
            for key in ((topic, subject), (topic, EVERYTHING)):
                for listener in self._listeners.get(key, ()):
                    listener.notify(subject)

    def _report_loss(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.redis_lost()

    def _notify_all(self) -> None:
        """Any subject may have changed: messages may have been lost."""
        self._news.missed()
        for (_, subject), listeners in self._listeners.items():
            for listener in listeners:
                listener.notify(subject)
