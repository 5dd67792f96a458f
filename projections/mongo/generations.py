"""Which generation of each projection's documents is live.

Each projection's collections carry a generation number; a small pointer document says which
one is live. A rebuild fills the next generation beside the live one, then moves the pointer.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.database import Database

from projections.mongo.bson import Bson
from projections.mongo.layout import COLLECTIONS, Generations, ProjectionName
from projections.mongo.store import MongoDocuments

POINTERS = "generations"
# How long a process may go on using a generation after the pointer moved, in seconds.
POINTER_LIFETIME = 1.0


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
            self._follow(live_generations(self._database))
        assert self._documents is not None
        return self._documents

    def _follow(self, generations: Generations) -> None:
        if generations == self._generations:
            return
        self._documents = MongoDocuments(self._database, generations)
        self._documents.create_indexes()
        self._generations = generations


def live_generations(database: Database[Bson]) -> Generations:
    """Each projection's live generation."""
    return pointers_from(list(database[POINTERS].find()))


def move_pointer(database: Database[Bson], projection: ProjectionName, generation: int) -> None:
    """Make a generation the live one."""
    database[POINTERS].update_one({"_id": projection}, {"$set": {"live": generation}}, upsert=True)
