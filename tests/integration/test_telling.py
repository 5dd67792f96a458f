"""Each run of the notifier is bounded: in bidders, and in what one auction may hold up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
from psycopg.rows import DictRow

from commands.domain.commands import AnnounceWinner, CancelAuction
from commands.ids import new_id
from commands.postgres.connections import SyncConnection
from commands.streams import Stream
from notifications import news, notifier
from notifications.notices import Notice
from notifications.notifier import NotifiedTogether, notify_together, streams_behind
from notifications.postgres.notifications import write_notices
from notifications.postgres.preferences import Choice, choose
from notifications.postgres.progress import current_states
from notifications.preferences import NotificationChannel, NotificationKind
from notifications.tasks import UNNOTIFIED
from projections.upkeep import stuck
from tests.integration.faults import faults
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.notifying import notifications_of, run_notifier
from tests.integration.working import on_list, work

WON, LOST, OUTBID, CHANGED, DOUBLED, _, _, CANCELLED, *_others = NotificationKind
WRITING = ("notifications", "auction_id")
TIMED_OUT = "57014"


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bidders in a run."""
    monkeypatch.setattr(news, "MOST_TOLD", 2)
    monkeypatch.setattr(news, "OF_EACH", 2)


def runs(in_process: InProcessPortal, auction: Stream) -> list[NotifiedTogether]:
    """One run after the other, each by a new task, until none is left."""
    done = [notify_together([auction.id], in_process.pool)]
    while done[-1].unfinished:
        done.append(notify_together([auction.id], in_process.pool))
    return done


def test_all_bidders_are_told_of_a_cancellation_once_each_some_at_a_time(
    in_process: InProcessPortal,
) -> None:
    bidders = [in_process.user() for _ in range(5)]
    auction = in_process.auction()
    for amount, bidder in enumerate(bidders, 1):
        in_process.bid(auction, bidder, f"{amount}.00")
    in_process.settled(auction, CancelAuction(auction.id, "A flood", None))
    assert len(runs(in_process, auction)) > 2
    for bidder in bidders:
        told = [each for each in notifications_of(in_process, bidder) if each[0] == CANCELLED]
        assert told == [(CANCELLED, 7, "None", False)]


def test_all_bidders_are_told_of_an_end_once_each_some_at_a_time(
    in_process: InProcessPortal,
) -> None:
    bidders = [in_process.user() for _ in range(7)]
    auction = in_process.auction(seconds=0.05)
    in_time = in_process.over(auction) - SHORTLY
    for amount, bidder in enumerate(bidders, 1):
        in_process.bid(auction, bidder, f"{amount}.00", at=in_time)
    in_process.settled(auction, AnnounceWinner(auction.id))
    done = runs(in_process, auction)
    assert [len(each.users[auction.id]) for each in done[1:-1]] == [2] * (len(done) - 2)
    assert len(done) == 4
    for bidder in bidders:
        heard = [kind for kind, *_ in notifications_of(in_process, bidder)]
        assert heard.count(WON if bidder == bidders[-1] else LOST) == 1
    assert runs(in_process, auction)[0].users == {}


def test_until_all_are_told_the_auction_is_behind_and_nothing_new_is_told(
    in_process: InProcessPortal,
) -> None:
    lowest, *others = sorted(in_process.user() for _ in range(5))
    auction = in_process.auction()
    for bidder, amount in zip(others, ("4.00", "3.00", "2.00", "1.00"), strict=True):
        in_process.bid(auction, bidder, amount)
    first = notify_together([auction.id], in_process.pool)
    assert first.users == {auction.id: {others[1]}}, "the first caused it"
    assert first.unfinished == [auction.id]
    in_process.wait_for_the_order()
    assert auction in streams_behind(in_process.pool), "whoever had it may have died"
    in_process.bid(auction, lowest, "9.00")
    second = notify_together([auction.id], in_process.pool)
    assert second.users == {auction.id: set(others[2:])}
    assert notifications_of(in_process, others[2]) == [(CHANGED, 2, "4.00", False)]
    in_process.wait_for_the_order()
    while auction in streams_behind(in_process.pool):
        run_notifier(in_process, auction)
    assert [notifications_of(in_process, each)[-1][2] for each in others] == ["9.00"] * 4


@pytest.mark.parametrize("outbid_too", [True, False])
def test_who_was_outbid_is_not_told_a_second_time_by_a_later_page(
    in_process: InProcessPortal, outbid_too: bool
) -> None:
    *others, alice = sorted(in_process.user() for _ in range(5))
    auction = in_process.auction()
    in_process.bid(auction, alice, "5.00")
    if not outbid_too:
        with in_process.pool.connection() as connection:
            off = [Choice(OUTBID, channel, False) for channel in NotificationChannel]
            choose(connection, alice, off)
    for amount, bidder in enumerate(others, 6):
        in_process.bid(auction, bidder, f"{amount}.00")
    first = notify_together([auction.id], in_process.pool)
    assert alice in first.users[auction.id]
    mark_read(in_process, alice)
    assert runs(in_process, auction)[-1].users.get(auction.id, set()) <= set(others)
    told = OUTBID if outbid_too else CHANGED
    assert notifications_of(in_process, alice) == [(told, 6, "9.00", True)]


def mark_read(in_process: InProcessPortal, user_id: UUID) -> None:
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE notifications SET read_at = clock_timestamp() WHERE user_id = %s", (user_id,)
        )


