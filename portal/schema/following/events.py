"""The feed of an auction's events: each is read once for all who are at the same place, none is left out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import structlog
from graphql import Executor

from commands.postgres.event_store import last_version
from portal.errors import PortalError, not_found
from portal.schema.events import AuctionEvent, auction_event, bidder_of
from portal.schema.following.channels import Channel, Follower, Frames, broken_off
from portal.schema.following.feeds import Feed
from portal.schema.following.selections import event_writers
from portal.schema.reading import LOOK_AGAIN, events_page, names_of
from portal.web.hub import Listener
from projections.errors import passes

log = structlog.get_logger("portal")

# A message from Redis may be lost, so a feed also reads at this interval, in seconds.
QUIET = 10.0
# How soon it looks again for news that a standby does not have yet, in seconds.
LAG = 0.05
# Events read, encoded and sent at once.
PAGE = 500


class EventsChannel(Channel):
    """An operation on an auction's events."""

    def __init__(self, feed: "EventsFeed", executor: Executor[Any]) -> None:
        super().__init__(executor)
        self.feed = feed
        self._writers = event_writers(executor)

    def leave(self, follower: Follower) -> None:
        """Give the follower nothing more."""
        self.feed.leave(follower)

    def resume(self, follower: Follower) -> None:
        """The follower catches up from where it stands, if it is behind."""
        if self.feed.left_out(follower):
            self.feed.wake()

    def give(self, events: Sequence[AuctionEvent]) -> None:
        """Send the events to those who had the one before the first, or some of these; none twice."""
        before, last = events[0].version - 1, events[-1].version
        ready = [each for each in self.followers if before <= each.shown < last and each.line.ready]
        if not ready:
            return
        frames = Frames(*map(self._payload, events))
        for each in ready:
            # What another operation of the same connection was just sent may have filled it.
            if each.line.ready:
                each.line.write(frames.of(each.operation.id, each.shown - before))
                each.shown = last

    def _payload(self, event: AuctionEvent) -> bytes:
        return orjson.dumps({"data": self._writers[type(event).__name__](event)})


class EventsFeed(Feed):
    """One auction's events. A follower's `shown` is the version of the last event that it has."""

    # The newest version that was read for those who have all before it.
    _head = 0
    # Where those who are behind were served last: each place gets its turn.
    _served = -1
    # How long it waits for news.
    _patience = QUIET

    def channel(self, executor: Executor[Any]) -> Channel:
        """One that sends events as the operation selects their fields."""
        return EventsChannel(self, executor)

    def joined(self, follower: Follower) -> None:
        """It begins with the version after `shown`."""

    def left_out(self, follower: Follower) -> bool:
        """Whether the others were given events that the follower was not."""
        return bool(follower.shown < self._head)

    async def follow(self) -> None:
        """What is new first, then a page for one of those who are behind; and so on."""
        assert self.subject is not None
        with self.runtime.hub.listen_or_fail("versions", str(self.subject)) as self.listener:
            self._head = await self._last_version()
            if not self._head:
                raise not_found("there is no such auction")
            while True:
                try:
                    await self._go_on(self.listener)
                except Exception as error:
                    if not passes(error):
                        raise
                    log.warning("an auction's events wait", error=str(error))
                    await self._rest(self.listener)

    async def _go_on(self, listener: Listener) -> None:
        if listener.notified or self._behind() is None:
            told = await listener.wait(self._patience)
            came = await self._give_news()
            self._patience = self._pause(self._patience, told=bool(told), came=came)
        # However fast news come, those who are behind get a page after each.
        if (place := self._behind()) is not None:
            await self._catch_up(place, listener)

    async def _rest(self, listener: Listener) -> None:
        """Until the next try. It looks for news then: the wait has taken what was told meanwhile."""
        await listener.wait(LOOK_AGAIN)
        self.wake()

    async def _give_news(self) -> bool:
        """Give what is new, at most a page; whether there was any."""
        with self._ending_those_at(self._head):
            events = await self._read(self._head)
            if events:
                self._give(events)
                self._head = events[-1].version
            if len(events) == PAGE:
                self.wake()
            return bool(events)
        return False

    def _pause(self, before: float, *, told: bool, came: bool) -> float:
        """Until the next look: soon if there is news that the standby does not have yet, then later and later."""
        if came or self.runtime.log_pool is self.runtime.pool:
            return QUIET
        return LAG if told else min(before * 2, QUIET)

    async def _catch_up(self, place: int, listener: Listener) -> None:
        self._served = place
        with self._ending_those_at(place):
            if events := await self._read(place):
                self._give(events)
            else:  # The log is not where it was; whatever made it so may pass.
                await self._rest(listener)

    @contextmanager
    def _ending_those_at(self, place: int) -> Iterator[None]:
        """An error that lasts, e.g. an event that can't be read, ends only those who need what is there."""
        try:
            yield
        except Exception as error:
            if passes(error) or isinstance(error, PortalError):
                raise
            errors = broken_off(error)
            for each in [each for each in self.followers if each.shown == place]:
                each.break_off(errors)

    async def _read(self, version: int) -> Sequence[AuctionEvent]:
        assert self.subject is not None
        recorded = await events_page(self.runtime, self.subject, version, PAGE)
        names = await names_of(self.runtime, {who for each in recorded if (who := bidder_of(each))})
        return [auction_event(each, names) for each in recorded]

    def _give(self, events: Sequence[AuctionEvent]) -> None:
        for channel in self.channels.values():
            assert isinstance(channel, EventsChannel)
            channel.give(events)

    async def _last_version(self) -> int:
        assert self.subject is not None
        async with self.runtime.pool.connection() as connection:
            return await last_version(connection, self.subject)

    def _behind(self) -> int | None:
        """A place where somebody stands who is behind and keeps up: the next after the one served last."""
        places = {each.shown for each in self.followers if self.left_out(each) and each.line.ready}
        return min(places, key=lambda place: (place <= self._served, place), default=None)
