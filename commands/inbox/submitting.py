"""Submitting commands outside the web process: accept, wake the stream, wait for the outcome."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

import structlog

from commands.jobs import Job, Submission
from commands.postgres.accepting import accept
from commands.postgres.connections import Pool
from commands.postgres.jobs import PostgresJobInbox
from commands.queues import AUCTIONS, BIDS, USERS, queue_of
from commands.streams import Stream
from commands.wake import publish
from commands.worklists import Worklist

log = structlog.get_logger("commands")

DRAIN = "commands.drain"
# The streams whose jobs wait, by the queue on which they are drained.
WAITING: Mapping[str, Worklist] = {
    queue: Worklist(queue, DRAIN, queue) for queue in (USERS, AUCTIONS, BIDS)
}

POLL = 0.05


def submit(pool: Pool, submission: Submission) -> Job:
    """Accept the command and wake its stream; raises IdempotencyConflict."""
    with pool.connection() as connection:
        job = accept(connection, submission)
    wake_for([job])
    return job


def redrive(pool: Pool, ids: Collection[UUID] | None) -> list[Job]:
    """Queue failed jobs (None: all) again and wake their streams; those that were queued.

    They keep their moment of acceptance, and with it their deadline and order.
    """
    with pool.connection() as connection:
        jobs = PostgresJobInbox(connection).redrive(ids)
    wake_for(jobs)
    for job in jobs:
        log.info("job re-driven", job_id=str(job.id), correlation_id=str(job.correlation_id))
    if jobs:
        publish("jobs", [str(job.id) for job in jobs])
    return jobs


def wake_for(jobs: Iterable[Job]) -> None:
    """Have workers look at the jobs' streams."""
    streams: defaultdict[str, set[Stream]] = defaultdict(set)
    for job in jobs:
        if not job.settled:
            streams[queue_of(job.command)].add(job.stream)
    for queue, waiting in streams.items():
        WAITING[queue].add(waiting)


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
