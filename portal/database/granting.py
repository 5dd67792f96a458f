"""Bringing the roles' rights in Postgres to what the rules say.

Only what differs is granted or revoked, so it can be done again at any time; `migrate` does it at its end.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from commands.postgres.connections import SyncConnection
from commands.postgres.locks import ROLES, lock
from portal.database.rules import APPEND_ONLY, AT_FIRST, Right, readers_rights, writers_rights

RELATIONS = """
SELECT relname AS name, relkind = 'S' AS is_sequence,
       coalesce((SELECT relname FROM pg_class WHERE oid = pg_partition_root(relation.oid)), relname)
           AS follows,
       ARRAY(SELECT attname::text FROM pg_attribute
             WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped) AS columns
FROM pg_class AS relation
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'S') ORDER BY relname
"""
GRANTED = """
SELECT relname AS name, NULL AS "column", privilege_type AS privilege
FROM pg_class, aclexplode(relacl)
WHERE relnamespace = current_schema()::regnamespace AND grantee = %(role)s::regrole
UNION ALL
SELECT relname, attname, privilege_type
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid, aclexplode(attacl)
WHERE relnamespace = current_schema()::regnamespace AND grantee = %(role)s::regrole
"""
OURS = "SELECT FROM pg_class WHERE oid = to_regclass('events') AND pg_has_role(relowner, 'USAGE')"
OWNER = """
SELECT coalesce((SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('events')),
                current_user) AS name
"""
KNOWN = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)"
# Before Postgres 15 everybody could create tables.
PUBLIC_CAN_CREATE = """
SELECT FROM pg_namespace, aclexplode(nspacl)
WHERE nspname = current_schema() AND grantee = 0 AND privilege_type = 'CREATE'
"""
PUBLIC_HAS_TEMPORARY = """
SELECT FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
WHERE datname = current_database() AND grantee = 0 AND privilege_type = 'TEMPORARY'
  AND pg_has_role(datdba, 'USAGE')
"""
MAY_CHANGE = """
SELECT current_user AS role, coalesce(bool_or(
    pg_has_role(pg_class.relowner, 'MEMBER') OR has_any_column_privilege(pg_class.oid, 'UPDATE')
    OR has_table_privilege(pg_class.oid, 'DELETE, TRUNCATE, TRIGGER')
), false) AS may
FROM pg_class LEFT JOIN pg_class AS whole ON whole.oid = pg_partition_root(pg_class.oid)
WHERE pg_class.relnamespace = current_schema()::regnamespace AND pg_class.relkind IN ('r', 'p')
  AND coalesce(whole.relname, pg_class.relname) = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Roles:
    """The names of the two roles."""

    writer: str
    reader: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or sequence, and the name of the table whose rules it follows."""

    name: str
    is_sequence: bool
    follows: str
    columns: list[str]


def relations(connection: SyncConnection) -> list[Relation]:
    """The portal's tables, with their parts and sequences."""
    return [Relation(**row) for row in connection.execute(RELATIONS)]


def granted(connection: SyncConnection, role: str) -> Mapping[str, frozenset[Right]]:
    """The rights that the role was given, by the names of tables and sequences."""
    found: defaultdict[str, set[Right]] = defaultdict(set)
    for row in connection.execute(GRANTED, {"role": _quoted(connection, role)}):
        found[row["name"]].add((row["privilege"], row["column"]))
    return {name: frozenset(rights) for name, rights in found.items()}


def wanted(relation: Relation, roles: Roles) -> dict[str, frozenset[Right]]:
    """The rights that each of the roles should have."""
    if relation.is_sequence:
        numbers: frozenset[Right] = frozenset({("USAGE", None), ("SELECT", None)})
        return {roles.writer: numbers, roles.reader: frozenset()}
    columns = set(relation.columns)
    shown = readers_rights(relation.follows)
    return {
        roles.writer: writers_rights(relation.follows),
        roles.reader: frozenset(
            right for right in shown if right[1] is None or right[1] in columns
        ),
    }


