"""The document stores that the contract suite runs on."""

from collections.abc import Iterator

import pytest

from projections.mongo.layout import COLLECTIONS, collection_name
from projections.mongo.store import MongoDocuments
from projections.ports import Documents
from projections.wiring import database
from tests.fakes import MemoryDocuments

# A generation that no rebuild of a test ever reaches.
GENERATION = 9001


@pytest.fixture
def mongo() -> Iterator[MongoDocuments]:
    """MongoDB, with collections of its own."""
    documents = MongoDocuments(database(), dict.fromkeys(COLLECTIONS, GENERATION))
    documents.create_indexes()
    yield documents
    for bases in COLLECTIONS.values():
        for base in bases:
            database().drop_collection(collection_name(base, GENERATION))


@pytest.fixture(params=["memory", "mongo"])
def documents(request: pytest.FixtureRequest) -> Documents:
    """Each document store in turn."""
    if request.param == "memory":
        return MemoryDocuments()
    mongo: MongoDocuments = request.getfixturevalue("mongo")
    return mongo
