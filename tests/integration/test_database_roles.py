"""The writer and the reader: what each may do in Postgres, and what is refused."""

from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from psycopg import Connection, sql
from psycopg.rows import DictRow, dict_row

from commands.postgres.connections import SyncConnection
from portal.database.granting import grant, granted, may_change_events, relations, wanted
from portal.database.owner import names_of_roles, owners_connection
from portal.database.roles import CannotMakeRoles, make_roles, signed_in_as
from portal.database.rules import (
    APPEND_ONLY,
    HIDDEN,
    OWNERS,
    PUBLIC,
    PUBLIC_IN_PART,
    UNCHANGED,
    readers_rights,
    undecided,
    writers_rights,
)
from tests.integration.in_process import InProcessPortal
from tests.servers import PASSWORD

REFUSING = """
SELECT DISTINCT relname AS name FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgfoid IN ('events_refuse_change'::regproc, 'refuse_change'::regproc) AND NOT relispartition
"""
# What neither role may do to what is append-only, or around it.
FORBIDDEN = {
    "changing an event": "UPDATE events SET data = data",
    "changing nothing of it": "UPDATE events SET hash = hash WHERE false",
    "replacing one": "INSERT INTO events SELECT * FROM events ON CONFLICT (stream_id, version) DO UPDATE SET hash = ''",
    "removing one": "DELETE FROM events",
    "removing all": "TRUNCATE events",
    "locking one to change it": "SELECT FROM events FOR UPDATE",
    "switching the triggers off": "ALTER TABLE events DISABLE TRIGGER USER",
    "dropping a trigger": "DROP TRIGGER events_refuse_update_delete ON events",
    "a trigger of one's own": "CREATE TRIGGER mine BEFORE INSERT ON events EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "a rule of one's own": "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING",
    "going without triggers": "SET session_replication_role = replica",
    "another function for the triggers": "CREATE OR REPLACE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "dropping the table": "DROP TABLE events",
    "moving it away": "ALTER TABLE events RENAME TO elsewhere",
    "another column": "ALTER TABLE events ADD COLUMN more int",
    "owning it": "ALTER TABLE events OWNER TO CURRENT_USER",
    "giving a right away": "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT UPDATE ON TABLES TO PUBLIC",
    "numbering anew": "SELECT setval(pg_get_serial_sequence('events', 'position'), 1)",
    "a table of one's own": "CREATE TABLE mine ()",
    "a temporary table of that name": "CREATE TEMPORARY TABLE events (LIKE auctions)",
    "a schema of one's own": "CREATE SCHEMA mine",
    "a role": "CREATE ROLE mine",
    "becoming the owner": "SET ROLE {owner}",
    "saying that a migration was applied": "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'y', now())",
}
# What the reader may not do besides.
FORBIDDEN_TO_THE_READER = {
    "appending an event": "INSERT INTO events SELECT * FROM events",
    "changing an auction": "UPDATE auctions SET title = title",
    "placing a bid": "INSERT INTO bids SELECT * FROM bids",
    "removing one": "DELETE FROM bids",
    "password hashes": "SELECT password FROM users",
    "addresses": "SELECT email FROM users",
    "all of a user": "SELECT * FROM users",
    "finding a user by their address": "SELECT id FROM users WHERE email = 'a@example.org'",
    "secrets that are not revealed": "SELECT secret FROM promoter_ticks",
    "guessing a secret": "SELECT number FROM promoter_ticks ORDER BY secret",
    "what was submitted": "SELECT payload FROM jobs",
    "by whom": "SELECT submitted_by FROM jobs",
    "idempotency keys": "SELECT idempotency_key FROM jobs",
    "sessions": "SELECT FROM sessions",
    "admin's sessions": "SELECT FROM django_session",
    "mails": "SELECT FROM mails",
    "notifications": "SELECT FROM notifications",
    "passwords of roles": "SELECT rolpassword FROM pg_authid",
    "a number": "SELECT nextval(pg_get_serial_sequence('events', 'position'))",
}
ALLOWED_TO_THE_READER = (
    "SELECT * FROM events",
    "SELECT * FROM auctions",
    "SELECT * FROM bids",
    "SELECT * FROM promoter_policies",
    "SELECT number, commitment, committed_at, made_at, revealed_at FROM promoter_ticks",
    "SELECT id, username, deleted_at FROM users",
    "SELECT id, command, status, accepted_at, rejection_code FROM jobs",
    "SELECT name FROM django_migrations",
)
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.WrongObjectType)


