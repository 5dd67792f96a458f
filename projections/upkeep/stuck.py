"""Stuck streams: an event can't be read or applied, so their reader stops before it.

Other streams go on. A stuck stream is retried with growing pauses, and each failure is logged. When a
try succeeds, after the code was repaired, its row is deleted.
"""

from collections.abc import Collection, Mapping
from typing import Literal
from uuid import UUID

import structlog
from psycopg.rows import DictRow

from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.errors import with_traceback
from commands.streams import Stream
from projections.errors import PoisonEvent

log = structlog.get_logger("projections")

Reader = Literal["projections", "notifications"]

# No pause is so long: what is later was set before the clock stepped back.
WAITS = "(retry_after > clock_timestamp() AND retry_after < clock_timestamp() + interval '10 min')"
FIND = f"""
SELECT {WAITS} AS paused FROM stuck_streams
WHERE reader = %s AND stream_id = %s
"""
# The pause doubles from ten seconds to five minutes, varied by up to a quarter.
RECORD_FAILURE = """
INSERT INTO stuck_streams AS stuck
    (reader, stream_id, stream_kind, version, error, attempts, since, retry_after)
VALUES (%(reader)s, %(stream)s, %(kind)s, %(version)s, %(error)s, 1, clock_timestamp(),
        clock_timestamp() + interval '10 s' * (0.75 + random() / 2))
ON CONFLICT (reader, stream_id) DO UPDATE SET
    version = excluded.version, error = excluded.error, attempts = stuck.attempts + 1,
    retry_after = clock_timestamp() + (0.75 + random() / 2)
        * least(interval '10 s' * power(2, least(stuck.attempts, 10)), interval '5 min')
RETURNING attempts, retry_after
"""
AMONG = f"""
SELECT stream_id, {WAITS} AS paused FROM stuck_streams
WHERE reader = %s AND stream_id = ANY(%s)
"""
CLEAR = "DELETE FROM stuck_streams WHERE reader = %s AND stream_id = %s"
ALL = """
SELECT reader, stream_kind, stream_id, version, error, attempts, since, retry_after
FROM stuck_streams ORDER BY since
"""
PAUSED = f"SELECT stream_id FROM stuck_streams WHERE reader = %s AND {WAITS}"


def is_paused(pool: Pool, reader: Reader, stream: Stream) -> bool | None:
    """Whether the stream's next try is still to come; None if the stream is not stuck."""
    with pool.connection() as connection:
        row = connection.execute(FIND, (reader, stream.id)).fetchone()
    return row["paused"] if row else None


def among(pool: Pool, reader: Reader, streams: Collection[Stream]) -> Mapping[UUID, bool]:
    """Those of the streams that are stuck, by id, each with whether it is paused."""
    with pool.connection() as connection:
        rows = connection.execute(AMONG, (reader, [stream.id for stream in streams]))
        return {row["stream_id"]: row["paused"] for row in rows}


def paused_streams(pool: Pool, reader: Reader) -> set[UUID]:
    """The stuck streams whose next try is still to come."""
    with pool.connection() as connection:
        return {row["stream_id"] for row in connection.execute(PAUSED, (reader,))}


def record_failure(pool: Pool, reader: Reader, poison: PoisonEvent) -> None:
    """Record and log a failed try, and set the time of the next one."""
    cause = poison.__cause__ or poison
    with pool.connection() as connection:
        row = connection.execute(
            RECORD_FAILURE,
            {
                "reader": reader,
                "stream": poison.stream.id,
                "kind": poison.stream.kind,
                "version": poison.version,
                "error": with_traceback(cause),
            },
        ).fetchone()
    assert row is not None
    log.error(
        "an event stops its stream",
        reader=reader,
        kind=poison.stream.kind,
        stream=str(poison.stream.id),
        version=poison.version,
        error=repr(cause),
        attempts=row["attempts"],
        next_try=row["retry_after"].isoformat(),
    )


def clear(pool: Pool, reader: Reader, stream: Stream) -> None:
    """Delete the stream's row, after a try that succeeded."""
    with pool.connection() as connection:
        connection.execute(CLEAR, (reader, stream.id))
    log.info("the stream goes on", reader=reader, kind=stream.kind, stream=str(stream.id))


def all_stuck(connection: SyncConnection) -> list[DictRow]:
    """All stuck streams as rows, those stuck longest first, with the error of their last try."""
    return connection.execute(ALL).fetchall()
