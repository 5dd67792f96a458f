"""Reading what outsiders need to check a draw: ticks, policies, and the chain of events, from the record itself."""

from uuid import UUID

from psycopg.rows import DictRow

from commands.postgres.policies import policy_row
from commands.postgres.ticks import public_tick
from portal.schema.reading import rows_of_log
from portal.web.runtime import Runtime


async def find_tick(runtime: Runtime, number: int | None) -> DictRow | None:
    """The tick of that number; without a number, the next one, which is committed to."""
    async with runtime.pool.connection() as connection:
        return await public_tick(connection, number)


async def find_policy(runtime: Runtime, version: int) -> DictRow | None:
    """That version of the promoter's policies, or None."""
    async with runtime.pool.connection() as connection:
        return await policy_row(connection, version)


async def chain_after(runtime: Runtime, stream_id: UUID, version: int, limit: int) -> list[DictRow]:
    """The stored events of an auction, a tick or the policies after that version."""
    rows = await rows_of_log(runtime, stream_id, version, limit)
    return [row for row in rows if row["stream_kind"] != "user"]