def signed_in(role: str) -> Connection[DictRow]:
    """A connection of that role to this process's database."""
    url = signed_in_as(settings.DATABASE_URL, role, PASSWORD)
    return Connection[DictRow].connect(url, autocommit=True, row_factory=dict_row)


@pytest.fixture(scope="module", autouse=True)
def _granted() -> None:
    """Rights of the database itself don't come with its template."""
    with owners_connection() as connection:
        grant(connection, names_of_roles())


@pytest.fixture
def owner(in_process: InProcessPortal) -> Iterator[SyncConnection]:
    """The owner's connection."""
    with in_process.pool.connection() as connection:
        yield connection


@pytest.fixture
def changing(owner: SyncConnection) -> Iterator[SyncConnection]:
    """The same in a transaction that nothing is kept of."""
    with owner.transaction(force_rollback=True):
        yield owner


@pytest.fixture
def writer(owner: SyncConnection) -> Iterator[Connection[DictRow]]:
    """The writer's connection."""
    with signed_in(names_of_roles().writer) as connection:
        yield connection


@pytest.fixture
def reader(owner: SyncConnection) -> Iterator[Connection[DictRow]]:
    """The reader's connection, which may try to write: only grants keep it from that."""
    with signed_in(names_of_roles().reader) as connection:
        connection.execute("SET default_transaction_read_only = off")
        yield connection


def refused(connection: Connection[DictRow], statement: str, owner: SyncConnection) -> None:
    """Whoever changes an event is refused by grants, before any trigger is."""
    name = sql.Identifier(owner.info.user).as_string(owner)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.replace("{owner}", name).encode())


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_writer_can_not_change_events_or_tables(
    writer: Connection[DictRow], owner: SyncConnection, statement: str
) -> None:
    refused(writer, statement, owner)


@pytest.mark.parametrize(
    "statement", [*FORBIDDEN.values(), *FORBIDDEN_TO_THE_READER.values()],
    ids=[*FORBIDDEN, *FORBIDDEN_TO_THE_READER],
)  # fmt: skip
def test_the_reader_can_not_change_anything_or_see_what_is_secret(
    reader: Connection[DictRow], owner: SyncConnection, statement: str
) -> None:
    refused(reader, statement, owner)


@pytest.mark.parametrize("query", ALLOWED_TO_THE_READER)
def test_the_reader_sees_what_is_public(reader: Connection[DictRow], query: str) -> None:
    reader.execute(query.encode()).fetchall()


def test_the_readers_connection_writes_nothing_and_ends_what_takes_long() -> None:
    with signed_in(names_of_roles().reader) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("default_transaction_read_only", "statement_timeout")
        }
    assert [row and next(iter(row.values())) for row in shown.values()] == ["on", "5min"]


def test_the_writer_reads_and_changes_every_other_table(
    writer: Connection[DictRow], owner: SyncConnection
) -> None:
    tables = [each for each in relations(owner) if not each.is_sequence]
    for table in tables:
        if table.follows in APPEND_ONLY | UNCHANGED | OWNERS:
            continue
        name = sql.Identifier(table.name)
        with writer.transaction(force_rollback=True):
            writer.execute(sql.SQL("SELECT FROM {} LIMIT 1 FOR UPDATE").format(name))
            writer.execute(sql.SQL("DELETE FROM {} WHERE false").format(name))
            writer.execute(
                sql.SQL("INSERT INTO {} SELECT * FROM {} WHERE false").format(name, name)
            )


