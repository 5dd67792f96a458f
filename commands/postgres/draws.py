"""Counting past draws in the event log, for the promoter's dashboard."""

from psycopg.rows import DictRow

from commands.postgres.connections import SyncConnection

HOURLY = """
SELECT date_trunc('hour', recorded_at) AS hour, count(*) AS draws FROM events
WHERE type = 'BidDoubled' AND recorded_at > clock_timestamp() - interval '24 hours' GROUP BY 1
"""
# Draws from before there were commitments have no weights.
TENTHS_OF_CHANCE = """
SELECT least(floor((data->>'weight')::numeric * 10 / (data->>'total_weight')::numeric), 9)::int
           AS tenth, count(*) AS draws
FROM events WHERE type = 'BidDoubled' AND schema_version > 1 GROUP BY 1
"""
BY_POLICY = """
SELECT coalesce((data->>'policy_version')::int, 0) AS version, count(*) AS draws,
       sum((data->>'effective_amount')::numeric) / 2 AS added, max(recorded_at) AS last
FROM events WHERE type = 'BidDoubled' GROUP BY 1 ORDER BY 1 DESC LIMIT 20
"""
LUCKIEST = """
SELECT coalesce(user_id, bidder_id) AS bidder_id, sum(drawn)::bigint AS draws FROM (
    SELECT (data->>'bidder_id')::uuid AS bidder_id, count(*) AS drawn
    FROM events WHERE type = 'BidDoubled' GROUP BY 1
) AS bidders LEFT JOIN aliases ON aliases.id = bidder_id
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10
"""


def draws_by_hour(connection: SyncConnection) -> list[DictRow]:
    """Rows of hour and draws, for the last 24 hours."""
    return connection.execute(HOURLY).fetchall()


def draws_by_chance(connection: SyncConnection) -> list[DictRow]:
    """Rows of tenth and draws; tenth is 0 for chances below 10 per cent, up to 9."""
    return connection.execute(TENTHS_OF_CHANCE).fetchall()


def draws_by_policy(connection: SyncConnection) -> list[DictRow]:
    """Rows of version, draws, added (the sum that doubling added) and last, for the newest 20 versions."""
    return connection.execute(BY_POLICY).fetchall()


def draws_by_bidder(connection: SyncConnection) -> list[DictRow]:
    """Rows of bidder_id and draws, for the ten bidders with the most; users, where it is known who an alias is."""
    return connection.execute(LUCKIEST).fetchall()
