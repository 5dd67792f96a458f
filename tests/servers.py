"""A pytest plugin: real servers for the whole run, and databases of its own (a world) for each test process.

Loaded before Django's settings are read, because they say where the servers are. The main
process starts the servers (those with a *_URL are used as they are) and migrates a template
database; every test process gets a world of its own, and so does the portal that it runs. Test processes sign in
to Postgres as its owner, and the portal's as the writer.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from pymongo import MongoClient
from redis import Redis

from portal.database.roles import signed_in_as
from portal.env import database_roles
from portal.laptop.cluster import cluster

ROOT = Path(__file__).resolve().parent.parent
RUN = "PORTAL_TEST_RUN"
# Of the writer and the reader.
PASSWORD = "of-the-roles-of-tests"
NO_PROMOTER = "UPDATE django_celery_beat_periodictask SET enabled = false WHERE name = 'Promoter'"
_resources = ExitStack()


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _sql(url: str, *statements: sql.Composed | sql.SQL) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def _create(name: str, template: str | None = None) -> sql.Composed:
    copy = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
    return sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copy


def _drop(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


def _start_servers() -> None:
    """Once a run, in its main process."""
    data = Path(_resources.enter_context(tempfile.TemporaryDirectory(prefix="portal-tests-")))
    name = f"portal_test_{os.getpid()}"
    os.environ["DATABASE_ROLES"] = name
    running = _resources.enter_context(cluster(data, durable=False))
    template = f"{name}_template"
    urls = dict(running.urls)
    database_url = urls["DATABASE_URL"] = urls.pop("DATABASE_OWNER_URL", urls["DATABASE_URL"])
    _resources.callback(_drop_roles, database_url)
    _sql(database_url, _create(template))
    _resources.callback(_sql, database_url, _drop(template))
    os.environ["DATABASE_WRITER_PASSWORD"] = os.environ["DATABASE_READER_PASSWORD"] = PASSWORD
    environment = {
        **os.environ,
        **urls,
        "DATABASE_URL": _with_database(database_url, template),
        "PORTAL_ENV": "local",
        "PORTAL_DATA": str(data),
    }
    for command in (("migrate", "--verbosity", "0"), ("database_roles", "--json")):
        words = [sys.executable, str(ROOT / "manage.py"), *command]
        subprocess.run(words, env=environment, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    # Ticks come when a test makes one, not when a minute is over.
    _sql(environment["DATABASE_URL"], sql.SQL(NO_PROMOTER))
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(64)
    os.environ[RUN] = json.dumps({"name": name, "urls": urls})


def _drop_roles(url: str) -> None:
    """Those of a database that was left, by a killed test process, can't be dropped."""
    with suppress(psycopg.errors.DependentObjectsStillExist):
        for role in database_roles():
            _sql(url, sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def as_the_portal(whereabouts: Mapping[str, str]) -> dict[str, str]:
    """A world's variables for the portal's own processes: the writer's URL, and the owner's for `migrate`."""
    owners = whereabouts["DATABASE_URL"]
    writer, _ = database_roles()
    return {
        **whereabouts,
        "DATABASE_URL": signed_in_as(owners, writer, PASSWORD),
        "DATABASE_OWNER_URL": owners,
    }


@contextmanager
def world(suffix: str) -> Iterator[dict[str, str]]:
    """A world of its own: an empty database, a MongoDB database, a Redis namespace, a data folder.

    As the variables that lead a process there.
    """
    run = json.loads(os.environ[RUN])
    urls = run["urls"]
    name = f"{run['name']}_{suffix}"
    mongodb_url = _with_database(urls["MONGODB_URL"], name)
    _sql(urls["DATABASE_URL"], _drop(name), _create(name, f"{run['name']}_template"))
    try:
        with tempfile.TemporaryDirectory(prefix="portal-test-") as data:
            yield {
                "DATABASE_URL": _with_database(urls["DATABASE_URL"], name),
                "MONGODB_URL": mongodb_url,
                "REDIS_URL": urls["REDIS_URL"],
                "PORTAL_NAMESPACE": name,
                "PORTAL_ENV": "local",
                "PORTAL_DATA": data,
            }
    finally:
        _drop_documents(mongodb_url, name)
        _sql(urls["DATABASE_URL"], _drop(name))


def empty_this_world() -> None:
    """Make this test process's databases anew; whoever calls has let go of his connections to them."""
    run = json.loads(os.environ[RUN])
    name = f"{run['name']}_{PROCESS}"
    _drop_documents(os.environ["MONGODB_URL"], name)
    with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        if keys := list(redis.scan_iter(f"{name}:*", count=1000)):
            redis.unlink(*keys)
    _sql(run["urls"]["DATABASE_URL"], _drop(name), _create(name, f"{run['name']}_template"))


def _drop_documents(url: str, name: str) -> None:
    with MongoClient[dict[str, object]](url) as client:
        client.drop_database(name)


if RUN not in os.environ:
    _start_servers()
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ.update(_resources.enter_context(world(PROCESS)))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Drop the databases, then stop the servers."""
    _resources.close()
