"""Writing the notifications that follow from an auction's new events, once each."""

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
from notifications.notices import EventAtVersion, notices, possibly_outdated
from notifications.postgres.notifications import mark_outdated_read, write_notice
from notifications.postgres.progress import (
    NotifierCheckpoint,
    advance,
    current_state,
    deleted_among,
    lock_progress,
)
from projections.errors import PoisonEvent, passes

# The least time between two runs for the same auction, however many bids it gets.
AT_MOST_EVERY = timedelta(seconds=1)
PAGE = 500


@dataclass(frozen=True, slots=True)
class Notified:
    """The users whose notifications changed; or, if the last run was too recent, when to run again."""

    users: set[UUID] = field(default_factory=set)
    again_in: timedelta | None = None


def notify(auction_id: UUID, pool: Pool) -> Notified:
    """Write the notifications for the events since the last run.

    Busy if another worker notifies the same auction, PoisonEvent if one of the events fails. The
    checkpoint moves in the transaction that writes the notifications, so each event gives its
    notifications exactly once, even if a process dies or a task is delivered twice.
    """
    with pool.connection() as connection, connection.transaction():
        checkpoint = lock_progress(connection, auction_id)
        with _stopping(auction_id, checkpoint.version + 1):
            return _write_since(checkpoint, auction_id, connection)


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


def _write_since(
    checkpoint: NotifierCheckpoint, auction_id: UUID, connection: SyncConnection
) -> Notified:
    reached = current_state(connection, auction_id)
    if reached.version == checkpoint.version:
        return Notified()
    if checkpoint.rested is not None and checkpoint.rested < AT_MOST_EVERY:
        return Notified(again_in=AT_MOST_EVERY - checkpoint.rested)
    events = list(_events(connection, auction_id, checkpoint.version, reached.version))
    deleted = deleted_among(connection, events)
    users = mark_outdated_read(
        connection,
        auction_id,
        possibly_outdated(events, checkpoint.leading, reached.leading),
        reached,
    )
    for notice in notices(events, checkpoint.leading, reached.leading, deleted):
        with _stopping(auction_id, notice.version):
            users.update(write_notice(connection, auction_id, notice, reached))
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
