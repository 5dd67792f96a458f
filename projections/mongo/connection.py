"""The connection to MongoDB, and how surely it is written and read."""

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

# What a majority has not got yet may be taken back after a failover, and bids that another member
# has not got would be missing beside their auction: so this is read, and from the primary,
# whatever the URL prefers. A server without a replica set is its own majority.
READING: Mapping[str, Any] = {
    "read_preference": ReadPreference.PRIMARY,
    "read_concern": ReadConcern("majority"),
}
# How long a write waits for a majority, in milliseconds; it is then tried again.
MAJORITY_WAIT = 5000


def writing(asked: WriteConcern) -> WriteConcern:
    """A majority of a replica set, and the journal; more members than one, or tagged ones, if the URL asks so.

    What was acknowledged with less may be lost: with the process, or after a failover. Nobody
    would miss a document that had said how far its stream has got, and an erased name would be back.
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
