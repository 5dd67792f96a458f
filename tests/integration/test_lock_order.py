"""Whoever changes several notifications, or preferences, locks them in one order, so that no two wait for each other in a circle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from commands.postgres.connections import SyncConnection
from notifications.notifier import notify_together
from notifications.postgres.notifications import forget_deleted
from notifications.postgres.preferences import Choice, choose
from notifications.preferences import NotificationChannel, NotificationKind
from notifications.reading import MARK_READ
from tests.integration.in_process import InProcessPortal
from tests.integration.notifying import run_notifier
from tests.waiting import wait_until

MANY = 6
Change = Callable[[InProcessPortal, UUID, list[UUID]], object]
# The first of all belongs to an auction in the middle, wherever else somebody would begin.
FIRST_OF_ALL = """
UPDATE notifications SET id = overlay(id::text PLACING '00000000' FROM 1)::uuid
WHERE user_id = %s AND auction_id = %s
"""
# In the order in which they are to be locked.
UNREAD = "SELECT id FROM notifications WHERE user_id = %s AND read_at IS NULL ORDER BY id"
WAITS = """
SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND wait_event_type = 'Lock'
    AND %s = ANY(pg_blocking_pids(pid))
"""
FREE = "SELECT id FROM notifications WHERE id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED"


def notified(in_process: InProcessPortal, _: UUID, auctions: list[UUID]) -> None:
    """They are all told of higher bids."""
    assert len(notify_together(auctions, in_process.pool).users) == MANY


def marked_read(in_process: InProcessPortal, user_id: UUID, _: list[UUID]) -> None:
    """The reader marks all as read."""
    with in_process.pool.connection() as connection:
        values = {"user": user_id, "ids": None, "auction": None}
        assert connection.execute(MARK_READ, values).rowcount == MANY


def forgotten(in_process: InProcessPortal, user_id: UUID, _: list[UUID]) -> None:
    """All that a deleted user had is deleted."""
    with in_process.pool.connection() as connection:
        forget_deleted(connection, [user_id])


# In neither order of the alphabet.
CHOICES = [
    Choice(kind, channel, False) for kind in NotificationKind for channel in NotificationChannel
][::-1]


def chosen(in_process: InProcessPortal, user_id: UUID, _: list[UUID]) -> None:
    """The user chooses all there is to choose."""
    with in_process.pool.connection() as connection:
        choose(connection, user_id, CHOICES)


@pytest.mark.parametrize("change", [notified, marked_read, forgotten])
def test_who_waits_for_a_notification_has_none_that_comes_after_it(
    in_process: InProcessPortal, change: Change
) -> None:
    alice, bob = in_process.user(), in_process.user()
    auctions = [in_process.auction() for _ in range(MANY)]
    for auction in auctions:
        in_process.bid(auction, alice, "10.00")
        in_process.bid(auction, bob, "20.00")
        run_notifier(in_process, auction)
        in_process.bid(auction, bob, "30.00")
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE notification_progress SET ran_at = NULL WHERE auction_id = ANY(%s)",
            ([auction.id for auction in auctions],),
        )
        connection.execute(FIRST_OF_ALL, (alice, auctions[MANY // 2].id))
        if change is forgotten:
            connection.execute(
                "UPDATE users SET deleted_at = clock_timestamp() WHERE id = %s", (alice,)
            )
        unread = [row["id"] for row in connection.execute(UNREAD, (alice,))]
    assert len(unread) == MANY
    with (
        ThreadPoolExecutor(1) as thread,
        in_process.pool.connection() as connection,
        connection.transaction(),
    ):
        connection.execute("SELECT FROM notifications WHERE id = %s FOR UPDATE", (unread[0],))
        changing = thread.submit(change, in_process, alice, [auction.id for auction in auctions])
        wait_until(lambda: waited_for(in_process, connection), 30, "the change waits")
        free = [row["id"] for row in connection.execute(FREE, (unread[1:],))]
        assert free == unread[1:], "this transaction may have all of them meanwhile"
    changing.result()


FREE_CHOICES = """
SELECT kind, channel FROM notification_preferences WHERE user_id = %s
ORDER BY kind, channel FOR UPDATE SKIP LOCKED
"""


@pytest.mark.parametrize("change", [chosen, forgotten])
def test_who_waits_for_a_preference_has_none_that_comes_after_it(
    in_process: InProcessPortal, change: Change
) -> None:
    alice = in_process.user()
    chosen(in_process, alice, [])
    first, *others = sorted((choice.kind.value, choice.channel.value) for choice in CHOICES)
    with in_process.pool.connection() as connection:
        if change is forgotten:
            connection.execute(
                "UPDATE users SET deleted_at = clock_timestamp() WHERE id = %s", (alice,)
            )
    with (
        ThreadPoolExecutor(1) as thread,
        in_process.pool.connection() as connection,
        connection.transaction(),
    ):
        connection.execute(
            "SELECT FROM notification_preferences WHERE user_id = %s AND (kind, channel) = (%s, %s)"
            " FOR UPDATE",
            (alice, *first),
        )
        changing = thread.submit(change, in_process, alice, [])
        wait_until(lambda: waited_for(in_process, connection), 30, "the change waits")
        free = connection.execute(FREE_CHOICES, (alice,)).fetchall()
        assert [(row["kind"], row["channel"]) for row in free] == [first, *others]
    changing.result()


def waited_for(in_process: InProcessPortal, connection: SyncConnection) -> bool:
    """Whether another connection waits for that one."""
    with in_process.pool.connection() as another:
        return another.execute(WAITS, (connection.info.backend_pid,)).fetchone() is not None
