"""Notifications on real servers: one per cause, whatever is delivered twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import DeadlockDetected

from commands.domain.commands import AnnounceWinner, DeleteUser
from commands.streams import Busy, Stream
from notifications import notifier
from notifications.addressing import FIRST
from notifications.notices import Notice
from notifications.notifier import (
    AT_MOST_EVERY,
    Notified,
    notify,
    notify_together,
    streams_behind,
)
from notifications.postgres.addressees import bidders_after
from notifications.postgres.notifications import forget_deleted, write_notices
from notifications.postgres.preferences import Choice, choose
from notifications.postgres.progress import current_states
from notifications.preferences import NotificationChannel, NotificationKind
from notifications.tasks import UNNOTIFIED, come_back, notify_streams
from portal.health import read_health
from tests.integration.faults import faults
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.notifying import notifications_of, read_all, run_notifier
from tests.integration.working import put, work

WON, LOST, OUTBID, CHANGED, DOUBLED, *_ = NotificationKind


def test_the_highest_bids_changes_become_one_while_unread(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, bob, "10.00")
    in_process.bid(auction, alice, "5.00")
    run_notifier(in_process, auction)
    for version, amount in ((4, "20.00"), (5, "30.00")):
        in_process.bid(auction, bob, amount)
        assert run_notifier(in_process, auction).users == {alice}
        assert notifications_of(in_process, alice) == [(CHANGED, version, amount, False)]
    assert notifications_of(in_process, bob) == [], "who caused it is not told"
    read_all(in_process, alice)
    in_process.bid(auction, bob, "40.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == [
        (CHANGED, 5, "30.00", True),
        (CHANGED, 6, "40.00", False),
    ]


def test_who_was_outbid_is_told_so_and_what_the_highest_bid_is_until_it_is_read(
    in_process: InProcessPortal,
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    assert run_notifier(in_process, auction).users == set(), "alone in the auction"
    for version, amount in ((3, "20.00"), (4, "30.00")):
        in_process.bid(auction, bob, amount)
        assert run_notifier(in_process, auction).users == {alice}
        assert notifications_of(in_process, alice) == [(OUTBID, version, amount, False)]
    read_all(in_process, alice)
    in_process.bid(auction, bob, "40.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == [
        (OUTBID, 4, "30.00", True),
        (CHANGED, 5, "40.00", False),
    ]


def test_the_one_unread_becomes_outbid_for_who_led_in_between(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, bob, "10.00")
    in_process.bid(auction, alice, "5.00")
    in_process.bid(auction, bob, "20.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == [(CHANGED, 4, "20.00", False)]
    in_process.bid(auction, alice, "25.00")
    in_process.bid(auction, bob, "30.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == [(OUTBID, 6, "30.00", False)]


def test_what_ones_own_raise_overtakes_counts_as_read(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "130.00")
    run_notifier(in_process, auction)
    in_process.bid(auction, alice, "120.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == [(OUTBID, 3, "130.00", False)], "it still holds"
    in_process.bid(auction, alice, "140.00")
    assert run_notifier(in_process, auction).users == {alice, bob}
    assert notifications_of(in_process, alice) == [(OUTBID, 3, "130.00", True)]
    assert notifications_of(in_process, bob) == [(OUTBID, 5, "140.00", False)]


def test_what_is_unread_goes_with_ones_last_bid_and_when_one_comes_to_lead(
    in_process: InProcessPortal,
) -> None:
    alice, bob, carol = (in_process.user() for _ in range(3))
    auction = in_process.auction()
    with in_process.pool.connection() as connection:
        choose(connection, carol, [Choice(CHANGED, NotificationChannel.IN_APP, False)])
    lowest = in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, carol, "20.00")
    first = in_process.bid(auction, bob, "30.00")
    run_notifier(in_process, auction)
    in_process.delete(auction, alice, lowest)
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == [(OUTBID, 4, "30.00", True)]
    second = in_process.bid(auction, bob, "40.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, carol) == [(OUTBID, 6, "40.00", False)], (
        "brought up to date"
    )
    for bid in (first, second):
        in_process.delete(auction, bob, bid)
    run_notifier(in_process, auction)
    assert notifications_of(in_process, carol) == [(OUTBID, 6, "40.00", True)], "she leads now"


def unread(in_process: InProcessPortal, user_id: UUID) -> list[tuple[str, int, str, bool]]:
    return [each for each in notifications_of(in_process, user_id) if not each[3]]


def test_of_a_doubled_bid_that_then_leads_everybody_hears_what_concerns_them(
    in_process: InProcessPortal,
) -> None:
    alice, bob, carol = (in_process.user() for _ in range(3))
    for _ in range(50):
        auction = in_process.auction()
        for bidder, amount in ((carol, "0.01"), (bob, "100.00"), (alice, "60.00")):
            in_process.bid(auction, bidder, amount)
        run_notifier(in_process, auction)
        for user in (alice, bob, carol):
            read_all(in_process, user)
        in_process.double(auction)
        run_notifier(in_process, auction)
        heard = [unread(in_process, user) for user in (alice, bob, carol)]
        if DOUBLED in {kind for kind, *_ in heard[0]}:
            break
    assert heard == [
        [(DOUBLED, 5, "120.00", False)],
        [(OUTBID, 5, "120.00", False)],
        [(CHANGED, 5, "120.00", False)],
    ]


def test_when_an_auction_ends_all_with_live_bids_hear_how(in_process: InProcessPortal) -> None:
    alice, bob, carol = (in_process.user() for _ in range(3))
    auction = in_process.auction(seconds=0.05)
    in_time = in_process.over(auction) - SHORTLY
    in_process.bid(auction, alice, "10.00", at=in_time)
    taken_back = in_process.bid(auction, carol, "15.00", at=in_time)
    in_process.delete(auction, carol, taken_back, at=in_time)
    in_process.bid(auction, bob, "20.00", at=in_time)
    run_notifier(in_process, auction)
    in_process.settled(auction, AnnounceWinner(auction.id))
    assert run_notifier(in_process, auction).users == {alice, bob}
    assert notifications_of(in_process, alice)[-1] == (LOST, 6, "20.00", False)
    assert notifications_of(in_process, bob)[-1] == (WON, 6, "20.00", False)
    assert LOST not in {notice[0] for notice in notifications_of(in_process, carol)}


def test_an_auction_that_ends_unsold_is_told_to_nobody(in_process: InProcessPortal) -> None:
    auction = in_process.auction(seconds=0.05)
    in_process.over(auction)
    in_process.settled(auction, AnnounceWinner(auction.id))
    assert run_notifier(in_process, auction).users == set()


def test_whatever_is_delivered_twice_is_told_once(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    in_process.double(auction)
    run_notifier(in_process, auction)
    first = notifications_of(in_process, alice) + notifications_of(in_process, bob)
    read_all(in_process, alice)
    read_all(in_process, bob)

    def again(_: int) -> Notified:
        try:
            return notify(auction.id, in_process.pool)
        except Busy:
            return Notified()

    with ThreadPoolExecutor(4) as workers:
        assert all(outcome == Notified() for outcome in workers.map(again, range(12)))
    assert [
        notice[:3]
        for notice in notifications_of(in_process, alice) + notifications_of(in_process, bob)
    ] == [notice[:3] for notice in first]


def test_a_transaction_that_died_left_nothing_and_is_made_up_for(
    in_process: InProcessPortal,
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    in_process.wait_for_the_order()
    for _ in range(2):
        assert auction in streams_behind(in_process.pool), "until they are notified"
    run_notifier(in_process, auction)
    assert auction not in streams_behind(in_process.pool)
    assert notifications_of(in_process, alice) == [(OUTBID, 3, "20.00", False)]


def test_a_hot_auctions_people_are_told_at_most_once_a_second(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    run_notifier(in_process, auction)
    in_process.bid(auction, bob, "20.00")
    outcome = notify(auction.id, in_process.pool)
    assert outcome.users == set()
    assert outcome.again_in
    assert timedelta(0) < outcome.again_in <= timedelta(seconds=1)
    assert notifications_of(in_process, alice) == []
    time.sleep(outcome.again_in.total_seconds())  # What the task is told to do.
    assert notify(auction.id, in_process.pool).users == {alice}


def test_people_are_told_what_they_chose(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()

    def choose_in_app(enabled: bool, *kinds: NotificationKind) -> None:
        with in_process.pool.connection() as connection:
            choices = [Choice(kind, NotificationChannel.IN_APP, enabled) for kind in kinds]
            choose(connection, alice, choices)

    mails_off = [Choice(OUTBID, NotificationChannel.EMAIL, False)]
    with in_process.pool.connection() as connection:
        choose(connection, alice, mails_off)
    choose_in_app(False, CHANGED, OUTBID)
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == []
    choose_in_app(True, CHANGED)
    in_process.bid(auction, bob, "30.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice) == [(CHANGED, 4, "30.00", False)]
    in_process.bid(auction, alice, "35.00")
    in_process.bid(auction, bob, "40.00")
    run_notifier(in_process, auction)
    assert unread(in_process, alice) == [(CHANGED, 6, "40.00", False)], "not told as outbid"


WRITING = ("notifications", "auction_id")


def stuck_at(in_process: InProcessPortal, stream: Stream) -> dict[str, Any] | None:
    """What `manage.py status` says of the stream."""
    shown = [row for row in read_health().stuck_streams or [] if row["stream_id"] == stream.id]
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
            work(UNNOTIFIED, broken)
        work(UNNOTIFIED, whole)
        stuck = stuck_at(in_process, broken)
        assert stuck
        assert (stuck["reader"], stuck["version"]) == ("notifications", 3)
        assert stuck["attempts"] == 1, "it rests"
        assert "planted" in stuck["error"]
        assert stuck_at(in_process, whole) is None
        in_process.wait_for_the_order()
        assert broken not in streams_behind(in_process.pool), "it rests"
    assert [notice[1:] for notice in notifications_of(in_process, alice)] == [(3, "20.00", False)]
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE stuck_streams SET retry_after = clock_timestamp() WHERE stream_id = %s",
            (broken.id,),
        )
    work(UNNOTIFIED, broken)
    assert stuck_at(in_process, broken) is None
    assert [notice[1:] for notice in notifications_of(in_process, alice)] == [
        (3, "20.00", False)
    ] * 2


def test_of_auctions_notified_together_a_fault_stops_its_own_alone(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    auctions = [in_process.auction() for _ in range(5)]
    for auction in auctions:
        in_process.bid(auction, alice, "10.00")
        in_process.bid(auction, bob, "20.00")
    with faults(in_process, auctions[2], "22003", where=WRITING):
        done = notify_together([auction.id for auction in auctions], in_process.pool)
    assert [(poison.stream, poison.version) for poison in done.stopped] == [(auctions[2], 3)]
    whole = {auction.id for auction in auctions if auction != auctions[2]}
    assert done.users == {id: {alice} for id in whole}
    assert (done.resting, done.unfinished) == ({}, [])
    again = notify_together([auction.id for auction in auctions], in_process.pool)
    assert again.users == {auctions[2].id: {alice}}
    assert [notice[:3] for notice in notifications_of(in_process, alice)] == [
        (OUTBID, 3, "20.00")
    ] * 5


def test_a_long_absence_is_made_up_for_in_several_runs(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    quiet = in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.double(auction)
    for amount in range(30, 35):
        in_process.bid(auction, bob, f"{amount}.00")
    in_process.bid(quiet, alice, "10.00")
    monkeypatch.setattr(notifier, "MOST_EVENTS", 3)
    waiting = [auction.id, quiet.id]
    runs = []
    while waiting:
        runs.append(notify_together(waiting, in_process.pool))
        waiting = runs[-1].unfinished
    assert 3 <= len(runs) <= 5
    # Not OUTBID: who led in between is not known any more.
    assert notifications_of(in_process, alice) == [
        (DOUBLED, 3, "20.00", False),
        (CHANGED, 8, "34.00", False),
    ]
    assert notify(auction.id, in_process.pool) == Notified()


def test_after_a_long_absence_nobody_is_told_of_what_they_did_themselves(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, carol = (in_process.user() for _ in range(3))
    auction = in_process.auction()
    taken_back = in_process.bid(auction, alice, "50.00")
    run_notifier(in_process, auction)
    in_process.delete(auction, alice, taken_back)
    in_process.bid(auction, alice, "1.00")
    in_process.bid(auction, bob, "10.00")
    for amount in range(2, 6):
        in_process.bid(auction, carol, f"{amount}.00")
    monkeypatch.setattr(notifier, "MOST_EVENTS", 3)
    told = set[UUID]()
    for _ in range(3):
        told |= run_notifier(in_process, auction).users
    assert told == {alice, carol}
    assert notifications_of(in_process, bob) == [], "the bid that leads is his own"
    assert notifications_of(in_process, alice) == [(CHANGED, 9, "10.00", False)], "not outbid"
    assert notifications_of(in_process, carol) == [(CHANGED, 9, "10.00", False)]


def test_auctions_that_were_just_told_of_come_back_with_one_task(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    auctions = [in_process.auction() for _ in range(3)]
    for auction in auctions:
        in_process.bid(auction, alice, "10.00")
        work(UNNOTIFIED, auction)
        in_process.bid(auction, bob, "20.00")
        work(UNNOTIFIED, auction)
    assert notifications_of(in_process, alice) == [], "too soon"
    time.sleep(AT_MOST_EVERY.total_seconds())
    come_back()
    come_back()
    notify_streams(UNNOTIFIED.name, "0")
    assert [notice[:3] for notice in notifications_of(in_process, alice)] == [
        (OUTBID, 3, "20.00")
    ] * 3


# Entries of indexes that this transaction has read so far, and rows of scans.
READ = """
SELECT (SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))
        FROM pg_index WHERE indrelid = 'bids'::regclass)
       + pg_stat_get_xact_tuples_returned('bids'::regclass) AS entries
