"""The feeds of auctions' states: one auction's for its page, and all auctions' for lists."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import Context as LogContext
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

import structlog
from graphql import ExecutionResult, Executor, GraphQLError, execute_subscription_event

from portal.errors import Code
from portal.schema.auctions_shown import auctions_from
from portal.schema.enums import AuctionStatus
from portal.schema.errors import translated
from portal.schema.following.channels import Channel, Follower, Frames, broken_off, encoded
from portal.schema.following.feeds import Feed, NoReader
from portal.schema.reading import LOOK_AGAIN, known_auction
from portal.schema.types import Auction
from portal.web.hub import EVERYTHING
from projections.documents import AuctionDocument
from projections.errors import passes

log = structlog.get_logger("portal")

# A message from Redis may be lost, so a feed also reads at this interval, in seconds.
QUIET = 10.0
# Of so many auctions that changed meanwhile a slow follower of all gets the states; of no others.
MOST_MISSED = 1_000
# How many auctions are read at once, however many changed while they could not be read.
MOST_AT_ONCE = 1_000


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
        self._waiting: dict[UUID, State] = {}
        self._task: asyncio.Task[None] | None = None

    def leave(self, follower: Follower) -> None:
        """Give the follower nothing more."""
        self.feed.leave(follower)

    def resume(self, follower: Follower) -> None:
        """Give the follower the newest state, if it missed one."""
        self.feed.resume(follower)

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
                        self._give(state, await self._executed(state.auction))
        except Exception as error:
            self.break_off(broken_off(error))
        finally:
            self._task = None

    def _bound(self) -> AbstractAsyncContextManager[object]:
        shared = isinstance(self.executor.context_value, NoReader)
        return nullcontext() if shared else self.feed.feeds.personal

    async def _executed(self, auction: Auction) -> ExecutionResult:
        executor = self.executor.build_per_event_executor(auction)
        result = execute_subscription_event(executor)
        return result if isinstance(result, ExecutionResult) else await result

    def _give(self, state: State, result: ExecutionResult) -> None:
        errors = [translated(each) for each in result.errors or ()]
        if errors and all(_code(each) is Code.UNAVAILABLE for each in errors):
            self.feed.put_off(self.followers, state, errors)
        else:
            self.feed.give(self.followers, state, Frames(encoded(result.data, errors)))


class StatesFeed(Feed):
    """A feed of auctions' states."""

    reads = 0

    def __init__(self, *of_feed: object) -> None:
        super().__init__(*of_feed)  # type: ignore[arg-type]
        # Those who could not be given a state because a server is away.
        self._put_off: set[Follower] = set()

    async def follow(self) -> None:
        """Read at each news, and when somebody joins or can be given what they missed."""
        subjects = () if self.subject is None else (str(self.subject),)
        told: set[str] = set()
        with self.runtime.hub.listen_or_fail("versions", *subjects) as self.listener:
            while True:
                told = await self.listener.wait(await self._look(told))

    async def _look(self, told: set[str]) -> float:
        """Read, and offer what was found; in how many seconds to do so again.

        While a server is away those who follow wait; who has no answer yet is told.
        """
        try:
            return await self.read(told)
        except Exception as error:
            if not (passes(error) or _code(error) is Code.UNAVAILABLE):
                raise
            log.warning("auctions' followers wait", error=str(error))
            errors = broken_off(error)
            for each in [each for each in self.followers if self.unanswered(each)]:
                each.break_off(errors)
            return LOOK_AGAIN

    async def read(self, told: set[str]) -> float:
        """Read what there is news of, and offer it; in how many seconds to do so again at the latest."""
        raise NotImplementedError

    def unanswered(self, follower: Follower) -> bool:
        """Whether the follower still waits for its first result."""
        raise NotImplementedError

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

    def resume(self, follower: Follower) -> None:
        """Read what the follower missed, and give it."""
        raise NotImplementedError

    def give(self, followers: Iterable[Follower], state: State, frames: Frames) -> None:
        """Send the state to those who want it and keep up."""
        for each in followers:
            if not self.wants(each, state):
                continue
            if each.line.ready:
                each.line.write(frames.of(each.operation.id))
                self.shown(each, state)
            else:
                self.missed(each, state)

    def put_off(
        self, followers: Iterable[Follower], state: State, errors: list[GraphQLError]
    ) -> None:
        """A server that the state's execution needs is away: those who follow get it in a moment."""
        for each in [each for each in followers if self.wants(each, state)]:
            if self.unanswered(each):
                each.break_off(errors)
                continue
            self.missed(each, state)
            if not self._put_off:
                asyncio.get_running_loop().call_later(LOOK_AGAIN, self._try_again)
            self._put_off.add(each)

    def _try_again(self) -> None:
        waiting, self._put_off = self._put_off, set()
        for each in waiting:
            each.resume()

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
        follower.behind = False

    def missed(self, follower: Follower, state: State) -> None:
        """It will get the newest then."""
        follower.behind = True

    def resume(self, follower: Follower) -> None:
        """The newest, read then: what was kept of one could hold the name of a user who was deleted since."""
        if follower.behind:
            self.wake()

    def unanswered(self, follower: Follower) -> bool:
        """It was shown no state."""
        return follower.shown is None

    async def read(self, told: set[str]) -> float:
        """Its state; again when time alone changes the status."""
        assert self.subject is not None
        self.reads += 1
        document = await known_auction(self.runtime, self.subject)
        await self.offer([document], {document.id})
        return min(QUIET, until_next_status(document, self.runtime.clock.now()))


class CardsFeed(StatesFeed):
    """All auctions: those that change. `shown` is which of them a slow follower missed."""

    def __init__(self, *of_feed: object) -> None:
        super().__init__(*of_feed)
        # What was not read yet: news, and what slow followers missed.
        self._news: set[UUID] = set()
        self._again: set[UUID] = set()
        # What was read since the reader's last look at which documents are live: these may be of others.
        self._lately: set[UUID] = set()
        self._looks = 0

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

    def resume(self, follower: Follower) -> None:
        """As it is now, for this follower alone."""
        if follower.shown:
            self._again |= follower.shown
            self.wake()

    def unanswered(self, follower: Follower) -> bool:
        """Nothing is owed before the next news."""
        return False

    async def read(self, told: set[str]) -> float:
        """What changed, as much as is read at once; the rest right afterwards."""
        self._hear(told)
        wanted = set(islice(chain(self._news, self._again), MOST_AT_ONCE))
        if wanted:
            news = self._news & wanted
            self._lately |= news
            await self.offer(await self.runtime.documents.auctions_by_id(wanted), news)
            # Only now: had it failed, they would be read again.
            self._news -= wanted
            self._again -= wanted
        return 0.0 if self._news or self._again else QUIET

    def _hear(self, told: set[str]) -> None:
        """Note the news. If other documents have become the live ones, news of the last moment are news again."""
        self._news |= {UUID(subject) for subject in told if subject not in ("", EVERYTHING)}
        if EVERYTHING in told:
            self._news |= self._lately
        if self._looks != self.runtime.documents.looks:
            self._looks, self._lately = self.runtime.documents.looks, set()


def until_next_status(auction: AuctionDocument, now: datetime) -> float:
    """Seconds until time alone changes the auction's status; for ever once it has ended."""
    for moment in (auction.starts_at, auction.ends_at):
        if now < moment:
            return (moment - now).total_seconds() + 0.001
    return float("inf")


def _code(error: Exception) -> Code | None:
    """The error's code, if it has one."""
    code = (error.extensions or {}).get("code") if isinstance(error, GraphQLError) else None
    return Code(code) if code else None
