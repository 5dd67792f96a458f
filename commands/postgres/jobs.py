"""The inbox of jobs in Postgres.

The order of acceptance is exact. Accepting a job takes a shared lock for the stream, then reads the
clock, and holds the lock until the row is committed. `cutoff` takes the same lock exclusively for an
instant: every job with an earlier time is then committed, and every later job gets a later time. So a
worker that takes the jobs accepted before the cutoff takes all of them, and a close accepted after
`endsAt` is never handled before a bid accepted earlier.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from commands.domain.rejections import Rejection, RejectionCode
from commands.jobs import IdempotencyConflict, Job, JobOutcome, JobStatus, Submission
from commands.postgres.connections import SyncConnection
from commands.postgres.locks import DELETIONS, EXCLUSIVE, acceptance
from commands.record.codec import canonical, command_name, encode
from commands.streams import Stream

COLUMNS = """id, stream_kind, stream_id, command, payload, submitted_by, correlation_id, accepted_at,
expires_at, status, settled_at, rejection_code, rejection_message, result_version, fingerprint"""

ACCEPT = f"""
WITH gate AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(hashtextextended(key, 0))
    FROM unnest(%(locks)s::text[]) AS key
), moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now, count(*) FROM gate
)
INSERT INTO jobs (id, stream_kind, stream_id, command, payload, submitted_by, idempotency_scope,
                  idempotency_key, fingerprint, correlation_id, causation_id, accepted_at,
                  expires_at, status)
SELECT %(id)s, %(kind)s, %(stream)s, %(command)s, %(payload)s, %(submitted_by)s, %(scope)s,
       %(key)s, %(fingerprint)s, %(correlation_id)s, %(causation_id)s, now,
       now + %(expires_after)s, 'QUEUED'
FROM moment
ON CONFLICT (idempotency_scope, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING {COLUMNS}
"""
KNOWN = (
    f"SELECT {COLUMNS} FROM jobs WHERE idempotency_scope = %(scope)s AND idempotency_key = %(key)s"
)
# Run in turn until one gives a row: the key may be deleted between the first and the second.
ACCEPTING = (ACCEPT, KNOWN, ACCEPT)
FIND = f"SELECT {COLUMNS} FROM jobs WHERE id = %s"
CUTOFF = f"""
WITH gate AS MATERIALIZED ({EXCLUSIVE})
SELECT clock_timestamp() AS now FROM gate
"""
# Rows are locked so that cancelling waits for the outcome, and never skipped, to keep the order.
WAITING = f"""
SELECT {COLUMNS} FROM jobs
WHERE stream_id = %s AND status = 'QUEUED' AND accepted_at < %s ORDER BY accepted_at, id LIMIT %s
FOR UPDATE
"""
OLDEST = f"""
SELECT {COLUMNS} FROM jobs WHERE stream_id = %s AND status = 'QUEUED'
ORDER BY accepted_at, id LIMIT 1
"""
COUNT_FAULT = "UPDATE jobs SET attempts = attempts + 1 WHERE id = %s RETURNING attempts"
# The personal data in payloads; events and other payloads hold ids only.
PERSONAL = "'{username,email,password_hash}'::text[]"
# A failed job keeps its payload: it can be re-driven.
SETTLE = f"""
UPDATE jobs SET status = new.status, settled_at = %(settled_at)s, result_version = new.version,
    rejection_code = new.code, rejection_message = new.message, error = new.error,
    payload = CASE new.status WHEN 'FAILED' THEN payload ELSE payload - {PERSONAL} END
FROM unnest(%(id)s::uuid[], %(status)s::text[], %(version)s::int[], %(code)s::text[],
            %(message)s::text[], %(error)s::text[]) AS new (id, status, version, code, message, error)
WHERE jobs.id = new.id AND jobs.status = 'QUEUED'
"""

# A worker that handles the job has locked its row; cancelling waits this long for it.
CANCEL_PATIENCE = "SET LOCAL lock_timeout = '1s'"
CANCEL = f"""
UPDATE jobs SET status = 'REJECTED', settled_at = clock_timestamp(),
    rejection_code = 'CANCELLED', rejection_message = %(message)s, payload = payload - {PERSONAL}
WHERE id = %(id)s AND status = 'QUEUED'
"""
# Locked in one order, so that two re-drives at once cause no deadlock. The second
# finds nothing left to do. A sign-up without its personal data can't be decided again.
REDRIVE = f"""
WITH failed AS (
    SELECT id FROM jobs WHERE status = 'FAILED'
      AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s))
      AND (command <> 'CreateUser' OR payload ? 'password_hash')
    ORDER BY id FOR UPDATE
)
UPDATE jobs SET status = 'QUEUED', settled_at = NULL, attempts = 0
WHERE id IN (SELECT id FROM failed)
RETURNING {COLUMNS}
"""
# After its deadline a re-driven sign-up could only be rejected, so its content is not needed.
FORGET_FAILED = f"""
UPDATE jobs SET payload = payload - {PERSONAL}
WHERE status = 'FAILED' AND expires_at < clock_timestamp() AND payload ? 'password_hash'
"""
# A job that still waits keeps its key. The portal's own keys are kept: its own commands, such as
# draws, must happen only once. Unlike clock_timestamp(), statement_timestamp() can use the index.
FORGET_KEYS = """
UPDATE jobs SET idempotency_key = NULL WHERE id IN (
    SELECT id FROM jobs WHERE idempotency_key IS NOT NULL AND idempotency_scope <> 'system'
      AND settled_at < statement_timestamp() - %s::interval
    ORDER BY settled_at LIMIT %s FOR UPDATE SKIP LOCKED
)
"""
WAITING_STREAMS = """
SELECT DISTINCT ON (stream_id) stream_kind, stream_id, command FROM jobs
WHERE status = 'QUEUED' AND accepted_at < clock_timestamp() - %s::interval LIMIT 1000
"""
BACKLOG = """
SELECT command, count(*) AS jobs,
       extract(epoch FROM clock_timestamp() - min(accepted_at))::float AS oldest_seconds
