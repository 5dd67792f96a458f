"""Making the writer and the reader in Postgres."""

import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from commands.postgres.connections import SyncConnection
from commands.postgres.locks import ROLES, lock
from portal.database.granting import Roles, grant, owner

EXISTS = "SELECT FROM pg_roles WHERE rolname = %s"
# One who may become the owner, or somebody above all, is bound by no grants.
ABOVE_GRANTS = """
SELECT FROM pg_roles WHERE rolname = %(role)s AND (
    rolsuper OR rolcreaterole OR rolbypassrls OR rolreplication OR rolcreatedb
    OR pg_has_role(rolname, %(owner)s, 'MEMBER')
)
"""
# A query of the reader's that never ends would hold up vacuums, and many connections everybody else.
READERS_BOUNDS = (
    "ALTER ROLE {} CONNECTION LIMIT 10",
    "ALTER ROLE {} SET default_transaction_read_only = on",
    "ALTER ROLE {} SET statement_timeout = '5min'",
    "ALTER ROLE {} SET idle_in_transaction_session_timeout = '1min'",
)


class CannotMakeRoles(Exception):
    """The roles can't be made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    """A role, whether it is new, and its password if that was made here: it is shown this once."""

    role: str
    new: bool
    password: str | None


def make_roles(
    connection: SyncConnection, roles: Roles, passwords: tuple[str, str]
) -> tuple[Made, Made]:
    """Make the roles that are missing, set the passwords that are given, and grant what the rules say.

    A new role without a given password gets a random one. The connection is the owner's; all or
    nothing of it is done. CannotMakeRoles if Postgres doesn't let it, or a role is above all grants.
    """
    try:
        with connection.transaction():
            lock(connection, ROLES)
            writer = _make(connection, roles.writer, passwords[0])
            reader = _make(connection, roles.reader, passwords[1])
            for bound in READERS_BOUNDS:
                connection.execute(sql.SQL(bound).format(sql.Identifier(roles.reader)))
            grant(connection, roles)
    except InsufficientPrivilege as error:
        raise CannotMakeRoles(
            f"Postgres refuses ({error.diag.message_primary}): this is to be run as the owner of the tables "
            "(DATABASE_OWNER_URL), who needs CREATEROLE; or a superuser makes the roles before it is run: "
            f'CREATE ROLE "{roles.writer}" LOGIN; CREATE ROLE "{roles.reader}" LOGIN'
        ) from error
    return writer, reader


def _make(connection: SyncConnection, role: str, password: str) -> Made:
    """Passwords go to Postgres as their hashes, so that no log of its statements has them."""
    new = connection.execute(EXISTS, (role,)).fetchone() is None
    made = None if password or not new else secrets.token_urlsafe(32)
    name = sql.Identifier(role)
    if new:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    elif (
        connection.execute(ABOVE_GRANTS, {"role": role, "owner": owner(connection)}).fetchone()
        is not None
    ):
        raise CannotMakeRoles(
            f"{role} is a superuser, the owner or one who may become the owner, or may make roles or "
            "databases: no grant binds it. Revoke that, or choose other names with DATABASE_ROLES"
        )
    if chosen := password or made:
        hashed = connection.pgconn.encrypt_password(
            chosen.encode(), role.encode(), b"scram-sha-256"
        )
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(hashed.decode()))
        )
    return Made(role, new, made)


def signed_in_as(url: str, role: str, password: str | None = None) -> str:
    """The URL of the same database, for that role."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    user = quote(role, safe="") + (f":{quote(password, safe='')}" if password else "")
    options = [each for each in parse_qsl(parts.query) if each[0] not in {"user", "password"}]
    return urlunsplit(parts._replace(netloc=f"{user}@{place}", query=urlencode(options)))
