"""The notifier's Celery tasks. Running one twice does no harm."""

from datetime import timedelta
from uuid import UUID

import structlog
from celery import current_app, shared_task

from commands.handling.retrying import try_again
from commands.queues import MAILS, NOTIFICATIONS
from commands.streams import Busy, Stream, StreamKind
from commands.wake import clear_wake_up, leave_note, publish, send, wake, woken_since
from commands.wiring import pool
from notifications import mail as _mail  # noqa: F401  (registers what composes the mails)
from notifications.account_mails import ask_for_confirmations
from notifications.notifier import Notified, notify
from notifications.outgoing import send_due
from notifications.postgres.mails import any_due, forget_settled
from notifications.postgres.notifications import forget_deleted
from notifications.postgres.progress import auctions_behind
from projections.errors import PoisonEvent, passes
from projections.upkeep import stuck

log = structlog.get_logger("notifications")

NOTIFY = "notifications.notify_stream"
SEND_MAILS = "notifications.send_mails"
# The most users in one message about changed notifications.
USERS_PER_MESSAGE = 1000


@shared_task(name=NOTIFY)
def notify_stream(kind: StreamKind, stream_id: str) -> None:
    """Write notifications about an auction's new events.

    Of a user's stream: enqueue the confirmation mail of a new user, delete the data of a deleted one.
    """
    try:
        if kind == "auction":
            _notify_until_quiet(Stream(kind, UUID(stream_id)))
        else:
            with pool().connection() as connection:
                forget_deleted(connection, UUID(stream_id))
            if ask_for_confirmations(pool(), UUID(stream_id)):
                wake(SEND_MAILS, (), MAILS)
    except Exception as error:
        if not passes(error):
            raise
        try_again(notify_stream, error)


def _notify_until_quiet(stream: Stream) -> None:
    arguments = (stream.kind, str(stream.id))
    paused = stuck.is_paused(pool(), "notifications", stream)
    if paused:
        return None
    while True:
        clear_wake_up(NOTIFY, arguments)
        try:
            outcome = notify(stream.id, pool())
        except Busy:
            # The worker that has the auction checks for notes before it ends; the sweep if it dies.
            return leave_note(NOTIFY, arguments)
        except PoisonEvent as poison:
            return stuck.record_failure(pool(), "notifications", poison)
        if paused is not None:
            stuck.clear(pool(), "notifications", stream)
            paused = None
        if outcome.again_in:
            return _schedule_again(arguments, outcome.again_in)
        _publish(str(stream.id), outcome)
        if not woken_since(NOTIFY, arguments):
            return None


def _schedule_again(arguments: tuple[str, str], pause: timedelta) -> None:
    """Queue the task again after the pause, and suppress other wake-ups until then."""
    leave_note(NOTIFY, arguments)
    current_app.send_task(
        NOTIFY, args=list(arguments), queue=NOTIFICATIONS, countdown=pause.total_seconds()
    )


def _publish(auction_id: str, outcome: Notified) -> None:
    if not outcome.users:
        return
    users = [str(user_id) for user_id in outcome.users]
    for start in range(0, len(users), USERS_PER_MESSAGE):
        publish("notifications", users[start : start + USERS_PER_MESSAGE])
    wake(SEND_MAILS, (), MAILS)
    log.info("notified", stream=auction_id, people=len(users))


# After so many seconds the mail in hand fails; so the task ends before Celery kills it.
@shared_task(name=SEND_MAILS, soft_time_limit=28)
def send_mails() -> None:
    """Send mails that are due, within one task's limits, and queue the next task if more may be due."""
    clear_wake_up(SEND_MAILS, ())
    if send_due(pool()):
        wake(SEND_MAILS, (), MAILS)


@shared_task(name="notifications.sweep")
def sweep() -> None:
    """Wake auctions whose wake-up was lost, send mails that are due, and delete what is out of date."""
    ask_for_confirmations(pool())
    with pool().connection() as connection:
        behind = auctions_behind(connection)
        forget_deleted(connection)
        forget_settled(connection)
        due = any_due(connection)
    for auction_id in behind:
        send(NOTIFY, ("auction", str(auction_id)), NOTIFICATIONS)
    if due:
        send(SEND_MAILS, (), MAILS)
