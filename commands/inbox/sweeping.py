"""What wake-ups missed: streams whose jobs wait too long; and what need not be kept any longer."""

from datetime import timedelta

from commands.postgres.connections import Pool
from commands.postgres.jobs import PostgresJobInbox
from commands.postgres.sessions import forget_ended
from commands.queues import queue_of
from commands.streams import Stream

# How long a settled job is known by its idempotency key: longer than anybody tries again.
KEYS_LAST = timedelta(days=7)
# In one sweep; there is one every ten seconds.
KEYS_AT_ONCE = 5000


def forget_keys(pool: Pool) -> int:
    """Forget the idempotency keys of jobs settled longer than KEYS_LAST ago; how many, in one batch."""
    with pool.connection() as connection:
        return PostgresJobInbox(connection).forget_keys(KEYS_LAST, KEYS_AT_ONCE)


def forget_sessions(pool: Pool) -> None:
    """Remove the rows of sign-ins that ended long ago, and of admin's that ended."""
    with pool.connection() as connection:
        forget_ended(connection)


def forget_failed(pool: Pool) -> None:
    """Erase the personal data of failed sign-ups that nobody re-drove in time."""
    with pool.connection() as connection:
        PostgresJobInbox(connection).forget_failed()


def waiting_streams(pool: Pool, longer_than: timedelta) -> list[tuple[Stream, str]]:
    """Streams with jobs that have waited that long, each with the queue to wake it on."""
    with pool.connection() as connection:
        waiting = PostgresJobInbox(connection).waiting_streams(longer_than)
    return [(stream, queue_of(command)) for stream, command in waiting]
