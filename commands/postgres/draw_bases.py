"""What draws are made from: where auctions stood at a moment, before the first event accepted then or later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commands.postgres.auctions import OPEN_AT
from commands.postgres.connections import SyncConnection

# The first event of those accepted since is found by its job, as jobs have an index for that. What a
# withdrawal gave, and what was re-driven after later commands, does not stand in the order of acceptance.
# By the lowest and the highest id Postgres finds the parts of the log that it need not look into.
BASES = f"""
SELECT auctions.id AS auction_id, events.version, events.hash,
       {OPEN_AT.format(moment="moment")} AND (
    EXISTS (
        SELECT FROM bids WHERE auction_id = auctions.id AND NOT deleted AND NOT doubled
          AND placed_version <= events.version
    ) OR EXISTS (
        SELECT FROM bids WHERE auction_id = auctions.id AND doubled
          AND reached_version > events.version AND placed_version <= events.version
    ) OR EXISTS (
        SELECT FROM bids WHERE auction_id = auctions.id AND deleted
          AND deleted_version > events.version AND placed_version <= events.version
          AND (NOT doubled OR reached_version > events.version)
    )
) AS any_bids
FROM unnest(%(auctions)s::uuid[], %(moments)s::timestamptz[]) AS wanted (auction_id, moment)
JOIN auctions ON auctions.id = wanted.auction_id
LEFT JOIN LATERAL (
    SELECT jobs.id, result_version FROM jobs
    WHERE stream_id = auctions.id AND accepted_at >= moment AND result_version IS NOT NULL
      AND EXISTS (
          SELECT FROM events
          WHERE stream_id = auctions.id AND version = result_version AND causation_id = jobs.id
            AND stream_id BETWEEN %(lowest)s AND %(highest)s
      )
    ORDER BY result_version LIMIT 1
) AS next ON true
JOIN LATERAL (
    SELECT version, hash FROM events
    WHERE stream_id = auctions.id AND version <= coalesce(next.result_version, auctions.version)
      AND (next.id IS NULL OR causation_id <> next.id)
      AND stream_id BETWEEN %(lowest)s AND %(highest)s
    ORDER BY version DESC LIMIT 1
) AS events ON true
"""


@dataclass(frozen=True, slots=True)
class DrawBase:
    """An auction's version at a moment, with that event's hash.

    `any_bids`: it was open then, and had a live bid that was not doubled.
    """

    version: int
    hash: bytes
    any_bids: bool


def draw_bases(
    connection: SyncConnection, moments: Mapping[UUID, datetime]
) -> Mapping[UUID, DrawBase]:
    """Where each of the auctions stood at its moment; without those that had no event before it."""
    parameters = {
        "auctions": list(moments),
        "moments": list(moments.values()),
        "lowest": min(moments),
        "highest": max(moments),
    }
    return {
        row["auction_id"]: DrawBase(row["version"], bytes(row["hash"]), row["any_bids"])
        for row in connection.execute(BASES, parameters)
    }
