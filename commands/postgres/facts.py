"""What an auction's decisions depended on, for deciding again: its jobs, and who its bidders are."""

from collections.abc import Iterator
from datetime import timedelta
from typing import cast
from uuid import UUID

from commands.domain.commands import AuctionCommand
from commands.jobs import JobStatus
from commands.postgres.connections import SyncConnection, clock
from commands.record.codec import decode_command
from commands.record.redeciding import Cause, Facts

# Of those that wait only a withdrawal may have caused events already.
JOBS = """
SELECT id, command, payload, accepted_at, status, result_version FROM jobs
WHERE stream_id = %s AND (status <> 'QUEUED' OR command = 'WithdrawBids')
"""
CREATED = """
SELECT stream_id, (data->>'is_staff')::bool AS is_staff FROM events
WHERE stream_id = ANY(%s) AND version = 1 AND type = 'UserCreated'
"""
BIDDERS = "SELECT DISTINCT bidder_id FROM bids WHERE auction_id = %s"
IMPORTED = "SELECT finished_at FROM imports WHERE finished_at IS NOT NULL"
# An event is recorded a moment before or after its job is settled.
MARGIN = timedelta(hours=1)


def facts_of(connection: SyncConnection, auction_id: UUID, jobs_kept: timedelta) -> Facts:
    """The facts about that auction; settled jobs are kept for that long."""
    bidders = [row["bidder_id"] for row in connection.execute(BIDDERS, (auction_id,))]
    created = connection.execute(CREATED, (bidders,))
    kept_since = clock(connection) - jobs_kept + MARGIN
    # What was imported has no jobs here.
    imported = connection.execute(IMPORTED).fetchone()
    return Facts(
        causes=dict(_causes(connection, auction_id)),
        users={row["stream_id"]: row["is_staff"] for row in created},
        jobs_since=max(kept_since, imported["finished_at"]) if imported else kept_since,
    )


def _causes(connection: SyncConnection, auction_id: UUID) -> Iterator[tuple[UUID, Cause]]:
    """The jobs that may have caused events; one that can't be read has caused none."""
    for row in connection.execute(JOBS, (auction_id,)):
        try:
            command = cast(AuctionCommand, decode_command(row["command"], row["payload"]))
        except (KeyError, ValueError, TypeError):
            continue
        status = JobStatus(row["status"])
        yield row["id"], Cause(command, row["accepted_at"], status, row["result_version"])
