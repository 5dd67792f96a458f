"""The portal's health: servers, queues, waiting jobs, and documents that are behind."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from psycopg import Error
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from commands import queues
from commands.postgres.connections import SyncConnection, clock
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.parts import events_of_no_year
from commands.postgres.schedules import promoter_interval
from commands.postgres.unknown import waiting_for_newer
from commands.promoter.rounds import due_tick
from commands.wake import redis
from commands.wiring import pool
from notifications.postgres.mails import counts
from portal.database.granting import may_change_events
from portal.failing import failing_tasks
from projections.mongo.generations import live_generations
from projections.upkeep import stuck
from projections.upkeep.audit import progress
from projections.upkeep.lag import reached, streams_of_state
from projections.wiring import database, live_documents

T = TypeVar("T")

# The sweep asks for a tick's value anew after a tenth of it.
LATE = timedelta(seconds=60)
AWAY = (Error, PyMongoError, RedisError, OSError)


@dataclass(frozen=True, slots=True)
class Health:
    """The portal's health; None for what is kept on a server that is away."""

    servers: Mapping[str, str]
    queues: Mapping[str, int] | None
    waiting_jobs: list[dict[str, Any]] | None
    failed_jobs: int | None
    # What this release does not know, and how many jobs wait because of it for a newer one.
    waiting_for_newer: list[dict[str, Any]] | None
    streams_behind: int | None
    events_behind: int | None
    generations: Mapping[str, int] | None
    stuck_streams: list[dict[str, Any]] | None
    failing_tasks: list[dict[str, Any]] | None
    mails: dict[str, int] | None
    # A tick whose round of the beacon is public and whose value can't be had.
    waiting_tick: dict[str, Any] | None
    audit: dict[str, Any] | None
    # The role that this process signs in to Postgres as, if that may change events.
    may_change_events: str | None
    # In the rest of the log, counted up to some number.
    events_of_no_year: int | None

    @property
    def complete(self) -> bool:
        """Whether every server answers."""
        return all(state == "up" for state in self.servers.values())


def read_health() -> Health:
    """The portal's health now: asks every server, and reads the tables of those that answer."""
    servers = {
        "postgres": _state(lambda: _asked(clock)),
        "redis": _state(lambda: redis().ping()),
        "mongodb": _state(lambda: database().command("ping")),
    }
    up = {name for name, state in servers.items() if state == "up"}
    lag = _lag() if {"postgres", "mongodb"} <= up else None
    return Health(
        servers=servers,
        queues=_queues() if "redis" in up else None,
        waiting_jobs=_asked(lambda c: PostgresJobInbox(c).backlog()) if "postgres" in up else None,
        failed_jobs=_asked(lambda c: PostgresJobInbox(c).failed()) if "postgres" in up else None,
        waiting_for_newer=_asked(waiting_for_newer) if "postgres" in up else None,
        streams_behind=lag[0] if lag else None,
        events_behind=lag[1] if lag else None,
        generations={str(n): g for n, g in live_generations(database()).items()}
        if "mongodb" in up
        else None,
        stuck_streams=[_brief(row) for row in _asked(stuck.all_stuck)]
        if "postgres" in up
        else None,
        failing_tasks=_asked(failing_tasks) if "postgres" in up else None,
        mails=_asked(counts) if "postgres" in up else None,
        waiting_tick=_asked(_waiting_tick) if "postgres" in up else None,
        audit=_asked(progress) if "postgres" in up else None,
        may_change_events=_asked(may_change_events) if "postgres" in up else None,
        events_of_no_year=_asked(events_of_no_year) if "postgres" in up else None,
    )


def _state(ask: Callable[[], object]) -> str:
    try:
        ask()
    except AWAY as error:
        return f"away: {str(error).splitlines()[0][:200]}"
    return "up"


def _waiting_tick(connection: SyncConnection) -> dict[str, Any] | None:
    """The tick that has waited for longer than the schedules need to make it."""
    due = promoter_interval(connection) and due_tick(connection)
    late = due and clock(connection) - due.public_at > LATE
    return asdict(due) if due and late else None


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    """The row with only the last line of its error."""
    return {**row, "error": row["error"].strip().splitlines()[-1]}


def _asked(ask: Callable[[SyncConnection], T]) -> T:
    with pool().connection() as connection:
        return ask(connection)


def _queues() -> dict[str, int]:
    """How many messages wait for a worker in each queue."""
    return {name: int(str(redis().llen(f"{settings.NAMESPACE}:{name}"))) for name in queues.ALL}


def _lag() -> tuple[int, int]:
    """How many streams' documents are behind, and by how many events in all."""
    documents = live_documents()
    with pool().connection() as connection:
        every = [lag for kind in ("auction", "user") for lag in streams_of_state(connection, kind)]
    late = [lag.version - at for lag, at in reached(every, documents.versions) if at < lag.version]
    return len(late), sum(late)
