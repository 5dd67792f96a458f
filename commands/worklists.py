"""Worklists: the streams that wait for one kind of work, and the turns in which tasks take them.

A worklist is a set in Redis. It may be lost at any time: what must happen is in Postgres, and each kind
of work has a sweep that finds it there. What a task has taken off the list is kept apart until it is
done, so that the next task has what one that was killed had taken.

One task is on its way, or at work, for a worklist as long as streams come in; more join it only
while it can't keep up. A task ends its turn soon, and goes on behind whatever else waits in its
queue, so that no kind of work starves another.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import cast
from uuid import UUID

import structlog
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.commands.core import Script
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
# Seconds for which a task whose list is empty waits for more, within its turn. While streams come
# more often than that, nobody needs to be woken for them.
LINGER = 0.05
# Tasks of one worklist at a time, over all workers.
SLOTS = 4
# A task that is at work and says nothing for so long, in seconds, is taken for dead: others are woken.
AT_WORK = 5
# What a task had taken is forgotten after so many seconds; the sweep has found it before.
KEPT = 60

# KEYS: the list, what the slot has taken, the slot. ARGV: how many to take, AT_WORK, KEPT, and the
# streams that go back, which were taken before. One call for a batch, and nothing is lost between two.
TAKE = """
redis.call('DEL', KEYS[2])
for at = 4, #ARGV do redis.call('SADD', KEYS[1], ARGV[at]) end
redis.call('SET', KEYS[3], 1, 'EX', ARGV[2])
local taken = redis.call('SPOP', KEYS[1], ARGV[1])
if #taken > 0 then
  redis.call('SADD', KEYS[2], unpack(taken))
  redis.call('EXPIRE', KEYS[2], ARGV[3])
end
return {redis.call('SCARD', KEYS[1]), taken}
"""

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
        members = _members(streams)
        if not members:
            return False
        with redis().pipeline(transaction=False) as pipeline:
            for start in range(0, len(members), MOST_ADDED):
                pipeline.sadd(self._key, *members[start : start + MOST_ADDED])
            # One ring is enough, however many streams come before somebody listens.
            pipeline.lpush(self._bell, 1)
            pipeline.ltrim(self._bell, 0, 0)
            pipeline.expire(self._bell, KEPT)
            pipeline.execute()
        return True

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
        # Whoever had the slot before may have been killed.
        left = cast(Iterable[str], redis().smembers(self._taken(slot)))
        while (started := time.monotonic()) < ends:
            more, streams = self._take(slot, left)
            left = ()
            if streams:
                left = self._handle(streams, handle, slot, more)
                time.sleep(max(0, started + GATHER - time.monotonic()))
            elif slot or not self._rung(min(LINGER, ends - started)):
                return self._end(slot)
        if left:
            self._give_back(slot, left)
        redis().set(self._slot_key(slot), 1, ex=WAKE_EXPIRES)
        self._send(slot)
        return None

    def _take(self, slot: int, left: Iterable[str]) -> tuple[int, list[Stream]]:
        """Give back what is left of the last batch and take the next; how many streams stay on the list."""
        keys = (self._key, self._taken(slot), self._slot_key(slot))
        answer = _take_script()(keys, (MOST, AT_WORK, KEPT, *left))
        more, taken = cast(tuple[int, list[str]], answer)
        return more, [_stream(member) for member in taken]

    def _handle(
        self, streams: Sequence[Stream], handle: Handle, slot: int, more: int
    ) -> Iterable[str]:
        """The members that are not finished; all are given back at once if it raises."""
        if more and slot + 1 < SLOTS:
            self._wake(slot + 1)
        try:
            return _members(handle(streams))
        except BaseException:
            self._give_back(slot, _members(streams))
            raise

    def _give_back(self, slot: int, members: Iterable[str]) -> None:
        with redis().pipeline() as pipeline:
            pipeline.sadd(self._key, *members)
            pipeline.delete(self._taken(slot))
            pipeline.execute()

    def _rung(self, seconds: float) -> bool:
        """Wait until streams come; whether any did within that time."""
        return redis().blpop([self._bell], timeout=seconds) is not None

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

    @property
    def _bell(self) -> str:
        return f"{self._key}:bell"

    def _taken(self, slot: int) -> str:
        return f"{self._key}:taken:{slot}"

    def _slot_key(self, slot: int) -> str:
        return wake_key(self.task, (self.name, str(slot)))


@cache
def _take_script() -> Script:
    return redis().register_script(TAKE)


def _members(streams: Iterable[Stream]) -> list[str]:
    return [f"{stream.kind}:{stream.id}" for stream in streams]


def _stream(member: str) -> Stream:
    kind, _, stream_id = member.partition(":")
    return Stream(kind, UUID(stream_id))  # type: ignore[arg-type]  # as `add` wrote it
