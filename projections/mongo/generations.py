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
# In a pointer: none up to this generation can become the live one any more.
DROPPED = "dropped_up_to"
# How long a process may go on using a generation after the pointer moved, in seconds.
POINTER_LIFETIME = 1.0


class GenerationDropped(Exception):
    """A generation that was taken for a dead rebuild's can't be made the live one."""


def pointers_from(found: Sequence[Mapping[str, Any]]) -> dict[ProjectionName, int]:
    """Each projection's live generation; the first one where no rebuild was ever made."""
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
        """The live generation's documents, as of at most POINTER_LIFETIME ago."""
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
        self._generations = generations


def live_generations(database: Database[Bson]) -> Generations:
    """Each projection's live generation."""
    return pointers_from(list(database[POINTERS].find()))


def next_generation(database: Database[Bson], projection: ProjectionName) -> int:
    """A number that no generation ever had."""
    pointer = database[POINTERS].find_one({"_id": projection}) or {}
    used = {pointer.get("live", 1), pointer.get(DROPPED, 0)}
    return max(used | _existing(database, projection)) + 1


def move_pointer(database: Database[Bson], projection: ProjectionName, generation: int) -> None:
    """Make a generation the live one; GenerationDropped if it was dropped, or may be at any moment."""
    not_dropped = {"_id": projection, DROPPED: {"$not": {"$gte": generation}}}
    try:
        database[POINTERS].update_one(not_dropped, {"$set": {"live": generation}}, upsert=True)
    except DuplicateKeyError as error:
        raise GenerationDropped(
            f"generation {generation} of {projection} was dropped meanwhile"
        ) from error


def leftovers(database: Database[Bson], projection: ProjectionName) -> set[int]:
    """The generations that are not live: rebuilds are filling them, or left them."""
    return _existing(database, projection) - {live_generations(database)[projection]}


def drop_leftovers(database: Database[Bson], projection: ProjectionName) -> set[int]:
    """Drop the generations that are not live, and see that none of them ever is; which they were.

    A rebuild that was taken for dead may still be at work: it then can't switch readers to what
    was dropped. Nothing is dropped when the pointer moves at this moment.
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
    """Note that this and earlier generations are given up, if the live one is still the live one."""
    still_live = {"_id": projection, "live": live}
    given_up = {"$max": {DROPPED: generation}}
    try:
        database[POINTERS].update_one(still_live, given_up, upsert=True)
    except DuplicateKeyError:
        return False
    return True


def _existing(database: Database[Bson], projection: ProjectionName) -> set[int]:
    """The generations of which there are collections."""
    return {
        generation_of(name)
        for base in COLLECTIONS[projection]
        for name in generations_of(database, base)
    }
