"""SQL on the sales of auctions with a second chance: who comes next in the ranking, and whose time is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commands.domain.bids import Bid
from commands.postgres.auctions import BID
from commands.postgres.connections import SyncConnection
from commands.postgres.rows import as_json

# From bidder to bidder down the index bids_ranking. It passes over the bids of those who were asked, which are few:
# an auction's rule says how many are asked at most.
NEXT = f"""
SELECT wanted.auction_id, page.*
FROM json_to_recordset(%(wanted)s) AS wanted (auction_id uuid, asked uuid[])
CROSS JOIN LATERAL (
    WITH RECURSIVE next AS (
        (SELECT {BID}, wanted.asked || bidder_id AS seen, 1 AS place FROM bids
         WHERE auction_id = wanted.auction_id AND NOT deleted AND bidder_id <> ALL(wanted.asked)
         ORDER BY effective_amount DESC, reached_version LIMIT 1)
        UNION ALL
        SELECT behind.*, next.seen || behind.bidder_id, next.place + 1
        FROM next CROSS JOIN LATERAL (
            SELECT {BID} FROM bids
            WHERE auction_id = wanted.auction_id AND NOT deleted AND effective_amount <= next.effective_amount
              AND (effective_amount < next.effective_amount OR reached_version > next.reached_version)
              AND bidder_id <> ALL(next.seen)
            ORDER BY effective_amount DESC, reached_version LIMIT 1
        ) AS behind WHERE next.place < %(limit)s
    )
    SELECT {BID} FROM next ORDER BY place
) AS page
"""
# By the index auctions_offered, which has no other auctions. Whoever asks again after one that failed waits longer each
# time, as for the closing of auctions.
DUE = """
SELECT id, (sale->>'bid_id')::uuid AS bid_id, sale_until AS until, asked.before FROM auctions
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE accepted_at >= sale_until) AS times,
           count(*) FILTER (WHERE status = 'QUEUED') > 0 AS waiting,
           max(settled_at) FILTER (WHERE accepted_at >= sale_until) AS last,
           md5(string_agg(id::text, '' ORDER BY id) FILTER (WHERE status <> 'QUEUED')) AS before
    FROM jobs
    WHERE stream_id = auctions.id AND command = 'LapseOffer' AND payload->>'bid_id' = auctions.sale->>'bid_id'
) AS asked
WHERE sale_until < %(now)s
  AND (%(after)s::uuid IS NULL OR (sale_until, id) > (%(after_until)s, %(after)s))
  AND (asked.last IS NULL OR asked.waiting OR asked.last > %(now)s
       OR asked.last < %(now)s - interval '1 s' * least(power(2, least(asked.times, 10)), 300))
ORDER BY sale_until, id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Offerable:
    """An auction whose lot may be offered: to none of those `asked`, and for no less than `least`."""

    asked: Sequence[UUID]
    least: Decimal


def next_bids(
    connection: SyncConnection, wanted: Mapping[UUID, Offerable], limit: int
) -> Mapping[UUID, list[Bid]]:
    """By auction, the highest live bids of the next bidders in the order of the ranking, at most so many."""
    found: dict[UUID, list[Bid]] = {auction_id: [] for auction_id in wanted}
    rows = [{"auction_id": id, "asked": list(each.asked)} for id, each in wanted.items()]
    for row in connection.execute(NEXT, {"wanted": as_json(rows), "limit": limit}):
        found[row.pop("auction_id")].append(Bid(**row))
    return found


@dataclass(frozen=True, slots=True)
class DueOffer:
    """An offer whose time is over; `before` names the jobs that did not end it, None if there are none."""

    id: UUID
    bid_id: UUID
    until: datetime
    before: str | None


def due_offers(
    connection: SyncConnection, now: datetime, after: DueOffer | None, limit: int
) -> list[DueOffer]:
    """At most so many offers whose time was over before that moment, from after that one on."""
    page = {
        "now": now,
        "after": after and after.id,
        "after_until": after and after.until,
        "limit": limit,
    }
    return [DueOffer(**row) for row in connection.execute(DUE, page)]