def test_a_run_that_died_after_a_page_is_made_up_for(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    bidders = [in_process.user() for _ in range(5)]
    auction = in_process.auction()
    for amount, bidder in enumerate(bidders, 1):
        in_process.bid(auction, bidder, f"{amount}.00")
    monkeypatch.setattr(notifier, "advance", _die)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            notify_together([auction.id], in_process.pool)
    assert [notifications_of(in_process, each) for each in bidders] == [[]] * 5
    monkeypatch.undo()
    runs(in_process, auction)
    assert [len(notifications_of(in_process, each)) for each in bidders] == [1, 1, 1, 1, 0]


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_of_auctions_notified_together_one_that_takes_too_long_stops_alone(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    auctions = [in_process.auction() for _ in range(3)]
    for auction in auctions:
        in_process.bid(auction, alice, "10.00")
        in_process.bid(auction, bob, "20.00")
    slow = auctions[1]
    with faults(in_process, slow, TIMED_OUT, where=WRITING):
        work(UNNOTIFIED, *auctions)
        assert on_list(UNNOTIFIED) == set(), "nothing is tried for ever"
        assert stuck.is_paused(in_process.pool, "notifications", slow), "it rests, visibly"
        assert len(notifications_of(in_process, alice)) == 2
    due_now(in_process, slow)
    work(UNNOTIFIED, slow)
    assert len(notifications_of(in_process, alice)) == 3
    assert stuck.is_paused(in_process.pool, "notifications", slow) is None


def test_a_page_that_can_not_be_written_stops_the_auction_until_it_can(
    in_process: InProcessPortal,
) -> None:
    bidders = sorted(in_process.user() for _ in range(4))
    auction = in_process.auction()
    for bidder, amount in zip(bidders, ("4.00", "3.00", "2.00", "1.00"), strict=True):
        in_process.bid(auction, bidder, amount)
    notify_together([auction.id], in_process.pool)
    with faults(in_process, auction, "22003", where=WRITING):
        work(UNNOTIFIED, auction)
        for _ in range(2):
            assert stuck.is_paused(in_process.pool, "notifications", auction)
            due_now(in_process, auction)
            work(UNNOTIFIED, auction)
    assert stuck.is_paused(in_process.pool, "notifications", auction)
    due_now(in_process, auction)
    work(UNNOTIFIED, auction)
    assert [len(notifications_of(in_process, each)) for each in bidders] == [0, 1, 1, 1]
    assert stuck.is_paused(in_process.pool, "notifications", auction) is None


def due_now(in_process: InProcessPortal, stream: Stream) -> None:
    """The stuck stream's next try is due."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE stuck_streams SET retry_after = clock_timestamp() WHERE stream_id = %s",
            (stream.id,),
        )


def test_auctions_that_there_was_no_time_for_by_themselves_are_unfinished(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = in_process.user(), in_process.user()
    auctions = [in_process.auction() for _ in range(3)]
    for auction in auctions:
        in_process.bid(auction, alice, "10.00")
        in_process.bid(auction, bob, "20.00")
    monkeypatch.setattr(notifier, "ALONE", -1.0)
    ids = [auction.id for auction in auctions]
    with faults(in_process, auctions[0], TIMED_OUT, where=WRITING):
        assert notify_together(ids, in_process.pool).unfinished == ids
    assert set(notify_together(ids, in_process.pool).users) == set(ids)


@dataclass(slots=True)
class Explaining:
    """A connection that has Postgres say what it did for each statement."""

    connection: SyncConnection
    plans: list[dict[str, Any]] = field(default_factory=list)

    def execute(self, statement: str, values: Mapping[str, Any]) -> list[DictRow]:
        """No rows."""
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        row = self.connection.execute(explain, values).fetchone()
        assert row
        self.plans.append(row["QUERY PLAN"][0]["Plan"])
        return []


def compared(plan: dict[str, Any]) -> int:
    """How many pairs of rows a plan's joins looked at in vain."""
    here = plan.get("Rows Removed by Join Filter", 0) * plan["Actual Loops"]
    return int(here) + sum(compared(part) for part in plan.get("Plans", ()))


USERS = """
INSERT INTO users (id, username, email, password, is_staff, version, created_at, email_confirmed_at)
SELECT id, 'f' || right(id::text, 12), 'f' || right(id::text, 12), '!', false, 1, now(), now() FROM unnest(%s::uuid[]) AS id
"""
MAILED = """
INSERT INTO notification_preferences (user_id, kind, channel, enabled)
SELECT id, kind, 'EMAIL', true FROM unnest(%s::uuid[]) AS id, unnest(%s::text[]) AS kind
"""


def test_a_page_takes_as_long_as_it_has_bidders_not_as_its_square(
    in_process: InProcessPortal,
) -> None:
    auction, bidders = in_process.auction(), [new_id() for _ in range(2_000)]
    notices = [
        (auction.id, Notice(kind, 2, Decimal("10.00"), to=frozenset(bidders)))
        for kind in (LOST, CHANGED)
    ]
    with in_process.pool.connection() as connection, connection.transaction(force_rollback=True):
        connection.execute(USERS, (bidders,))
        connection.execute(MAILED, (bidders, [LOST.value, CHANGED.value]))
        states = current_states(connection, [auction.id])
        explaining = Explaining(connection)
        write_notices(cast(SyncConnection, explaining), notices, states)
        written = connection.execute(
            "SELECT count(*) AS n FROM mails WHERE user_id = ANY(%s)", (bidders,)
        )
        assert written.fetchone() == {"n": 4_000}
    assert [compared(plan) < 10_000 for plan in explaining.plans] == [True, True]
