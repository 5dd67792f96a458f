"""The notifier's Celery tasks: thin, and harmless when run twice."""

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
# People whose notifications changed are named in messages of this many.
USERS_PER_MESSAGE = 1000


@shared_task(name=NOTIFY)
def notify_stream(kind: StreamKind, stream_id: str) -> None:
    """Tell people about an auction's new events; ask a new user to confirm their address, forget one who was deleted."""
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
            # Whoever is at it looks for notes before they go; the sweep looks after both.
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
    """A wake-up is on its way from now on, so nobody else needs to send one."""
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


# One mail that takes longer than this, in seconds, has failed; so ends a task before Celery kills it.
@shared_task(name=SEND_MAILS, soft_time_limit=28)
def send_mails() -> None:
    """Send the mails that are due, as many as one task may; the next task sends the next."""
    clear_wake_up(SEND_MAILS, ())
    if send_due(pool()):
        wake(SEND_MAILS, (), MAILS)


@shared_task(name="notifications.sweep")
def sweep() -> None:
    """Make up for wake-ups that were lost, and for mails whose time has come."""
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
