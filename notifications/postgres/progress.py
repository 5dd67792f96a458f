"""The notifier's checkpoints in auctions, and the auctions' current states."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from commands.domain.events import BidDeleted, BidRemoved
from commands.postgres.connections import SyncConnection
from commands.postgres.rows import as_json
from notifications.addressing import Telling
from notifications.notices import EventAtVersion, Leading, Notice, RankedBid
from notifications.preferences import NotificationKind

# In the order of ids, so that two workers never wait for each other in a circle.
BEGIN = """
INSERT INTO notification_progress (auction_id, version)
SELECT wanted.id, 0 FROM unnest(%s::uuid[]) AS wanted (id)
WHERE NOT EXISTS (SELECT 1 FROM notification_progress WHERE auction_id = wanted.id)
ORDER BY wanted.id ON CONFLICT DO NOTHING
"""
BEGIN_HERE = """
INSERT INTO notification_progress (auction_id, version, leading_bid_id, leading_amount)
SELECT auctions.id, auctions.version, best.id, best.effective_amount
FROM auctions LEFT JOIN LATERAL (
    SELECT id, effective_amount FROM bids WHERE auction_id = auctions.id AND NOT deleted
    ORDER BY effective_amount DESC, reached_version LIMIT 1
) AS best ON rules IS NULL OR NOT rules ? 'sealed'
WHERE auctions.id = ANY(%s)
ON CONFLICT (auction_id) DO UPDATE SET version = excluded.version,
    leading_bid_id = excluded.leading_bid_id, leading_amount = excluded.leading_amount
"""
LOCK = """
SELECT auction_id, version, leading_bid_id, leading_amount, telling,
       clock_timestamp() - ran_at AS rested,
       (SELECT bidder_id FROM bids WHERE id = leading_bid_id) AS leading_bidder_id,
       (SELECT deleted FROM bids WHERE id = leading_bid_id) AS leading_deleted
FROM notification_progress WHERE auction_id = ANY(%s) ORDER BY auction_id FOR UPDATE SKIP LOCKED
"""
# One statement, so that version and leading bid are of one moment. Where bids are sealed nobody is told who leads.
NOW = """
SELECT auctions.id AS auction_id, auctions.version, best.id, best.bidder_id,
       best.effective_amount, best.reached_version, statement_timestamp() AS now,
       coalesce(rules ? 'masked', false) AS masked, winning_bid_id AS won
FROM auctions LEFT JOIN LATERAL (
    SELECT id, bidder_id, effective_amount, reached_version FROM bids
    WHERE auction_id = auctions.id AND NOT deleted
    ORDER BY effective_amount DESC, reached_version LIMIT 1
) AS best ON rules IS NULL OR NOT rules ? 'sealed'
WHERE auctions.id = ANY(%s)
"""
RANKED = "SELECT id, bidder_id, effective_amount, reached_version FROM bids WHERE id = ANY(%s)"
ADVANCE = """
UPDATE notification_progress AS progress SET version = reached.version,
    leading_bid_id = reached.leading_bid_id, leading_amount = reached.leading_amount,
    ran_at = reached.ran_at, telling = reached.telling
FROM json_to_recordset(%s) AS reached (
    auction_id uuid, version int, leading_bid_id uuid, leading_amount numeric, ran_at timestamptz,
    telling jsonb
)
WHERE progress.auction_id = reached.auction_id
"""
# Until all bidders have their notices, the last version is not reached.
VERSIONS = """
SELECT auction_id, version - (telling IS NOT NULL)::int AS version
FROM notification_progress WHERE auction_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class NotifierCheckpoint:
    """Version and leading bid at the notifier's last run, and how long ago (`rested`) that was.

    `telling` is what it has still to tell bidders of up to that version.
    """

    version: int
    leading: Leading | None
    rested: timedelta | None
    telling: Telling | None


