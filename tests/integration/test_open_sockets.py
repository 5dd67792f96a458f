"""Sockets close when their sign-in is over, whatever went wrong before."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from commands.ids import new_id
from commands.postgres.sessions import end, open_session
from commands.wake import publish
from portal.schema import schema
from portal.schema.open_sockets import open_sockets
from portal.signin.tokens import Viewer
from portal.web.runtime import running
from tests.conftest import until
from tests.integration.in_process import InProcessPortal
from tests.integration.test_sessions import LIFETIMES


class Noted:
    """A socket that notes when it is told that its sign-in is over."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    def sign_in_over(self, reason: str) -> None:
        """As the real one's."""
        self.over.set()


async def test_a_check_that_fails_is_not_the_last(
    in_process: InProcessPortal, caplog: pytest.LogCaptureFixture
) -> None:
    alice, session, socket = in_process.user(), new_id(), Noted()
    viewer = Viewer(alice, False, session, datetime.now(UTC) + timedelta(minutes=5))
    async with running() as runtime, open_sockets(runtime, schema._schema) as sockets:
        async with runtime.pool.connection() as connection:
            assert await open_session(connection, session, alice, "!", b"seed", LIFETIMES)
        await until(lambda: runtime.hub.connected)
        sockets.watch(viewer, socket)
        with in_process.pool.connection() as connection:
            connection.execute("ALTER TABLE sessions RENAME TO hidden")
            try:
                publish("sessions", {"session": str(session)})
                await until(lambda: "could not check sockets' sign-ins" in caplog.text)
            finally:
                connection.execute("ALTER TABLE hidden RENAME TO sessions")
        assert not socket.over.is_set()
        async with runtime.pool.connection() as connection:
            assert await end(connection, session)
        publish("sessions", {"session": str(session)})
        async with asyncio.timeout(5):
            await socket.over.wait()
