"""Rate limits, counted in Redis for all web processes together. Without Redis nothing is limited."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

import structlog
from django.conf import settings
from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

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


class Rates:
    """Counts the requests of each user and address, and refuses those above a limit."""

    def __init__(self, connections: ConnectionPool) -> None:
        self._storage = RedisStorage(
            "async+redis://",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=f"{settings.NAMESPACE}:rates",
            connection_pool=connections,  # type: ignore[arg-type]
        )
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._paused_until = 0.0

    async def spend(self, limit: Limit, who: str | None) -> None:
        """Count one more for `who`; RATE_LIMITED above the limit. An empty `who` is not counted."""
        rate = settings.RATE_LIMITS[limit]
        if rate is None or not who or time.monotonic() < self._paused_until:
            return
        try:
            seconds = await self._wait_of(rate, limit, who)
        except StorageError as error:
            self._let_through(error)
            return
        if seconds:
            raise rate_limited(COUNTED[limit], seconds)

    async def forgive(self, limit: Limit, who: str) -> None:
        """Set the count for `who` back to zero."""
        rate = settings.RATE_LIMITS[limit]
        if rate is None or time.monotonic() < self._paused_until:
            return
        try:
            await self._limiter.clear(rate, limit, who)
        except StorageError as error:
            self._let_through(error)

    async def _wait_of(self, rate: RateLimitItem, limit: Limit, who: str) -> int:
        """Count one request; 0 if it is within the limit, else the seconds to wait."""
        if await self._limiter.hit(rate, limit, who):
            return 0
        window = await self._limiter.get_window_stats(rate, limit, who)
        return max(1, math.ceil(window.reset_time - time.time()))

    def _let_through(self, error: StorageError) -> None:
        self._paused_until = time.monotonic() + PAUSE
        log.warning("no rate limits without Redis", for_seconds=PAUSE, error=str(error))


@asynccontextmanager
async def rates() -> AsyncIterator[Rates]:
    """The rate limits, with Redis connections of their own and short timeouts."""
    connections = ConnectionPool.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield Rates(connections)
    finally:
        await connections.aclose()


def address_of(host: str | None) -> str | None:
    """The address that limits count by: for IPv6 the /64 network, which usually belongs to one customer."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((int(address), 64), strict=False))
    return str(address)
