"""What the house does by itself: announce winners, draw bids to double, and look for what was left lying."""

import secrets
from datetime import timedelta
from uuid import UUID

from commands.domain.commands import AnnounceWinner, DoubleBid
from commands.domain.promoter import LOTS
from commands.ports import Job, Stream, Submission
from commands.postgres.inbox import DELETIONS, PostgresJobInbox, cutoff
from commands.postgres.pool import SyncConnection, pool
from commands.requests import expiry
from commands.submitting import queue_of, wake_stream

# An accepted deletion of a user still counts for auctions that ended after it, so those wait.
DUE = """
SELECT id FROM auctions WHERE NOT closed AND ends_at < %(now)s AND NOT EXISTS (
    SELECT 1 FROM jobs WHERE status = 'QUEUED' AND command = 'DeleteUser' AND accepted_at < ends_at
) ORDER BY ends_at LIMIT 1000
"""
# One round at a time; a second scheduler's round within the gap is none.
TICK = """
INSERT INTO promoter_ticks (ticked_at) SELECT clock_timestamp() WHERE NOT EXISTS (
    SELECT 1 FROM promoter_ticks WHERE ticked_at > clock_timestamp() - %s::interval
) RETURNING id
"""
TICK_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('promoter', 0))"
PROMOTABLE = """
SELECT id FROM auctions
WHERE NOT closed AND starts_at <= clock_timestamp() AND ends_at > clock_timestamp() AND EXISTS (
    SELECT 1 FROM bids WHERE auction_id = auctions.id AND NOT deleted AND NOT doubled
) ORDER BY ends_at
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


def run_promoter(at_least_apart: timedelta) -> tuple[int | None, list[Job]]:
    """One tick: its number, and a draw for each open auction with bids to double.

    No tick (None) if the last one is younger than `at_least_apart`.
    """
    with pool().connection() as connection, connection.transaction():
        connection.execute(TICK_LOCK)
        row = connection.execute(TICK, (at_least_apart,)).fetchone()
        tick = row["id"] if row else None
        jobs = _draws(connection, tick) if tick is not None else []
    for job in jobs:
        wake_stream(job.stream, queue_of(job.command))
    return tick, jobs


def _draws(connection: SyncConnection, tick: int) -> list[Job]:
    inbox = PostgresJobInbox(connection)
    return [
        inbox.accept(
            Submission(
                stream=Stream("auction", row["id"]),
                command=DoubleBid(row["id"], tick, str(secrets.randbelow(LOTS))),
                content={"auction_id": str(row["id"]), "tick": tick},
                scope="system",
                idempotency_key=f"double:{row['id']}:{tick}",
                expires_after=expiry("DoubleBid"),
            )
        )
        for row in connection.execute(PROMOTABLE).fetchall()
    ]


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
