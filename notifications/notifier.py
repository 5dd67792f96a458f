"""Writing the notifications that follow from auctions' new events, once each, for many auctions at once.

The checkpoint of an auction moves in the transaction that writes its notifications, so each event
gives its notifications exactly once, even if a process dies or a task is delivered twice.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import UUID

import structlog

from commands.domain.events import AuctionEvent
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.streams import Busy, Stream, StreamKind, UnreadableEvent
from notifications.notices import (
    EventAtVersion,
    Notice,
    notices,
    notices_of_each,
    possibly_outdated,
)
from notifications.postgres.notifications import Users, mark_outdated_read, write_notices
from notifications.postgres.progress import (
    CurrentState,
    NotifierCheckpoint,
    Reached,
    advance,
    current_states,
    deleted_among,
    lock_progress,
    notified_versions,
)
from projections.errors import PoisonEvent, passes
from projections.upkeep import stuck
from projections.upkeep.lag import Sweeper

log = structlog.get_logger("notifications")

SWEEPER = Sweeper("notifications", "notifications", {"auction"})
# The least time between two runs for the same auction, however many bids it gets.
AT_MOST_EVERY = timedelta(seconds=1)
# Events of one run, over all its auctions.
MOST_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Notified:
    """The users whose notifications changed; or, if the last run was too recent, when to run again."""

    users: set[UUID] = field(default_factory=set)
    again_in: timedelta | None = None


@dataclass(slots=True)
class NotifiedTogether:
    """By auction, the users whose notifications changed; which events stop some; and the rest.

    `mailed` says that mails were enqueued.
    `resting` ones were notified of too recently, or another worker has them. `unfinished` ones have
    more events.
    """

    users: dict[UUID, set[UUID]] = field(default_factory=dict)
    mailed: bool = False
    stopped: list[PoisonEvent] = field(default_factory=list)
    resting: dict[UUID, timedelta] = field(default_factory=dict)
    unfinished: list[UUID] = field(default_factory=list)

    def add(self, more: "NotifiedTogether") -> None:
        """Add what another transaction committed."""
        self.users |= more.users
        self.mailed = self.mailed or more.mailed
        self.stopped += more.stopped
        self.resting |= more.resting
        self.unfinished += more.unfinished


@dataclass(frozen=True, slots=True)
class News:
    """An auction's events since its checkpoint, up to a version, and the state it is in now."""

    checkpoint: NotifierCheckpoint
    now: CurrentState
    until: int

    @property
    def all(self) -> bool:
        """Whether these are all of them."""
        return self.until == self.now.version


def notify_together(auction_ids: Sequence[UUID], pool: Pool) -> NotifiedTogether:
    """Write the notifications for the events of these auctions since their last runs.

    If any fault that does not pass comes up, each auction is taken by itself, to find whose it is.
    """
    done = NotifiedTogether()
    try:
        with pool.connection() as connection, connection.transaction():
            news = _news(connection, auction_ids, done)
            _write(connection, news, _events(connection, news), done)
    except Exception as error:
        if passes(error):
            raise
        log.warning("auctions can't be notified of together", error=type(error).__name__)
        return _one_by_one(auction_ids, pool)
    return done


def _one_by_one(auction_ids: Sequence[UUID], pool: Pool) -> NotifiedTogether:
    done = NotifiedTogether()
    for auction_id in auction_ids:
        try:
            done.add(_one(auction_id, pool))
        except PoisonEvent as poison:
            done.stopped.append(poison)
    return done


def _one(auction_id: UUID, pool: Pool) -> NotifiedTogether:
    """Notify of one auction, notice by notice; PoisonEvent at the event whose notice fails."""
    done = NotifiedTogether()
    with pool.connection() as connection, connection.transaction():
        if news := _news(connection, [auction_id], done):
            with _stopping(auction_id, news[auction_id].checkpoint.version + 1):
                _write(connection, news, _events(connection, news), done, each_alone=True)
    return done


def notify(auction_id: UUID, pool: Pool) -> Notified:
    """Write the notifications for one auction; Busy if another worker has it, PoisonEvent."""
    done = _one_by_one([auction_id], pool)
    for poison in done.stopped:
        raise poison
    if auction_id in done.resting and done.resting[auction_id] is BUSY:
        raise Busy(f"notifications of auction {auction_id}")
    return Notified(done.users.get(auction_id, set()), done.resting.get(auction_id))


# Whoever is at it may have read already, so it is looked at once more.
BUSY = timedelta(seconds=1)


