"""Worklists: the streams that wait for one kind of work, and the turns in which tasks take them.

A worklist is a set in Redis. It may be lost at any time, and so may what a task has taken from it:
what must happen is in Postgres, and each kind of work has a sweep that finds it there.

One task is on its way, or at work, for a worklist as long as streams come in; more join it only
while it can't keep up. A task ends its turn soon, and goes on behind whatever else waits in its
queue, so that no kind of work starves another.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import structlog
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from commands.streams import Stream
from commands.wake import WAKE_EXPIRES, redis, send, wake_key

log = structlog.get_logger("commands")

# Seconds for which a task goes on before it lets others have their turn.
TURN = 0.5
# Seconds that a batch and the pause behind it take at least, so that under load work gathers and is
# done together. What comes to an idle worklist is taken at once.
GATHER = 0.02
# Streams in a batch.
MOST = 100
# Streams put on a list with one command.
MOST_ADDED = 1000
# Tasks of one worklist at a time, over all workers.
SLOTS = 4
# A task that is at work and says nothing for so long, in seconds, is taken for dead: others are woken.
AT_WORK = 5

Handle = Callable[[Sequence[Stream]], Iterable[Stream]]


@dataclass(frozen=True, slots=True)
class Worklist:
    """Streams that wait for one kind of work: the task takes the number of its slot, on that queue."""

    name: str
    task: str
    queue: str

    def add(self, streams: Iterable[Stream], *, left_lying: bool = False) -> None:
        """Note that there is work on the streams; without Redis, leave it to the sweep.

        Streams that were left lying get a task of their own: the one that was queued is lost.
        """
        try:
            if self.keep(streams) and not self._wake(0) and left_lying:
                self._send(0)
        except (RedisError, OperationalError) as error:
            log.warning("could not wake, the sweep will", task=self.task, error=str(error))

    def keep(self, streams: Iterable[Stream]) -> bool:
        """Put the streams on the list and wake nobody; whether there were any. RedisError."""
        members = [f"{stream.kind}:{stream.id}" for stream in streams]
        for start in range(0, len(members), MOST_ADDED):
            redis().sadd(self._key, *members[start : start + MOST_ADDED])
        return bool(members)

    def take(self) -> list[Stream]:
        """Streams of the list, which they are no longer on then; any, so that all are served alike."""
        taken = cast(list[str], redis().spop(self._key, MOST))
        return [_stream(member) for member in taken]

    def batches(self) -> int:
        """How often `take` gives streams, if none are put on the list meanwhile."""
        return -(-redis().scard(self._key) // MOST)

    def work(self, slot: int, handle: Handle, passes: Callable[[Exception], bool]) -> None:
        """One turn of a task: take streams and handle them until none are left or the time is over.

        `handle` gives back those that are not finished. What it raises is raised, with its streams
        back on the list; if it `passes`, the task is expected again, and nobody is woken meanwhile.
        Without Redis it ends: nobody could tell what there is to do.
        """
        try:
            self._work(slot, handle)
        except RedisError as error:
            log.warning("lost the worklist, the sweep will wake", task=self.task, error=str(error))
        except Exception as error:
            with suppress(RedisError):
                if passes(error):
                    redis().set(self._slot_key(slot), 1, ex=WAKE_EXPIRES)
                else:
                    redis().delete(self._slot_key(slot))
            raise

    def _work(self, slot: int, handle: Handle) -> None:
        ends = time.monotonic() + TURN
        while time.monotonic() < ends:
            started = time.monotonic()
            redis().set(self._slot_key(slot), 1, ex=AT_WORK)
            streams = self.take()
            if not streams:
                return self._end(slot)
            self._handle(streams, handle, slot)
            time.sleep(max(0, started + GATHER - time.monotonic()))
        redis().set(self._slot_key(slot), 1, ex=WAKE_EXPIRES)
        self._send(slot)
        return None

    def _handle(self, streams: Sequence[Stream], handle: Handle, slot: int) -> None:
        left: Iterable[Stream] = streams
        if slot + 1 < SLOTS and redis().scard(self._key):
            self._wake(slot + 1)
        try:
            left = handle(streams)
        finally:
            self.keep(left)

    def _end(self, slot: int) -> None:
        """End, unless something came in while nobody was to be woken for it."""
        redis().delete(self._slot_key(slot))
        if redis().scard(self._key):
            self._wake(slot)

    def _wake(self, slot: int) -> bool:
        """Queue a task, unless there is one for that slot; whether it did."""
        key = self._slot_key(slot)
        if not redis().set(key, 1, nx=True, ex=WAKE_EXPIRES):
            return False
        try:
            self._send(slot)
        except (RedisError, OperationalError):
            redis().delete(key)
            raise
        return True

    def _send(self, slot: int) -> None:
        send(self.task, (self.name, str(slot)), self.queue)

    @property
    def _key(self) -> str:
        return f"{settings.NAMESPACE}:waiting:{self.name}"

    def _slot_key(self, slot: int) -> str:
        return wake_key(self.task, (self.name, str(slot)))


def _stream(member: str) -> Stream:
    kind, _, stream_id = member.partition(":")
    return Stream(kind, UUID(stream_id))  # type: ignore[arg-type]  # as `add` wrote it
