"""The connection to MongoDB."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from pymongo import MongoClient, ReadPreference
from pymongo.database import Database

from projections.mongo.bson import Bson

OPTIONS: Mapping[str, Any] = {
    "uuidRepresentation": "standard",
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 10000,
    "appname": "portal",
}

# Bids that another member has not got yet would be missing beside their auction: all is read from
# the primary, whatever the URL prefers.
DATABASE: Mapping[str, Any] = {"read_preference": ReadPreference.PRIMARY}


def connect() -> Database[Bson]:
    """The portal's database; the client connects at first use."""
    client: MongoClient[Bson] = MongoClient(settings.MONGODB_URL, **OPTIONS)
    return client.get_default_database(settings.NAMESPACE, **DATABASE)
