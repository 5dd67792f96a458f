"""The notifier's Celery tasks. Running one twice does no harm."""

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from uuid import UUID

import structlog
from celery import shared_task
from redis.exceptions import RedisError

from commands.handling.retrying import try_again
from commands.queues import MAILS, NOTIFICATIONS
from commands.streams import Stream
from commands.wake import clear_wake_up, publish, send, wake
from commands.wiring import pool
from commands.worklists import Left, Worklist
from notifications import mail as _mail  # noqa: F401  (registers what composes the mails)
from notifications.account_mails import ask_for_confirmations
from notifications.endings import Told, tell_of_endings
from notifications.notifier import AT_MOST_EVERY, NotifiedTogether, notify_together, streams_behind
from notifications.outgoing import send_due
from notifications.postgres.mails import any_due
from notifications.postgres.notifications import forget_deleted, forget_leftovers
from notifications.postgres.progress import notified_versions
from projections.errors import passes
from projections.upkeep import stuck

log = structlog.get_logger("notifications")

UNNOTIFIED = Worklist("notifications", "notifications.notify", NOTIFICATIONS)
COME_BACK = "notifications.come_back"
LEAVE = "notifications.come_back_from_left"
LEFT = Left(UNNOTIFIED, LEAVE)
RESTING = Worklist("notifications-resting", COME_BACK, NOTIFICATIONS)
SEND_MAILS = "notifications.send_mails"
# The most users in one message about changed notifications.
USERS_PER_MESSAGE = 1000
# Seconds after which watchers of no more auctions are told by a task.
LONGEST = 20.0


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
    if users := [stream.id for stream in streams if stream.kind == "user"]:
        _look_after_users(users)
    auctions = {stream.id: stream for stream in streams if stream.kind == "auction"}
    if not auctions:
        return ()
    known = stuck.among(pool(), "notifications", auctions.values())
    due = [id for id in auctions if id not in known or not known[id].paused]
    done = notify_together(due, pool())
    for poison in done.stopped:
        stuck.record_failure(pool(), "notifications", poison)
    if left := stuck.left(auctions.values(), known, done.stopped):
        LEFT.add(left)
    if tried := known.keys() & set(due):
        _clear_passed(tried)
    _rest(auctions[id] for id in done.resting)
    _publish(done)
    return [auctions[id] for id in done.unfinished]


def _clear_passed(auction_ids: Collection[UUID]) -> None:
    with pool().connection() as connection:
        reached = notified_versions(connection, auction_ids)
    stuck.clear_passed(pool(), "notifications", reached)


def _look_after_users(user_ids: Sequence[UUID]) -> None:
    with pool().connection() as connection:
        forget_deleted(connection, user_ids)
    if ask_for_confirmations(pool()):
        wake(SEND_MAILS, (), MAILS)


def _rest(streams: Iterable[Stream]) -> None:
    """Have the auctions on the worklist again a moment later, all with one task."""
    if RESTING.keep(streams):
        wake(COME_BACK, (), NOTIFICATIONS, after=AT_MOST_EVERY)


@shared_task(name=COME_BACK)
def come_back() -> None:
    """People may be notified again of the auctions that were resting."""
    clear_wake_up(COME_BACK, ())
    with suppress(RedisError):
        # Not until none are left: those that come back may be resting again already.
        for _ in range(RESTING.batches()):
            UNNOTIFIED.add(RESTING.take())


@shared_task(name=LEAVE)
def come_back_from_left(_list: str) -> None:
    """Look again at auctions that were left for a newer release."""
    LEFT.come_back(_notify, passes)


@shared_task(name="notifications.tell_of_endings")
def tell_watchers() -> None:
    """Tell those who watch auctions that these end soon, for as long as one task may last."""
    until = time.monotonic() + LONGEST
    more = True
    while more and time.monotonic() < until:
        told = tell_of_endings(pool())
        _publish(told)
        more = told.more


def _publish(done: NotifiedTogether | Told) -> None:
    users = [str(each) for each in set[UUID]().union(*done.users.values())]
    if not users:
        return
    for start in range(0, len(users), USERS_PER_MESSAGE):
        publish("notifications", users[start : start + USERS_PER_MESSAGE])
    if done.mailed:
        wake(SEND_MAILS, (), MAILS)
    for id, told in done.users.items():
        log.info("notified", stream=str(id), people=len(told))


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
        forget_leftovers(connection)
        due = any_due(connection)
    UNNOTIFIED.add(streams_behind(pool()), left_lying=True)
    if due:
        send(SEND_MAILS, (), MAILS)
