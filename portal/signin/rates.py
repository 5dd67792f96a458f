"""Rate limits, counted in Redis for all web processes together. Without Redis nothing is limited."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import islice, repeat
from typing import Literal

import structlog
from django.conf import settings
from limits import RateLimitItem
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from portal.errors import rate_limited

log = structlog.get_logger("portal")

Limit = Literal[
    "SIGN_IN_PER_USER",
    "SIGN_IN_PER_ADDRESS",
    "SIGN_UP_PER_ADDRESS",
    "MAILS_PER_USER",
    "BIDS_PER_USER",
    "BIDS_PER_ADDRESS",
]
COUNTED: dict[Limit, str] = {
    "SIGN_IN_PER_USER": "failed sign-ins under this name",
    "SIGN_IN_PER_ADDRESS": "sign-ins from your address",
    "SIGN_UP_PER_ADDRESS": "sign-ups from your address",
    "MAILS_PER_USER": "mails of this kind to one user or address",
    "BIDS_PER_USER": "bids and deletions of yours",
    "BIDS_PER_ADDRESS": "bids and deletions from your address",
}
# How long after a failure of Redis it is not used, and nothing is limited: seconds.
PAUSE = 10.0
# Time-out of a connection or command: seconds.
PATIENCE = 0.5
# Requests counted in one call of Redis.
MOST = 200
# Addresses remembered in the form that limits count by.
ADDRESSES = 10_000
# For each key the times of the latest requests that were let through, newest first, at most as many
# as the limit allows. A key comes with three arguments: the limit, the window in microseconds, and
# whether it is its request's last one. Each gets the microseconds to wait; 0 if it was counted, or if
# an earlier key of its request must wait.
COUNT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local waits, refused = {}, false
for i, key in ipairs(KEYS) do
    local limit, window = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
    waits[i] = 0
    if not refused then
        local oldest = redis.call('LINDEX', key, limit - 1)
        if oldest and oldest + window > now then
            waits[i] = oldest + window - now
            refused = true
        else
            redis.call('LPUSH', key, string.format('%.0f', now))
            redis.call('LTRIM', key, 0, limit - 1)
            redis.call('PEXPIRE', key, math.ceil(window / 1000))
        end
    end
    if ARGV[3 * i] == '1' then refused = false end
end
return waits
"""


@dataclass(frozen=True, slots=True)
class _Count:
    """One more of `limit` for `who`."""

    limit: Limit
    rate: RateLimitItem
    who: str

    @property
    def key(self) -> str:
        return f"{settings.NAMESPACE}:rates:{self.limit}:{self.rate.get_expiry()}:{self.who}"


@dataclass(frozen=True, slots=True)
class _Request:
    counts: Sequence[_Count]
    answer: asyncio.Future[None]

    def arguments(self) -> Iterator[int]:
        """What the script takes beside the keys."""
        for count in self.counts:
            yield from (count.rate.amount, count.rate.get_expiry() * 1_000_000)
            yield int(count is self.counts[-1])

    def settle(self, waits: Iterable[int]) -> None:
        """Answer whoever asked, unless they have gone: they may go on, or must wait (microseconds)."""
        refused = [(count, wait) for count, wait in zip(self.counts, waits, strict=True) if wait]
        if self.answer.done():
            return
        if refused:
            count, wait = refused[0]
            seconds = max(1, math.ceil(wait / 1_000_000))
            self.answer.set_exception(rate_limited(COUNTED[count.limit], seconds))
        else:
            self.answer.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Answer whoever asked with the error, unless they have an answer or are gone."""
        if self.answer.done():
            return
        if isinstance(error, Exception):
            self.answer.set_exception(error)
        else:
            self.answer.cancel()


class Rates:
    """Counts the requests of each user and address, and refuses those above a limit.

    What comes while one call of Redis is on its way goes with the next, all in one.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._count = redis.register_script(COUNT)
        self._paused_until = 0.0
        self._waiting: list[_Request] = []
        self._task: asyncio.Task[None] | None = None

    async def spend(self, *counts: tuple[Limit, str | None]) -> None:
        """Count one more of each limit for its `who`, up to the first that is exceeded: RATE_LIMITED then.

        An empty `who` is not counted.
        """
        counted = [
            _Count(limit, rate, who)
            for limit, who in counts
            if who and (rate := settings.RATE_LIMITS[limit])
        ]
        if not counted or time.monotonic() < self._paused_until:
            return
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(counted, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await answer

    async def forgive(self, limit: Limit, who: str) -> None:
        """Set the count for `who` back to zero."""
        rate = settings.RATE_LIMITS[limit]
        if rate is None or time.monotonic() < self._paused_until:
            return
        try:
            await self._redis.delete(_Count(limit, rate, who).key)
        except RedisError as error:
            self._let_through(error)

    async def _run(self) -> None:
        batch: Sequence[_Request] = ()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                for request, waits in zip(batch, await self._waits(batch), strict=True):
                    request.settle(waits)
        except BaseException as error:
            # Nobody may wait for a task that has ended.
            waiting, self._waiting = [*batch, *self._waiting], []
            for request in waiting:
                request.fail(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._task = None

    async def _waits(self, batch: Sequence[_Request]) -> list[Sequence[int]]:
        """For each request the microseconds to wait, by count; no waiting without Redis."""
        keys = [count.key for request in batch for count in request.counts]
        arguments = [each for request in batch for each in request.arguments()]
        found: Iterator[int] = repeat(0)
        try:
            # Those who came before it failed don't each wait for it again.
            if time.monotonic() >= self._paused_until:
                found = iter(await self._count(keys, arguments))
        except RedisError as error:
            self._let_through(error)
        return [list(islice(found, len(request.counts))) for request in batch]

    def _let_through(self, error: RedisError) -> None:
        self._paused_until = time.monotonic() + PAUSE
        log.warning("no rate limits without Redis", for_seconds=PAUSE, error=str(error))


@asynccontextmanager
async def rates() -> AsyncIterator[Rates]:
    """The rate limits, with a Redis connection of their own and short timeouts."""
    async with Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    ) as redis:
        yield Rates(redis)


@lru_cache(ADDRESSES)
def address_of(host: str | None) -> str | None:
    """The address that limits count by: for IPv6 the /64 network, which usually belongs to one customer."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((int(address), 64), strict=False))
    return str(address)
