"""The import that a portal's record begins with: its progress, and the rows of its events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commands.postgres.connections import SyncConnection
from commands.postgres.exposure import find_stakes
from commands.postgres.rows import as_json
from commands.record.codec import Json, canonical
from commands.streams import RecordedEvent

# Whoever appends events has settled a job or written a tick, so what is empty now stays so until the row is there.
LOCK = "LOCK TABLE jobs, promoter_ticks IN SHARE ROW EXCLUSIVE MODE"
# Whatever the portal did so far left a row in one of these.
HOLDS = """
SELECT name FROM (
    SELECT 'events' AS name WHERE EXISTS (SELECT FROM events)
    UNION ALL SELECT 'jobs' WHERE EXISTS (SELECT FROM jobs)
    UNION ALL SELECT 'users' WHERE EXISTS (SELECT FROM users)
    UNION ALL SELECT 'promoter_ticks' WHERE EXISTS (SELECT FROM promoter_ticks)
) AS filled
"""
READ = "SELECT lines, digest, finished_at FROM imports"
BEGIN = """
INSERT INTO imports (id, lines, digest, began_at) VALUES (1, 0, '', clock_timestamp())
"""
ADVANCE = """
UPDATE imports SET lines = %(lines)s, digest = %(digest)s
WHERE lines = %(before)s AND finished_at IS NULL
"""
FINISH = "UPDATE imports SET finished_at = clock_timestamp() WHERE finished_at IS NULL"
# Bids of deleted users are withdrawn, and what they are offered is declined, where that is left to do.
WITHDRAWN = """
UPDATE users SET withdrawing_at = NULL WHERE withdrawing_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM bids JOIN auctions ON auctions.id = auction_id
    WHERE bidder_id = users.id AND NOT deleted
      AND (NOT closed OR sale_until IS NOT NULL AND sale->>'bidder_id' = bidder_id::text)
)
"""
# Nobody is written to of an address that was not confirmed before.
NAME = """
UPDATE users SET username = given.username, email = given.email, password = given.password,
    email_confirmed_at = given.email_confirmed_at
FROM json_populate_recordset(NULL::users, %s) AS given
WHERE users.id = given.id AND users.username IS NULL AND users.deleted_at IS NULL
"""
COPY = """
COPY events (stream_kind, stream_id, version, type, schema_version, data, causation_id, correlation_id,
             accepted_at, recorded_at, hash) FROM STDIN
"""


class NotEmpty(Exception):
    """The portal has a record of its own already."""


class ImportedMeanwhile(Exception):
    """Another process imports into the same portal."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many lines of the file are in the tables, and the SHA-256 of these."""

    lines: int
    digest: bytes
    finished: bool


@dataclass(frozen=True, slots=True)
class ExportedEvent:
    """An event in a file, read and as it was stored; `digest` is the SHA-256 of the lines up to it."""

    line: int
    digest: bytes
    recorded: RecordedEvent
    name: str
    schema_version: int
    data: Json


def begin(connection: SyncConnection) -> Progress:
    """Where the import stands; begun now, if the portal is empty. NotEmpty otherwise."""
    with connection.transaction():
        connection.execute(LOCK)
        row = connection.execute(READ).fetchone()
        if row is not None:
            return Progress(row["lines"], bytes(row["digest"]), row["finished_at"] is not None)
        if holds := [row["name"] for row in connection.execute(HOLDS)]:
            raise NotEmpty(f"this portal is not empty: it has rows in {', '.join(holds)}")
        connection.execute(BEGIN)
    return Progress(0, b"", finished=False)


def insert_events(connection: SyncConnection, events: Sequence[ExportedEvent]) -> None:
    """Write the events' rows, in this order."""
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for each in events:
            copy.write_row(_row(each))


def _row(exported: ExportedEvent) -> tuple[str | UUID | int | datetime | bytes | None, ...]:
    recorded = exported.recorded
    return (
        recorded.stream.kind, recorded.stream.id, recorded.version, exported.name,
        exported.schema_version, canonical(exported.data).decode(), recorded.causation_id,
        recorded.correlation_id, recorded.accepted_at, recorded.recorded_at, recorded.hash,
    )  # fmt: skip


def advance(connection: SyncConnection, before: Progress, after: Progress) -> None:
    """Note how far the import has come; ImportedMeanwhile if another did so first."""
    values = {"before": before.lines, "lines": after.lines, "digest": after.digest}
    if not connection.execute(ADVANCE, values).rowcount:
        raise ImportedMeanwhile("another process imports into this portal")


def name_users(connection: SyncConnection, people: Sequence[Json]) -> int:
    """Write what only the users' table has of them; those who were deleted or have a name stay as they are.

    How many were written. UniqueViolation if somebody else has one of the names.
    """
    return connection.execute(NAME, (as_json(people),)).rowcount


def finish(connection: SyncConnection) -> None:
    """The portal goes on from here: events can be appended."""
    with connection.transaction():
        connection.execute(WITHDRAWN)
        find_stakes(connection)
        connection.execute(FINISH)