@dataclass(frozen=True, slots=True)
class CurrentState:
    """An auction's version and leading bid, the time they were read, whether its bidders are aliases, and which bid won."""

    version: int
    leading: RankedBid | None
    now: datetime
    masked: bool = False
    won: UUID | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """The checkpoint after a run: all events up to that version have their notifications, but for `telling`.

    `ran_at` is None if the next run may come at once.
    """

    version: int
    leading: Leading | None
    ran_at: datetime | None
    telling: Telling | None


def lock_progress(
    connection: SyncConnection, auction_ids: Collection[UUID]
) -> dict[UUID, NotifierCheckpoint]:
    """The checkpoints in the auctions, locked until the transaction ends, but those that others have locked."""
    connection.execute(BEGIN, (list(auction_ids),))
    return {
        row["auction_id"]: _checkpoint(row)
        for row in connection.execute(LOCK, (list(auction_ids),))
    }


def begin_here(connection: SyncConnection, auction_ids: Collection[UUID]) -> None:
    """Set the checkpoints to where these auctions stand: nobody is notified of what was before."""
    connection.execute(BEGIN_HERE, (list(auction_ids),))


def _checkpoint(row: DictRow) -> NotifierCheckpoint:
    leading = None
    if row["leading_bid_id"]:
        leading = Leading(
            row["leading_bid_id"],
            row["leading_bidder_id"],
            row["leading_amount"],
            row["leading_deleted"],
        )
    telling = _telling(row["telling"]) if row["telling"] else None
    return NotifierCheckpoint(row["version"], leading, row["rested"], telling)


def _telling(stored: Mapping[str, Any]) -> Telling:
    notices = [
        Notice(
            NotificationKind(each["kind"]),
            each["version"],
            Decimal(each["amount"]) if each["amount"] else None,
            but=UUID(each["but"]) if each["but"] else None,
        )
        for each in stored["notices"]
    ]
    apart, reached = frozenset(map(UUID, stored["apart"])), UUID(stored["reached"])
    return Telling(notices, apart, reached, stored.get("watchers", False))


def _stored(telling: Telling) -> dict[str, Any]:
    notices = [
        {
            "kind": each.kind,
            "version": each.version,
            "amount": each.amount and str(each.amount),
            "but": each.but,
        }
        for each in telling.notices
    ]
    told = {"notices": notices, "apart": list(telling.apart), "reached": telling.reached}
    return told | {"watchers": telling.watchers}


def current_states(
    connection: SyncConnection, auction_ids: Collection[UUID]
) -> Mapping[UUID, CurrentState]:
    """The auctions' versions and leading bids."""
    return {
        row["auction_id"]: CurrentState(
            row["version"],
            _ranked(row) if row["id"] else None,
            row["now"],
            row["masked"],
            row["won"],
        )
        for row in connection.execute(NOW, (list(auction_ids),))
    }


def _ranked(row: DictRow) -> RankedBid:
    return RankedBid(row["id"], row["bidder_id"], row["effective_amount"], row["reached_version"])


def deleted_among(
    connection: SyncConnection, events: Sequence[EventAtVersion]
) -> dict[UUID, RankedBid]:
    """The bids that these events deleted, by id."""
    ids = [event.bid_id for _, event in events if isinstance(event, BidDeleted | BidRemoved)]
    rows = connection.execute(RANKED, (ids,)) if ids else ()
    return {row["id"]: _ranked(row) for row in rows}


def advance(connection: SyncConnection, reached: Mapping[UUID, Reached]) -> None:
    """Move the checkpoints."""
    rows = [
        {
            "auction_id": id,
            "version": each.version,
            "leading_bid_id": each.leading and each.leading.bid_id,
            "leading_amount": each.leading and each.leading.effective_amount,
            "ran_at": each.ran_at,
            "telling": each.telling and _stored(each.telling),
        }
        for id, each in reached.items()
    ]
    connection.execute(ADVANCE, (as_json(rows),))


def notified_versions(
    connection: SyncConnection, auction_ids: Collection[UUID]
) -> Mapping[UUID, int]:
    """The versions up to which the auctions' events have their notifications; without untouched ones."""
    rows = connection.execute(VERSIONS, (list(auction_ids),))
    return {row["auction_id"]: row["version"] for row in rows}
