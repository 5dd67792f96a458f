"""Pools of connections to Postgres, one for threads and one for the event loop."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from django.conf import settings
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

SyncConnection = Connection[DictRow]
WebConnection = AsyncConnection[DictRow]
Pool = ConnectionPool[SyncConnection]
AsyncPool = AsyncConnectionPool[WebConnection]

# An open transaction holds up every reader of the global order, so none may be idle for long.
_SESSION = "-c idle_in_transaction_session_timeout=15s -c statement_timeout=30s -c timezone=UTC"


# TCP keepalive: how soon the kernel notices that the other machine is gone.
_ALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# For so many seconds a pool tries to reconnect with growing pauses; then at the next request.
_RECONNECT = 3.0
# A connection whose server does not answer for so many seconds is closed.
SILENCE = 3.0


def _conninfo(name: str, url: str | None = None) -> str:
    return make_conninfo(
        url or settings.DATABASE_URL,
        connect_timeout=5,
        application_name=name,
        options=_SESSION,
        **_ALIVE,
    )


def new_pool(url: str | None = None) -> Pool:
    """The pool of workers, admin and commands, of DATABASE_URL unless another is given; in autocommit mode, rows are dicts."""
    return ConnectionPool(
        _conninfo("portal", url),
        connection_class=Connection[DictRow],
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=0,
        max_size=8,
        timeout=5,
        reconnect_timeout=_RECONNECT,
        check=ConnectionPool.check_connection,
        open=True,
    )


class PoolWithTimeout(AsyncConnectionPool[WebConnection]):
    """Closes connections to a server that does not answer; psycopg alone would wait for ever."""

    @asynccontextmanager
    async def connection(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 (the base class's)
    ) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A connection for as long as a request needs it."""
        async with super().connection(timeout) as connection:
            alarm = asyncio.get_running_loop().call_later(SILENCE, _hang_up, connection)
            try:
                yield connection
            finally:
                alarm.cancel()


def _hang_up(connection: AsyncConnection[DictRow]) -> None:
    """Shut the socket down, so that waiting for the answer ends with an error."""
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def new_async_pool(url: str | None = None) -> PoolWithTimeout:
    """The web process's pool, of DATABASE_URL unless another is given; its event loop opens and closes it."""
    return PoolWithTimeout(
        _conninfo("portal-web", url),
        connection_class=AsyncConnection[DictRow],
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=1,
        max_size=12,
        timeout=2,
        reconnect_timeout=_RECONNECT,
        open=False,
    )


def clock(connection: SyncConnection) -> datetime:
    """The time by the database's clock, which decides what was in time."""
    row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
    assert row is not None
    now: datetime = row["now"]
    return now


async def clock_async(connection: AsyncConnection[DictRow]) -> datetime:
    """As `clock`, for the web process."""
    row = await (await connection.execute("SELECT clock_timestamp() AS now")).fetchone()
    assert row is not None
    now: datetime = row["now"]
    return now


def later_than(now: datetime, *moments: datetime | None) -> datetime:
    """Now, or the microsecond after the last of the moments: the clock may have stepped back since."""
    return max([now, *(at + timedelta(microseconds=1) for at in moments if at)])
