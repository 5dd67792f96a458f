"""The connection to MongoDB."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from pymongo import MongoClient
from pymongo.database import Database

from projections.mongo.bson import Bson

OPTIONS: Mapping[str, Any] = {
    "uuidRepresentation": "standard",
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 10000,
    "appname": "portal",
}


def connect() -> Database[Bson]:
    """The portal's database; the client connects at first use."""
    client: MongoClient[Bson] = MongoClient(settings.MONGODB_URL, **OPTIONS)
    return client.get_default_database(default=settings.NAMESPACE)
