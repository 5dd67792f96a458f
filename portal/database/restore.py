"""Restoring a backup into an empty database, in one transaction: killed, it is begun again."""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

from psycopg import sql

from commands.postgres.connections import SyncConnection
from portal.database.backup import MIGRATIONS, own_tables
from portal.database.granting import Relation
from portal.database.manifest import CHUNK, Manifest, TableFile, Unusable

# What `migrate` fills; a backup's rows take the place of its.
FILLED_BY_MIGRATE = (
    "auth_permission",
    "django_content_type",
    "django_celery_beat_intervalschedule",
    "django_celery_beat_periodictask",
)
# Which migrations were applied is compared, not restored.
COMPARED = "django_migrations"
SEQUENCE_NAMES = "SELECT sequencename AS name FROM pg_sequences WHERE schemaname = current_schema()"
SET_SEQUENCE = "SELECT setval(quote_ident(%s)::regclass, %s)"
NOTE = "SELECT obj_description('events'::regclass, 'pg_class') AS note"
# How many numbers of transactions to use up until those of all events are below any to come.
MISSING_NUMBERS = """
SELECT greatest(0, 1 + transaction_id::text::numeric
                   - pg_snapshot_xmax(pg_current_snapshot())::text::numeric)::bigint AS missing
FROM events ORDER BY transaction_id DESC LIMIT 1
"""
USE_UP = """
DO $$ BEGIN
    FOR number IN 1..{} LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END $$
"""


def load(connection: SyncConnection, folder: Path, manifest: Manifest) -> bool:
    """Load a backup whose files were checked; False if that was done before, and only documents are missing.

    The connection is the owner's, in autocommit mode. Unusable if the database is not an empty one of the same
    migrations. All or nothing is loaded.
    """
    with connection.transaction():
        tables = own_tables(connection)
        _compare(connection, tables, manifest)
        names = sql.SQL(", ").join(sql.Identifier(table.name) for table in tables)
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))
        new = _note(connection) != _loaded(manifest)
        if new:
            _refuse_rows(connection, tables)
            _fill(connection, folder, manifest)
            _set_note(connection, _loaded(manifest))
    _use_up_numbers(connection)
    if new:
        connection.execute("ANALYZE")
    return new


def finish(connection: SyncConnection) -> None:
    """Note that the documents were rebuilt, too: the database is like any other from now on."""
    _set_note(connection, None)


def _compare(connection: SyncConnection, tables: Sequence[Relation], manifest: Manifest) -> None:
    """Unusable if the database has other migrations, tables, columns or sequences than the backup."""
    here = {(row["app"], row["name"]) for row in connection.execute(MIGRATIONS)}
    there = set(manifest.migrations)
    if unknown := sorted(".".join(each) for each in there - here):
        raise Unusable(
            f"the backup is of a newer release, with the migrations {', '.join(unknown)}"
        )
    if missing := sorted(".".join(each) for each in here - there):
        raise Unusable(
            f"the backup is of an older release, without the migrations {', '.join(missing)}: restore it "
            "with that release, then bring it up to date with `migrate`"
        )
    sequences = {row["name"] for row in connection.execute(SEQUENCE_NAMES)}
    columns = {table.name: set(table.columns) for table in tables}
    wanted = {table.table: set(table.columns) for table in manifest.tables}
    if different := sorted(
        sequences.symmetric_difference(manifest.sequences)
        | {name for name in columns | wanted if columns.get(name) != wanted.get(name)}
    ):
        raise Unusable(
            f"the backup and the database have different tables, columns or sequences: {', '.join(different)}"
        )


def _refuse_rows(connection: SyncConnection, tables: Iterable[Relation]) -> None:
    for table in tables:
        if table.name not in {*FILLED_BY_MIGRATE, COMPARED}:
            query = sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table.name))
            if connection.execute(query).fetchone() is not None:
                raise Unusable(
                    f"the database is not empty: {table.name} has rows. A backup is restored into a new one, "
                    "before any process of the portal is started on it"
                )


def _fill(connection: SyncConnection, folder: Path, manifest: Manifest) -> None:
    """Foreign keys are checked when the transaction ends, so the tables need no order."""
    for name in FILLED_BY_MIGRATE:
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
    for table in manifest.tables:
        if table.table != COMPARED:
            _load_table(connection, folder, table)
    for name, number in manifest.sequences.items():
        if number is not None:
            connection.execute(SET_SEQUENCE, (name, number))


def _load_table(connection: SyncConnection, folder: Path, table: TableFile) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.table), columns)
    with gzip.open(folder / table.name) as packed, connection.cursor() as cursor:
        with cursor.copy(query) as rows:
            while chunk := packed.read(CHUNK):
                rows.write(chunk)
        if cursor.rowcount != table.rows:
            raise Unusable(f"{table.name} has {cursor.rowcount} rows, not {table.rows}")


def _use_up_numbers(connection: SyncConnection) -> None:
    """A server that is new has numbered few transactions; readers wait for events with later numbers."""
    row = connection.execute(MISSING_NUMBERS).fetchone()
    if row and row["missing"]:
        connection.execute(sql.SQL(USE_UP).format(sql.Literal(row["missing"])))


def _loaded(manifest: Manifest) -> str:
    return f"Restored from the backup {manifest.sha256}; its documents are not rebuilt yet."


def _note(connection: SyncConnection) -> str | None:
    row = connection.execute(NOTE).fetchone()
    assert row is not None
    note: str | None = row["note"]
    return note


def _set_note(connection: SyncConnection, note: str | None) -> None:
    connection.execute(sql.SQL("COMMENT ON TABLE events IS {}").format(sql.Literal(note)))
