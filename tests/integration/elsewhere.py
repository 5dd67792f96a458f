"""Portals in worlds of their own, beside this process's: records are moved between them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool
from pymongo import MongoClient
from pymongo.database import Database

from commands.postgres.connections import Pool
from projections.mongo.connection import OPTIONS, READING, writing
from projections.mongo.generations import live_generations
from projections.mongo.store import MongoDocuments
from tests.servers import PROCESS, ROOT, as_the_portal, world


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A portal without processes, at first without anything in it; it signs in to Postgres as one would."""

    environment: Mapping[str, str]
    pool: Pool
    database: Database[dict[str, Any]]

    @property
    def documents(self) -> MongoDocuments:
        """Its documents, of the generation that is live now."""
        return MongoDocuments(self.database, live_generations(self.database))

    def python(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run Python there."""
        environment = {**os.environ, **self.environment}
        command = [sys.executable, *words]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False)

    def manage(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run an operator's command there."""
        return self.python("manage.py", *words)

    def rows(self, query: str) -> list[DictRow]:
        """What its database answers."""
        with self.pool.connection() as connection:
            return connection.execute(query).fetchall()


@contextmanager
def elsewhere(name: str) -> Iterator[Elsewhere]:
    """An empty portal of that name."""
    with world(f"{PROCESS}_{name}") as whereabouts:
        environment = as_the_portal(whereabouts)
        client: MongoClient[dict[str, Any]] = MongoClient(environment["MONGODB_URL"], **OPTIONS)
        concern = writing(client.write_concern)
        database = client.get_default_database(write_concern=concern, **READING)
        with (
            client,
            ConnectionPool(
                environment["DATABASE_URL"],
                connection_class=Connection[DictRow],
                kwargs={"autocommit": True, "row_factory": dict_row},
                min_size=0,
                max_size=4,
            ) as pool,
        ):
            yield Elsewhere(environment, pool, database)
