"""Whether this web process can do its work: every server is asked, all at once, for a second at most.

A server that hangs does not make the answer hang, nor do questions to it pile up: while one is
unanswered, no other is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache

import structlog
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from psycopg import AsyncConnection
from redis.asyncio import Redis

from commands.postgres.unknown import WAITING_FOR_NEWER, known
from portal.failing import NAMES
from portal.web.runtime import Runtime

log = structlog.get_logger("portal")

PATIENCE = 1.0
APPLIED = "SELECT app, name FROM django_migrations"

Probe = Callable[[], Awaitable[str | None]]


class Readiness:
    """Asks the servers anew at each call."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._asked: dict[str, asyncio.Task[str | None]] = {}
        # The names of tasks that keep failing, as last read from Postgres. They don't make the process unready.
        self.failing_tasks: list[str] = []
        # What waiting jobs need that this release does not know; newer workers handle them.
        self.unknown: list[str] = []

    async def missing(self) -> dict[str, str]:
        """The servers that keep the process from its work, with the reason; empty if it is ready."""
        probes: dict[str, Probe] = {
            "postgres": self._postgres,
            "redis": _redis,
            "mongodb": self._mongodb,
        }
        for name, probe in probes.items():
            if name not in self._asked:
                self._asked[name] = asyncio.create_task(_bounded(name, probe))
        await asyncio.wait(self._asked.values(), timeout=PATIENCE)
        answered = {name: task for name, task in self._asked.items() if task.done()}
        for name in answered:
            del self._asked[name]
        problems = {
            name: answered[name].result() if name in answered else "no answer" for name in probes
        }
        return {name: problem for name, problem in problems.items() if problem}

    async def _postgres(self) -> str | None:
        # A connection of its own: those of the pool may all be busy, which is no fault.
        async with await AsyncConnection.connect(settings.DATABASE_URL) as connection:
            cursor = await connection.execute(APPLIED)
            applied = {(app, name) for app, name in await cursor.fetchall()}
            if unapplied := sorted(".".join(each) for each in _newest_migrations() - applied):
                return f"migrations are missing: {', '.join(unapplied)}"
            cursor = await connection.execute(NAMES)
            self.failing_tasks = [name for (name,) in await cursor.fetchall()]
            cursor = await connection.execute(WAITING_FOR_NEWER, known())
            self.unknown = [row[0] for row in await cursor.fetchall()]
        return None

    async def _mongodb(self) -> None:
        await self._runtime.documents.ping()


async def _bounded(name: str, probe: Probe) -> str | None:
    """The reason in general words, or None; details are only logged."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await probe()
    except TimeoutError:
        return "no answer"
    except Exception as error:
        log.warning("not ready", server=name, error=str(error))
        return "away"


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """Each app's last migration."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


async def _redis() -> None:
    async with Redis.from_url(settings.REDIS_URL) as redis:
        await redis.ping()
