"""One job of the promoter's policies, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from commands.domain.commands import PolicyCommand
from commands.domain.events import Event, PolicyEvent
from commands.domain.policies import Policies, decide, evolve
from commands.domain.rejections import Rejection
from commands.handling.batch import Handled, decide_jobs
from commands.jobs import Job
from commands.postgres.auctions import auction_exists, has_own_promoter
from commands.postgres.connections import SyncConnection, clock
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.policies import lock_policies, save_policy
from commands.record.codec import decode_command
from commands.streams import Stream


def handle_policies(
    connection: SyncConnection, stream: Stream, cutoff: datetime, limit: int
) -> Handled:
    """Decide the oldest changes accepted before the cutoff."""
    before = lock_policies(connection)
    inbox = PostgresJobInbox(connection)
    jobs = inbox.waiting({stream.id: cutoff}, limit)[stream.id]
    now = clock(connection)
    decided = decide_jobs(
        jobs,
        before,
        lambda job, state: _decide_job(connection, job, state),
        _replay,
        version=before.version,
        now=now,
    )
    recorded = PostgresEventStore(connection).append(stream, before.version, decided.events, now)
    for item in recorded:
        save_policy(connection, item.version, cast(PolicyEvent, item.event), now)
    inbox.settle(decided.outcomes, now)
    left = {stream: decided.unknown} if decided.unknown else {}
    return Handled(decided.outcomes, recorded, left=left)


def _decide_job(
    connection: SyncConnection, job: Job, policies: Policies | None
) -> Sequence[Event] | Rejection:
    assert policies is not None, "there were policies before the first change"
    command = cast(PolicyCommand, decode_command(job.command, job.payload))
    exists = command.auction_id is not None and auction_exists(connection, command.auction_id)
    fixed = exists and has_own_promoter(connection, command.auction_id)
    return decide(command, policies, auction_exists=exists, fixed=fixed)


def _replay(policies: Policies | None, events: Sequence[Event]) -> Policies:
    assert policies is not None, "there were policies before the first change"
    for event in cast(Sequence[PolicyEvent], events):
        policies = evolve(policies, event)
    return policies
