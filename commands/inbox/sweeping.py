"""Finding streams whose wake-up was lost, and what of jobs, sessions and ticks ends when."""

from collections import defaultdict
from datetime import timedelta

from django.conf import settings

from commands.inbox.submitting import WAITING
from commands.postgres.connections import Pool
from commands.postgres.jobs import (
    ERASE_FAILED_SIGN_UPS,
    FORGET_FAILED,
    FORGET_SETTLED,
    PostgresJobInbox,
)
from commands.postgres.pruning import Ending
from commands.postgres.secret_keys import FORGET_UNUSED
from commands.postgres.sessions import FORGET_ADMINS, FORGET_ADMINS_LOG, FORGET_ENDED
from commands.postgres.ticks import FORGET_SECRETS
from commands.postgres.users import withdrawing_users
from commands.queues import USERS, queue_of
from commands.streams import Stream


def endings() -> list[Ending]:
    """What ends of jobs, of sessions, admin's too, of keys and of ticks."""
    return [
        Ending("failed sign-ups erased", ERASE_FAILED_SIGN_UPS, timedelta(0)),
        Ending("settled jobs", FORGET_SETTLED, settings.JOBS_KEPT),
        Ending("failed jobs", FORGET_FAILED, settings.FAILED_JOBS_KEPT),
        Ending("sessions", FORGET_ENDED, settings.ENDED_SESSIONS_KEPT),
        Ending("admin sessions", FORGET_ADMINS, timedelta(0)),
        Ending("admin log", FORGET_ADMINS_LOG, settings.ADMIN_LOG_KEPT),
        Ending("keys without an owner", FORGET_UNUSED, timedelta(days=1)),
        Ending("ticks' secrets", FORGET_SECRETS, settings.TICK_SECRETS_KEPT),
    ]


def wake_waiting_streams(pool: Pool, longer_than: timedelta) -> int:
    """Have workers look at the streams whose jobs have waited that long; how many.

    Also at deleted users whose bids are not withdrawn everywhere yet.
    """
    with pool.connection() as connection:
        waiting = PostgresJobInbox(connection).waiting_streams(longer_than)
        withdrawing = [Stream("user", user_id) for user_id in withdrawing_users(connection)]
    streams = defaultdict[str, list[Stream]](list, {USERS: withdrawing})
    for stream, command in waiting:
        streams[queue_of(command)].append(stream)
    for queue, left_lying in streams.items():
        WAITING[queue].add(left_lying, left_lying=True)
    return len(waiting) + len(withdrawing)
