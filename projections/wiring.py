"""The read side's connections for workers and operators' commands: made once a process and handed on.

Only entry points (tasks, commands, the web's runtime) ask here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from uuid import UUID

from pymongo.database import Database

from commands.postgres.aliases import names_behind
from commands.streams import Stream
from commands.wiring import pool
from projections.live import bring_forward, bring_up_to_date
from projections.mongo.bson import Bson
from projections.mongo.connection import connect
from projections.mongo.generations import LiveDocuments
from projections.mongo.store import MongoDocuments


@cache
def database() -> Database[Bson]:
    """MongoDB's database, connected at first use."""
    return connect()


@cache
def _live() -> LiveDocuments:
    return LiveDocuments(database())


def live_documents() -> MongoDocuments:
    """The documents of the generation that is live now."""
    return _live()()


def project_streams(
    streams: Sequence[Stream], leave: Callable[[Sequence[Stream]], None] | None = None
) -> Sequence[Stream]:
    """Bring the streams' live documents forward; see projections.live."""
    return bring_forward(pool(), live_documents(), streams, leave)


def catch_up(stream: Stream, announced: int = -1) -> int:
    """Bring the stream's live documents up to date; see projections.live."""
    return bring_up_to_date(pool(), live_documents(), stream, announced)


def names_behind_aliases(ids: Collection[UUID]) -> Mapping[UUID, str]:
    """The names of the users behind these aliases, for the house; see commands.postgres.aliases."""
    with pool().connection() as connection:
        return names_behind(connection, ids)
