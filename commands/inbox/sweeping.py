"""Parts of the sweep: finding streams whose wake-up was lost, and deleting what is out of date."""

from collections import defaultdict
from datetime import timedelta

from commands.inbox.submitting import WAITING
from commands.postgres.connections import Pool
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.sessions import forget_ended
from commands.queues import queue_of
from commands.streams import Stream

# How long after settling a repeated idempotency key still finds the job.
KEYS_LAST = timedelta(days=7)
# Keys deleted in one sweep; there is a sweep every ten seconds.
KEYS_AT_ONCE = 5000


def forget_keys(pool: Pool) -> int:
    """Delete the idempotency keys of at most a batch of jobs settled longer than KEYS_LAST ago; how many."""
    with pool.connection() as connection:
        return PostgresJobInbox(connection).forget_keys(KEYS_LAST, KEYS_AT_ONCE)


def forget_sessions(pool: Pool) -> None:
    """Delete the rows of sessions that ended long ago, and of ended admin sessions."""
    with pool.connection() as connection:
        forget_ended(connection)


def forget_failed(pool: Pool) -> None:
    """Erase the personal data of failed sign-ups that were not re-driven before their deadline."""
    with pool.connection() as connection:
        PostgresJobInbox(connection).forget_failed()


def wake_waiting_streams(pool: Pool, longer_than: timedelta) -> int:
    """Have workers look at the streams whose jobs have waited that long; how many."""
    with pool.connection() as connection:
        waiting = PostgresJobInbox(connection).waiting_streams(longer_than)
    streams = defaultdict[str, list[Stream]](list)
    for stream, command in waiting:
        streams[queue_of(command)].append(stream)
    for queue, left_lying in streams.items():
        WAITING[queue].add(left_lying, left_lying=True)
    return len(waiting)
