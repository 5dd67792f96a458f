"""The open sockets of a web process: how much runs on them, and whether their users are still signed in."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Protocol

import structlog
from graphql import GraphQLSchema

from commands.postgres.errors import AWAY
from portal.schema.following.feeds import Feeds
from portal.signin.sessions import SESSION_ENDED
from portal.signin.tokens import Viewer
from portal.web.runtime import Runtime, end

log = structlog.get_logger("portal")

# A message from Redis may be lost, so all open sockets' sessions are also checked at this interval, in seconds.
CHECK_AGAIN = 10.0


class SignedIn(Protocol):
    """A socket of somebody who signed in."""

    def sign_in_over(self, reason: str) -> None:
        """End its operations and close it."""


class OpenSockets:
    """What the sockets of a process have in common.

    `running` counts the operations of each user, and of each address of those who did not sign in.
    """

    def __init__(self, runtime: Runtime, schema: GraphQLSchema) -> None:
        self.feeds = Feeds(runtime, schema)
        self.running: Counter[str | None] = Counter()
        self._runtime = runtime
        self._sockets: defaultdict[Viewer, set[SignedIn]] = defaultdict(set)

    def watch(self, viewer: Viewer, socket: SignedIn) -> None:
        """Tell the socket when the viewer's session is over."""
        self._sockets[viewer].add(socket)

    def forget(self, viewer: Viewer, socket: SignedIn) -> None:
        """Tell it nothing more."""
        self._sockets[viewer].discard(socket)
        if not self._sockets[viewer]:
            del self._sockets[viewer]

    async def run(self) -> None:
        """Check the sessions that there is news of, and all of them at an interval, until cancelled."""
        clock = asyncio.get_running_loop()
        with self._runtime.hub.listen("sessions") as listener:
            everybody = clock.time() + CHECK_AGAIN
            while True:
                news = await listener.wait(everybody - clock.time())
                if "*" in news or clock.time() >= everybody:
                    everybody = clock.time() + CHECK_AGAIN
                    await self._check(list(self._sockets))
                else:
                    await self._check(
                        [
                            viewer
                            for viewer in self._sockets
                            if not news.isdisjoint((str(viewer.user_id), str(viewer.session_id)))
                        ]
                    )

    async def _check(self, viewers: Collection[Viewer]) -> None:
        """In one statement for all."""
        if not viewers:
            return
        try:
            owners = await self._runtime.sessions.owners_of([each.claim for each in viewers])
        except AWAY as error:
            log.warning("could not check sockets' sign-ins", error=str(error))
            return
        except Exception:
            # Nobody starts `run` again: without it no socket would close when its sign-in ends.
            log.exception("could not check sockets' sign-ins")
            return
        for viewer in viewers:
            if viewer.claim not in owners:
                for socket in list(self._sockets.get(viewer, ())):
                    socket.sign_in_over(SESSION_ENDED)


@asynccontextmanager
async def open_sockets(runtime: Runtime, schema: GraphQLSchema) -> AsyncIterator[OpenSockets]:
    """A web process's sockets, from its start to its end."""
    sockets = OpenSockets(runtime, schema)
    task = asyncio.create_task(sockets.run())
    try:
        yield sockets
    finally:
        await end(task)
