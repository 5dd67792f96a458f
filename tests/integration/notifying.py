"""Running the notifier, and reading the notifications it wrote."""

from uuid import UUID

from commands.streams import Stream
from notifications.notifier import Notified, notify
from tests.integration.in_process import InProcessPortal


def notifications_of(
    in_process: InProcessPortal, user_id: UUID
) -> list[tuple[str, int, str, bool]]:
    """A user's notifications: kind, version of the cause, amount, read."""
    with in_process.pool.connection() as connection:
        rows = connection.execute(
            "SELECT kind, version, amount, read_at FROM notifications "
            "WHERE user_id = %s AND in_app ORDER BY created_at, version",
            (user_id,),
        ).fetchall()
    return [(r["kind"], r["version"], str(r["amount"]), r["read_at"] is not None) for r in rows]


def run_notifier(in_process: InProcessPortal, stream: Stream) -> Notified:
    """Run the notifier for the auction, as if its last run had been a minute ago."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE notification_progress SET ran_at = ran_at - interval '1 min' "
            "WHERE auction_id = %s",
            (stream.id,),
        )
    return notify(stream.id, in_process.pool)


def read_all(in_process: InProcessPortal, user_id: UUID) -> None:
    """Mark all notifications of the user as read."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE notifications SET read_at = clock_timestamp() WHERE user_id = %s", (user_id,)
        )
