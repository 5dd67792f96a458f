"""Telling everybody about an auction's new events, once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import UUID

from commands.domain.events import AuctionEvent
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.streams import Stream, UnreadableEvent
from notifications.notices import EventAtVersion, notices, overtaken
from notifications.postgres.notifications import overtake, tell
from notifications.postgres.progress import (
    NotifierPlace,
    advance,
    deleted_among,
    lock_progress,
    present,
)
from projections.errors import PoisonEvent, passes

# However hot the auction, its people are told at most this often.
AT_MOST_EVERY = timedelta(seconds=1)
PAGE = 500


@dataclass(frozen=True, slots=True)
class Notified:
    """Whom it concerned; or, told too recently, when to come back."""

    users: set[UUID] = field(default_factory=set)
    again_in: timedelta | None = None


def notify(auction_id: UUID, pool: Pool) -> Notified:
    """Tell what happened since last time; Busy if another worker is at it, PoisonEvent if an event
    can't be told.

    The notifier's place moves in the transaction that writes the notifications, so that each
    event is told of exactly once, whatever dies or is delivered twice.
    """
    with pool.connection() as connection, connection.transaction():
        place = lock_progress(connection, auction_id)
        with _stopping(auction_id, place.version + 1):
            return _tell_since(place, auction_id, connection)


@contextmanager
def _stopping(auction_id: UUID, version: int) -> Iterator[None]:
    """Have any fault that does not pass stop the auction's notifications at that version."""
    try:
        yield
    except Exception as error:
        if passes(error) or isinstance(error, PoisonEvent):
            raise
        at = error.version if isinstance(error, UnreadableEvent) else version
        raise PoisonEvent(Stream("auction", auction_id), at) from error


def _tell_since(place: NotifierPlace, auction_id: UUID, connection: SyncConnection) -> Notified:
    reached = present(connection, auction_id)
    if reached.version == place.version:
        return Notified()
    if place.rested is not None and place.rested < AT_MOST_EVERY:
        return Notified(again_in=AT_MOST_EVERY - place.rested)
    events = list(_events(connection, auction_id, place.version, reached.version))
    deleted = deleted_among(connection, events)
    users = overtake(
        connection, auction_id, overtaken(events, place.leading, reached.leading), reached
    )
    for notice in notices(events, place.leading, reached.leading, deleted):
        with _stopping(auction_id, notice.version):
            users.update(tell(connection, auction_id, notice, reached))
    advance(connection, auction_id, reached)
    return Notified(users)


def _events(
    connection: SyncConnection, auction_id: UUID, after: int, until: int
) -> Iterator[EventAtVersion]:
    store = PostgresEventStore(connection)
    while after < until:
        page = store.read(auction_id, after, min(PAGE, until - after))
        for recorded in page:
            yield recorded.version, cast(AuctionEvent, recorded.event)
        after = page[-1].version
