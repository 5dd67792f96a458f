"""Backing the database up: every table as of one moment, while the portal goes on.

All rows are read in one transaction (REPEATABLE READ), so they fit together, and written with COPY, so no
programs of Postgres are needed. What other servers hold follows from it.
"""

import fcntl
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from commands.checkpoints.json_form import as_json
from commands.postgres.checkpoints import last_checkpoint
from commands.postgres.connections import SyncConnection
from portal.database.granting import Relation, relations
from portal.database.manifest import Manifest, Migration, TableFile, Unusable, write

MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY app, name"
# One that gave no number yet may begin behind the rows that are there.
SEQUENCES = """
SELECT sequencename AS name, coalesce(last_value, nullif(start_value - 1, 0)) AS last_value
FROM pg_sequences WHERE schemaname = current_schema()
"""
# The sweeps' places in the order of transactions, whose numbers begin anew in another server.
ROWS_LEFT_OUT = {"projection_checkpoints": "false"}
# Transactions have other numbers in another server, but events must keep their global order, which is
# (transaction_id, position). So each event gets the number of the run of ascending positions that it is in:
# few, as positions only descend where transactions ran side by side. Postgres' own begin with 3.
EVENTS = """
SELECT {columns} FROM (
    SELECT {others}, (3 + count(*) FILTER (WHERE descends) OVER (
        ORDER BY transaction_id, position ROWS UNBOUNDED PRECEDING
    ))::text::xid8 AS transaction_id
    FROM (
        SELECT *, position < lag(position) OVER (ORDER BY transaction_id, position) AS descends
        FROM events
    ) AS compared
) AS numbered ORDER BY transaction_id, position
"""
COMPRESSION = 1
# The newest checkpoint of that moment, for `verify_events --against`.
CHECKPOINT = "checkpoint.json"
# So that nobody else can read addresses, password hashes and secrets.
FOLDER_MODE, FILE_MODE = 0o700, 0o600


def back_up(url: str, folder: Path) -> Manifest:
    """Write a backup of that database into a new folder, which appears when it is whole.

    Until then it lies beside it; what a killed backup left there is removed. Unusable if the folder is there, or
    another backup is writing to it.
    """
    with _new_folder(folder) as draft, _one_moment(url) as connection:
        manifest = _copied(connection, draft)
        write(draft, manifest)
        if last := last_checkpoint(connection):
            (draft / CHECKPOINT).write_text(json.dumps(as_json(last)) + "\n")
        for file in draft.iterdir():
            file.chmod(FILE_MODE)
            _sync(file)
        _sync(draft)
    return manifest


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which gets its name at the end; locked, because two would mix their files."""
    _refuse(folder)
    draft = folder.with_name(f"{folder.name}.partial")
    draft.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    with _alone_in(draft):
        # Whoever had it until now may just have named it.
        _refuse(folder)
        try:
            draft.chmod(FOLDER_MODE)
            for leftover in draft.iterdir():
                leftover.unlink()
            yield draft
            _refuse(folder)
            draft.rename(folder)
            _sync(folder.absolute().parent)
        except Exception:
            shutil.rmtree(draft, ignore_errors=True)
            raise


@contextmanager
def _alone_in(draft: Path) -> Iterator[None]:
    """The folder is this backup's; Unusable, and nothing in it is touched, if it is another's."""
    opened = os.open(draft, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unusable(f"another backup is being written to {draft}") from None
        yield
    finally:
        os.close(opened)


def _refuse(folder: Path) -> None:
    if folder.exists():
        raise Unusable(f"{folder} is there already: a backup is written to a new folder")


@contextmanager
def _one_moment(url: str) -> Iterator[SyncConnection]:
    """A connection that sees the database as of one moment, however long it takes."""
    with psycopg.connect(url, row_factory=dict_row, connect_timeout=5) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection


def _copied(connection: SyncConnection, draft: Path) -> Manifest:
    """Sequences come last: their numbers don't stand still, and none may be lower than a row's."""
    now = connection.execute("SELECT now() AS at").fetchone()
    assert now is not None
    migrations: list[Migration] = [
        (row["app"], row["name"]) for row in connection.execute(MIGRATIONS)
    ]
    tables = [_table(connection, each, draft) for each in own_tables(connection)]
    sequences = {row["name"]: row["last_value"] for row in connection.execute(SEQUENCES)}
    return Manifest(now["at"].isoformat(), migrations, tables, sequences)


def own_tables(connection: SyncConnection) -> list[Relation]:
    """The tables that a backup has a file of: all, with their parts in them."""
    return [
        each for each in relations(connection) if not each.is_sequence and each.follows == each.name
    ]


def _table(connection: SyncConnection, table: Relation, draft: Path) -> TableFile:
    query = sql.SQL("COPY ({}) TO STDOUT").format(_rows(table))
    place = draft / f"{table.name}.copy.gz"
    with place.open("xb") as file, connection.cursor() as cursor:
        hashed, count = _Hashed(file), 0
        with (
            gzip.GzipFile("", "wb", COMPRESSION, hashed, mtime=0) as packed,
            cursor.copy(query) as rows,
        ):
            for chunk in map(bytes, rows):
                packed.write(chunk)
                count += chunk.count(b"\n")
        file.flush()
        size = file.tell()
    return TableFile(table.name, table.columns, count, size, hashed.digest.hexdigest())


def _rows(table: Relation) -> sql.Composable:
    if table.name == "events":
        others = [name for name in table.columns if name != "transaction_id"]
        return sql.SQL(EVENTS).format(columns=_names(table.columns), others=_names(others))
    condition = sql.SQL(ROWS_LEFT_OUT.get(table.name, "true"))
    parts = (_names(table.columns), sql.Identifier(table.name), condition)
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(*parts)


def _names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


class _Hashed:
    """A file that is written to, and the hash of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Write it all."""
        self.digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Write what is buffered."""
        self._file.flush()


def _sync(place: Path) -> None:
    """Have what is in the file, or the folder's list of files, on disk."""
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
