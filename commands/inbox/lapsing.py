"""Ending offers that nobody answered in time: each gets a job, and its lot goes to the next bidder."""

from collections.abc import Iterator

from commands.domain.commands import LapseOffer
from commands.inbox.submitting import wake_for
from commands.jobs import Job, Submission
from commands.postgres.accepting import accept_all
from commands.postgres.connections import Pool, clock
from commands.postgres.offers import DueOffer, due_offers
from commands.streams import Stream

# Offers in one statement, which holds their auctions' gates.
AT_ONCE = 100


def lapse_offers(pool: Pool) -> Iterator[list[Job]]:
    """Accept a job to end each offer whose time is over, a batch at a time; each batch's jobs.

    A job is accepted after that time, so it is handled after all answers accepted in time. One that waits
    already is given, too, and its stream woken. After one that failed there is another one, later each time.
    """
    last: DueOffer | None = None
    while True:
        with pool.connection() as connection:
            due = due_offers(connection, clock(connection), last, AT_ONCE)
            if not due:
                return
            answers = accept_all(connection, [_ending(offer) for offer in due])
            jobs = [job for job in answers if isinstance(job, Job)]
        wake_for(jobs)
        yield jobs
        last = due[-1]


def _ending(offer: DueOffer) -> Submission:
    # One at a time: the key is another one only once the last job is settled.
    again = f":{offer.before}" if offer.before else ""
    return Submission(
        stream=Stream("auction", offer.id),
        command=LapseOffer(offer.id, offer.bid_id),
        content={"auction_id": str(offer.id), "bid_id": str(offer.bid_id)},
        scope="system",
        idempotency_key=f"lapse:{offer.id}:{offer.bid_id}{again}",
    )
