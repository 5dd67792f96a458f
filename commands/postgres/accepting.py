"""Accepting commands as jobs in Postgres, any number in one statement and so in one commit.

Order of acceptance is exact. Accepting a job takes its stream's lock *shared*, then reads
the clock, and holds the lock until the row is committed. `cutoffs` takes the same locks
*alone* for an instant: every job with an earlier time is then committed, and every later
one will get a later time. So a worker that takes jobs accepted before the cutoff takes
them all, and a close that comes after `endsAt` can't overtake a bid that came before it.

What is accepted together is a microsecond apart in each stream, so that the times tell the order.

The clock may step back, by itself or by a failover. No job is ever accepted before one that
its stream has already: it gets the next microsecond then.

Both take the locks of several streams in the order of their keys, so that neither waits for the
other for ever.
"""

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from commands.jobs import IdempotencyConflict, Job, JobStatus, SessionOver, Submission
from commands.postgres.connections import SyncConnection, WebConnection
from commands.postgres.jobs import COLUMNS, job_from
from commands.postgres.locks import DELETIONS, acceptance
from commands.postgres.rows import as_json
from commands.postgres.sessions import GOES_ON
from commands.record.codec import canonical, command_name, encode

LOCK_ALONE = "pg_advisory_xact_lock"
LOCK_SHARED = "pg_advisory_xact_lock_shared"
GATE = """
gate AS MATERIALIZED (
    SELECT {}(hashtextextended(key, 0)) FROM unnest(%(locks)s::text[]) AS key
), moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now, count(*) FROM gate
)"""
# What the stream's latest job leaves for others: in the order of acceptance none comes before it.
AFTER_THE_LATEST = """
(SELECT max(accepted_at) + interval '1 microsecond' FROM jobs WHERE stream_id = {}.stream_id)"""
ACCEPT = f"""
WITH {GATE.format(LOCK_SHARED)}, new AS MATERIALIZED (
    SELECT *, session_id IS NULL OR {GOES_ON.format(session="session_id", user="submitted_by")} AS admitted
    FROM ROWS FROM (json_to_recordset(%(jobs)s) AS (
        id uuid, stream_kind text, stream_id uuid, command text, payload jsonb, submitted_by uuid,
        session_id uuid, idempotency_scope text, idempotency_key text, fingerprint bytea,
        correlation_id uuid, causation_id uuid, expires_after float8)
    ) WITH ORDINALITY AS given (
        id, stream_kind, stream_id, command, payload, submitted_by, session_id, idempotency_scope,
        idempotency_key, fingerprint, correlation_id, causation_id, expires_after, place)
), streams AS MATERIALIZED (
    SELECT stream_id AS id, greatest(moment.now, {AFTER_THE_LATEST.format("of_new")}) AS first
    FROM (SELECT DISTINCT stream_id FROM new) AS of_new, moment
), admitted AS (
    SELECT new.*, first + (row_number() OVER (PARTITION BY stream_id ORDER BY place) - 1)
                          * interval '1 microsecond' AS accepted_at
    FROM new JOIN streams ON streams.id = stream_id WHERE admitted
), accepted AS (
    INSERT INTO jobs (id, stream_kind, stream_id, command, payload, submitted_by,
                      idempotency_scope, idempotency_key, fingerprint, correlation_id,
                      causation_id, accepted_at, expires_at, status)
    SELECT id, stream_kind, stream_id, command, payload, submitted_by, idempotency_scope,
           idempotency_key, fingerprint, correlation_id, causation_id, accepted_at,
           accepted_at + expires_after * interval '1 second', 'QUEUED'
    FROM admitted ORDER BY place
    ON CONFLICT (idempotency_scope, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id, accepted_at, expires_at
)
SELECT id, admitted, accepted_at, expires_at FROM new LEFT JOIN accepted USING (id)
"""
KNOWN = f"""
SELECT {COLUMNS}, idempotency_scope, idempotency_key
FROM jobs JOIN unnest(%(scopes)s::text[], %(keys)s::text[])
     AS wanted (idempotency_scope, idempotency_key) USING (idempotency_scope, idempotency_key)
"""
CUTOFFS = f"""
WITH {GATE.format(LOCK_ALONE)}
SELECT stream_id, greatest(moment.now, {AFTER_THE_LATEST.format("wanted")}) AS cutoff
FROM unnest(%(streams)s::uuid[]) AS wanted (stream_id), moment
"""
INSTANT = f"WITH {GATE.format(LOCK_ALONE)} SELECT now FROM moment"

# What became of a submission.
Answer = Job | IdempotencyConflict | SessionOver
Query = tuple[str, Mapping[str, Any]]


def accept(connection: SyncConnection, submission: Submission) -> Job:
    """Store the command, or give the job its idempotency key already has; raises IdempotencyConflict."""
    [answer] = accept_all(connection, [submission])
    if isinstance(answer, Exception):
        raise answer
    return answer


def accept_all(connection: SyncConnection, submissions: Sequence[Submission]) -> list[Answer]:
    """Store the commands; what became of each, in their order.

    An idempotency key that is known gives its job, or the reason why not.
    """
    steps = _accepting(submissions)
    try:
        query = next(steps)
        while True:
            query = steps.send(connection.execute(*query).fetchall())
    except StopIteration as done:
        answers: list[Answer] = done.value
        return answers


