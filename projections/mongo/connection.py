"""The connection to MongoDB, with its write concern and read concern."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from projections.mongo.bson import Bson

OPTIONS: Mapping[str, Any] = {
    "uuidRepresentation": "standard",
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 10000,
    "appname": "portal",
}

# Reads are of what a majority has, from the primary, whatever the URL asks: other data may be rolled
# back after a failover, and a secondary may lack bids of an auction that it has. A server without a
# replica set is its own majority.
READING: Mapping[str, Any] = {
    "read_preference": ReadPreference.PRIMARY,
    "read_concern": ReadConcern("majority"),
}
# How long a write waits for a majority, in milliseconds; then it fails and is retried.
MAJORITY_WAIT = 5000


def writing(asked: WriteConcern) -> WriteConcern:
    """The write concern: a majority and its journal, or what the URL asks if that is stricter.

    Writes acknowledged with less may be lost when a process dies or after a failover. A lost erasure
    would bring back a name, and nobody would notice lost documents.
    """
    given = asked.document
    w = given.get("w", 1)
    more = isinstance(w, str) or w > 1
    wait = given.get("wtimeout", MAJORITY_WAIT)
    return WriteConcern(w=w if more else "majority", j=True, wtimeout=wait)


def connect() -> Database[Bson]:
    """The portal's database; the client connects at first use."""
    client: MongoClient[Bson] = MongoClient(settings.MONGODB_URL, **OPTIONS)
    return client.get_default_database(
        settings.NAMESPACE, write_concern=writing(client.write_concern), **READING
    )
