"""Users with a limit on their exposure, in this process."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from commands.domain.commands import LiftExposureLimit, LimitExposure, PlaceBid
from commands.domain.rejections import RejectionCode
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.inbox.requests import Caller, limit_exposure
from commands.jobs import Job, JobStatus
from commands.postgres.exposure import staked
from commands.postgres.secret_keys import key_for_user, keys_of
from commands.streams import Stream
from tests.integration.in_process import InProcessPortal

REASON = "Two lots of hers wait to be paid."
# Without the sums of the code that is tested.
OF_ALL_BIDS = """
SELECT coalesce(sum(highest), 0) AS used FROM (
    SELECT max(amount) AS highest FROM bids JOIN auctions ON auctions.id = auction_id
    WHERE (bidder_id = %(user)s OR bidder_id IN (SELECT id FROM aliases WHERE user_id = %(user)s))
      AND NOT deleted AND NOT closed GROUP BY auction_id
) AS auctions
"""


def limiting(in_process: InProcessPortal, user_id: UUID, amount: str) -> LimitExposure:
    """The command, as the house's request makes it."""
    with in_process.pool.connection() as connection:
        key = key_for_user(connection, user_id)
    asked = limit_exposure(
        Caller.operator(), user_id=user_id, amount_text=amount, reason=REASON, key=key
    )
    assert isinstance(asked.command, LimitExposure)
    assert REASON not in str(asked), "whoever accepts it seals the reason"
    return asked.command


def limit(in_process: InProcessPortal, user_id: UUID, amount: str) -> Job:
    """A limit that was set."""
    job = in_process.settled(Stream("user", user_id), limiting(in_process, user_id, amount))
    assert job.status is JobStatus.SUCCEEDED, job
    return job


def lift(in_process: InProcessPortal, user_id: UUID) -> Job:
    """What became of lifting it."""
    return in_process.settled(Stream("user", user_id), LiftExposureLimit(user_id, None))


def asked(
    in_process: InProcessPortal, auction: Stream, user_id: UUID, amount: str
) -> RejectionCode | None:
    """Why the user's bid was rejected; None if it was placed."""
    command = PlaceBid(auction.id, new_id(), user_id, Decimal(amount))
    return code(in_process.settled(auction, command))


def code(job: Job) -> RejectionCode | None:
    """Why it was rejected; None if it was not."""
    assert job.settled, job
    return job.rejection.code if job.rejection else None


def together(in_process: InProcessPortal, streams: Sequence[Stream]) -> None:
    """Handle what waits in all of them in one batch."""
    handled = drain_batch(streams, in_process.pool)
    assert handled.fault is None, handled.fault


def used(in_process: InProcessPortal, user_id: UUID) -> Decimal:
    """How much of the limit is used, as the next bid is measured by."""
    with in_process.pool.connection() as connection:
        key = keys_of(connection, [user_id]).get(user_id)
        found = [each for each in staked(connection, [user_id]) if not each.closed]
    return sum((each.counted(key) for each in found), Decimal("0.00"))


def used_by_all_bids(in_process: InProcessPortal, user_id: UUID) -> Decimal:
    """The same, from all open bids that there are."""
    with in_process.pool.connection() as connection:
        row = connection.execute(OF_ALL_BIDS, {"user": user_id}).fetchone()
    assert row
    found: Decimal = row["used"]
    return found
