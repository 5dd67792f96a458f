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
from datetime import timedelta
from functools import cache
from typing import cast
from uuid import UUID

import structlog
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.commands.core import Script
from redis.exceptions import RedisError

from commands.streams import Stream
from commands.wake import WAKE_EXPIRES, clear_wake_up, redis, send, wake, wake_key

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

# The slot of a task that the sweep sends, beside whatever is queued already: it has one turn.
SWEEP = SLOTS

# KEYS: the list, what the slot has taken, the slot. ARGV: how many to take, AT_WORK, KEPT, and the
# streams that are finished. What else was taken goes back: it is not finished, or whoever took it was
# killed, or the answer that named it was lost. One call for a batch, and nothing is lost between two.
TAKE = """
for at = 4, #ARGV do redis.call('SREM', KEYS[2], ARGV[at]) end
local left = redis.call('SMEMBERS', KEYS[2])
if #left > 0 then
  redis.call('SADD', KEYS[1], unpack(left))
  redis.call('DEL', KEYS[2])
end
redis.call('SET', KEYS[3], 1, 'EX', ARGV[2])
local taken = redis.call('SPOP', KEYS[1], ARGV[1])
if #taken > 0 then
  redis.call('SADD', KEYS[2], unpack(taken))
  redis.call('EXPIRE', KEYS[2], ARGV[3])
end
return {redis.call('SCARD', KEYS[1]), taken}
"""

# KEYS: the list, its bell, the first slot. ARGV: WAKE_EXPIRES, KEPT, and the streams. One ring is enough,
# however many streams come before somebody listens. 1 if the slot was free and a task is to be queued.
ADD = """
redis.call('SADD', KEYS[1], unpack(ARGV, 3))
if redis.call('LLEN', KEYS[2]) == 0 then
  redis.call('LPUSH', KEYS[2], 1)
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
return redis.call('SET', KEYS[3], 1, 'NX', 'EX', ARGV[1]) and 1 or 0
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

        Streams that were left lying get a task of their own, for one turn: the queued one may be lost.
        """
        try:
            for members in _parts(_members(streams)):
                free = _add_script()(self._add_keys, (WAKE_EXPIRES, KEPT, *members))
                if free:
                    self._send_for(0)
                elif left_lying:
                    self._wake(SWEEP)
        except (RedisError, OperationalError) as error:
            log.warning("could not wake, the sweep will", task=self.task, error=str(error))

    def keep(self, streams: Iterable[Stream]) -> bool:
        """Put the streams on the list and wake nobody; whether there were any. RedisError."""
        parts = _parts(_members(streams))
        for members in parts:
            redis().sadd(self._key, *members)
        return bool(parts)

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
        finished: Iterable[str] = ()
        while (started := time.monotonic()) < ends:
            more, streams = self._take(slot, finished)
            finished = ()
            if streams:
                finished = self._handle(streams, handle, slot, more)
                time.sleep(max(0, started + GATHER - time.monotonic()))
            elif slot or not self._rung(min(LINGER, ends - started)):
                return self._end(slot)
        self._take(slot, finished, most=0)
        if slot == SWEEP:
            return self._end(slot)
        redis().set(self._slot_key(slot), 1, ex=WAKE_EXPIRES)
        self._send(slot)
        return None

    def _take(
        self, slot: int, finished: Iterable[str], most: int = MOST
    ) -> tuple[int, list[Stream]]:
        """Take the next streams, after those of the last batch are finished; how many stay on the list."""
        keys = (self._key, self._taken(slot), self._slot_key(slot))
        answer = _take_script()(keys, (most, AT_WORK, KEPT, *finished))
        more, taken = cast(tuple[int, list[str]], answer)
        return more, [_stream(member) for member in taken]

    def _handle(
        self, streams: Sequence[Stream], handle: Handle, slot: int, more: int
    ) -> Iterable[str]:
        """The members that are finished; if it raises, all are back on the list."""
        if more and slot + 1 < SLOTS:
            self._wake(slot + 1)
        try:
            left = set(handle(streams))
        except BaseException:
            self._take(slot, (), most=0)
            raise
        return _members(stream for stream in streams if stream not in left)

    def _rung(self, seconds: float) -> bool:
        """Wait until streams come; whether any did within that time."""
        return redis().blpop([self._bell], timeout=seconds) is not None

    def _end(self, slot: int) -> None:
        """End, unless something came in while nobody was to be woken for it."""
        redis().delete(self._slot_key(slot))
        if redis().scard(self._key):
            self._wake(slot if slot < SLOTS else 0)

    def _wake(self, slot: int) -> None:
        """Queue a task, unless there is one for that slot."""
        if redis().set(self._slot_key(slot), 1, nx=True, ex=WAKE_EXPIRES):
            self._send_for(slot)

    def _send_for(self, slot: int) -> None:
        """Queue the task that the slot was taken for."""
        try:
            self._send(slot)
        except (RedisError, OperationalError):
            redis().delete(self._slot_key(slot))
            raise

    def _send(self, slot: int) -> None:
        send(self.task, (self.name, str(slot)), self.queue)

    @property
    def _key(self) -> str:
        return f"{settings.NAMESPACE}:waiting:{self.name}"

    @property
    def _add_keys(self) -> tuple[str, str, str]:
        return self._key, self._bell, self._slot_key(0)

    @property
    def _bell(self) -> str:
        return f"{self._key}:bell"

    def _taken(self, slot: int) -> str:
        return f"{self._key}:taken:{slot}"

    def _slot_key(self, slot: int) -> str:
        return wake_key(self.task, (self.name, str(slot)))