async def accept_all_async(
    connection: WebConnection, submissions: Sequence[Submission]
) -> list[Answer]:
    """As accept_all, for the web process."""
    steps = _accepting(submissions)
    try:
        query = next(steps)
        while True:
            query = steps.send(await (await connection.execute(*query)).fetchall())
    except StopIteration as done:
        answers: list[Answer] = done.value
        return answers


def _accepting(
    submissions: Sequence[Submission],
) -> Generator[Query, list[DictRow], list[Answer]]:
    """The queries of accepting, each sent the last one's rows.

    Until all are answered: between looking for a key and inserting it, it may have been forgotten.
    """
    answers: dict[UUID, Answer] = {}
    open_ones = list(submissions)
    while open_ones:
        inserted = yield _insertion(open_ones)
        answers |= _inserted(open_ones, inserted)
        open_ones = [each for each in open_ones if each.id not in answers]
        if open_ones:
            known = yield _lookup(open_ones)
            answers |= _known(open_ones, known)
            open_ones = [each for each in open_ones if each.id not in answers]
    return [answers[each.id] for each in submissions]


def _insertion(submissions: Sequence[Submission]) -> Query:
    rows = as_json([_row(each) for each in submissions])
    return ACCEPT, {"locks": _locks(submissions), "jobs": rows}


def _inserted(submissions: Iterable[Submission], rows: Iterable[DictRow]) -> dict[UUID, Answer]:
    """The answers to those that were inserted, or not admitted."""
    by_id = {row["id"]: row for row in rows}
    answers: dict[UUID, Answer] = {}
    for each in submissions:
        row = by_id[each.id]
        if not row["admitted"]:
            answers[each.id] = SessionOver()
        elif row["accepted_at"]:
            answers[each.id] = _job(each, row["accepted_at"], row["expires_at"])
    return answers


def _lookup(submissions: Sequence[Submission]) -> Query:
    scopes = [each.scope for each in submissions]
    return KNOWN, {"scopes": scopes, "keys": [each.idempotency_key for each in submissions]}


def _known(submissions: Iterable[Submission], rows: Iterable[DictRow]) -> dict[UUID, Answer]:
    """The answers to those whose keys are known."""
    by_key = {(row["idempotency_scope"], row["idempotency_key"]): row for row in rows}
    answers: dict[UUID, Answer] = {}
    for each in submissions:
        if row := by_key.get((each.scope, each.idempotency_key)):
            same = bytes(row["fingerprint"]) == _fingerprint(each)
            answers[each.id] = job_from(row) if same else IdempotencyConflict()
    return answers


def cutoffs(connection: SyncConnection, streams: Collection[UUID]) -> Mapping[UUID, datetime]:
    """For each stream a moment before which every accepted job of it is visible from now on.

    Not inside a transaction: the locks must go as soon as they were got.
    """
    locks = sorted(acceptance(stream_id) for stream_id in streams)
    rows = connection.execute(CUTOFFS, {"locks": locks, "streams": list(streams)})
    return {row["stream_id"]: row["cutoff"] for row in rows}


def instant_alone(connection: SyncConnection, lock: str) -> datetime:
    """A moment before which everything accepted under that lock is visible from now on; as `cutoffs`."""
    row = connection.execute(INSTANT, {"locks": [lock]}).fetchone()
    assert row is not None
    moment: datetime = row["now"]
    return moment


def _locks(submissions: Iterable[Submission]) -> list[str]:
    of_each = (
        (acceptance(each.stream.id), DELETIONS)
        if command_name(each.command) == "DeleteUser"
        else (acceptance(each.stream.id),)
        for each in submissions
    )
    return sorted(set(chain.from_iterable(of_each)))


def _row(submission: Submission) -> dict[str, Any]:
    expires_after = submission.expires_after
    return {
        "id": submission.id,
        "stream_kind": submission.stream.kind,
        "stream_id": submission.stream.id,
        "command": command_name(submission.command),
        "payload": encode(submission.command),
        "submitted_by": submission.submitted_by,
        "session_id": submission.session_id,
        "idempotency_scope": submission.scope,
        "idempotency_key": submission.idempotency_key,
        "fingerprint": rf"\x{_fingerprint(submission).hex()}",
        "correlation_id": submission.correlation_id,
        "causation_id": submission.causation_id,
        "expires_after": None if expires_after is None else expires_after.total_seconds(),
    }


def _fingerprint(submission: Submission) -> bytes:
    content = {"command": command_name(submission.command), "content": submission.content}
    return sha256(canonical(content)).digest()


def _job(submission: Submission, accepted_at: datetime, expires_at: datetime | None) -> Job:
    """The job as it was just accepted."""
    return Job(
        id=submission.id,
        stream=submission.stream,
        command=command_name(submission.command),
        payload=encode(submission.command),
        submitted_by=submission.submitted_by,
        correlation_id=submission.correlation_id,
        accepted_at=accepted_at,
        expires_at=expires_at,
        status=JobStatus.QUEUED,
        settled_at=None,
        rejection=None,
        version=None,
    )
