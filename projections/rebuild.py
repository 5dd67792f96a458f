"""Building a projection anew from the events, beside the live one, while the portal runs.

The next generation's collections are filled stream by stream. Streams that moved on meanwhile
are caught up until none is behind; then the pointer moves, and readers see the new generation.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from psycopg_pool import ConnectionPool
from pymongo.database import Database

from commands.ports import Stream, StreamKind
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.pool import SyncConnection
from projections.lag import lagging, streams_of_state
from projections.mongo import (
    COLLECTIONS,
    POINTER_LIFETIME,
    MongoDocuments,
    ProjectionName,
    live_generations,
    move_pointer,
)
from projections.projector import project

KINDS: dict[ProjectionName, StreamKind] = {"auctions": "auction", "users": "user"}
# Under a flood somebody is always a little behind; the rest is caught up after the switch.
CATCH_UPS = 20

Progress = Callable[[Iterable[Stream], str, int], Iterable[Stream]]


def rebuild(
    name: ProjectionName,
    pool: ConnectionPool[SyncConnection],
    database: Database[dict[str, Any]],
    progress: Progress,
) -> tuple[int, int]:
    """Rebuild a projection and make it the live one: how many streams, and its generation."""
    live = live_generations(database)
    generation = _next_generation(database, name)
    documents = MongoDocuments(database, {**live, name: generation})
    documents.create_indexes()
    with pool.connection() as connection:
        ids = list(PostgresEventStore(connection).streams(KINDS[name]))
    every = [Stream(KINDS[name], stream_id) for stream_id in ids]
    _project_all(every, pool, documents, lambda streams: progress(streams, name, len(every)))
    for _ in range(CATCH_UPS):
        if not _catch_up(name, pool, documents):
            break
    move_pointer(database, name, generation)
    # Until every process has noticed the switch, some still write the old generation.
    time.sleep(2 * POINTER_LIFETIME)
    _catch_up(name, pool, documents)
    _drop_others(database, name, generation)
    return len(every), generation


def _project_all(
    streams: Iterable[Stream],
    pool: ConnectionPool[SyncConnection],
    documents: MongoDocuments,
    progress: Callable[[Iterable[Stream]], Iterable[Stream]] = lambda streams: streams,
) -> None:
    for stream in progress(streams):
        project(stream, pool, documents, lane="rebuild")


def _catch_up(
    name: ProjectionName, pool: ConnectionPool[SyncConnection], documents: MongoDocuments
) -> int:
    """Project what moved on since; how many streams did."""
    with pool.connection() as connection:
        wanted = streams_of_state(connection, KINDS[name])
    behind = lagging(wanted, documents)
    _project_all([lag.stream for lag in behind], pool, documents)
    return len(behind)


def _generations(database: Database[dict[str, Any]], name: ProjectionName) -> set[int]:
    """The generations of which there are collections."""
    bases = set(COLLECTIONS[name])
    found = (collection.rpartition("_") for collection in database.list_collection_names())
    return {int(number) for base, _, number in found if base in bases and number.isdigit()}


def _next_generation(database: Database[dict[str, Any]], name: ProjectionName) -> int:
    """A number nobody used; leftovers of rebuilds that were cut off are dropped with the old one."""
    return max(_generations(database, name) | {live_generations(database)[name]}) + 1


def _drop_others(database: Database[dict[str, Any]], name: ProjectionName, live: int) -> None:
    for generation in _generations(database, name) - {live}:
        for base in COLLECTIONS[name]:
            database[f"{base}_{generation}"].drop()
