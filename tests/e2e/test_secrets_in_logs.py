"""Whatever goes wrong, no line of the logs holds a password, a token or a key."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest
from celery import Celery
from redis import Redis

from commands.ids import new_id
from commands.queues import ALL, AUCTIONS, PROJECTIONS
from portal.env import passwords
from portal.laptop.demo.client import CREATE_USER, LOGIN
from projections.tasks import BEHIND
from tests.conftest import PASSWORD, RunningPortal, running_portal, wait_until
from tests.e2e.test_account_mails import ASK_RESET, RESET, confirm, mailed
from tests.e2e.test_admin import Browser
from tests.servers import ROOT
from tests.webs import web

REFRESH = "mutation ($t: String!) { refreshSession(refreshToken: $t) { accessToken } }"
LOGOUT = "mutation ($t: String!) { logout(refreshToken: $t) }"
ME = "{ me { id } }"
CELERY = (sys.executable, "-m", "celery", "--quiet", "-A", "portal")
CANNOT_CONNECT = "Cannot connect to redis://portal:**@127.0.0.1:1/0"
# With a character that URLs and JSON write differently.
SERVERS_PASSWORD = f"hidden%2F{secrets.token_urlsafe(12)}"
NOBODY_LISTENS = {
    "DATABASE_URL": f"postgresql://portal:{SERVERS_PASSWORD}@127.0.0.1:1/portal",
    "REDIS_URL": f"redis://portal:{SERVERS_PASSWORD}@127.0.0.1:1/0",
    "MONGODB_URL": f"mongodb://portal:{SERVERS_PASSWORD}@127.0.0.1:1/portal?authSource=admin",
}


class Evidence:
    """The secrets that were used, and the logs of all processes."""

    def __init__(self) -> None:
        self.secrets: set[str] = {PASSWORD, *passwords(*NOBODY_LISTENS.values())}
        self.logs: dict[str, str] = {}

    def leaks(self) -> list[tuple[str, str]]:
        """Each line that holds a secret, as it is or as JSON or URLs write it, by the log's name."""
        forms = [
            form
            for each in self.secrets
            for form in (each, json.dumps(each)[1:-1], quote(each, safe=""))
        ]
        return [
            (name, line)
            for name, log in self.logs.items()
            for line in log.splitlines()
            if any(form in line for form in forms)
        ]


