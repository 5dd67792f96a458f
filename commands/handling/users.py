"""One job of a user's stream, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never, cast
from uuid import UUID

from commands.domain.commands import (
    BanUser,
    CreateUser,
    DeleteUser,
    LiftBan,
    LiftExposureLimit,
    LimitExposure,
    UserCommand,
    WithdrawBids,
)
from commands.domain.events import Event, UserEvent
from commands.domain.rejections import Rejection
from commands.domain.user import User, decide, evolve
from commands.handling.batch import Handled, decide_jobs
from commands.jobs import Job, Submission
from commands.postgres.accepting import accept_all
from commands.postgres.auctions import auction_exists
from commands.postgres.binding import bound_in
from commands.postgres.connections import SyncConnection, clock
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.users import (
    erase_user,
    insert_user,
    lock_user,
    next_to_withdraw_from,
    save_banned,
    save_limited,
    username_taken,
    withdrawing_of,
)
from commands.record.codec import decode_command
from commands.streams import Stream

# Auctions that get their WithdrawBids in one transaction, which holds their gates.
AT_ONCE = 100


def handle_user(
    connection: SyncConnection, stream: Stream, cutoff: datetime, _limit: int
) -> Handled:
    """Decide the user's oldest job accepted before the cutoff. One at a time is enough: they are rare.

    Of one who was deleted, withdraw the bids in the next auctions first.
    """
    before = lock_user(connection, stream.id)
    if woken := _withdraw_bids(connection, stream.id):
        return Handled(woken=woken, unfinished=[stream])
    inbox = PostgresJobInbox(connection)
    jobs = inbox.waiting({stream.id: cutoff}, limit=1)[stream.id]
    if not jobs:
        return Handled()
    now = clock(connection)
    version = before.version if before else 0
    decided = decide_jobs(
        jobs,
        before,
        lambda job, state: _decide_job(connection, job, state),
        _replay,
        version=version,
        now=now,
    )
    recorded = PostgresEventStore(connection).append(stream, version, decided.events, now)
    woken = _save(connection, jobs[0], decided.state, now) if recorded and decided.state else []
    inbox.settle(decided.outcomes, now)
    if decided.unknown:
        return Handled(left={stream: decided.unknown})
    return Handled(decided.outcomes, recorded, woken, unfinished=[stream])


def _decide_job(
    connection: SyncConnection, job: Job, user: User | None
) -> Sequence[Event] | Rejection:
    command = cast(UserCommand, decode_command(job.command, job.payload))
    taken = isinstance(command, CreateUser) and username_taken(connection, command.username)
    named = command.auction_id if isinstance(command, BanUser) else None
    exists = named is None or auction_exists(connection, named)
    bound = bound_in(connection, job.stream.id, job.accepted_at) if job.ends_its_submitter else None
    return decide(
        command,
        user,
        now=job.accepted_at,
        username_taken=taken,
        auction_exists=exists,
        bound_in=bound,
    )


def _replay(user: User | None, events: Sequence[Event]) -> User:
    for event in cast(Sequence[UserEvent], events):
        user = evolve(user, event)
    assert user is not None, "there is at least one event"
    return user


def _save(connection: SyncConnection, job: Job, user: User, now: datetime) -> list[Stream]:
    command = decode_command(job.command, job.payload)
    match cast(UserCommand, command):
        case CreateUser() as new:
            insert_user(connection, new, user, now)
        case BanUser() | LiftBan():
            save_banned(connection, user)
        case LimitExposure() | LiftExposureLimit():
            save_limited(connection, user)
        case DeleteUser():
            erase_user(connection, user, job.accepted_at, now)
            return _withdraw_bids(connection, user.id)
        case unknown:
            assert_never(unknown)
    return []


def _withdraw_bids(connection: SyncConnection, user_id: UUID) -> list[Stream]:
    """Insert, for the next open auctions with live bids of the deleted user, jobs that withdraw them.

    The first jobs are committed with the deletion, and so is that there are more to come. No bid can be
    placed after that: a batch that places bids of the user takes a share lock on the user's row,
    which we hold locked, and finds them deleted.
    """
    if (withdrawing := withdrawing_of(connection, user_id)) is None:
        return []
    auctions = next_to_withdraw_from(connection, withdrawing, AT_ONCE)
    accept_all(
        connection,
        [
            Submission(
                stream=Stream("auction", auction_id),
                command=WithdrawBids(auction_id, user_id, withdrawing.withdrawing_at),
                content={"user": str(user_id), "auction": str(auction_id)},
                scope="system",
                idempotency_key=f"withdraw:{user_id}:{auction_id}",
                causation_id=withdrawing.job_id,
                correlation_id=withdrawing.correlation_id,
            )
            for auction_id in auctions
        ],
    )
    return [Stream("auction", auction_id) for auction_id in auctions]