@contextmanager
def _stopping(auction_id: UUID, version: int) -> Iterator[None]:
    """Turn any error that is not transient into a PoisonEvent at that version."""
    try:
        yield
    except Exception as error:
        if passes(error) or isinstance(error, PoisonEvent):
            raise
        at = error.version if isinstance(error, UnreadableEvent) else version
        raise PoisonEvent(Stream("auction", auction_id), at) from error


def _news(
    connection: SyncConnection, auction_ids: Sequence[UUID], done: NotifiedTogether
) -> Mapping[UUID, News]:
    """What is new in those auctions that may be notified of now, which are locked; at most MOST_EVENTS."""
    checkpoints = lock_progress(connection, auction_ids)
    done.resting |= {id: BUSY for id in auction_ids if id not in checkpoints}
    states = current_states(connection, list(checkpoints))
    news, room = dict[UUID, News](), MOST_EVENTS
    # Those with the fewest first, so that one with very many leaves room for the others.
    for id in sorted(checkpoints, key=lambda id: states[id].version - checkpoints[id].version):
        checkpoint = checkpoints[id]
        if states[id].version == checkpoint.version:
            continue
        rested = checkpoint.rested
        # One from the future was before the clock stepped back: nobody waits until it is past.
        if rested is not None and timedelta(0) <= rested < AT_MOST_EVERY:
            done.resting[id] = AT_MOST_EVERY - rested
            continue
        until = min(states[id].version, checkpoint.version + room)
        if until < states[id].version:
            done.unfinished.append(id)
        if until > checkpoint.version:
            news[id] = News(checkpoint, states[id], until)
            room -= until - checkpoint.version
    return news


def _events(
    connection: SyncConnection, news: Mapping[UUID, News]
) -> Mapping[UUID, Sequence[EventAtVersion]]:
    after = {id: each.checkpoint.version for id, each in news.items()}
    recorded = PostgresEventStore(connection).read_several(after, MOST_EVENTS)
    return {
        id: [
            (event.version, cast(AuctionEvent, event.event))
            for event in recorded[id]
            if event.version <= news[id].until
        ]
        for id in news
    }


def _write(
    connection: SyncConnection,
    news: Mapping[UUID, News],
    events: Mapping[UUID, Sequence[EventAtVersion]],
    done: NotifiedTogether,
    *,
    each_alone: bool = False,
) -> None:
    if not news:
        return
    users = Users()
    outdated = {id: _outdated(each, events[id]) for id, each in news.items()}
    states = {id: each.now for id, each in news.items()}
    users.add(mark_outdated_read(connection, outdated, states))
    written = _notices(connection, news, events)
    for batch in [[each] for each in written] if each_alone else [written]:
        with _stopping(batch[0][0], batch[0][1].version) if each_alone else _together():
            users.add(write_notices(connection, batch, states))
    advance(connection, {id: _reached(each) for id, each in news.items()})
    done.users |= users.by_auction
    done.mailed = done.mailed or users.mailed


@contextmanager
def _together() -> Iterator[None]:
    """Errors are raised as they are: nobody knows yet whose they are."""
    yield


def _outdated(news: News, events: Sequence[EventAtVersion]) -> Collection[UUID]:
    return possibly_outdated(events, news.checkpoint.leading, news.now.leading)


def _notices(
    connection: SyncConnection,
    news: Mapping[UUID, News],
    events: Mapping[UUID, Sequence[EventAtVersion]],
) -> list[tuple[UUID, Notice]]:
    """Each auction's notices, in their order.

    While an auction has more events than one run takes, its highest bid is not told of: it is the
    last run that knows it.
    """
    deleted = deleted_among(connection, [event for each in events.values() for event in each])
    return [
        (id, notice)
        for id, each in news.items()
        for notice in (
            notices(events[id], each.checkpoint.leading, each.now.leading, deleted)
            if each.all
            else notices_of_each(events[id])
        )
    ]


def _reached(news: News) -> Reached:
    if news.all:
        leading = news.now.leading.as_leading if news.now.leading else None
        return Reached(news.until, leading, news.now.now)
    return Reached(news.until, news.checkpoint.leading, None)


def streams_behind(pool: Pool) -> list[Stream]:
    """The auctions with events that nobody was notified of, without paused ones, and stuck ones whose try is due."""

    def versions(_: StreamKind, ids: Collection[UUID]) -> Mapping[UUID, int]:
        with pool.connection() as connection:
            return notified_versions(connection, ids)

    return stuck.to_wake(pool, SWEEPER.reader, SWEEPER.sweep(pool, versions))
