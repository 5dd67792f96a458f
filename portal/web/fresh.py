"""Values read once for all who ask for them, for as long as they are fresh.

A value is fresh for LONGEST seconds from the moment at which reading it began, and no longer than until
news of a change of what it was read from. News come over Redis and may be lost: LONGEST holds without them.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from commands.wake import Topic

K = TypeVar("K")
V = TypeVar("V")

# The bound on how old a shared value can be, in seconds. docs/operators.md states it.
LONGEST = 1.0
# A topic and one of its subjects: the auction's id.
Subject = tuple[Topic, str]
# What a list depends on: all subjects of its topic.
ALL_AUCTIONS: Subject = ("versions", "*")


class News:
    """What changed within the last LONGEST seconds, as far as this process was told."""

    def __init__(self) -> None:
        # Those heard of last stand last.
        self._heard: OrderedDict[Subject, float] = OrderedDict()
        self._missed = 0.0

    def heard(self, topic: Topic, subject: str) -> None:
        """It changed: what was read of it so far is not fresh any more."""
        now = time.monotonic()
        for key in ((topic, subject), (topic, "*")):
            self._heard[key] = now
            self._heard.move_to_end(key)
        while self._heard[oldest := next(iter(self._heard))] < now - LONGEST:
            del self._heard[oldest]

    def missed(self) -> None:
        """News may have been lost: nothing that was read so far is fresh."""
        self._missed = time.monotonic()

    def fresh(self, reads: "Reads") -> bool:
        """Whether nothing that was read is older than LONGEST, or has changed since."""
        now = time.monotonic()
        return (
            max(now - LONGEST, self._missed) < reads.since
            and now < reads.until
            and all(self._heard.get(subject, 0.0) < reads.since for subject in reads.subjects)
        )


@dataclass(slots=True)
class Reads:
    """What a value was read from, when reading began, and when at the latest it ends: by time.monotonic."""

    subjects: set[Subject] = field(default_factory=set)
    since: float = field(default_factory=time.monotonic)
    until: float = float("inf")

    def add(self, other: "Reads") -> None:
        """Something that was read is part of the value."""
        self.subjects |= other.subjects
        self.since = min(self.since, other.since)
        self.until = min(self.until, other.until)

    def end(self, until: float = 0.0) -> None:
        """The value is not fresh from that moment on; without one, it is for nobody who asks later."""
        self.until = min(self.until, until)


class Seen(NamedTuple, Generic[V]):
    """A value, and when reading it ended, by time.monotonic."""

    value: V
    at: float


@dataclass(slots=True, eq=False)
class _Entry(Generic[V]):
    reads: Reads
    reading: asyncio.Task[None] | None = None
    seen: Seen[V] | None = None
    weight: int = 0


class Shared(Generic[K, V]):
    """Values by key: those used longest ago make room for others, by their number and their size in bytes."""

    def __init__(
        self, news: News, weigh: Callable[[K, V], int], *, most: int, most_bytes: int
    ) -> None:
        self._news, self._weigh = news, weigh
        self._most, self._most_bytes = most, most_bytes
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._bytes = 0

    def __contains__(self, key: K) -> bool:
        """Whether it was read lately, fresh or not."""
        return key in self._entries

    async def get(
        self,
        keys: Collection[K],
        read: Callable[[Mapping[K, Reads]], Awaitable[Mapping[K, V]]],
        reads: Reads,
    ) -> dict[K, Seen[V]]:
        """The values of the keys that have one; what they were read from is added to `reads`.

        `read` gets all that must be read, in one call, and notes what it reads from. Whoever asks
        meanwhile waits for it. What it raises is raised for all of them.
        """
        found = {key: entry for key in keys if (entry := self._fresh(key))}
        if missing := [key for key in keys if key not in found]:
            found |= self._start(missing, read)
        values = {}
        for key, entry in found.items():
            if entry.reading:
                # Others wait for it, too.
                await asyncio.shield(entry.reading)
            reads.add(entry.reads)
            if entry.seen:
                values[key] = entry.seen
        return values

    def _fresh(self, key: K) -> _Entry[V] | None:
        entry = self._entries.get(key)
        if entry is None or not self._news.fresh(entry.reads):
            return None
        self._entries.move_to_end(key)
        return entry

    def _start(
        self, keys: list[K], read: Callable[[Mapping[K, Reads]], Awaitable[Mapping[K, V]]]
    ) -> dict[K, _Entry[V]]:
        entries: dict[K, _Entry[V]] = {key: _Entry(Reads()) for key in keys}
        reading = asyncio.create_task(self._read(entries, read))
        # Read by nobody if all who waited have gone.
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        for key, entry in entries.items():
            entry.reading = reading
            self._remove(key)
            self._entries[key] = entry
        return entries

    async def _read(
        self,
        entries: Mapping[K, _Entry[V]],
        read: Callable[[Mapping[K, Reads]], Awaitable[Mapping[K, V]]],
    ) -> None:
        values: Mapping[K, V] = {}
        try:
            values = await read({key: entry.reads for key, entry in entries.items()})
        finally:
            for key, entry in entries.items():
                if key in values:
                    self._keep(key, entry, values[key])
                elif self._entries.get(key) is entry:
                    self._remove(key)
        for entry in entries.values():
            entry.reading = None

    def _keep(self, key: K, entry: _Entry[V], value: V) -> None:
        entry.seen = Seen(value, time.monotonic())
        if self._entries.get(key) is not entry:
            return
        entry.weight = self._weigh(key, value)
        self._bytes += entry.weight
        while len(self._entries) > self._most or self._bytes > self._most_bytes:
            self._remove(next(iter(self._entries)))

    def _remove(self, key: K) -> None:
        if entry := self._entries.pop(key, None):
            self._bytes -= entry.weight
