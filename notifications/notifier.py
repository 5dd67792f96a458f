"""Writing the notifications that follow from auctions' new events, once each, for many auctions at once.

The checkpoint of an auction moves in the transaction that writes its notifications, so each event
gives its notifications exactly once, even if a process dies or a task is delivered twice.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import UUID

import structlog
from psycopg.errors import QueryCanceled

from commands.domain.events import AuctionEvent
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.streams import Busy, Stream, StreamKind, UnreadableEvent
from notifications.news import News, addressed_now, notices_of, outdated, reached
from notifications.notices import EventAtVersion
from notifications.people import people_in
from notifications.postgres.addressees import lock_unread
from notifications.postgres.notifications import Users, mark_outdated_read, write_notices
from notifications.postgres.progress import (
    advance,
    current_states,
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
# With what a run is bounded to, no statement takes as long as that, unless something is wrong.
PATIENCE = "SET LOCAL statement_timeout = '8s'"
# Seconds after which no auction is begun that is taken by itself; a task may last 50.
ALONE = 10.0


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


def notify_together(auction_ids: Sequence[UUID], pool: Pool) -> NotifiedTogether:
    """Write the notifications for the events of these auctions since their last runs.

    If any fault that does not pass comes up, or it takes too long, each auction is taken by itself,
    to find whose it is.
    """
    done = NotifiedTogether()
    try:
        with _transaction(pool) as connection:
            news = _news(connection, auction_ids, done)
            _write(connection, news, _events(connection, news), done)
    except Exception as error:
        if _passes(error):
            raise
        log.warning("auctions can't be notified of together", error=type(error).__name__)
        return _one_by_one(auction_ids, pool)
    return done


def _passes(error: Exception) -> bool:
    """Whether the same may succeed in a moment. What took too long would take as long again."""
    return passes(error) and not isinstance(error, QueryCanceled)


@contextmanager
def _transaction(pool: Pool) -> Iterator[SyncConnection]:
    with pool.connection() as connection, connection.transaction():
        connection.execute(PATIENCE)
        yield connection


def _one_by_one(auction_ids: Sequence[UUID], pool: Pool) -> NotifiedTogether:
    """Notify of each by itself; those that there is no time for are unfinished."""
    done, ends = NotifiedTogether(), time.monotonic() + ALONE
    for place, auction_id in enumerate(auction_ids):
        if time.monotonic() > ends:
            done.unfinished += auction_ids[place:]
            break
        try:
            done.add(_one(auction_id, pool))
        except PoisonEvent as poison:
            done.stopped.append(poison)
        except QueryCanceled:
            # It waited for whoever begins with this auction as well.
            done.resting[auction_id] = BUSY
    return done


def _one(auction_id: UUID, pool: Pool) -> NotifiedTogether:
    """Notify of one auction, notice by notice; PoisonEvent at the event whose notice fails."""
    done = NotifiedTogether()
    with _transaction(pool) as connection:
        with _stopping(auction_id, 1):
            news = _news(connection, [auction_id], done)
        if news:
            with _stopping(auction_id, news[auction_id].first):
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
    """Turn any error that is not transient, or a time-out, into a PoisonEvent at that version."""
    try:
        yield
    except Exception as error:
        if _passes(error) or isinstance(error, PoisonEvent):
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
        if checkpoint.telling:
            news[id] = News(checkpoint, states[id], checkpoint.version)
            continue
        if states[id].version == checkpoint.version:
            continue
        rested = checkpoint.rested
        # One from the future was before the clock stepped back: nobody waits until it is past.
        if rested is not None and timedelta(0) <= rested < AT_MOST_EVERY:
            done.resting[id] = AT_MOST_EVERY - rested
            continue
        until = min(states[id].version, checkpoint.version + room)
        if until > checkpoint.version:
            news[id] = News(checkpoint, states[id], until)
            room -= until - checkpoint.version
        else:
            done.unfinished.append(id)
    return news


def _events(
    connection: SyncConnection, news: Mapping[UUID, News]
) -> Mapping[UUID, Sequence[EventAtVersion]]:
    since = {
        id: each.checkpoint.version for id, each in news.items() if not each.checkpoint.telling
    }
    recorded = PostgresEventStore(connection).read_several(since, MOST_EVENTS) if since else {}
    return {
        id: [
            (event.version, cast(AuctionEvent, event.event))
            for event in recorded.get(id, ())
            if event.version <= each.until
        ]
        for id, each in news.items()
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
    stale = {id: outdated(each, events[id]) for id, each in news.items()}
    states = {id: each.now for id, each in news.items()}
    written, left = addressed_now(connection, notices_of(connection, news, events), news)
    named = [*stale.items(), *((id, notice.to or ()) for id, notice in written)]
    people = people_in(connection, states, named)
    lock_unread(connection, [(id, people.users(id, bidders).values()) for id, bidders in named])
    users.add(mark_outdated_read(connection, stale, states, people))
    to_users = people.addressed(written)
    for batch in [[each] for each in to_users] if each_alone else [to_users] if to_users else []:
        id, notice = batch[0]
        at = max(notice.version, news[id].first)
        with _stopping(id, at) if each_alone else _together():
            users.add(write_notices(connection, batch, states, people))
    advance(connection, {id: reached(each, left.get(id)) for id, each in news.items()})
    done.users |= users.by_auction
    done.mailed = done.mailed or users.mailed
    done.unfinished += [id for id, each in news.items() if id in left or not each.all]


@contextmanager
def _together() -> Iterator[None]:
    """Errors are raised as they are: nobody knows yet whose they are."""
    yield


def streams_behind(pool: Pool) -> list[Stream]:
    """The auctions with events that nobody was notified of, without paused ones, and stuck ones whose try is due."""

    def versions(_: StreamKind, ids: Collection[UUID]) -> Mapping[UUID, int]:
        with pool.connection() as connection:
            return notified_versions(connection, ids)

    return stuck.to_wake(pool, SWEEPER.reader, SWEEPER.sweep(pool, versions))
