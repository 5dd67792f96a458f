"""The audit: compares the documents of each stream in turn with a replay of its events.

Documents that differ are reported and written anew. A run compares a bounded number of streams; the
next run continues after them, and begins again at the end.
"""

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from psycopg.rows import DictRow

from commands.postgres.connections import Pool, SyncConnection, clock
from commands.postgres.pruning import Ending
from commands.streams import Stream
from projections.errors import passes
from projections.ports import Documents
from projections.projector import reproject
from projections.upkeep import stuck
from projections.upkeep.findings import Finding, Verdict
from projections.upkeep.verify import verify

log = structlog.get_logger("projections")


# A run compares at most so many streams, and begins none after so many seconds.
STREAMS, SECONDS = 50, 5.0
# Streams with more events are left to `manage.py verify_events`: replaying one takes some 0.3 ms an event,
# in which no checkpoint is made.
LONGEST = 10_000
# Events that are missing in the documents for so long were missed by the sweep, too.
OVERDUE = timedelta(minutes=1)
FIRST = UUID(int=0)

START = "INSERT INTO audit_progress (name) VALUES ('documents') ON CONFLICT DO NOTHING"
PLACE = "SELECT after_stream FROM audit_progress WHERE name = 'documents'"
NEXT = """
(SELECT 'auction' AS kind, id, version FROM auctions WHERE id > %(after)s ORDER BY id LIMIT %(limit)s)
UNION ALL
(SELECT 'user' AS kind, id, version FROM users WHERE id > %(after)s ORDER BY id LIMIT %(limit)s)
ORDER BY id LIMIT %(limit)s
"""
MOVE = "UPDATE audit_progress SET after_stream = %s WHERE name = 'documents'"
COMPLETE = """
UPDATE audit_progress SET after_stream = NULL, completed_at = clock_timestamp()
WHERE name = 'documents'
"""
PROGRESS = """
SELECT completed_at, (SELECT count(*) FROM drifts WHERE NOT repaired) AS differing,
       (SELECT count(*) FROM drifts WHERE repaired AND found_at > statement_timestamp() - interval '1 day')
       AS repaired_today
FROM (VALUES (1)) AS always LEFT JOIN audit_progress ON name = 'documents'
"""
LAGGING = "SELECT 1 FROM projection_lagging WHERE reader = 'projections' AND stream_id = %s"
REPORT = """
INSERT INTO drifts (stream_id, stream_kind, what, repaired, found_at)
VALUES (%(stream)s, %(kind)s, %(what)s, %(repaired)s, clock_timestamp())
ON CONFLICT (stream_id) DO UPDATE SET
    what = excluded.what, repaired = excluded.repaired, found_at = excluded.found_at
"""
# One that was not repaired stays until it is.
FORGET_REPAIRED = """
DELETE FROM drifts WHERE stream_id = ANY(ARRAY(
    SELECT stream_id FROM drifts WHERE repaired AND found_at < statement_timestamp() - %(age)s
    ORDER BY found_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""


@dataclass(frozen=True, slots=True)
class Drift:
    """A stream whose events, state rows and documents differed, and whether that was repaired."""

    stream: Stream
    what: str
    repaired: bool


def audit(
    pool: Pool,
    documents: Documents,
    *,
    streams: int = STREAMS,
    seconds: float = SECONDS,
    longest: int = LONGEST,
) -> list[Drift]:
    """Compare the next streams, but for those longer than `longest`; those that differed.

    After the last stream the first is next.
    """
    enough = time.monotonic() + seconds
    drifts = []
    page = _next(pool, streams)
    for stream, version in page:
        # Before the work: a stream that kills the process must not stop every later run.
        with pool.connection() as connection:
            connection.execute(MOVE, (stream.id,))
        if version > longest:
            log.warning("too long to be audited", stream=str(stream.id), events=version)
        elif drift := check(stream, pool, documents):
            drifts.append(drift)
        if time.monotonic() > enough:
            return drifts
    if len(page) < streams:
        with pool.connection() as connection:
            connection.execute(COMPLETE)
    return drifts


def _next(pool: Pool, limit: int) -> list[tuple[Stream, int]]:
    """The next streams with their versions."""
    with pool.connection() as connection:
        connection.execute(START)
        row = connection.execute(PLACE).fetchone()
        assert row is not None
        rows = connection.execute(NEXT, {"after": row["after_stream"] or FIRST, "limit": limit})
        return [(Stream(row["kind"], row["id"]), row["version"]) for row in rows]


def check(
    stream: Stream, pool: Pool, documents: Documents, overdue: timedelta = OVERDUE
) -> Drift | None:
    """Compare one stream, repair its documents if they differ, and report it."""
    if stuck.is_paused(pool, "projections", stream) is not None:
        return None  # A stuck stream is behind, and is reported already.
    verdict = _verdict(stream, pool, documents, overdue)
    if not verdict.findings or any(finding.unknown for finding in verdict.findings):
        return None
    if all(finding.repairable for finding in verdict.findings):
        _repair(stream, pool, documents)
    left = _verdict(stream, pool, documents, overdue)
    what = "\n".join(finding.what for finding in verdict.findings)
    drift = Drift(stream, what, repaired=not left.findings)
    _report(drift, pool)
    return drift


def _verdict(stream: Stream, pool: Pool, documents: Documents, overdue: timedelta) -> Verdict:
    """The verdict of verify; also a finding if documents are long behind and the sweep does not know it."""
    with pool.connection() as connection:
        verdict = verify(connection, stream, documents, decisions=False)
        since = verdict.behind_since
        if since is None or clock(connection) - since < overdue:
            return verdict
        if connection.execute(LAGGING, (stream.id,)).fetchone():
            return verdict
    late = Finding(stream, f"the documents lack {verdict.behind} events since {since}", True)
    return replace(verdict, findings=[*verdict.findings, late])


def _repair(stream: Stream, pool: Pool, documents: Documents) -> None:
    try:
        reproject(stream, pool, documents)
    except Exception as error:
        if passes(error):
            raise
        log.exception("could not repair", kind=stream.kind, stream=str(stream.id))


def _report(drift: Drift, pool: Pool) -> None:
    stream = drift.stream
    with pool.connection() as connection:
        connection.execute(
            REPORT,
            {
                "stream": stream.id,
                "kind": stream.kind,
                "what": drift.what,
                "repaired": drift.repaired,
            },
        )
    log.error(
        "documents had drifted from their events",
        kind=stream.kind,
        stream=str(stream.id),
        what=drift.what,
        repaired=drift.repaired,
    )


def progress(connection: SyncConnection) -> DictRow:
    """completed_at of the last round, and the numbers of streams differing and repaired_today."""
    row = connection.execute(PROGRESS).fetchone()
    assert row is not None
    return row


def endings() -> list[Ending]:
    """Findings that were repaired long ago."""
    return [Ending("drifts", FORGET_REPAIRED, settings.DRIFTS_KEPT)]