# Seconds for which streams rest that a process of this release can't go on with.
REST = timedelta(seconds=1)


class Left:
    """Streams that only a newer release can go on with: in a moment some worker looks at them again.

    The task, on the worklist's queue, takes its name and does `come_back`. Whoever gets it looks by himself: if he woke
    somebody, workers that take turns could leave it to the same one each time. It is some streams at a time, so that without a
    newer release they cost little.
    """

    def __init__(self, back_to: Worklist, task: str) -> None:
        self._back_to = back_to
        self._task = task
        self.kept = Worklist(f"{back_to.name}-left", task, back_to.queue)

    def add(self, streams: Iterable[Stream]) -> None:
        """Let the streams rest; without Redis, leave them to the sweep."""
        with suppress(RedisError):
            if self.kept.keep(streams):
                self._wake()

    def come_back(self, handle: Handle, passes: Callable[[Exception], bool]) -> None:
        """One turn with some of them back on the worklist; what is not finished then is left to others, or the sweep."""
        clear_wake_up(self._task, (self._back_to.name,))
        with suppress(RedisError):
            self._back_to.keep(self.kept.take())
            if self.kept.batches():
                self._wake()
        try:
            self._back_to.work(SWEEP, handle, passes)
        except Exception as error:
            if not passes(error):
                raise
            log.warning("could not look again, the sweep will", task=self._task, error=str(error))

    def _wake(self) -> None:
        wake(self._task, (self._back_to.name,), self._back_to.queue, after=REST)


@cache
def _add_script() -> Script:
    return redis().register_script(ADD)


@cache
def _take_script() -> Script:
    return redis().register_script(TAKE)


def _parts(members: Sequence[str]) -> list[Sequence[str]]:
    return [members[at : at + MOST_ADDED] for at in range(0, len(members), MOST_ADDED)]


def _members(streams: Iterable[Stream]) -> list[str]:
    return [f"{stream.kind}:{stream.id}" for stream in streams]


def _stream(member: str) -> Stream:
    kind, _, stream_id = member.partition(":")
    return Stream(kind, UUID(stream_id))  # type: ignore[arg-type]  # as `add` wrote it
