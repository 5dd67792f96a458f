"""The notifier's Celery tasks. Running one twice does no harm."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from celery import shared_task

from commands.handling.retrying import try_again
from commands.queues import MAILS, NOTIFICATIONS
from commands.streams import Busy, Stream, StreamKind
from commands.wake import clear_wake_up, publish, send, wake
from commands.wiring import pool
from commands.worklists import Worklist
from notifications import mail as _mail  # noqa: F401  (registers what composes the mails)
from notifications.account_mails import ask_for_confirmations
from notifications.notifier import AT_MOST_EVERY, Notified, notify
from notifications.outgoing import send_due
from notifications.postgres.mails import any_due
from notifications.postgres.notifications import forget_deleted, forget_leftovers
from notifications.postgres.progress import auctions_behind
from projections.errors import PoisonEvent, passes
from projections.upkeep import stuck

log = structlog.get_logger("notifications")

UNNOTIFIED = Worklist("notifications", "notifications.notify", NOTIFICATIONS)
COME_BACK = "notifications.come_back"
SEND_MAILS = "notifications.send_mails"
# The most users in one message about changed notifications.
USERS_PER_MESSAGE = 1000


@shared_task(name=UNNOTIFIED.task)
def notify_streams(_list: str, slot: str) -> None:
    """Notify people of auctions' new events; ask new users to confirm their address, delete what deleted ones had."""
    try:
        UNNOTIFIED.work(int(slot), _notify, passes)
    except Exception as error:
        if not passes(error):
            raise
        try_again(notify_streams, error)


def _notify(streams: Sequence[Stream]) -> Sequence[Stream]:
    for stream in streams:
        if stream.kind == "auction":
            _notify_of_auction(stream)
        else:
            _look_after_user(stream.id)
    return ()


def _notify_of_auction(stream: Stream) -> None:
    paused = stuck.is_paused(pool(), "notifications", stream)
    if paused:
        return
    try:
        outcome = notify(stream.id, pool())
    except Busy:
        # Whoever is at it may have read already, so it is looked at once more.
        _come_back(stream, AT_MOST_EVERY)
        return
    except PoisonEvent as poison:
        stuck.record_failure(pool(), "notifications", poison)
        return
    if paused is not None:
        stuck.clear(pool(), "notifications", stream)
    if outcome.again_in:
        _come_back(stream, outcome.again_in)
    _publish(str(stream.id), outcome)


def _look_after_user(user_id: UUID) -> None:
    with pool().connection() as connection:
        forget_deleted(connection, [user_id])
    if ask_for_confirmations(pool(), user_id):
        wake(SEND_MAILS, (), MAILS)


def _come_back(stream: Stream, pause: timedelta) -> None:
    wake(COME_BACK, (stream.kind, str(stream.id)), NOTIFICATIONS, after=pause)


@shared_task(name=COME_BACK)
def come_back(kind: StreamKind, stream_id: str) -> None:
    """People may be notified of the auction again."""
    clear_wake_up(COME_BACK, (kind, stream_id))
    UNNOTIFIED.add([Stream(kind, UUID(stream_id))])


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
    """Wake auctions whose wake-up was lost, send mails that are due, and delete what deleted users had."""
    ask_for_confirmations(pool())
    with pool().connection() as connection:
        behind = auctions_behind(connection)
        forget_leftovers(connection)
        due = any_due(connection)
    UNNOTIFIED.add((Stream("auction", each) for each in behind), left_lying=True)
    if due:
        send(SEND_MAILS, (), MAILS)
