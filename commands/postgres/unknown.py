"""What waits for a newer release, as far as this one can tell: jobs that it does not know, or of auctions that it does not."""

from typing import Any

from commands.domain.rules.table import RULES
from commands.postgres.connections import SyncConnection
from commands.record.codec import COMMAND_TYPES, EVENT_TYPES

# Each job counts once for all that is unknown about it.
WAITING_FOR_NEWER = """
WITH queued AS MATERIALIZED (
    SELECT stream_id, accepted_at, command,
           CASE command WHEN 'CreateAuction' THEN payload->'rules' END AS rules
    FROM jobs WHERE status = 'QUEUED'
)
SELECT what, count(*) AS jobs, count(DISTINCT stream_id) AS streams,
       extract(epoch FROM clock_timestamp() - min(accepted_at))::float AS oldest_seconds
FROM (
    SELECT stream_id, accepted_at, 'command ' || command AS what FROM queued
    WHERE command <> ALL(%(commands)s)
    UNION ALL
    SELECT stream_id, accepted_at, 'rule ' || rule FROM queued, jsonb_object_keys(rules) AS rule
    WHERE rule <> ALL(%(rules)s)
    UNION ALL
    SELECT stream_id, accepted_at, 'rule ' || rule FROM queued JOIN auctions ON auctions.id = stream_id,
        jsonb_object_keys(auctions.rules) AS rule
    WHERE rule <> ALL(%(rules)s)
    UNION ALL
    SELECT stream_id, accepted_at, need FROM queued JOIN auctions ON auctions.id = stream_id,
        unnest(needs) AS need
    WHERE need <> ALL(%(needs)s)
) AS unknown GROUP BY what ORDER BY what
"""


def known() -> dict[str, list[str]]:
    """What this release knows, for WAITING_FOR_NEWER."""
    needs = [f"event {name}" for name in EVENT_TYPES]
    return {"commands": list(COMMAND_TYPES), "rules": list(RULES), "needs": needs}


def waiting_for_newer(connection: SyncConnection) -> list[dict[str, Any]]:
    """For each thing that this release does not know: how many jobs of how many streams wait because of it, and for how long."""
    return connection.execute(WAITING_FOR_NEWER, known()).fetchall()
