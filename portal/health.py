"""How the portal is doing: servers, queues, waiting jobs, and documents that are behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from psycopg import Error
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from commands import queues
from commands.wake import redis
from commands.wiring import pool
from projections.mongo.generations import live_generations
from projections.upkeep.lag import lagging, streams_of_state
from projections.wiring import database, live_documents

WAITING = """
SELECT command, count(*) AS jobs,
       extract(epoch FROM clock_timestamp() - min(accepted_at))::float AS oldest_seconds
FROM jobs WHERE status = 'QUEUED' GROUP BY command ORDER BY command
"""
FAILED = "SELECT count(*) AS jobs FROM jobs WHERE status = 'FAILED'"
STUCK = """
SELECT reader, stream_kind, stream_id, version, error, attempts, since, retry_after
FROM stuck_streams ORDER BY since
"""
AUDIT = """
SELECT completed_at, (SELECT count(*) FROM drifts WHERE NOT repaired) AS differing,
       (SELECT count(*) FROM drifts WHERE repaired AND found_at > clock_timestamp() - interval '1 day')
       AS repaired_today
FROM (VALUES (1)) AS always LEFT JOIN audit_progress ON name = 'documents'
"""
AWAY = (Error, PyMongoError, RedisError, OSError)


@dataclass(frozen=True, slots=True)
class Condition:
    """What could be found out; None where the server that knows is away."""

    servers: Mapping[str, str]
    queues: Mapping[str, int] | None
    waiting_jobs: list[dict[str, Any]] | None
    failed_jobs: int | None
    streams_behind: int | None
    events_behind: int | None
    generations: Mapping[str, int] | None
    stuck_streams: list[dict[str, Any]] | None
    audit: dict[str, Any] | None

    @property
    def complete(self) -> bool:
        """Whether every server answers."""
        return all(state == "up" for state in self.servers.values())


def condition() -> Condition:
    """Ask every server."""
    servers = {
        "postgres": _state(lambda: _rows("SELECT 1")),
        "redis": _state(lambda: redis().ping()),
        "mongodb": _state(lambda: database().command("ping")),
    }
    up = {name for name, state in servers.items() if state == "up"}
    lag = _lag() if {"postgres", "mongodb"} <= up else None
    return Condition(
        servers=servers,
        queues=_queues() if "redis" in up else None,
        waiting_jobs=_rows(WAITING) if "postgres" in up else None,
        failed_jobs=_rows(FAILED)[0]["jobs"] if "postgres" in up else None,
        streams_behind=lag[0] if lag else None,
        events_behind=lag[1] if lag else None,
        generations={str(n): g for n, g in live_generations(database()).items()}
        if "mongodb" in up
        else None,
        stuck_streams=[_brief(row) for row in _rows(STUCK)] if "postgres" in up else None,
        audit=_rows(AUDIT)[0] if "postgres" in up else None,
    )


def _state(ask: Callable[[], object]) -> str:
    try:
        ask()
    except AWAY as error:
        return f"away: {str(error).splitlines()[0][:200]}"
    return "up"


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    """Of the error, the line that names it."""
    return {**row, "error": row["error"].strip().splitlines()[-1]}


def _rows(query: str) -> list[dict[str, Any]]:
    with pool().connection() as connection:
        return connection.execute(query).fetchall()


def _queues() -> dict[str, int]:
    """Messages that wait for a worker."""
    return {name: int(str(redis().llen(f"{settings.NAMESPACE}:{name}"))) for name in queues.ALL}


def _lag() -> tuple[int, int]:
    """How many streams' documents are behind, and by how many events in all."""
    documents = live_documents()
    with pool().connection() as connection:
        every = [lag for kind in ("auction", "user") for lag in streams_of_state(connection, kind)]
    behind = lagging(every, documents)
    at = {
        **documents.versions("auction", [b.stream.id for b in behind]),
        **documents.versions("user", [b.stream.id for b in behind]),
    }
    return len(behind), sum(lag.version - at.get(lag.stream.id, 0) for lag in behind)