FROM jobs WHERE status = 'QUEUED' GROUP BY command ORDER BY command
"""
FAILED = "SELECT count(*) AS jobs FROM jobs WHERE status = 'FAILED'"


class PostgresJobInbox:
    """The JobInbox port over one connection, for workers, admin and commands."""

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    def accept(self, submission: Submission) -> Job:
        """Store the command as a job, or return the one with its idempotency key; IdempotencyConflict."""
        parameters = _parameters(submission)
        for query in ACCEPTING:
            if row := self._connection.execute(query, parameters).fetchone():
                break
        return _accepted(row, parameters)

    def find(self, job_id: UUID) -> Job | None:
        """The job with that id, or None."""
        row = self._connection.execute(FIND, (job_id,)).fetchone()
        return job_from(row) if row else None

    def cutoff(self, stream: Stream) -> datetime:
        """A time; all jobs of the stream that were accepted before it are visible from now on."""
        return cutoff(self._connection, acceptance(stream.id))

    def waiting(self, stream: Stream, before: datetime, limit: int) -> list[Job]:
        """At most that many of the stream's oldest waiting jobs accepted before that moment, locked."""
        rows = self._connection.execute(WAITING, (stream.id, before, limit))
        return [job_from(row) for row in rows]

    def oldest(self, stream: Stream) -> Job | None:
        """The stream's oldest waiting job, or None."""
        row = self._connection.execute(OLDEST, (stream.id,)).fetchone()
        return job_from(row) if row else None

    def count_fault(self, job_id: UUID) -> int:
        """Count a fault in handling the job; how many there were so far."""
        row = self._connection.execute(COUNT_FAULT, (job_id,)).fetchone()
        assert row is not None, "jobs are never deleted"
        return int(row["attempts"])

    def redrive(self, ids: Collection[UUID] | None) -> list[Job]:
        """Queue failed jobs (None: all) again with their old time of acceptance; those that were queued."""
        wanted = {"ids": None if ids is None else list(ids)}
        return [job_from(row) for row in self._connection.execute(REDRIVE, wanted)]

    def forget_failed(self) -> None:
        """Erase the personal data of failed jobs that are past their deadline."""
        self._connection.execute(FORGET_FAILED)

    def forget_keys(self, older_than: timedelta, limit: int) -> int:
        """Delete the keys of at most that many jobs that were settled longer ago; of how many."""
        return self._connection.execute(FORGET_KEYS, (older_than, limit)).rowcount

    def waiting_streams(self, longer_than: timedelta) -> list[tuple[Stream, str]]:
        """Streams with jobs that have waited that long, each with the command of one; at most a thousand."""
        rows = self._connection.execute(WAITING_STREAMS, (longer_than,))
        return [(Stream(row["stream_kind"], row["stream_id"]), row["command"]) for row in rows]

    def backlog(self) -> list[DictRow]:
        """For each command: how many jobs wait, and for how many seconds the oldest has waited."""
        return self._connection.execute(BACKLOG).fetchall()

    def failed(self) -> int:
        """How many jobs are FAILED."""
        row = self._connection.execute(FAILED).fetchone()
        return int(row["jobs"]) if row else 0

    def settle(self, outcomes: Sequence[JobOutcome], settled_at: datetime) -> None:
        """Write the outcomes and, unless the job failed, remove personal data from its payload."""
        self._connection.execute(
            SETTLE,
            {
                "settled_at": settled_at,
                "id": [outcome.job.id for outcome in outcomes],
                "status": [outcome.status.value for outcome in outcomes],
                "version": [outcome.version for outcome in outcomes],
                "code": [
                    outcome.rejection and outcome.rejection.code.value for outcome in outcomes
                ],
                "message": [
                    outcome.rejection and outcome.rejection.message for outcome in outcomes
                ],
                "error": [outcome.error for outcome in outcomes],
            },
        )


