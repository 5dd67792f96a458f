"""Bringing one stream's documents up to the end of the stream."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast
from uuid import UUID

import structlog

from commands.domain.events import AuctionEvent, BidDeleted, BidPlaced, UserEvent
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.locks import lock, projecting
from commands.postgres.users import current_name
from commands.streams import EventStore, RecordedEvent, Stream
from projections.documents import (
    TOP,
    BidDocument,
    UserDocument,
    VersionedEvent,
    auction_after,
    bid_after,
    documents_of,
    touched_bid,
    user_after,
)
from projections.errors import PoisonEvent, passes
from projections.ports import Documents

log = structlog.get_logger("projections")

BATCH = 500


def project(
    stream: Stream,
    pool: Pool,
    documents: Documents,
    *,
    lane: str = "live",
) -> int:
    """Bring the stream's documents up to the end of the stream; their version afterwards.

    PoisonEvent if one of its events can't be applied: the documents then have the version before.
    A rebuild has a lane of its own, so it does not wait for the live documents.
    """
    with locked(stream, pool, lane) as connection:
        for recorded in _steps(connection, stream, documents):
            if lane == "live":
                _log(recorded)
    return _version(stream, documents)


@contextmanager
def locked(stream: Stream, pool: Pool, lane: str = "live") -> Iterator[SyncConnection]:
    """A transaction in which no other process projects the stream in that lane.

    It only saves double work: documents are guarded by their versions.
    """
    with pool.connection() as connection, connection.transaction():
        lock(connection, projecting(stream.id, lane))
        yield connection


def _steps(
    connection: SyncConnection, stream: Stream, documents: Documents
) -> Iterator[Sequence[RecordedEvent]]:
    """The events in batches; if one can't be read, those before it one by one."""
    step = _project_auction if stream.kind == "auction" else _project_user
    limit = BATCH
    while True:
        try:
            recorded = step(connection, stream.id, documents, limit)
        except Exception as error:
            if passes(error):
                raise
            if limit == 1:
                raise PoisonEvent(stream, _version(stream, documents) + 1) from error
            limit = 1
            continue
        if not recorded:
            return
        yield recorded


def _version(stream: Stream, documents: Documents) -> int:
    return documents.versions(stream.kind, [stream.id]).get(stream.id, 0)


def reproject(stream: Stream, pool: Pool, documents: Documents) -> None:
    """Write the stream's documents anew from all its events, without comparing versions.

    Each is replaced in place, so readers find none missing meanwhile.
    """
    with locked(stream, pool) as connection:
        recorded = list(_all_events(PostgresEventStore(connection), stream.id))
        if stream.kind == "auction":
            auction, bids = documents_of(stream.id, history_of(recorded))
            documents.restore_auction(auction, list(bids.values()))
        else:
            documents.restore_user(_user_after(connection, stream.id, None, recorded))


def _all_events(store: EventStore, stream_id: UUID) -> Iterator[RecordedEvent]:
    version = 0
    while page := store.read(stream_id, version, BATCH):
        yield from page
        version = page[-1].version


def history_of(recorded: Sequence[RecordedEvent]) -> list[VersionedEvent]:
    """An auction's events in the form that documents are made from."""
    return [
        VersionedEvent(cast(AuctionEvent, item.event), item.version, item.recorded_at)
        for item in recorded
    ]


def _project_auction(
    connection: SyncConnection, auction_id: UUID, documents: Documents, limit: int
) -> Sequence[RecordedEvent]:
    return project_auction_events(PostgresEventStore(connection), auction_id, documents, limit)


def project_auction_events(
    store: EventStore, auction_id: UUID, documents: Documents, limit: int = BATCH
) -> Sequence[RecordedEvent]:
    """Apply the next events of the auction; which they were.

    The auction's own document is written last, and its version says what is done. If the process
    dies before, the same events are applied again; the bids' documents, being ahead, stay as they are.
    """
    auction = documents.auction(auction_id)
    version = auction.version if auction else 0
    recorded = store.read(auction_id, version, limit)
    if not recorded:
        return ()
    history = history_of(recorded)
    documents.save_bids(_changed_bids(auction_id, history, documents))
    after = auction_after(
        auction,
        history,
        top_bids=documents.top_bids(auction_id, history[-1].version, TOP),
        lifespans=documents.lifespans(auction_id, _bidders(history)),
    )
    if after.winner:
        documents.save_winner(after.winner)
    documents.save_auction(after, expected_version=version)
    return recorded


def _changed_bids(
    auction_id: UUID, history: Sequence[VersionedEvent], documents: Documents
) -> list[BidDocument]:
    named = {bid_id for recorded in history if (bid_id := touched_bid(recorded.event))}
    bids = dict(documents.bids(named)) if named else {}
    for recorded in history:
        bid_id = touched_bid(recorded.event)
        if bid_id and (bid := bid_after(bids.get(bid_id), auction_id, recorded)):
            bids[bid_id] = bid
    return list(bids.values())


def _bidders(history: Sequence[VersionedEvent]) -> set[UUID]:
    return {
        recorded.event.bidder_id
        for recorded in history
        if isinstance(recorded.event, BidPlaced | BidDeleted)
    }


def _project_user(
    connection: SyncConnection, user_id: UUID, documents: Documents, limit: int
) -> Sequence[RecordedEvent]:
    user = documents.user(user_id)
    recorded = PostgresEventStore(connection).read(user_id, user.version if user else 0, limit)
    if recorded:
        documents.save_user(_user_after(connection, user_id, user, recorded))
    return recorded


def _user_after(
    connection: SyncConnection,
    user_id: UUID,
    user: UserDocument | None,
    recorded: Sequence[RecordedEvent],
) -> UserDocument:
    # Events hold no names. A name read too early is erased by the deletion, which is a newer version.
    username = current_name(connection, user_id)
    for item in recorded:
        event = cast(UserEvent, item.event)
        user = user_after(user, event, item.version, username=username)
    assert user is not None, "there was at least one event"
    return user


def _log(recorded: Sequence[RecordedEvent]) -> None:
    for item in recorded:
        log.info(
            "event projected",
            event_type=type(item.event).__name__,
            stream=str(item.stream.id),
            version=item.version,
            job_id=str(item.causation_id),
            correlation_id=str(item.correlation_id),
        )
