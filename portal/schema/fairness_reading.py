"""Reading what outsiders need to check a draw: ticks, policies, and the chain of events, from the record itself."""

from uuid import UUID

from psycopg.rows import DictRow

from commands.postgres.event_store import READ
from portal.web.runtime import Runtime

TICK = """
SELECT number, stream_id, commitment, committed_at, made_at, draws, revealed_at,
       CASE WHEN revealed_at IS NOT NULL THEN secret END AS secret
FROM promoter_ticks WHERE number = coalesce(%s, (SELECT max(number) FROM promoter_ticks))
"""
POLICY = """
SELECT version, auction_id, withdrawn, chance, weight, exclude, limits, changed_at
FROM promoter_policies WHERE version = %s
"""


async def find_tick(runtime: Runtime, number: int | None) -> DictRow | None:
    """The tick of that number; without one, the next, to which the house is committed."""
    return await _one(runtime, TICK, (number,))


async def find_policy(runtime: Runtime, version: int) -> DictRow | None:
    """That version of the promoter's policies."""
    return await _one(runtime, POLICY, (version,))


async def chain_after(runtime: Runtime, stream_id: UUID, version: int, limit: int) -> list[DictRow]:
    """The stored events of an auction, a tick or the policies after that version."""
    async with runtime.pool.connection() as connection:
        rows = await (await connection.execute(READ, (stream_id, version, limit))).fetchall()
    return [row for row in rows if row["stream_kind"] != "user"]


async def _one(runtime: Runtime, query: str, parameters: tuple[object, ...]) -> DictRow | None:
    async with runtime.pool.connection() as connection:
        return await (await connection.execute(query, parameters)).fetchone()