def test_the_owner_is_refused_by_the_triggers_still(
    owner: SyncConnection, in_process: InProcessPortal
) -> None:
    in_process.user()
    for statement in ("UPDATE events SET data = '{}'", "DELETE FROM events", "TRUNCATE events"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            owner.execute(statement)


def test_what_refuses_changes_by_triggers_refuses_them_by_grants(owner: SyncConnection) -> None:
    assert {row["name"] for row in owner.execute(REFUSING)} == APPEND_ONLY


def test_of_each_table_and_column_it_is_decided_whether_the_reader_sees_it(
    owner: SyncConnection,
) -> None:
    tables = [each for each in relations(owner) if not each.is_sequence]
    open_questions = [
        what
        for table in tables
        if table.follows == table.name
        for what in undecided(table.name, table.columns)
    ]
    assert open_questions == [], "name them in portal/database/rules.py"
    assert PUBLIC | HIDDEN | PUBLIC_IN_PART.keys() == {table.follows for table in tables}
    columns = {table.name: set(table.columns) for table in tables}
    for name, shown in PUBLIC_IN_PART.items():
        assert shown.columns | shown.hidden == columns[name]


def test_a_table_that_nobody_decided_on_is_noticed_and_hidden(changing: SyncConnection) -> None:
    changing.execute("CREATE TABLE later (id int GENERATED BY DEFAULT AS IDENTITY, told text)")
    changing.execute("ALTER TABLE users ADD COLUMN shoe_size int")
    roles = names_of_roles()
    at_first = granted(changing, roles.writer)["later"]
    assert at_first == {("SELECT", None), ("INSERT", None)}, "enough for an append-only one"
    grant(changing, roles)
    assert granted(changing, roles.writer)["later"] == writers_rights("later")
    assert granted(changing, roles.writer)["later_id_seq"] == {("USAGE", None), ("SELECT", None)}
    assert "later" not in granted(changing, roles.reader)
    assert ("SELECT", "shoe_size") not in granted(changing, roles.reader)["users"]
    assert undecided("later", ["id"]) == ["later"]
    assert undecided("users", ["id", "shoe_size"]) == ["users.shoe_size"]


def test_the_parts_of_a_table_follow_its_rules(
    changing: SyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.database.rules.APPEND_ONLY", frozenset({"log"}))
    changing.execute("CREATE TABLE log (id int) PARTITION BY RANGE (id)")
    changing.execute("CREATE TABLE log_of_may PARTITION OF log DEFAULT")
    roles = names_of_roles()
    grant(changing, roles)
    found = granted(changing, roles.writer)
    assert found["log_of_may"] == found["log"] == {("SELECT", None), ("INSERT", None)}


def test_granting_again_changes_nothing_and_takes_back_what_was_given_by_hand(
    changing: SyncConnection,
) -> None:
    roles = names_of_roles()
    assert grant(changing, roles) == []
    for by_hand in ("UPDATE, TRIGGER ON events", "UPDATE (hash) ON events"):
        changing.execute(sql.SQL(f"GRANT {by_hand} TO {{}}").format(sql.Identifier(roles.writer)))
    changing.execute(sql.SQL("GRANT SELECT ON users TO {}").format(sql.Identifier(roles.reader)))
    assert grant(changing, roles)
    for relation in relations(changing):
        for role, rights in wanted(relation, roles).items():
            assert granted(changing, role).get(relation.name, frozenset()) == rights
    assert readers_rights("users") == granted(changing, roles.reader)["users"]


def test_who_may_change_events_is_told_apart(
    owner: SyncConnection, writer: Connection[DictRow], reader: Connection[DictRow]
) -> None:
    assert may_change_events(owner) == owner.info.user
    assert may_change_events(writer) is None
    assert may_change_events(reader) is None


@pytest.mark.parametrize("table", ["events", "events_rest"])
@pytest.mark.parametrize("right", ["DELETE", "TRUNCATE", "TRIGGER", "UPDATE (hash)"])
def test_a_single_right_is_enough_to_change_events(
    changing: SyncConnection, right: str, table: str
) -> None:
    """On the log, or on a part of it."""
    role = sql.Identifier(names_of_roles().writer)
    changing.execute(sql.SQL(f"GRANT {right} ON {table} TO {{}}").format(role))
    changing.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
    assert may_change_events(changing) == names_of_roles().writer


def test_a_role_that_no_grant_binds_is_refused(changing: SyncConnection) -> None:
    roles = names_of_roles()
    changing.execute(
        sql.SQL("GRANT {} TO {}").format(
            sql.Identifier(changing.info.user), sql.Identifier(roles.writer)
        )
    )
    with pytest.raises(CannotMakeRoles, match="no grant binds it"):
        make_roles(changing, roles, ("", ""))
