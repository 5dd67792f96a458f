"""Closing auctions: each one that is past its end gets a job that announces its winner."""

from uuid import UUID

from commands.domain.commands import AnnounceWinner
from commands.inbox.submitting import wake_for
from commands.jobs import Job, Submission
from commands.postgres.accepting import accept_all, instant_alone
from commands.postgres.auctions import due_auctions
from commands.postgres.connections import Pool
from commands.postgres.locks import DELETIONS
from commands.streams import Stream


def announce_winners(pool: Pool) -> list[Job]:
    """Accept a job to close each auction that is past its end; wake streams that have one already.

    The job is accepted after the auction's end, so it is handled after all bids accepted in time.
    """
    with pool.connection() as connection:
        now = instant_alone(connection, DELETIONS)
        due = due_auctions(connection, now)
        answers = accept_all(connection, [_announcement(auction_id) for auction_id in due])
    jobs = [answer for answer in answers if isinstance(answer, Job)]
    wake_for(jobs)
    return jobs


def _announcement(auction_id: UUID) -> Submission:
    return Submission(
        stream=Stream("auction", auction_id),
        command=AnnounceWinner(auction_id),
        content={"auction_id": str(auction_id)},
        scope="system",
        idempotency_key=f"announce:{auction_id}",
    )
