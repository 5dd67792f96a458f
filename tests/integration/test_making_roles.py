"""Making the roles, applying their rights when tables change, and warning of a role that has too many."""

import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from pytest_django import Settings
from structlog.testing import capture_logs

from commands.postgres.connections import SyncConnection
from portal.database import warning
from portal.database.granting import Roles
from portal.database.owner import names_of_roles
from portal.database.roles import make_roles, signed_in_as
from tests.servers import PASSWORD, ROOT, as_the_portal, world


def manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command with these variables."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def elsewhere() -> Iterator[dict[str, str]]:
    """A world of its own, whose roles are not made yet; with the owner's and the writer's URL."""
    name = f"elsewhere_{secrets.token_hex(4)}"
    with world(name) as whereabouts:
        yield {**as_the_portal(whereabouts), "DATABASE_ROLES": name}
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        for role in (f"{name}_writer", f"{name}_reader"):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def test_the_command_makes_the_roles_once_and_shows_their_passwords_once(
    elsewhere: dict[str, str],
) -> None:
    name = elsewhere["DATABASE_ROLES"]
    bare = {
        **elsewhere,
        "DATABASE_URL": elsewhere["DATABASE_OWNER_URL"],
        "DATABASE_WRITER_PASSWORD": "",
        "DATABASE_READER_PASSWORD": "",
    }
    first = manage(bare, "database_roles", "--json")
    assert first.returncode == 0, first.stderr
    made: list[dict[str, Any]] = json.loads(first.stdout)["roles"]
    assert [each["role"] for each in made] == [f"{name}_writer", f"{name}_reader"]
    assert all(each["new"] for each in made)
    again = manage(bare, "database_roles")
    assert again.stdout == f"{name}_writer is up to date.\n{name}_reader is up to date.\n"
    for each in made:
        with psycopg.connect(each["url"]) as connection:
            assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
    as_writer = {**elsewhere, "DATABASE_URL": made[0]["url"]}
    created = manage({**as_writer, "DATABASE_OWNER_URL": ""}, "status", "--json")
    assert json.loads(created.stdout)["may_change_events"] is None
    owners = manage(bare, "status", "--json")
    assert json.loads(owners.stdout)["may_change_events"] == conninfo_to_dict(
        bare["DATABASE_URL"]
    ).get("user")


def test_a_lost_password_is_set_anew_and_the_other_roles_stays(elsewhere: dict[str, str]) -> None:
    roles = Roles(*(f"{elsewhere['DATABASE_ROLES']}_{name}" for name in ("writer", "reader")))
    with psycopg.connect(
        elsewhere["DATABASE_OWNER_URL"], autocommit=True, row_factory=dict_row
    ) as connection:
        make_roles(connection, roles, (PASSWORD, PASSWORD))
        before = passwords(connection, roles)
        made = make_roles(connection, roles, ("another-one", ""))
        after = passwords(connection, roles)
    assert [(each.new, each.password) for each in made] == [(False, None)] * 2
    assert after[roles.reader] == before[roles.reader]
    assert proves(after[roles.writer], "another-one")
    assert not proves(after[roles.writer], PASSWORD)


def passwords(connection: SyncConnection, roles: Roles) -> dict[str, str]:
    """What Postgres keeps of the two roles' passwords, which the tests' own servers don't ask for."""
    query = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname IN (%s, %s)"
    rows = connection.execute(query, (roles.writer, roles.reader))
    return {row["rolname"]: row["rolpassword"] for row in rows}


def proves(kept: str, password: str) -> bool:
    """Whether the password is the one of which Postgres keeps that (SCRAM-SHA-256$rounds:salt$key:key)."""
    _, rounds, keys = kept.split("$")
    count, salt = rounds.split(":")
    stored_key = b64decode(keys.split(":")[0])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(salt), int(count))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client_key).digest() == stored_key


def test_only_the_owner_can_run_it_and_is_told_how(elsewhere: dict[str, str]) -> None:
    done = manage({**elsewhere, "DATABASE_OWNER_URL": ""}, "database_roles")
    assert done.returncode == 1
    assert "as the owner of the tables (DATABASE_OWNER_URL)" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrating_signs_in_as_the_owner_and_grants(elsewhere: dict[str, str]) -> None:
    roles = manage(elsewhere, "database_roles")
    assert roles.returncode == 0, roles.stderr
    with psycopg.connect(elsewhere["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE by_hand (id int)")
    done = manage(elsewhere, "migrate", "notifications", "0008")
    assert done.returncode == 0, done.stderr
    done = manage(elsewhere, "migrate")
    assert done.returncode == 0, done.stderr
    may = "SELECT has_table_privilege(%s, 'by_hand', 'UPDATE')"
    with psycopg.connect(elsewhere["DATABASE_OWNER_URL"]) as connection:
        writer = f"{elsewhere['DATABASE_ROLES']}_writer"
        assert connection.execute(may, (writer,)).fetchone() == (True,)


def test_a_process_that_may_change_events_warns(settings: Settings) -> None:
    """Tests sign in as the owner."""
    with capture_logs() as logged:
        warning._warn()
    role = conninfo_to_dict(settings.DATABASE_URL)["user"]
    assert [(line["log_level"], line["role"]) for line in logged] == [("warning", role)]
    [found] = warning.check(app_configs=None, databases=["default"])
    assert (found.id, str(role) in found.msg) == ("portal.W001", True)
    settings.DATABASE_URL = signed_in_as(settings.DATABASE_URL, names_of_roles().writer, PASSWORD)
    with capture_logs() as logged:
        warning._warn()
    assert (logged, warning.check(app_configs=None, databases=["default"])) == ([], [])
    assert warning.check(app_configs=None, databases=None) == [], (
        "without a database nobody is asked"
    )


def test_without_postgres_nobody_is_warned(settings: Settings) -> None:
    settings.DATABASE_URL = "postgresql://nobody@127.0.0.1:1/nothing"
    with capture_logs() as logged:
        warning._warn()
    assert logged == []
