"""What the log says of the exposure of a user with a limit, for checking it again."""

from collections.abc import Iterator
from uuid import UUID

from commands.postgres.connections import SyncConnection
from commands.record.exposures import Ended, Happened, Placed

BIDDER_IDS = """
SELECT %(user)s::uuid AS id UNION ALL SELECT id FROM aliases WHERE user_id = %(user)s
"""
# A sealed bid counts once its amount is revealed, then from its beginning on.
BIDS = f"""
WITH own AS MATERIALIZED (
    SELECT bids.* FROM ({BIDDER_IDS}) AS me JOIN bids ON bidder_id = me.id AND NOT deleted
    UNION ALL
    SELECT bids.* FROM ({BIDDER_IDS}) AS me JOIN bids ON bidder_id = me.id AND deleted
)
SELECT own.id, own.auction_id, own.amount, placed.position, placed.recorded_at,
    gone.position AS gone_position, gone.recorded_at AS gone_at, own.deleted, placed.automatic
FROM own CROSS JOIN LATERAL (
    SELECT position, recorded_at, coalesce((data->>'automatic')::boolean, false) AS automatic
    FROM events WHERE stream_id = own.auction_id AND version = own.placed_version OFFSET 0
) AS placed
LEFT JOIN LATERAL (
    SELECT position, recorded_at FROM events WHERE stream_id = own.auction_id AND version = own.deleted_version OFFSET 0
) AS gone ON true
WHERE NOT own.hidden
"""
# The close is one of the last events of its auction.
CLOSES = f"""
SELECT closed.auction_id, event.position, event.recorded_at FROM (
    SELECT DISTINCT auction_id FROM ({BIDDER_IDS}) AS me JOIN bids ON bidder_id = me.id AND NOT deleted
) AS closed JOIN auctions ON auctions.id = closed.auction_id AND auctions.closed
CROSS JOIN LATERAL (
    SELECT position, recorded_at FROM events
    WHERE stream_id = closed.auction_id AND type IN ('WinnerAnnounced', 'AuctionEndedUnsold', 'AuctionCancelled')
    ORDER BY version DESC LIMIT 1
) AS event
"""
# An auction that counts and is not noted would be left out of the sum.
NOT_NOTED = f"""
SELECT auctions.id FROM (
    SELECT DISTINCT auction_id FROM ({BIDDER_IDS}) AS me JOIN bids ON bidder_id = me.id AND NOT deleted
) AS own JOIN auctions ON auctions.id = own.auction_id AND NOT closed
WHERE NOT EXISTS (SELECT FROM stakes WHERE user_id = %(user)s AND auction_id = auctions.id)
ORDER BY auctions.id LIMIT 1
"""


def bids_and_ends(connection: SyncConnection, user_id: UUID) -> Iterator[Happened]:
    """All bids of the user, and what ended them, in no particular order."""
    for row in connection.execute(BIDS, {"user": user_id}):
        # Rows from before that was kept don't say when a bid was deleted.
        if row["deleted"] and row["gone_position"] is None:
            continue
        yield Placed(
            row["position"],
            row["recorded_at"],
            row["auction_id"],
            row["id"],
            row["amount"],
            row["automatic"],
        )
        if row["gone_position"] is not None:
            yield Ended(row["gone_position"], row["gone_at"], row["auction_id"], row["id"])
    for row in connection.execute(CLOSES, {"user": user_id}):
        yield Ended(row["position"], row["recorded_at"], row["auction_id"])


def not_noted(connection: SyncConnection, user_id: UUID) -> UUID | None:
    """An open auction with a live bid of the user that would be left out of the sum; None if there is none."""
    row = connection.execute(NOT_NOTED, {"user": user_id}).fetchone()
    return row["id"] if row else None
