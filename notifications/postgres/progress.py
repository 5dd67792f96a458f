"""The notifier's checkpoint in each auction, and the auction's current state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain.events import BidDeleted
from commands.postgres.connections import SyncConnection
from commands.streams import Busy
from notifications.notices import EventAtVersion, Leading, RankedBid

BEGIN = """
INSERT INTO notification_progress (auction_id, version) VALUES (%s, 0) ON CONFLICT DO NOTHING
"""
LOCK = """
SELECT version, leading_bid_id, leading_amount, clock_timestamp() - ran_at AS rested,
       (SELECT bidder_id FROM bids WHERE id = leading_bid_id) AS leading_bidder_id
FROM notification_progress WHERE auction_id = %s FOR UPDATE SKIP LOCKED
"""
# One statement, so that version and leading bid are of one moment.
NOW = """
SELECT auctions.version, best.id, best.bidder_id, best.effective_amount, best.reached_version,
       clock_timestamp() AS now
FROM auctions LEFT JOIN LATERAL (
    SELECT id, bidder_id, effective_amount, reached_version FROM bids
    WHERE auction_id = auctions.id AND NOT deleted
    ORDER BY effective_amount DESC, reached_version LIMIT 1
) AS best ON true
WHERE auctions.id = %s
"""
RANKED = "SELECT id, bidder_id, effective_amount, reached_version FROM bids WHERE id = ANY(%s)"
ADVANCE = """
UPDATE notification_progress
SET version = %s, leading_bid_id = %s, leading_amount = %s, ran_at = %s WHERE auction_id = %s
"""
BEHIND = """
SELECT id FROM auctions WHERE version > coalesce(
    (SELECT version FROM notification_progress WHERE auction_id = auctions.id), 0
) AND NOT EXISTS (
    SELECT 1 FROM stuck_streams WHERE reader = 'notifications' AND stream_id = auctions.id
      AND retry_after > clock_timestamp()
) LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class NotifierCheckpoint:
    """Version and leading bid at the notifier's last run, and how long ago (`rested`) that was."""

    version: int
    leading: Leading | None
    rested: timedelta | None


@dataclass(frozen=True, slots=True)
class CurrentState:
    """An auction's version and leading bid, and the time they were read."""

    version: int
    leading: RankedBid | None
    now: datetime


def lock_progress(connection: SyncConnection, auction_id: UUID) -> NotifierCheckpoint:
    """The checkpoint in the auction, locked until the transaction ends; Busy if another worker has it."""
    connection.execute(BEGIN, (auction_id,))
    row = connection.execute(LOCK, (auction_id,)).fetchone()
    if row is None:
        raise Busy(f"notifications of auction {auction_id}")
    leading = None
    if row["leading_bid_id"]:
        leading = Leading(row["leading_bid_id"], row["leading_bidder_id"], row["leading_amount"])
    return NotifierCheckpoint(row["version"], leading, row["rested"])


def current_state(connection: SyncConnection, auction_id: UUID) -> CurrentState:
    """The auction's version and leading bid."""
    row = connection.execute(NOW, (auction_id,)).fetchone()
    assert row is not None, "only auctions that exist have events"
    return CurrentState(row["version"], _ranked(row) if row["id"] else None, row["now"])


def _ranked(row: DictRow) -> RankedBid:
    return RankedBid(row["id"], row["bidder_id"], row["effective_amount"], row["reached_version"])


def deleted_among(
    connection: SyncConnection, events: Sequence[EventAtVersion]
) -> dict[UUID, RankedBid]:
    """The bids that these events deleted, by id."""
    ids = [event.bid_id for _, event in events if isinstance(event, BidDeleted)]
    rows = connection.execute(RANKED, (ids,))
    return {row["id"]: _ranked(row) for row in rows}


def advance(connection: SyncConnection, auction_id: UUID, reached: CurrentState) -> None:
    """Move the checkpoint: all events up to that version have their notifications."""
    leading = reached.leading
    connection.execute(
        ADVANCE,
        (
            reached.version,
            leading and leading.bid_id,
            leading and leading.effective_amount,
            reached.now,
            auction_id,
        ),
    )


def auctions_behind(connection: SyncConnection) -> list[UUID]:
    """Auctions with events after their checkpoint, without paused ones; at most a thousand."""
    return [row["id"] for row in connection.execute(BEHIND)]
