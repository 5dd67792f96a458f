"""The inbox of jobs in Postgres, once they are accepted; see `accepting`."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable
from psycopg.rows import DictRow

from commands.domain.rejections import Rejection, RejectionCode
from commands.jobs import Job, JobOutcome, JobStatus
from commands.postgres.connections import SyncConnection
from commands.streams import Stream

COLUMNS = """id, stream_kind, stream_id, command, payload, submitted_by, correlation_id, accepted_at,
expires_at, status, settled_at, rejection_code, rejection_message, result_version, fingerprint"""

FIND = f"SELECT {COLUMNS} FROM jobs WHERE id = %s"
# Locked, so that whoever cancels a job waits for its outcome. Never skipped: order is kept.
WAITING = f"""
SELECT waiting.* FROM unnest(%(streams)s::uuid[], %(cutoffs)s::timestamptz[]) AS stream (id, cutoff)
CROSS JOIN LATERAL (
    SELECT {COLUMNS} FROM jobs
    WHERE stream_id = stream.id AND status = 'QUEUED' AND accepted_at < cutoff
    ORDER BY accepted_at, jobs.id LIMIT %(limit)s FOR UPDATE
) AS waiting
"""
OLDEST = f"""
SELECT {COLUMNS} FROM jobs WHERE stream_id = %s AND status = 'QUEUED'
ORDER BY accepted_at, id LIMIT 1
"""
COUNT_FAULT = "UPDATE jobs SET attempts = attempts + 1 WHERE id = %s RETURNING attempts"
# The personal data in payloads; events and other payloads hold ids only.
PERSONAL = "'{username,email,password_hash}'::text[]"
# A failed job keeps its payload: it can be re-driven.
# A withdrawal goes on from batch to batch, and may fail behind the first: draws need to know how far it came.
SETTLE = f"""
UPDATE jobs SET status = new.status, settled_at = %(settled_at)s,
    result_version = CASE WHEN new.version IS NULL AND command = 'WithdrawBids' THEN (
        SELECT version FROM (
            SELECT version, causation_id FROM events WHERE stream_id = jobs.stream_id
            ORDER BY version DESC LIMIT 1
        ) AS last WHERE causation_id = jobs.id
    ) ELSE new.version END,
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
# Not what changes an auction's times, or has time stand still or go on in it, as of the moment of its acceptance: others
# were decided since then.
REDRIVE = f"""
WITH failed AS (
    SELECT id FROM jobs WHERE status = 'FAILED'
      AND command NOT IN ('CloseAuctionNow', 'BuyNow', 'PauseAuction', 'ResumeAuction', 'ReviseAuction')
      AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s))
      AND (command <> 'CreateUser' OR payload ? 'password_hash')
    ORDER BY id FOR UPDATE
)
UPDATE jobs SET status = 'QUEUED', settled_at = NULL, attempts = 0
WHERE id IN (SELECT id FROM failed)
RETURNING {COLUMNS}
"""
# After its deadline a re-driven sign-up could only be rejected, so its content is not needed.
ERASE_FAILED_SIGN_UPS = f"""
UPDATE jobs SET payload = payload - {PERSONAL} WHERE id = ANY(ARRAY(
    SELECT id FROM jobs
    WHERE status = 'FAILED' AND command = 'CreateUser' AND payload ? 'password_hash'
      AND expires_at < statement_timestamp() - %(age)s
    ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""
# With a job goes its idempotency key. How far draws and withdrawals have come is noted apart from
# their jobs, and a closed auction is announced no more, so that nothing needs a settled job or its key.
FORGET_SETTLED = """
DELETE FROM jobs WHERE id = ANY(ARRAY(
    SELECT id FROM jobs WHERE status IN ('SUCCEEDED', 'REJECTED')
      AND settled_at < statement_timestamp() - %(age)s
    ORDER BY settled_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""
# A failed draw leaves an event, too. So a failed job never ends before one that was settled earlier: of which
# events the jobs are kept is told by the oldest that is there (commands/postgres/facts.py).
FORGET_FAILED = """
DELETE FROM jobs WHERE id = ANY(ARRAY(
    SELECT id FROM jobs WHERE status = 'FAILED' AND settled_at < least(
        statement_timestamp() - %(age)s,
        (SELECT min(settled_at) FROM jobs WHERE status IN ('SUCCEEDED', 'REJECTED'))
    )
    ORDER BY settled_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""
DRAWS_OF_TICK = f"""
SELECT {COLUMNS} FROM jobs WHERE command = 'DoubleBid' AND payload->>'tick' = %s::text
ORDER BY stream_id
"""
# From stream to stream by the index, however many jobs of one wait. After the clock stepped back nobody
# waits until a stream's moments are past.
WAITING_STREAMS = """
WITH RECURSIVE stream AS (
    (SELECT stream_id, accepted_at, id FROM jobs WHERE status = 'QUEUED'
     ORDER BY stream_id, accepted_at, id LIMIT 1)
    UNION ALL
    SELECT next.* FROM stream CROSS JOIN LATERAL (
        SELECT stream_id, accepted_at, id FROM jobs
        WHERE status = 'QUEUED' AND stream_id > stream.stream_id
        ORDER BY stream_id, accepted_at, id LIMIT 1
    ) AS next
)
SELECT stream_kind, jobs.stream_id, command FROM stream JOIN jobs USING (id)
WHERE stream.accepted_at < clock_timestamp() - %s::interval
   OR stream.accepted_at > clock_timestamp() LIMIT 1000
"""
BACKLOG = """
SELECT command, count(*) AS jobs,
       extract(epoch FROM clock_timestamp() - min(accepted_at))::float AS oldest_seconds
FROM jobs WHERE status = 'QUEUED' GROUP BY command ORDER BY command
"""
FAILED = "SELECT count(*) AS jobs FROM jobs WHERE status = 'FAILED'"


class PostgresJobInbox:
    """The jobs over one connection, for workers, admin and commands."""

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    def find(self, job_id: UUID) -> Job | None:
        """The job with that id, or None."""
        row = self._connection.execute(FIND, (job_id,)).fetchone()
        return job_from(row) if row else None

    def waiting(self, cutoffs: Mapping[UUID, datetime], limit: int) -> Mapping[UUID, list[Job]]:
        """For each of the streams, its oldest unsettled jobs accepted before its cutoff, at most so many."""
        parameters = {"streams": list(cutoffs), "cutoffs": list(cutoffs.values()), "limit": limit}
        jobs: dict[UUID, list[Job]] = {stream_id: [] for stream_id in cutoffs}
        for row in self._connection.execute(WAITING, parameters):
            jobs[row["stream_id"]].append(job_from(row))
        return jobs

    def oldest(self, stream: Stream) -> Job | None:
        """The stream's oldest waiting job, or None."""
        row = self._connection.execute(OLDEST, (stream.id,)).fetchone()
        return job_from(row) if row else None

    def count_fault(self, job_id: UUID) -> int:
        """Count a fault in handling the job; how many there were so far."""
        row = self._connection.execute(COUNT_FAULT, (job_id,)).fetchone()
        assert row is not None, "a job that waits is not deleted"
        return int(row["attempts"])

    def redrive(self, ids: Collection[UUID] | None) -> list[Job]:
        """Queue failed jobs (None: all) again with their old time of acceptance; those that were queued."""
        wanted = {"ids": None if ids is None else list(ids)}
        return [job_from(row) for row in self._connection.execute(REDRIVE, wanted)]

    def waiting_streams(self, longer_than: timedelta) -> list[tuple[Stream, str]]:
        """Streams with jobs that have waited that long, or from the future, each with the command of one; at most a thousand."""
        rows = self._connection.execute(WAITING_STREAMS, (longer_than,))
        return [(Stream(row["stream_kind"], row["stream_id"]), row["command"]) for row in rows]

    def draws_of(self, tick: int) -> list[Job]:
        """All draws of the tick that are accepted so far."""
        return [job_from(row) for row in self._connection.execute(DRAWS_OF_TICK, (str(tick),))]

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
