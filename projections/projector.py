"""Bringing one stream's documents up to the end of the stream."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import structlog
from psycopg_pool import ConnectionPool

from commands.domain.events import AuctionEvent, BidDeleted, BidPlaced, UserEvent
from commands.ports import EventStore, RecordedEvent, Stream
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.pool import SyncConnection
from commands.postgres.users import personal_data
from projections.documents import (
    TOP,
    BidDocument,
    Recorded,
    auction_after,
    bid_after,
    touched_bid,
    user_after,
)
from projections.ports import Documents

log = structlog.get_logger("projections")

BATCH = 500
# One projector a stream: without it two would only do the same work twice, for the documents
# guard themselves. Bound to a transaction, so that a dead process leaves no lock.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


def project(
    stream: Stream,
    pool: ConnectionPool[SyncConnection],
    documents: Documents,
    *,
    lane: str = "live",
) -> int:
    """Bring the stream's documents up to its end; the version they then stand at.

    Lanes don't wait for each other: a rebuild has its own.
    """
    with pool.connection() as connection, connection.transaction():
        connection.execute(LOCK, (f"project:{lane}:{stream.id}",))
        step = _project_auction if stream.kind == "auction" else _project_user
        while recorded := step(connection, stream.id, documents):
            if lane == "live":
                _log(recorded)
    return documents.versions(stream.kind, [stream.id]).get(stream.id, 0)


def _project_auction(
    connection: SyncConnection, auction_id: UUID, documents: Documents
) -> Sequence[RecordedEvent]:
    return project_auction_events(PostgresEventStore(connection), auction_id, documents)


def project_auction_events(
    store: EventStore, auction_id: UUID, documents: Documents
) -> Sequence[RecordedEvent]:
    """Take the next events of the auction in; which they were.

    The auction's own document comes last and says how far we got. Dying before it, the same
    events are taken in again, and the bids' documents already have them.
    """
    auction = documents.auction(auction_id)
    version = auction.version if auction else 0
    recorded = store.read(auction_id, version, BATCH)
    if not recorded:
        return ()
    history = [
        Recorded(cast(AuctionEvent, item.event), item.version, item.recorded_at)
        for item in recorded
    ]
    documents.save_bids(_changed_bids(auction_id, history, documents))
    after = auction_after(
        auction,
        history,
        top_bids=documents.top_bids(auction_id, TOP),
        lifespans=documents.lifespans(auction_id, _bidders(history)),
    )
    if after.winner:
        documents.save_winner(after.winner)
    documents.save_auction(after, expected_version=version)
    return recorded


def _changed_bids(
    auction_id: UUID, history: Sequence[Recorded], documents: Documents
) -> list[BidDocument]:
    named = {bid_id for recorded in history if (bid_id := touched_bid(recorded.event))}
    bids = dict(documents.bids(named)) if named else {}
    for recorded in history:
        bid_id = touched_bid(recorded.event)
        if bid_id and (bid := bid_after(bids.get(bid_id), auction_id, recorded)):
            bids[bid_id] = bid
    return list(bids.values())


def _bidders(history: Sequence[Recorded]) -> set[UUID]:
    return {
        recorded.event.bidder_id
        for recorded in history
        if isinstance(recorded.event, BidPlaced | BidDeleted)
    }


def _project_user(
    connection: SyncConnection, user_id: UUID, documents: Documents
) -> Sequence[RecordedEvent]:
    user = documents.user(user_id)
    recorded = PostgresEventStore(connection).read(user_id, user.version if user else 0, BATCH)
    if not recorded:
        return ()
    # Events hold no names. A stale name can't last: the deletion that ends it is a newer version.
    username, email = personal_data(connection, user_id)
    for item in recorded:
        event = cast(UserEvent, item.event)
        user = user_after(user, event, item.version, username=username, email=email)
    assert user is not None, "there was at least one event"
    documents.save_user(user)
    return recorded


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