async def accept_async(connection: AsyncConnection[DictRow], submission: Submission) -> Job:
    """As PostgresJobInbox.accept, for the web process."""
    parameters = _parameters(submission)
    for query in ACCEPTING:
        if row := await (await connection.execute(query, parameters)).fetchone():
            break
    return _accepted(row, parameters)


async def cancel_async(connection: AsyncConnection[DictRow], job_id: UUID) -> Job | None:
    """Reject the job as CANCELLED unless a worker handles it already; the job as it is then.

    If a worker still has it locked after a second, it is returned as QUEUED, and is not cancelled.
    """
    with suppress(LockNotAvailable):
        async with connection.transaction():
            await connection.execute(CANCEL_PATIENCE)
            message = "it was cancelled before it was handled"
            await connection.execute(CANCEL, {"id": job_id, "message": message})
    return await find_async(connection, job_id)


async def find_async(connection: AsyncConnection[DictRow], job_id: UUID) -> Job | None:
    """The job with that id, for the web process."""
    row = await (await connection.execute(FIND, (job_id,))).fetchone()
    return job_from(row) if row else None


def cutoff(connection: SyncConnection, lock: str) -> datetime:
    """A time; everything that was accepted under that lock before it is visible from now on.

    Call it outside transactions, so that the lock is released at once.
    """
    row = connection.execute(CUTOFF, (lock,)).fetchone()
    assert row is not None
    moment: datetime = row["now"]
    return moment


def _parameters(submission: Submission) -> dict[str, Any]:
    name = command_name(submission.command)
    stream = submission.stream
    content = {"command": name, "content": submission.content}
    return {
        "locks": [acceptance(stream.id), *([DELETIONS] if name == "DeleteUser" else [])],
        "id": submission.id,
        "kind": stream.kind,
        "stream": stream.id,
        "command": name,
        "payload": Jsonb(encode(submission.command)),
        "submitted_by": submission.submitted_by,
        "scope": submission.scope,
        "key": submission.idempotency_key,
        "fingerprint": sha256(canonical(content)).digest(),
        "correlation_id": submission.correlation_id,
        "causation_id": submission.causation_id,
        "expires_after": submission.expires_after,
    }


def _accepted(row: DictRow | None, parameters: dict[str, Any]) -> Job:
    assert row is not None, "a job that was not inserted is the one its key belongs to"
    if bytes(row["fingerprint"]) != parameters["fingerprint"]:
        raise IdempotencyConflict("this idempotency key was used before, for something else")
    return job_from(row)


def job_from(row: DictRow) -> Job:
    """The job in a row with COLUMNS."""
    code = row["rejection_code"]
    return Job(
        id=row["id"],
        stream=Stream(row["stream_kind"], row["stream_id"]),
        command=row["command"],
        payload=row["payload"],
        submitted_by=row["submitted_by"],
        correlation_id=row["correlation_id"],
        accepted_at=row["accepted_at"],
        expires_at=row["expires_at"],
        status=JobStatus(row["status"]),
        settled_at=row["settled_at"],
        rejection=Rejection(RejectionCode(code), row["rejection_message"]) if code else None,
        version=row["result_version"],
    )