"""


def test_the_bidders_of_a_long_auction_are_found_without_reading_its_bids(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    notice = Notice(CHANGED, 2, Decimal("10.00"), to=frozenset({alice}))
    with in_process.pool.connection() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO bids (id, auction_id, bidder_id, amount, effective_amount, placed_at,"
            " placed_version, reached_version, doubled, deleted)"
            " SELECT gen_random_uuid(), %s, %s, n, n, now(), n, n, false, false"
            " FROM generate_series(3, 30000) AS n",
            (auction.id, alice),
        )
        connection.execute("ANALYZE bids")
        states = current_states(connection, [auction.id])
        before = connection.execute(READ).fetchone()
        assert bidders_after(connection, {auction.id: FIRST}, 10) == {auction.id: [alice]}
        assert len(write_notices(connection, [(auction.id, notice)], states)) == 1
        after = connection.execute(READ).fetchone()
    assert before
    assert after
    assert after["entries"] - before["entries"] < 20


def test_a_fault_in_writing_that_passes_is_tried_again(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    with (
        faults(in_process, auction, "40P01", times=1, where=WRITING),
        pytest.raises(DeadlockDetected),
    ):
        # Without a worker, what would have been tried again is raised.
        notify_streams(*put(UNNOTIFIED, auction))
    assert stuck_at(in_process, auction) is None
    work(UNNOTIFIED, auction)
    assert [notice[1:] for notice in notifications_of(in_process, alice)] == [(3, "20.00", False)]


def test_deleting_a_user_ends_all(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction()
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(DOUBLED, NotificationChannel.EMAIL, True)])
    in_process.bid(auction, alice, "10.00")
    in_process.bid(auction, bob, "20.00")
    run_notifier(in_process, auction)
    assert notifications_of(in_process, alice)
    in_process.settled(Stream("user", alice), DeleteUser(alice))
    with in_process.pool.connection() as connection:
        forget_deleted(connection, [alice])
        left = connection.execute(
            "SELECT (SELECT count(*) FROM notifications WHERE user_id = %(u)s) "
            "+ (SELECT count(*) FROM notification_preferences WHERE user_id = %(u)s) AS n",
            {"u": alice},
        ).fetchone()
        choose(connection, alice, [Choice(WON, NotificationChannel.EMAIL, False)])
    assert left == {"n": 0}
    in_process.bid(auction, bob, "30.00")
    assert run_notifier(in_process, auction).users == set()
