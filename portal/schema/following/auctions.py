"""The feeds of auctions' states: one auction's for its page, and all auctions' for lists."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import Context as LogContext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from graphql import ExecutionResult, Executor, execute_subscription_event

from portal.schema.enums import AuctionStatus
from portal.schema.following.channels import Channel, Follower, Frames, broken_off, encoded
from portal.schema.following.feeds import Feed, NoReader
from portal.schema.queries import auctions_from
from portal.schema.reading import known_auction
from portal.schema.types import Auction
from projections.documents import AuctionDocument

# A message from Redis may be lost, so a feed also reads at this interval, in seconds.
QUIET = 10.0
# Of so many auctions that changed meanwhile a slow follower of all gets the states; of no others.
MOST_MISSED = 1_000


@dataclass(frozen=True, slots=True)
class State:
    """An auction as a read found it: the feed's `read`-th; `news` unless it was read for those who missed it."""

    read: int
    auction: Auction
    news: bool = True

    def newer(self, version: int, status: AuctionStatus) -> bool:
        """Whether it tells more than a state of that version and status."""
        mine = self.auction
        return mine.version > version or (mine.version == version and mine.status != status)


class StateChannel(Channel):
    """An operation on auctions' states. Of each auction the newest state waits for its execution."""

    def __init__(self, feed: "StatesFeed", executor: Executor[Any]) -> None:
        super().__init__(executor)
        self.feed = feed
        self.latest: tuple[State, Frames] | None = None
        self._waiting: dict[UUID, State] = {}
        self._task: asyncio.Task[None] | None = None

    def leave(self, follower: Follower) -> None:
        """Give the follower nothing more."""
        self.feed.leave(follower)

    def resume(self, follower: Follower) -> None:
        """Give the follower the newest state."""
        self.feed.resume(follower, self)

    def offer(self, state: State) -> None:
        """Execute the operation on the state, unless nobody wants it or a newer one comes before."""
        before = self._waiting.get(state.auction.id)
        self._waiting[state.auction.id] = (
            replace(state, news=True) if before and before.news else state
        )
        if self._task is None:
            self._task = asyncio.create_task(self._run(), context=LogContext())

    async def _run(self) -> None:
        try:
            while self._waiting and self.followers:
                async with self._bound():
                    state = self._waiting.pop(next(iter(self._waiting)))
                    if any(self.feed.wants(each, state) for each in self.followers):
                        self.latest = (state, Frames(await self._executed(state.auction)))
                        self.feed.give(self.followers, *self.latest)
        except Exception as error:
            self.break_off(broken_off(error))
        finally:
            self._task = None

    def _bound(self) -> AbstractAsyncContextManager[object]:
        shared = isinstance(self.executor.context_value, NoReader)
        return nullcontext() if shared else self.feed.feeds.personal

    async def _executed(self, auction: Auction) -> bytes:
        executor = self.executor.build_per_event_executor(auction)
        result = execute_subscription_event(executor)
        return encoded(result if isinstance(result, ExecutionResult) else await result)


class StatesFeed(Feed):
    """A feed of auctions' states."""

    reads = 0

    def channel(self, executor: Executor[Any]) -> Channel:
        """One that executes the operation on each state."""
        return StateChannel(self, executor)

    def wants(self, follower: Follower, state: State) -> bool:
        """Whether the follower is to get the state."""
        raise NotImplementedError

    def shown(self, follower: Follower, state: State) -> None:
        """Note that the follower got the state."""

    def missed(self, follower: Follower, state: State) -> None:
        """Note that the follower's connection does not keep up."""

    def resume(self, follower: Follower, channel: StateChannel) -> None:
        """Give what was missed."""
        raise NotImplementedError

    def give(
        self, followers: Sequence[Follower] | set[Follower], state: State, frames: Frames
    ) -> None:
        """Send the state to those who want it and keep up."""
        for each in followers:
            if not self.wants(each, state):
                continue
            if each.line.ready:
                each.line.write(frames.of(each.operation.id))
                self.shown(each, state)
            else:
                self.missed(each, state)

    async def offer(self, documents: Sequence[AuctionDocument], news: set[UUID]) -> None:
        """Offer these states to all channels."""
        read = self.reads
        for auction in await auctions_from(self.context, documents):
            state = State(read, auction, auction.id in news)
            for channel in self.channels.values():
                assert isinstance(channel, StateChannel)
                channel.offer(state)


class AuctionFeed(StatesFeed):
    """One auction: its state first, then newer ones. `shown` is the version and status of the last, or None."""

    def joined(self, follower: Follower) -> None:
        """The first state is one that was read after this."""
        follower.since = self.reads

    def wants(self, follower: Follower, state: State) -> bool:
        """The first state read since it joined, then newer ones."""
        if follower.shown is None:
            return follower.since < state.read
        return state.newer(*follower.shown)

    def shown(self, follower: Follower, state: State) -> None:
        """The next must be newer."""
        follower.shown = (state.auction.version, state.auction.status)

    def resume(self, follower: Follower, channel: StateChannel) -> None:
        """The newest there is."""
        if channel.latest:
            self.give([follower], *channel.latest)

    async def follow(self) -> None:
        """Read at each news, when time alone changes the status, and when somebody joins."""
        assert self.subject is not None
        with self.runtime.hub.listen_or_fail("versions", str(self.subject)) as self.listener:
            while True:
                self.reads += 1
                document = await known_auction(self.runtime, self.subject)
                await self.offer([document], {document.id})
                now = self.runtime.clock.now()
                await self.listener.wait(min(QUIET, until_next_status(document, now)))


class CardsFeed(StatesFeed):
    """All auctions: those that change. `shown` is which of them a slow follower missed."""

    def __init__(self, *of_feed: object) -> None:
        super().__init__(*of_feed)  # type: ignore[arg-type]
        self._again: set[UUID] = set()

    def joined(self, follower: Follower) -> None:
        """From the next news on."""

    def wants(self, follower: Follower, state: State) -> bool:
        """All news, and what it missed."""
        return state.news or state.auction.id in (follower.shown or ())

    def shown(self, follower: Follower, state: State) -> None:
        """It is not missed any more."""
        if follower.shown:
            follower.shown.discard(state.auction.id)

    def missed(self, follower: Follower, state: State) -> None:
        """It will be read again."""
        follower.shown = follower.shown or set()
        if len(follower.shown) < MOST_MISSED:
            follower.shown.add(state.auction.id)

    def resume(self, follower: Follower, channel: StateChannel) -> None:
        """As it is now, for this follower alone."""
        if follower.shown:
            self._again |= follower.shown
            self.wake()

    async def follow(self) -> None:
        """Read what changed, all of it at once."""
        with self.runtime.hub.listen_or_fail("versions") as self.listener:
            while True:
                news = {
                    UUID(subject)
                    for subject in await self.listener.wait(QUIET)
                    if subject not in ("", "*")
                }
                again, self._again = self._again, set()
                if wanted := news | again:
                    await self.offer(await self.runtime.documents.auctions_by_id(wanted), news)


def until_next_status(auction: AuctionDocument, now: datetime) -> float:
    """Seconds until time alone changes the auction's status; for ever once it has ended."""
    for moment in (auction.starts_at, auction.ends_at):
        if now < moment:
            return (moment - now).total_seconds() + 0.001
    return float("inf")
