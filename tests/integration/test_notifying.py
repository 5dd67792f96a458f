"""Notifications on real servers: one per cause, whatever is delivered twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from psycopg.errors import DeadlockDetected

from commands.domain.commands import DeleteUser
from commands.streams import Busy, Stream
from notifications.notifier import Notified, notify
from notifications.postgres.notifications import forget_deleted
from notifications.postgres.preferences import Choice, choose
from notifications.postgres.progress import auctions_behind
from notifications.preferences import NotificationChannel, NotificationKind
from notifications.tasks import notify_stream
from portal.health import condition
from tests.integration.faults import faults
from tests.integration.in_process import InProcessPortal
from tests.integration.telling import read_all, tell, told

WON, CHANGED, DOUBLED = (
    NotificationKind.AUCTION_WON,
    NotificationKind.MAX_BID_CHANGED,
    NotificationKind.BID_DOUBLED,
)


def test_the_highest_bids_changes_become_one_while_unread(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    assert tell(in_process, auction).users == set(), "alone in the auction"
    for version, amount in ((3, "20.00"), (4, "30.00")):
        in_process.bid(auction, bob, amount)
        assert tell(in_process, auction).users == {alice}
        assert told(in_process, alice) == [(CHANGED, version, amount, False)]
    assert told(in_process, bob) == [], "who caused it is not told"
    read_all(in_process, alice)
    in_process.bid(auction, bob, "40.00")
    tell(in_process, auction)
    assert told(in_process, alice) == [(CHANGED, 4, "30.00", True), (CHANGED, 5, "40.00", False)]


def test_whatever_is_delivered_twice_is_told_once(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    in_process.double(auction)
    tell(in_process, auction)
    first = told(in_process, alice) + told(in_process, bob)
    read_all(in_process, alice)
    read_all(in_process, bob)

    def again(_: int) -> Notified:
        try:
            return notify(auction.id, in_process.pool)
        except Busy:
            return Notified()

    with ThreadPoolExecutor(4) as workers:
        assert all(outcome == Notified() for outcome in workers.map(again, range(12)))
    assert [notice[:3] for notice in told(in_process, alice) + told(in_process, bob)] == [
        notice[:3] for notice in first
    ]


def test_a_transaction_that_died_left_nothing_and_is_made_up_for(
    in_process: InProcessPortal,
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    with in_process.pool.connection() as connection:
        assert auction.id in auctions_behind(connection)
    tell(in_process, auction)
    with in_process.pool.connection() as connection:
        assert auction.id not in auctions_behind(connection)
    assert told(in_process, alice) == [(CHANGED, 3, "20.00", False)]


def test_a_hot_auctions_people_are_told_at_most_once_a_second(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    tell(in_process, auction)
    in_process.bid(auction, bob, "20.00")
    outcome = notify(auction.id, in_process.pool)
    assert outcome.users == set()
    assert outcome.again_in
    assert timedelta(0) < outcome.again_in <= timedelta(seconds=1)
    assert told(in_process, alice) == []
    time.sleep(outcome.again_in.total_seconds())  # What the task is told to do.
    assert notify(auction.id, in_process.pool).users == {alice}


def test_people_are_told_what_they_chose(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(CHANGED, NotificationChannel.IN_APP, False)])
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    tell(in_process, auction)
    assert told(in_process, alice) == []
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(CHANGED, NotificationChannel.IN_APP, True)])
    in_process.bid(auction, bob, "30.00")
    tell(in_process, auction)
    assert told(in_process, alice) == [(CHANGED, 4, "30.00", False)]


WRITING = ("notifications", "auction_id")


def stuck_at(in_process: InProcessPortal, stream: Stream) -> dict[str, Any] | None:
    """What `manage.py status` says of the stream."""
    shown = [row for row in condition().stuck_streams or [] if row["stream_id"] == stream.id]
    return shown[0] if shown else None


def test_a_fault_in_writing_stops_that_auctions_notifications_alone_and_visibly(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    broken, whole = in_process.auction(), in_process.auction()
    for auction in (broken, whole):
        in_process.bid(auction, alice, "10.00")
        in_process.bid(auction, bob, "20.00")
    with faults(in_process, broken, "22003", where=WRITING):
        for _ in range(3):
            notify_stream("auction", str(broken.id))
        notify_stream("auction", str(whole.id))
        stuck = stuck_at(in_process, broken)
        assert stuck
        assert (stuck["reader"], stuck["version"]) == ("notifications", 3)
        assert stuck["attempts"] == 1, "it rests"
        assert "planted" in stuck["error"]
        assert stuck_at(in_process, whole) is None
        with in_process.pool.connection() as connection:
            assert broken.id not in auctions_behind(connection), "it rests"
    assert [notice[1:] for notice in told(in_process, alice)] == [(3, "20.00", False)]
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE stuck_streams SET retry_after = clock_timestamp() WHERE stream_id = %s",
            (broken.id,),
        )
    notify_stream("auction", str(broken.id))
    assert stuck_at(in_process, broken) is None
    assert [notice[1:] for notice in told(in_process, alice)] == [(3, "20.00", False)] * 2


def test_a_fault_in_writing_that_passes_is_tried_again(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    with (
        faults(in_process, auction, "40P01", times=1, where=WRITING),
        pytest.raises(DeadlockDetected),
    ):
        # Without a worker, what would have been tried again is raised.
        notify_stream("auction", str(auction.id))
    assert stuck_at(in_process, auction) is None
    notify_stream("auction", str(auction.id))
    assert [notice[1:] for notice in told(in_process, alice)] == [(3, "20.00", False)]


def test_deleting_a_user_ends_all(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(DOUBLED, NotificationChannel.EMAIL, True)])
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    tell(in_process, auction)
    assert told(in_process, alice)
    in_process.settled(Stream("user", alice), DeleteUser(alice))
    with in_process.pool.connection() as connection:
        forget_deleted(connection, alice)
        left = connection.execute(
            "SELECT (SELECT count(*) FROM notifications WHERE user_id = %(u)s) "
            "+ (SELECT count(*) FROM notification_preferences WHERE user_id = %(u)s) AS n",
            {"u": alice},
        ).fetchone()
        choose(connection, alice, [Choice(WON, NotificationChannel.EMAIL, False)])
    assert left == {"n": 0}
    in_process.bid(auction, bob, "30.00")
    assert tell(in_process, auction).users == set()
