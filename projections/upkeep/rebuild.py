"""Rebuilding a projection from the events, beside the live one, while the portal runs.

The collections of a new generation are filled stream by stream. Streams with events since are
projected again until none is behind. Then the pointer moves, and readers see the new generation.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import structlog
from pymongo.database import Database

from commands.postgres.connections import Pool
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.locks import locked_if_free, rebuilding
from commands.streams import Stream, StreamKind
from projections.errors import passes
from projections.live import announce
from projections.mongo.generations import (
    POINTER_LIFETIME,
    drop_leftovers,
    leftovers,
    live_generations,
    move_pointer,
    next_generation,
)
from projections.mongo.layout import COLLECTIONS, ProjectionName
from projections.mongo.store import MongoDocuments
from projections.projector import project_together
from projections.upkeep.filling import fill
from projections.upkeep.lag import lagging, streams_of_state

log = structlog.get_logger("projections")

KINDS: dict[ProjectionName, StreamKind] = {"auctions": "auction", "users": "user"}
# Streams that are projected together.
TOGETHER = 100
# With many new events some streams are always behind; the rest is done after the switch.
CATCH_UPS = 20

# The pause between two catch-ups after the switch, in seconds.
CATCH_UP_PAUSE = 0.05

Progress = Callable[[Iterable[Stream], str, int], Iterable[Stream]]


class AlreadyRebuilding(Exception):
    """Another process is rebuilding this projection."""


class WouldGoBack(Exception):
    """A rebuilt document has a lower version than the live one."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The number of rebuilt streams, their generation, and the streams that an event stops."""

    streams: int
    generation: int
    stopped: Sequence[Stream]


def rebuild(
    name: ProjectionName,
    pool: Pool,
    database: Database[dict[str, Any]],
    progress: Progress,
) -> Rebuilt:
    """Rebuild a projection and make it the live one.

    If an event stops a stream, its documents have the version before that event. WouldGoBack if the
    live ones have a higher version; they stay live then. AlreadyRebuilding if another process
    rebuilds. GenerationDropped if this rebuild was taken for dead, because it lost its lock.
    """
    with _rebuild_lock(name, pool):
        return _rebuild(name, pool, database, progress)


@contextmanager
def _rebuild_lock(name: ProjectionName, pool: Pool) -> Iterator[None]:
    """Hold the lock for rebuilding: two rebuilds would drop each other's collections."""
    with pool.connection() as connection, locked_if_free(connection, rebuilding(name)) as free:
        if not free:
            raise AlreadyRebuilding(f"{name} are being rebuilt already")
        yield


def drop_abandoned(pool: Pool, database: Database[dict[str, Any]]) -> None:
    """Drop the generations that killed rebuilds left, of projections that are not being rebuilt."""
    for name in COLLECTIONS:
        if leftovers(database, name):
            with suppress(AlreadyRebuilding), _rebuild_lock(name, pool):
                # The pointer may have moved just now, and processes may still use the old generation.
                time.sleep(2 * POINTER_LIFETIME)
                dropped = drop_leftovers(database, name)
                log.warning(
                    "dropped what a killed rebuild left", projection=name, dropped=sorted(dropped)
                )


def _rebuild(
    name: ProjectionName,
    pool: Pool,
    database: Database[dict[str, Any]],
    progress: Progress,
) -> Rebuilt:
    live = live_generations(database)
    generation = next_generation(database, name)
    documents = MongoDocuments(database, {**live, name: generation})
    # Bids' indexes are built from all of them at once, which is cheaper than one by one.
    documents.create_indexes(but={"bids"} if name == "auctions" else ())
    with pool.connection() as connection:
        ids = list(PostgresEventStore(connection).streams(KINDS[name]))
    every = [Stream(KINDS[name], stream_id) for stream_id in ids]
    left: Iterable[Stream] = progress(every, name, len(every))
    if name == "auctions":
        left = _fill_all(left, pool, documents)
        documents.create_indexes()
    stopped = _project_all(left, pool, documents)
    for _ in range(CATCH_UPS):
        behind, stopped = _catch_up(name, pool, documents, stopped)
        if not behind:
            break
    _refuse_to_go_back(stopped, MongoDocuments(database, live), documents)
    move_pointer(database, name, generation)
    # Until every process has read the new pointer, some still write to the old generation, and announce
    # what readers of the new one don't see there. So this one has to be caught up, and announced.
    switched = time.monotonic()
    while time.monotonic() - switched < 2 * POINTER_LIFETIME:
        began = time.monotonic()
        caught_up, stopped = _catch_up(name, pool, documents, stopped)
        announce(caught_up)
        time.sleep(max(CATCH_UP_PAUSE, time.monotonic() - began))
    caught_up, _ = _catch_up(name, pool, documents, stopped)
    announce(caught_up)
    drop_leftovers(database, name)
    return Rebuilt(len(every), generation, stopped)


def _fill_all(streams: Iterable[Stream], pool: Pool, documents: MongoDocuments) -> list[Stream]:
    """Fill the documents of all auctions; those that can't be filled, which are to be projected."""
    left: list[Stream] = []
    remaining = iter(streams)
    while batch := list(islice(remaining, TOGETHER)):
        try:
            with pool.connection() as connection:
                fill(PostgresEventStore(connection), [stream.id for stream in batch], documents)
        except Exception as error:
            if passes(error):
                raise
            log.warning("auctions can't be filled together", error=type(error).__name__)
            left += batch
    return left


def _project_all(streams: Iterable[Stream], pool: Pool, documents: MongoDocuments) -> list[Stream]:
    """Project all streams to their end; those that an event stops."""
    stopped: list[Stream] = []
    remaining = iter(streams)
    while left := list(islice(remaining, TOGETHER)):
        while left:
            projected = project_together(left, pool, documents, lane="rebuild")
            for poison in projected.stopped:
                log.error(
                    "an event stops its stream",
                    stream=str(poison.stream.id),
                    version=poison.version,
                )
                stopped.append(poison.stream)
            left = projected.unfinished
    return stopped


def _catch_up(
    name: ProjectionName,
    pool: Pool,
    documents: MongoDocuments,
    stopped: Sequence[Stream],
) -> tuple[list[Stream], list[Stream]]:
    """Project streams with new events, except stopped ones; which, and all that are stopped now."""
    with pool.connection() as connection:
        wanted = streams_of_state(connection, KINDS[name])
    known = set(stopped)
    behind = [lag.stream for lag in lagging(wanted, documents.versions) if lag.stream not in known]
    return behind, [*stopped, *_project_all(behind, pool, documents)]


def _refuse_to_go_back(
    stopped: Sequence[Stream], live: MongoDocuments, rebuilt: MongoDocuments
) -> None:
    for stream in stopped:
        before, after = (
            documents.versions(stream.kind, [stream.id]).get(stream.id, 0)
            for documents in (live, rebuilt)
        )
        if after < before:
            raise WouldGoBack(
                f"{stream.kind} {stream.id} comes only to version {after}, the live documents "
                f"stand at {before}; they stay in service"
            )
