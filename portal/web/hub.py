"""One Redis subscription a process, fanned out to everything in it that waits for news."""

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

log = structlog.get_logger("portal")

TOPICS: tuple[Topic, ...] = ("jobs", "versions", "sessions", "notifications")
EVERYTHING = "*"
RECONNECT = 0.5
# A Redis that says nothing for so long is asked; one that does not answer either is gone. Seconds.
SILENCE = 2.0
NO_NEWS = "news can't be passed on now; subscribe again in a moment"


class Listener:
    """Hears that there is news about something; what it is, the listener reads for itself.

    One that needs news is told with UNAVAILABLE that none can come; any other looks for itself.
    """

    def __init__(self, *, needs_news: bool) -> None:
        self._news = asyncio.Event()
        self._subjects: set[str] = set()
        self._needs_news = needs_news
        self._deaf = False

    def tell(self, subject: str) -> None:
        """There is news about the subject."""
        self._subjects.add(subject)
        self._news.set()

    def deafen(self) -> None:
        """Note that the connection to Redis is lost: no news can come."""
        self._deaf = self._needs_news
        self._news.set()

    async def wait(self, seconds: float) -> set[str]:
        """What there was news about since the last call; nothing if none came in that time."""
        _heed_cancellation()
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._news.wait()
        except TimeoutError:
            pass
        if self._deaf:
            raise unavailable(NO_NEWS)
        self._news.clear()
        subjects, self._subjects = self._subjects, set()
        return subjects


def _heed_cancellation() -> None:
    """Take up a cancellation that was swallowed on the way here.

    On Python 3.11 asyncio.wait_for, which the drivers use, swallows one that comes just as it
    finishes (cpython issue 86296). Whoever reads and waits in a loop would never end.
    """
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


class Hub:
    """Listens to Redis and tells the listeners; news may be lost, so who waits looks now and then."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[Topic, str], set[Listener]] = defaultdict(set)
        self.connected = False
        self.stopping = False

    @contextmanager
    def follow(self, topic: Topic, *subjects: str) -> Iterator[Listener]:
        """As `listen`, for subscriptions: with Redis away they end, and say so."""
        if not self.connected:
            raise unavailable(NO_NEWS)
        with self.listen(topic, *subjects, needs_news=True) as listener:
            yield listener

    def stop(self) -> None:
        """Have whoever waits look once more, and wait no longer."""
        self.stopping = True
        self._tell_everybody()

    @contextmanager
    def listen(self, topic: Topic, *subjects: str, needs_news: bool = False) -> Iterator[Listener]:
        """A listener for these subjects, or for every one. Listen first, then read: nothing is missed."""
        listener = Listener(needs_news=needs_news)
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
        """Pass news on until cancelled, reconnecting whenever Redis went away."""
        while True:
            try:
                await self._follow()
            except (RedisError, OSError) as error:
                log.warning("lost Redis, listening again soon", error=str(error))
                self.connected = False
                self._deafen()
            await asyncio.sleep(RECONNECT)

    async def _follow(self) -> None:
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
            self._tell_everybody()
            asked = False
            while True:
                # Whatever comes is a sign of life; the answer to a ping has a type of its own.
                message = await pubsub.get_message(timeout=SILENCE)
                if message is None and asked:
                    raise RedisTimeout("Redis does not answer")
                if message is None:
                    await pubsub.ping()
                elif message["type"] == "message":
                    self._pass_on(message["channel"], json.loads(message["data"]))
                asked = message is None

    def _pass_on(self, source: str, content: Any) -> None:
        topic = next(topic for topic in TOPICS if channel(topic) == source)
        match topic:
            case "jobs" | "notifications":
                subjects = [str(each) for each in content]
            case "versions":
                subjects = [str(content["id"])] if content["kind"] == "auction" else []
            case "sessions":
                subjects = [str(value) for value in content.values()]
        for subject in subjects:
            for key in ((topic, subject), (topic, EVERYTHING)):
                for listener in self._listeners.get(key, ()):
                    listener.tell(subject)

    def _deafen(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.deafen()

    def _tell_everybody(self) -> None:
        """There may be news about anything."""
        for (_, subject), listeners in self._listeners.items():
            for listener in listeners:
                listener.tell(subject)
