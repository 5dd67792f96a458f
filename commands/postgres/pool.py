"""Connections to Postgres, one pool per process, opened at first use."""

from datetime import datetime
from functools import cache

from django.conf import settings
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

SyncConnection = Connection[DictRow]

# One stuck writer would stop every reader of the global order, so none may idle in a transaction.
_SESSION = "-c idle_in_transaction_session_timeout=15s -c statement_timeout=30s -c timezone=UTC"


def _conninfo(name: str) -> str:
    return make_conninfo(
        settings.DATABASE_URL, connect_timeout=5, application_name=name, options=_SESSION
    )


@cache
def pool() -> ConnectionPool[SyncConnection]:
    """The pool of workers, admin and commands; connections are in autocommit mode, rows are dicts."""
    return ConnectionPool(
        _conninfo("portal"),
        connection_class=Connection[DictRow],
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=0,
        max_size=8,
        timeout=5,
        check=ConnectionPool.check_connection,
        open=True,
    )


def new_async_pool() -> AsyncConnectionPool[AsyncConnection[DictRow]]:
    """The web process's pool, to be opened and closed by its event loop."""
    return AsyncConnectionPool(
        _conninfo("portal-web"),
        connection_class=AsyncConnection[DictRow],
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=1,
        max_size=12,
        timeout=2,
        open=False,
    )


def clock(connection: SyncConnection) -> datetime:
    """The database's clock, the one that decides."""
    row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
    assert row is not None
    now: datetime = row["now"]
    return now
