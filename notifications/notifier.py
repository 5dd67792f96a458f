"""Telling everybody about an auction's new events, once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import UUID

from commands.domain.events import AuctionEvent
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.streams import Stream, UnreadableEvent
from notifications.notices import EventAtVersion, notices
from notifications.postgres.notifications import tell
from notifications.postgres.progress import advance, deleted_among, lock_progress, present
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
        told = lock_progress(connection, auction_id)
        reached = present(connection, auction_id)
        if reached.version == told.version:
            return Notified()
        if told.rested is not None and told.rested < AT_MOST_EVERY:
            return Notified(again_in=AT_MOST_EVERY - told.rested)
        try:
            events = list(_events(connection, auction_id, told.version, reached.version))
            deleted = deleted_among(connection, events)
            found = notices(events, told.leading, reached.leading, deleted)
        except Exception as error:
            if passes(error):
                raise
            version = error.version if isinstance(error, UnreadableEvent) else told.version + 1
            raise PoisonEvent(Stream("auction", auction_id), version) from error
        users = {
            user_id
            for notice in found
            for user_id in tell(connection, auction_id, notice, reached.now)
        }
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
