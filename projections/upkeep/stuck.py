"""Stuck streams: an event can't be read or applied, so their reader stops before it.

Other streams go on. A stuck stream is retried with growing pauses, and each failure is logged. Its row
is deleted once its reader has come past that event, after the code was repaired; not by a try that did
not come to it, because another process had the stream. A process of a newer release, which knows what was
unknown, does not wait for the pause.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple
from uuid import UUID

import structlog
from psycopg.rows import DictRow

from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.errors import with_traceback
from commands.record.codec import is_known
from commands.record.unknown import unknown_behind
from commands.streams import Stream
from projections.errors import PoisonEvent
from projections.mongo.bson import STORED_FIELDS

log = structlog.get_logger("projections")

Reader = Literal["projections", "notifications"]

# No pause is so long: what is later was set before the clock stepped back.
WAITS = "(retry_after > clock_timestamp() AND retry_after < clock_timestamp() + interval '10 min')"
FIND = f"""
SELECT {WAITS} AS paused, unknown FROM stuck_streams
WHERE reader = %s AND stream_id = %s
"""
# The pause doubles from ten seconds to five minutes, varied by up to a quarter.
RECORD_FAILURE = """
INSERT INTO stuck_streams AS stuck
    (reader, stream_id, stream_kind, version, error, unknown, attempts, since, retry_after)
VALUES (%(reader)s, %(stream)s, %(kind)s, %(version)s, %(error)s, %(unknown)s, 1, clock_timestamp(),
        clock_timestamp() + interval '10 s' * (0.75 + random() / 2))
ON CONFLICT (reader, stream_id) DO UPDATE SET
    version = excluded.version, error = excluded.error, unknown = excluded.unknown, attempts = stuck.attempts + 1,
    retry_after = clock_timestamp() + (0.75 + random() / 2)
        * least(interval '10 s' * power(2, least(stuck.attempts, 10)), interval '5 min')
RETURNING attempts, retry_after
"""
AMONG = f"""
SELECT stream_id, {WAITS} AS paused, unknown FROM stuck_streams
WHERE reader = %s AND stream_id = ANY(%s)
"""
CLEAR = """
DELETE FROM stuck_streams WHERE reader = %s AND stream_id = %s AND version <= %s
RETURNING stream_kind
"""
ALL = """
SELECT reader, stream_kind, stream_id, version, error, unknown, attempts, since, retry_after
FROM stuck_streams ORDER BY since
"""
OF_READER = f"""
SELECT stream_kind, stream_id, {WAITS} AS paused, unknown FROM stuck_streams WHERE reader = %s
"""


def is_paused(pool: Pool, reader: Reader, stream: Stream) -> bool | None:
    """Whether the stream's next try is still to come; None if the stream is not stuck."""
    with pool.connection() as connection:
        row = connection.execute(FIND, (reader, stream.id)).fetchone()
    return _paused(row) if row else None


def _paused(row: DictRow) -> bool:
    """What another release did not know is no reason for one that knows it to wait."""
    return row["paused"] and not (row["unknown"] and _known_here(row["unknown"]))


def _known_here(what: str) -> bool:
    match what.split():
        case ["field", name, "in", "documents", "of", kind]:
            return name in STORED_FIELDS[kind]
        case _:
            return is_known(what)


class Stuck(NamedTuple):
    """Whether a stuck stream's next try is still to come, and whether only a newer release can go on with it."""

    paused: bool
    unknown: bool


def among(pool: Pool, reader: Reader, streams: Collection[Stream]) -> Mapping[UUID, Stuck]:
    """Those of the streams that are stuck, by id."""
    with pool.connection() as connection:
        rows = connection.execute(AMONG, (reader, [stream.id for stream in streams]))
        return {
            row["stream_id"]: Stuck(
                _paused(row), bool(row["unknown"]) and not _known_here(row["unknown"])
            )
            for row in rows
        }


def left(
    streams: Iterable[Stream], known: Mapping[UUID, Stuck], stopped: Iterable[PoisonEvent]
) -> list[Stream]:
    """Those of the streams that only a newer release can go on with, known to be stuck or stopped now."""
    waiting = [each for each in streams if (found := known.get(each.id)) and found.unknown]
    return [*waiting, *(poison.stream for poison in stopped if unknown_behind(poison))]


def to_wake(pool: Pool, reader: Reader, behind: Iterable[Stream]) -> list[Stream]:
    """Those of the streams whose next try is not still to come, and all stuck ones whose try is due.

    The reader of a stuck one may have come past its event, and died before the row was deleted.
    """
    with pool.connection() as connection:
        rows = connection.execute(OF_READER, (reader,)).fetchall()
    known = {Stream(row["stream_kind"], row["stream_id"]): _paused(row) for row in rows}
    due = [stream for stream, paused in known.items() if not paused]
    return [*due, *(stream for stream in behind if stream not in known)]


def record_failure(pool: Pool, reader: Reader, poison: PoisonEvent) -> None:
    """Record and log a failed try, and set the time of the next one."""
    cause = poison.__cause__ or poison
    unknown = unknown_behind(cause)
    with pool.connection() as connection:
        row = connection.execute(
            RECORD_FAILURE,
            {
                "reader": reader,
                "stream": poison.stream.id,
                "kind": poison.stream.kind,
                "version": poison.version,
                "error": with_traceback(cause),
                "unknown": unknown.what if unknown else None,
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


def clear_passed(pool: Pool, reader: Reader, reached: Mapping[UUID, int]) -> None:
    """Delete the rows of those streams whose reader has reached the version that stopped it."""
    with pool.connection() as connection:
        for stream_id, version in reached.items():
            if row := connection.execute(CLEAR, (reader, stream_id, version)).fetchone():
                kind = row["stream_kind"]
                log.info("the stream goes on", reader=reader, kind=kind, stream=str(stream_id))


def all_stuck(connection: SyncConnection) -> list[DictRow]:
    """All stuck streams as rows, those stuck longest first, with the error of their last try."""
    return connection.execute(ALL).fetchall()
