"""What the house does by itself: announce winners, and look for what was left lying; see also promoting."""

from datetime import timedelta
from uuid import UUID

from commands.domain.commands import AnnounceWinner
from commands.ports import Job, Stream, Submission
from commands.postgres.inbox import DELETIONS, PostgresJobInbox, cutoff
from commands.postgres.pool import pool
from commands.submitting import queue_of, wake_stream

# An accepted deletion of a user still counts for auctions that ended after it, so those wait.
DUE = """
SELECT id FROM auctions WHERE NOT closed AND ends_at < %(now)s AND NOT EXISTS (
    SELECT 1 FROM jobs WHERE status = 'QUEUED' AND command = 'DeleteUser' AND accepted_at < ends_at
) ORDER BY ends_at LIMIT 1000
"""
WAITING = """
SELECT DISTINCT ON (stream_id) stream_kind, stream_id, command FROM jobs
WHERE status = 'QUEUED' AND accepted_at < clock_timestamp() - %s::interval LIMIT 1000
"""


def announce_winners() -> list[Job]:
    """Give every auction whose time is over the job to close; those that have it already are woken again.

    The job stands in the auction's line behind every job accepted before the end.
    """
    with pool().connection() as connection:
        now = cutoff(connection, DELETIONS)
        due = [row["id"] for row in connection.execute(DUE, {"now": now})]
        inbox = PostgresJobInbox(connection)
        jobs = [inbox.accept(_announcement(auction_id)) for auction_id in due]
    for job in jobs:
        if not job.settled:
            wake_stream(job.stream, queue_of(job.command))
    return jobs


def _announcement(auction_id: UUID) -> Submission:
    return Submission(
        stream=Stream("auction", auction_id),
        command=AnnounceWinner(auction_id),
        content={"auction_id": str(auction_id)},
        scope="system",
        idempotency_key=f"announce:{auction_id}",
    )


def forget_failed() -> None:
    """Erase the personal data of failed sign-ups that nobody re-drove in time."""
    with pool().connection() as connection:
        PostgresJobInbox(connection).forget_failed()


def waiting_streams(longer_than: timedelta) -> list[tuple[Stream, str]]:
    """Streams with jobs that have waited that long, each with the queue to wake it on."""
    with pool().connection() as connection:
        rows = connection.execute(WAITING, (longer_than,)).fetchall()
    return [
        (Stream(row["stream_kind"], row["stream_id"]), queue_of(row["command"])) for row in rows
    ]
