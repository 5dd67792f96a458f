"""A bare ASGI application that reads the auction's document that is asked for, and writes it as JSON."""

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson
import uvicorn

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from django.conf import settings
from pymongo import AsyncMongoClient

from projections.mongo.connection import READING
from projections.mongo.layout import collection_name
from projections.mongo.reader import QUICK

Message = dict[str, Any]
HEADERS = [(b"content-type", b"application/json")]
_clients: list[AsyncMongoClient[Message]] = []


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer a GraphQL request's `id` variable; anything else, as a probe, with nothing."""
    if scope["type"] != "http":
        return
    body = b"" if scope["method"] == "GET" else (await receive())["body"]
    content = b"{}"
    if body:
        auction_id = UUID(orjson.loads(body)["variables"]["id"])
        found = await _auctions().find_one({"_id": auction_id})
        content = orjson.dumps(found, default=str)
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": content})


def _auctions() -> Any:
    if not _clients:
        _clients.append(AsyncMongoClient(settings.MONGODB_URL, **QUICK))
    database = _clients[0].get_default_database(settings.NAMESPACE, **READING)
    return database[collection_name("auctions", 1)]


if __name__ == "__main__":
    uvicorn.run(
        application, fd=int(sys.argv[1]), lifespan="off", log_level="error", access_log=False
    )