@contextmanager
def broken(portal: RunningPortal, breaking: str, mending: str) -> Iterator[None]:
    """A fault in the database, in the midst of what is done meanwhile."""
    assert portal.environment
    with psycopg.connect(portal.environment["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute(breaking.encode())
        try:
            yield
        finally:
            connection.execute(mending.encode())


def renamed(table: str) -> tuple[str, str]:
    """The fault that a table is not there."""
    return f"ALTER TABLE {table} RENAME TO elsewhere", f"ALTER TABLE elsewhere RENAME TO {table}"


def ask(portal: RunningPortal, query: str, access: str = "", **variables: Any) -> Any:
    """The answer, whatever it says."""
    headers = {"Authorization": f"Bearer {access}"} if access else {}
    body = {"query": query, "variables": variables}
    return httpx.post(f"{portal.url}/graphql", json=body, headers=headers, timeout=60).json()


def code(answer: Any) -> str:
    """What the first error is called."""
    name: str = answer["errors"][0]["extensions"]["code"]
    return name


def sign_in(portal: RunningPortal, evidence: Evidence, name: str) -> tuple[str, str]:
    """Access and refresh token of a session."""
    session = ask(portal, LOGIN, username=name, password=PASSWORD)["data"]["session"]
    evidence.secrets |= {session["accessToken"], session["refreshToken"]}
    return session["accessToken"], session["refreshToken"]


def faults_under_sign_in(portal: RunningPortal, evidence: Evidence, name: str) -> None:
    """Signing in and out, refreshing and asking, while what is beneath is broken."""
    access, refresh = sign_in(portal, evidence, name)
    with broken(portal, *renamed("sessions")):
        assert code(ask(portal, LOGIN, username=name, password=PASSWORD)) == "INTERNAL"
        assert code(ask(portal, REFRESH, t=refresh)) == "INTERNAL"
        assert code(ask(portal, LOGOUT, t=refresh)) == "INTERNAL"
        assert code(ask(portal, ME, access)) == "INTERNAL"
    with (
        broken(portal, *renamed("django_session")),
        Browser(base_url=portal.url, follow_redirects=True, timeout=30) as desk,
    ):
        answer = desk.submit("/admin/login/", {"username": name, "password": PASSWORD})
        assert answer.status_code == 500
        evidence.secrets |= set(desk.cookies.values())


def faults_under_sign_up(portal: RunningPortal, evidence: Evidence) -> None:
    """Postgres quotes the row that it refuses, with the address and the password's hash."""
    email = f"secret-{new_id().hex}@example.org"
    evidence.secrets |= {email, "argon2"}
    with broken(
        portal,
        "ALTER TABLE jobs ADD CONSTRAINT broken CHECK (command <> 'CreateUser') NOT VALID",
        "ALTER TABLE jobs DROP CONSTRAINT broken",
    ):
        person = {"username": "mallory", "password": PASSWORD, "email": email}
        assert code(ask(portal, CREATE_USER, input=person)) == "INTERNAL"


def tokens_in_mails(portal: RunningPortal, evidence: Evidence) -> None:
    """The links of an account's mails, used while what is beneath is broken, and once they are spent."""
    name, address = f"bob{new_id().hex[-12:]}", f"{new_id().hex}@example.org"
    evidence.secrets |= {address}
    person = {"username": name, "password": PASSWORD, "email": address}
    assert ask(portal, CREATE_USER, input=person)["data"]
    link = asyncio.run(mailed(portal, address, "Is this your address?"))
    evidence.secrets.add(token := link.rpartition("/")[2])
    with broken(portal, *renamed("users")):
        assert asyncio.run(confirm(portal, link)).status_code == 500
    assert asyncio.run(confirm(portal, link)).status_code == 200
    assert httpx.get(f"{portal.url}/confirm-email/{token}/x").status_code == 404
    assert ask(portal, ASK_RESET, who=name)["data"]["asked"]
    link = asyncio.run(mailed(portal, address, "Choose a new password"))
    evidence.secrets |= {
        token := link.rpartition("/")[2],
        new := f"another {secrets.token_urlsafe(20)}",
    }
    with broken(portal, *renamed("sessions")):
        assert code(ask(portal, RESET, token=token, new=new)) == "INTERNAL"
    assert ask(portal, RESET, token=token, new=new)["data"]["done"]
    assert code(ask(portal, RESET, token=token, new=new)) == "BAD_USER_INPUT"


def tokens_in_paths(portal: RunningPortal, evidence: Evidence, access: str) -> None:
    """A token in a path that is none, and in one whose page fails."""
    assert httpx.get(f"{portal.url}/unsubscribe/{access}/x").status_code == 404
    evidence.secrets.add(secret := secrets.token_urlsafe(20))
    assert httpx.get(f"{portal.url}/nothing/{secret}").status_code == 404
    assert httpx.post(f"{portal.url}/admin/login/", data={"password": secret}).status_code == 403


def refused_connections(
    portal: RunningPortal, evidence: Evidence, access: str, refresh: str
) -> None:
    """A web process whose servers all refuse it."""
    with web(portal, LOG_FORMAT="json", LOG_LEVEL="DEBUG", **NOBODY_LISTENS) as cut_off:
        assert httpx.get(f"{cut_off.url}/readyz", timeout=30).status_code == 503
        for answer in (
            ask(cut_off, LOGIN, username="alice", password=PASSWORD),
            ask(cut_off, REFRESH, t=refresh),
            ask(cut_off, "mutation { cancelJob(id: 1) { id } }", access),
            ask(cut_off, "{ auctions { edges { cursor } } }", access),
        ):
            assert code(answer) in {"UNAVAILABLE", "BAD_USER_INPUT"}
        httpx.get(f"{cut_off.url}/admin/", timeout=60)
        evidence.logs["cut off"] = wait_until(
            lambda: (log := cut_off.logged()).count("not ready") >= 2 and log
        )


@contextmanager
def worker(portal: RunningPortal, pool: str, **more: str) -> Iterator[RunningPortal]:
    """A worker of all queues, which no server takes in, unless more says so. None of its tasks are the portal's."""
    environment = {
        **(portal.environment or {}),
        **NOBODY_LISTENS,
        "PORTAL_NAMESPACE": f"elsewhere_{new_id().hex}",
        **more,
    }
    log = portal.data / f"worker-{new_id().hex}.log"
    options = ("worker", "--pool", pool, "--concurrency", "1", "--queues", ",".join(ALL))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*CELERY, *options], env=environment, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        yield replace(portal, log=log, process=process, environment=environment)
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0, log.read_text()


def send_tasks(to: RunningPortal) -> None:
    """A task that begins with Postgres and one that begins with MongoDB, for that worker alone."""
    assert to.environment
    app = Celery(
        broker=to.environment["REDIS_URL"].replace("unix://", "redis+socket://", 1),
        set_as_current=False,
    )
    prefix = f"{to.environment['PORTAL_NAMESPACE']}:"
    app.conf.broker_transport_options = {"global_keyprefix": prefix}
    app.send_task("commands.announce_winners", queue=AUCTIONS)
    namespace = to.environment["PORTAL_NAMESPACE"]
    with Redis.from_url(to.environment["REDIS_URL"]) as redis:
        redis.sadd(f"{namespace}:waiting:{BEHIND.name}", f"user:{new_id()}")
    app.send_task(BEHIND.task, [BEHIND.name, "0"], queue=PROJECTIONS)
    app.close()


def refused_workers(portal: RunningPortal, evidence: Evidence) -> None:
    """Workers whose servers refuse them: whatever pool they have, and wherever they meet it."""
    for pool in ("solo", "prefork"):
        with worker(portal, pool) as idle:
            wait_until(lambda: CANNOT_CONNECT in idle.logged(), 30, f"a line of {pool}")
        evidence.logs[pool] = idle.logged()
    assert portal.environment
    with worker(portal, "prefork", REDIS_URL=portal.environment["REDIS_URL"]) as busy:
        send_tasks(busy)
        wait_until(lambda: '"logger": "psycopg.pool"' in busy.logged(), 30, "a line of Postgres")
        wait_until(lambda: "TopologyDescription" in busy.logged(), 30, "a line of MongoDB")
    evidence.logs["busy"] = busy.logged()


def refused_commands(portal: RunningPortal, evidence: Evidence) -> None:
    """Commands whose servers refuse them."""
    environment = {**(portal.environment or {}), **NOBODY_LISTENS, "LOG_FORMAT": "json"}
    cut_off = RunningPortal("", portal.data, portal.log, portal.process, environment)
    for words in (("status",), ("verify_events",), ("create_auction", "A", "--ends-at", "+1h")):
        done = cut_off.manage(*words)
        assert done.returncode
        evidence.logs[words[0]] = done.stdout + done.stderr


def test_no_log_line_holds_a_secret() -> None:
    evidence = Evidence()
    key = secrets.token_urlsafe(64)
    evidence.secrets.add(key)
    with running_portal("secrets", LOG_FORMAT="json", LOG_LEVEL="DEBUG", SECRET_KEY=key) as portal:
        made = portal.manage("create_user", "alice", "--staff", stdin=f"{PASSWORD}\n")
        assert made.returncode == 0, made.stderr
        access, refresh = sign_in(portal, evidence, "alice")
        faults_under_sign_in(portal, evidence, "alice")
        faults_under_sign_up(portal, evidence)
        tokens_in_mails(portal, evidence)
        tokens_in_paths(portal, evidence, access)
        refused_connections(portal, evidence, access, refresh)
        refused_workers(portal, evidence)
        refused_commands(portal, evidence)
        evidence.logs["portal"] = portal.logged()
    assert evidence.leaks() == []
    # What was searched is all that there is to find: each fault, with its traceback.
    faults = [line for line in evidence.logs["portal"].splitlines() if '"exception"' in line]
    assert sum("UndefinedTable" in line for line in faults) >= 5
    assert any("CheckViolation" in line for line in faults)
    assert "correlation_id" in "".join(faults)
    for server in ('"server": "postgres"', '"server": "redis"', "pymongo"):
        assert server in evidence.logs["cut off"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql//portal:hunter2-is-it@db/portal"),
        ("DATABASE_URL", "postgresql://portal:hunter2-is-it%ZZ@db/portal"),
        ("DATABASE_URL", "postgresql://portal:hunter2-is-it/x@db/portal"),
        ("REDIS_URL", "redis://:hunter2-is-it/x@redis/0"),
        ("REDIS_URL", "redis//:hunter2-is-it@redis/0"),
        ("MONGODB_URL", "mongodb://portal:hunter2-is-it#x@mongo/portal"),
        ("MONGODB_URL", "portal:hunter2-is-it@mongo"),
    ],
)
def test_a_url_that_can_not_be_read_is_named_and_not_quoted(name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**os.environ, name: value},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert name in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