def grant(connection: SyncConnection, roles: Roles) -> list[str]:
    """Give both roles what the rules say, and nothing else; the statements that this took.

    The connection is the owner's. All or nothing of it is done.
    """
    with connection.transaction():
        lock(connection, ROLES)
        statements = [*_of_the_database(connection, roles), *_of_relations(connection, roles)]
        for statement in statements:
            connection.execute(statement)
        _new_tables(connection, roles)
    return [statement.as_string(connection) for statement in statements]


def grant_if_owner(connection: SyncConnection, roles: Roles) -> None:
    """The same, if the roles were made and the connection is the owner's."""
    known = connection.execute(KNOWN, ([roles.writer, roles.reader],)).fetchall()
    if len(known) == 2 and _any(connection, OURS):
        grant(connection, roles)


def owner(connection: SyncConnection) -> str:
    """The role that owns the portal's tables, or will once it has made them."""
    row = connection.execute(OWNER).fetchone()
    assert row is not None
    name: str = row["name"]
    return name


def may_change_events(connection: SyncConnection) -> str | None:
    """The connection's role, if it may change or remove what is append-only, or the triggers that refuse it."""
    row = connection.execute(MAY_CHANGE, (list(APPEND_ONLY),)).fetchone()
    assert row is not None
    role: str = row["role"]
    return role if row["may"] else None


def _of_the_database(connection: SyncConnection, roles: Roles) -> Iterator[sql.Composed | sql.SQL]:
    """Nobody but the owner makes tables, temporary ones neither."""
    if _any(connection, PUBLIC_CAN_CREATE):
        yield sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC").format(_schema(connection))
    if _any(connection, PUBLIC_HAS_TEMPORARY):
        name = sql.Identifier(connection.info.dbname)
        yield sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(name)


def _of_relations(connection: SyncConnection, roles: Roles) -> Iterator[sql.Composed | sql.SQL]:
    have = {role: granted(connection, role) for role in (roles.writer, roles.reader)}
    for relation in relations(connection):
        for role, rights in wanted(relation, roles).items():
            if have[role].get(relation.name, frozenset()) != rights:
                yield from _changed(relation, role, rights)


def _changed(
    relation: Relation, role: str, rights: frozenset[Right]
) -> Iterator[sql.Composed | sql.SQL]:
    """Revoking all rights on a table revokes those on its columns, too."""
    names = {
        "what": sql.SQL("SEQUENCE" if relation.is_sequence else "TABLE"),
        "name": sql.Identifier(relation.name),
        "role": sql.Identifier(role),
    }
    yield sql.SQL("REVOKE ALL ON {what} {name} FROM {role}").format(**names)
    for privilege, column in sorted(rights, key=str):
        on = sql.SQL("") if column is None else sql.SQL("({})").format(sql.Identifier(column))
        right = sql.SQL("{} {}").format(sql.SQL(privilege), on)
        yield sql.SQL("GRANT {right} ON {what} {name} TO {role}").format(right=right, **names)


def _new_tables(connection: SyncConnection, roles: Roles) -> None:
    """What tables allow to the writer as soon as they are made, before the rules are applied to them."""
    for what, privileges in (("TABLES", AT_FIRST), ("SEQUENCES", ("SELECT", "USAGE"))):
        statement = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT {} ON {} TO {}"
        connection.execute(
            sql.SQL(statement).format(
                sql.Identifier(owner(connection)),
                _schema(connection),
                sql.SQL(", ").join(map(sql.SQL, privileges)),
                sql.SQL(what),
                sql.Identifier(roles.writer),
            )
        )


def _any(connection: SyncConnection, query: str) -> bool:
    return connection.execute(query.encode()).fetchone() is not None


def _schema(connection: SyncConnection) -> sql.Identifier:
    row = connection.execute("SELECT current_schema() AS name").fetchone()
    assert row is not None
    return sql.Identifier(row["name"])


def _quoted(connection: SyncConnection, role: str) -> str:
    return sql.Identifier(role).as_string(connection)
