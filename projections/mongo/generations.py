"""Which generation of each projection's documents is live.

Each projection's collections carry a generation number; a small pointer document says which
one is live. A rebuild fills the next generation beside the live one, then moves the pointer.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from projections.mongo.bson import Bson
from projections.mongo.layout import (
    COLLECTIONS,
    Generations,
    ProjectionName,
    collection_name,
    generation_of,
)
from projections.mongo.store import MongoDocuments, generations_of

POINTERS = "generations"
# A pointer's field: generations up to this number are dropped and can't become live.
DROPPED = "dropped_up_to"
# For so many seconds after the pointer moved a process may still use the old generation.
POINTER_LIFETIME = 1.0


class GenerationDropped(Exception):
    """The generation can't become live: it was dropped, as its rebuild was taken for dead."""


def pointers_from(found: Sequence[Mapping[str, Any]]) -> dict[ProjectionName, int]:
    """Each projection's live generation, from the pointers; 1 if it was never rebuilt."""
    live = {pointer["_id"]: pointer["live"] for pointer in found}
    return {name: live.get(name, 1) for name in COLLECTIONS}


class LiveDocuments:
    """The documents of the live generation, following the pointer."""

    def __init__(self, database: Database[Bson]) -> None:
        self._database = database
        self._documents: MongoDocuments | None = None
        self._generations: Generations = {}
        self._read_at = 0.0

    def __call__(self) -> MongoDocuments:
        """The live generation's documents; the pointer was read at most POINTER_LIFETIME ago."""
        now = time.monotonic()
        if self._documents is None or now - self._read_at > POINTER_LIFETIME:
            self._read_at = now
            self._switch_to(live_generations(self._database))
        assert self._documents is not None
        return self._documents

    def _switch_to(self, generations: Generations) -> None:
        if generations == self._generations:
            return
        self._documents = MongoDocuments(self._database, generations)
        self._documents.create_indexes()
        self._documents.complete()
        self._generations = generations


def live_generations(database: Database[Bson]) -> Generations:
    """Each projection's live generation."""
    return pointers_from(list(database[POINTERS].find()))


def next_generation(database: Database[Bson], projection: ProjectionName) -> int:
    """A generation number that was never used."""
    pointer = database[POINTERS].find_one({"_id": projection}) or {}
    used = {pointer.get("live", 1), pointer.get(DROPPED, 0)}
    return max(used | _existing(database, projection)) + 1


def move_pointer(database: Database[Bson], projection: ProjectionName, generation: int) -> None:
    """Make a generation the live one; GenerationDropped if it is marked as dropped."""
    not_dropped = {"_id": projection, DROPPED: {"$not": {"$gte": generation}}}
    try:
        database[POINTERS].update_one(not_dropped, {"$set": {"live": generation}}, upsert=True)
    except DuplicateKeyError as error:
        raise GenerationDropped(
            f"generation {generation} of {projection} was dropped meanwhile"
        ) from error


def leftovers(database: Database[Bson], projection: ProjectionName) -> set[int]:
    """The generations that are not live: being filled by rebuilds, or left by killed ones."""
    return _existing(database, projection) - {live_generations(database)[projection]}


def drop_leftovers(database: Database[Bson], projection: ProjectionName) -> set[int]:
    """Mark the generations that are not live as dropped, and drop them; their numbers.

    The mark keeps a rebuild that was taken for dead, and still runs, from making one of them live.
    Nothing is dropped if the pointer moves at the same moment.
    """
    live = live_generations(database)[projection]
    left = leftovers(database, projection) - {live}
    if not left or not _mark_dropped(database, projection, live, max(left)):
        return set()
    for generation in left:
        for base in COLLECTIONS[projection]:
            database.drop_collection(collection_name(base, generation))
    return left


def _mark_dropped(
    database: Database[Bson], projection: ProjectionName, live: int, generation: int
) -> bool:
    """Mark generations up to this one as dropped, if the live one is still live; whether it was."""
    still_live = {"_id": projection, "live": live}
    mark = {"$max": {DROPPED: generation}}
    try:
        database[POINTERS].update_one(still_live, mark, upsert=True)
    except DuplicateKeyError:
        return False
    return True


def _existing(database: Database[Bson], projection: ProjectionName) -> set[int]:
    """The generations that have collections."""
    return {
        generation_of(name)
        for base in COLLECTIONS[projection]
        for name in generations_of(database, base)
    }
