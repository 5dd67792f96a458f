"""Closing auctions: each one that is past its end gets a job that announces its winner."""

from collections.abc import Iterator

from commands.domain.commands import AnnounceWinner
from commands.inbox.submitting import wake_for
from commands.jobs import Job, Submission
from commands.postgres.accepting import accept_all, instant_alone
from commands.postgres.auctions import Due, due_auctions
from commands.postgres.connections import Pool, SyncConnection
from commands.postgres.locks import DELETIONS
from commands.streams import Stream

# Auctions in one statement, which holds their gates.
AT_ONCE = 100


def announce_winners(pool: Pool) -> Iterator[list[Job]]:
    """Accept a job to close each auction that is past its end, a batch at a time; each batch's jobs.

    A job is accepted after its auction's end, so it is handled after all bids accepted in time.
    One that waits already is given, too, and its stream woken. After one that failed or was
    rejected (because the clock stepped back before the end) there is another one, later each time.
    """
    last: Due | None = None
    while True:
        with pool.connection() as connection:
            now = instant_alone(connection, DELETIONS)
            due = due_auctions(connection, now, last, AT_ONCE)
            if not due:
                return
            jobs = _ask(connection, due)
        wake_for(jobs)
        yield jobs
        last = due[-1]


def _ask(connection: SyncConnection, due: list[Due]) -> list[Job]:
    announcements = [_announcement(auction) for auction in due]
    return [job for job in accept_all(connection, announcements) if isinstance(job, Job)]


def _announcement(auction: Due) -> Submission:
    # One at a time: the key is another one only once the last job is settled.
    again = f":{auction.before}" if auction.before else ""
    return Submission(
        stream=Stream("auction", auction.id),
        command=AnnounceWinner(auction.id),
        content={"auction_id": str(auction.id)},
        scope="system",
        idempotency_key=f"announce:{auction.id}{again}",
    )
