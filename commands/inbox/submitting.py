"""Submitting commands outside the web process: accept, wake the stream, wait for the outcome."""

import time
from collections.abc import Collection, Iterable
from uuid import UUID

import structlog

from commands.jobs import Job, Submission
from commands.postgres.connections import Pool
from commands.postgres.jobs import PostgresJobInbox
from commands.queues import queue_of
from commands.streams import Stream
from commands.wake import publish, wake

log = structlog.get_logger("commands")

DRAIN = "commands.drain_stream"

POLL = 0.05


def submit(pool: Pool, submission: Submission) -> Job:
    """Accept the command and wake its stream; raises IdempotencyConflict."""
    with pool.connection() as connection:
        job = PostgresJobInbox(connection).accept(submission)
    wake_stream(job.stream, queue_of(job.command))
    return job


def redrive(pool: Pool, ids: Collection[UUID] | None) -> list[Job]:
    """Queue failed jobs (None: all) again and wake their streams; those that were queued.

    They keep their moment of acceptance, and with it their deadline and order.
    """
    with pool.connection() as connection:
        jobs = PostgresJobInbox(connection).redrive(ids)
    for job in jobs:
        wake_stream(job.stream, queue_of(job.command))
        log.info("job re-driven", job_id=str(job.id), correlation_id=str(job.correlation_id))
    if jobs:
        publish("jobs", [str(job.id) for job in jobs])
    return jobs


def wake_stream(stream: Stream, queue: str) -> None:
    """Queue a task that handles the stream's waiting jobs."""
    wake(DRAIN, (stream.kind, str(stream.id)), queue)


def wait_for(pool: Pool, job_id: UUID, seconds: float) -> Job | None:
    """The job once it is settled, or as it is after `seconds`; None if there is no such job."""
    deadline = time.monotonic() + seconds
    while True:
        with pool.connection() as connection:
            job = PostgresJobInbox(connection).find(job_id)
        if job is None or job.settled or time.monotonic() > deadline:
            return job
        time.sleep(POLL)


def wait_for_all(pool: Pool, jobs: Iterable[Job], seconds: float) -> list[Job]:
    """Each job as from wait_for, all within the same time."""
    deadline = time.monotonic() + seconds
    return [wait_for(pool, job.id, deadline - time.monotonic()) or job for job in jobs]
