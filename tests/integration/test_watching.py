"""Who watches an auction is told once that it ends soon, however many tell and whoever dies."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from commands.domain.commands import AnnounceWinner, DeleteUser
from commands.domain.rules.soft_close import SoftClose
from commands.ids import new_id
from commands.postgres.connections import Pool, new_async_pool
from commands.streams import Stream
from notifications.endings import BEFORE, tell_of_endings
from notifications.postgres import watches
from notifications.postgres.notifications import forget_deleted
from notifications.postgres.preferences import Choice, choose
from notifications.postgres.watches import unwatch, watch, watched
from notifications.preferences import NotificationChannel, NotificationKind
from tests.integration.dying import run_and_die
from tests.integration.in_process import InProcessPortal
from tests.integration.notifying import notifications_of

ENDING = NotificationKind.ENDING_SOON
SOON = BEFORE.total_seconds() - 60
LATER = BEFORE.total_seconds() + 600


@pytest.fixture(autouse=True)
def nothing_else(in_process: InProcessPortal) -> Iterator[None]:
    """No watches of other tests."""
    yield
    with in_process.pool.connection() as connection:
        connection.execute("DELETE FROM watches")


async def watches_now(user_id: UUID, auction: Stream) -> bool:
    """Have the user watch it; whether they do."""
    pool = new_async_pool()
    await pool.open()
    try:
        return await watch(pool, user_id, auction.id)
    finally:
        await pool.close()


def told(in_process: InProcessPortal, user_id: UUID) -> list[tuple[str, str]]:
    """What the user was told of endings, with the amounts."""
    found = notifications_of(in_process, user_id)
    return [(kind, amount) for kind, _, amount, _ in found if kind == ENDING]


def tell_all(pool: Pool, at_once: int = 500) -> int:
    """As the task does; how many users were told."""
    count, more = 0, True
    while more:
        done = tell_of_endings(pool, at_once)
        count += sum(map(len, done.users.values()))
        more = done.more
    return count


async def test_each_watcher_is_told_once_with_what_the_highest_bid_is(
    in_process: InProcessPortal,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    with_bid, without, later = (in_process.auction(s) for s in (SOON, SOON, LATER))
    in_process.bid(with_bid, in_process.user(), "12.00")
    for auction in (with_bid, without, later):
        assert await watches_now(alice, auction)
    assert await watches_now(bob, with_bid)
    assert tell_all(in_process.pool, at_once=2) == 3
    assert sorted(told(in_process, alice)) == [(ENDING, "12.00"), (ENDING, "None")]
    assert told(in_process, bob) == [(ENDING, "12.00")]
    assert tell_all(in_process.pool) == 0


async def test_several_who_tell_at_once_tell_each_once(in_process: InProcessPortal) -> None:
    users = [in_process.user() for _ in range(12)]
    auction = in_process.auction(SOON)
    for user in users:
        await watches_now(user, auction)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: tell_all(in_process.pool, at_once=3), range(4)))
    # Whoever was passed over because another had them is told by whoever comes next.
    tell_all(in_process.pool)
    assert [told(in_process, user) for user in users] == [[(ENDING, "None")]] * 12


@pytest.mark.parametrize("where", ["write_notices", "mark_told"])
async def test_who_dies_before_the_end_of_it_has_told_nobody_and_the_next_tells_all(
    in_process: InProcessPortal, where: str
) -> None:
    alice, auction = in_process.user(), in_process.auction(SOON)
    await watches_now(alice, auction)
    run_and_die("after", f"notifications.endings:{where}", "notifications.tell_of_endings")
    assert told(in_process, alice) == []
    assert tell_all(in_process.pool) == 1
    assert told(in_process, alice) == [(ENDING, "None")]


async def test_the_end_that_a_bid_has_moved_counts_and_nobody_is_told_again(
    in_process: InProcessPortal,
) -> None:
    window = int(LATER)
    rules = (SoftClose(window, window, times=2),)
    alice, bob = in_process.user(), in_process.user()
    moved, told_before = in_process.auction(SOON, rules), in_process.auction(SOON, rules)
    await watches_now(alice, moved)
    await watches_now(bob, told_before)
    in_process.bid(moved, in_process.user(), "1.00")
    assert tell_all(in_process.pool) == 1
    assert told(in_process, alice) == []
    in_process.bid(told_before, in_process.user(), "1.00")
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE auctions SET ends_at = now() + %s WHERE id = ANY(%s)",
            (timedelta(seconds=SOON), [moved.id, told_before.id]),
        )
    assert tell_all(in_process.pool) == 1
    assert told(in_process, alice) == [(ENDING, "1.00")]
    assert told(in_process, bob) == [(ENDING, "None")]


async def test_who_watches_anew_is_not_told_again_and_who_stopped_is_not_told(
    in_process: InProcessPortal,
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), in_process.auction(SOON)
    pool = new_async_pool()
    await pool.open()
    for user in (alice, bob):
        assert await watch(pool, user, auction.id)
    await unwatch(pool, bob, auction.id)
    tell_all(in_process.pool)
    await unwatch(pool, alice, auction.id)
    assert await watched(pool, [(alice, auction.id)]) == {}
    assert await watch(pool, alice, auction.id)
    assert await watched(pool, [(alice, auction.id), (bob, auction.id)]) == {
        (alice, auction.id): True
    }
    await pool.close()
    tell_all(in_process.pool)
    assert told(in_process, alice) == [(ENDING, "None")]
    assert told(in_process, bob) == []


async def test_a_choice_against_it_holds(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction(SOON)
    with in_process.pool.connection() as connection:
        choose(connection, alice, [Choice(ENDING, each, False) for each in NotificationChannel])
    await watches_now(alice, auction)
    assert tell_all(in_process.pool) == 0
    assert told(in_process, alice) == []


async def test_what_ended_can_not_be_watched_nor_more_than_the_most(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, over = in_process.user(), in_process.auction(0.05)
    in_process.over(over)
    assert not await watches_now(alice, over)
    in_process.settled(over, AnnounceWinner(over.id))
    assert not await watches_now(alice, over)
    assert not await watches_now(alice, Stream("auction", new_id()))
    monkeypatch.setattr(watches, "MOST_WATCHED", 1)
    one, other = in_process.auction(), in_process.auction()
    assert await watches_now(alice, one)
    assert await watches_now(alice, one)
    assert not await watches_now(alice, other)


async def test_a_deleted_user_watches_nothing(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), in_process.auction(SOON)
    await watches_now(alice, auction)
    in_process.settled(Stream("user", alice), DeleteUser(alice))
    assert not await watches_now(alice, in_process.auction())
    tell_all(in_process.pool)
    with in_process.pool.connection() as connection:
        forget_deleted(connection, [alice])
        rows = connection.execute("SELECT FROM watches WHERE user_id = %s", (alice,))
        assert rows.rowcount == 0
    assert told(in_process, alice) == []
