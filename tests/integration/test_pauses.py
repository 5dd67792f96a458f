"""Time stands still in a paused auction, for the schedules that close auctions and draw in them, and for those that tell of it."""

from collections.abc import Iterator

import pytest

from commands.domain.commands import (
    CancelAuction,
    CloseAuctionNow,
    DeleteUser,
    PauseAuction,
    ResumeAuction,
)
from commands.domain.events import AuctionResumed, NothingDrawn, WinnerAnnounced
from commands.domain.rejections import RejectionCode
from commands.inbox import closing
from commands.inbox.submitting import redrive
from commands.jobs import Job
from commands.postgres.auctions import read_auction
from commands.postgres.connections import new_async_pool
from commands.postgres.jobs import PostgresJobInbox
from commands.promoter import rounds
from commands.streams import Stream
from notifications.endings import BEFORE, tell_of_endings
from notifications.outgoing import send_due
from notifications.postgres.watches import watch
from projections.wiring import catch_up
from tests.integration.in_process import InProcessPortal
from tests.integration.mailbox import Mailbox
from tests.integration.mails import ALICE
from tests.integration.notifying import notifications_of, run_notifier
from tests.integration.test_promoting import MINUTE, NOW, events_of, problems

FLOOD, DRY = "A flood in the hall.", "It is dry again."


@pytest.fixture(autouse=True)
def quiet(in_process: InProcessPortal) -> Iterator[None]:
    """No other auction is open, and no tick is committed to."""
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    yield
    in_process.give_up_open_tick()


def pause(auction: Stream) -> PauseAuction:
    return PauseAuction(auction.id, FLOOD, None)


def resume(auction: Stream) -> ResumeAuction:
    return ResumeAuction(auction.id, DRY, None)


def tick(in_process: InProcessPortal) -> tuple[int | None, set[Stream]]:
    """A tick's number, and the auctions in which it is to draw; its cut-off is now."""
    in_process.give_up_open_tick()
    rounds.commit(in_process.pool)
    number, draws = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    return number, {job.stream for job in draws}


def draws_of(in_process: InProcessPortal, number: int | None) -> list[Job]:
    """The tick's draws, once all are accepted."""
    assert number
    rounds.accept_all_draws(in_process.pool)
    with in_process.pool.connection() as connection:
        return PostgresJobInbox(connection).draws_of(number)


def asked_to_close(in_process: InProcessPortal) -> set[Stream]:
    """The auctions that the schedule has closed now."""
    return {job.stream for jobs in closing.announce_winners(in_process.pool) for job in jobs}


def kinds(in_process: InProcessPortal, auction: Stream) -> list[str]:
    return [type(item.event).__name__ for item in events_of(in_process, auction.id)]


def test_a_paused_auction_is_not_closed_though_its_end_passes_and_is_once_it_went_on(
    in_process: InProcessPortal,
) -> None:
    auction, other = in_process.auction(seconds=2), in_process.auction(seconds=2)
    in_process.bid(auction, in_process.user(), "5.00")
    assert in_process.settled(auction, pause(auction)).version == 3
    in_process.over(auction)
    in_process.over(other)
    assert asked_to_close(in_process) == {other}
    in_process.drain(other)
    assert in_process.settled(auction, resume(auction)).version == 4
    resumed = events_of(in_process, auction.id)[-1].event
    assert isinstance(resumed, AuctionResumed)
    assert resumed.ends_at > resumed.resumed_at
    in_process.over(auction)
    assert asked_to_close(in_process) == {auction}
    in_process.drain(auction)
    assert kinds(in_process, auction)[-1] == "WinnerAnnounced"
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_close_that_waits_behind_a_pause_is_rejected(in_process: InProcessPortal) -> None:
    auction = in_process.auction(seconds=1)
    paused = in_process.accept(auction, pause(auction))
    in_process.over(auction)
    assert asked_to_close(in_process) == {auction}, "the pause is not decided yet"
    in_process.drain(auction)
    assert in_process.job(paused.id).version == 2
    assert kinds(in_process, auction) == ["AuctionCreated", "AuctionPaused"]
    assert asked_to_close(in_process) == set()


def test_a_tick_whose_cut_off_lies_in_a_pause_draws_nothing_there(
    in_process: InProcessPortal,
) -> None:
    auction, other = in_process.auction(), in_process.auction()
    for stream in (auction, other):
        in_process.bid(stream, in_process.user(), "5.00")
    in_process.settled(auction, pause(auction))
    rounds.commit(in_process.pool)
    number = rounds.tick(in_process.pool, NOW, MINUTE)
    # Gone on since, and yet the tick's cut-off stays in the pause.
    in_process.settled(auction, resume(auction))
    drawn = {job.stream for job in draws_of(in_process, number)}
    assert drawn == {other}
    in_process.drain(other)
    after, drawn = tick(in_process)
    assert drawn == {auction}, "the other's only bid is doubled"
    in_process.drain(auction)
    assert kinds(in_process, auction)[2:] == ["AuctionPaused", "AuctionResumed", "BidDoubled"]
    assert {number, after} <= set(rounds.reveal_secrets(in_process.pool))
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_no_tick_comes_while_all_auctions_are_paused(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    in_process.settled(auction, pause(auction))
    assert tick(in_process) == (None, set())


def test_a_draw_behind_a_pause_that_waited_at_the_tick_is_rejected_and_not_missed(
    in_process: InProcessPortal,
) -> None:
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    in_process.accept(auction, pause(auction))
    number, drawn = tick(in_process)
    assert drawn == {auction}
    in_process.drain(auction)
    assert kinds(in_process, auction) == ["AuctionCreated", "BidPlaced", "AuctionPaused"]
    in_process.settled(auction, resume(auction))
    assert number in rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_tick_draws_where_a_resumption_waits_that_was_accepted_before_its_cut_off(
    in_process: InProcessPortal,
) -> None:
    auction, other = in_process.auction(), in_process.auction()
    for stream in (auction, other):
        in_process.bid(stream, in_process.user(), "5.00")
    in_process.settled(auction, pause(auction))
    in_process.accept(auction, resume(auction))
    number, drawn = tick(in_process)
    assert drawn == {auction, other}
    for stream in drawn:
        in_process.drain(stream)
    assert kinds(in_process, auction)[-1] == "BidDoubled"
    assert number in rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_pause_after_a_cut_off_does_not_keep_the_draw_back(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    rounds.commit(in_process.pool)
    number = rounds.tick(in_process.pool, NOW, MINUTE)
    in_process.settled(auction, pause(auction))
    rounds.accept_all_draws(in_process.pool)
    in_process.drain(auction)
    assert kinds(in_process, auction)[2:] == ["AuctionPaused", "BidDoubled"]
    assert number in rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []
    assert not any(
        isinstance(each.event, NothingDrawn) for each in events_of(in_process, auction.id)
    )


def test_a_user_deleted_in_a_pause_loses_their_bids_though_the_end_had_passed(
    in_process: InProcessPortal,
) -> None:
    leaving, staying = in_process.user(), in_process.user()
    auction = in_process.auction(seconds=2)
    in_process.bid(auction, leaving, "9.00")
    in_process.bid(auction, staying, "5.00")
    in_process.settled(auction, pause(auction))
    in_process.over(auction)
    in_process.settled(Stream("user", leaving), DeleteUser(leaving))
    in_process.drain(auction)
    assert kinds(in_process, auction)[-1] == "BidDeleted"
    in_process.settled(auction, CloseAuctionNow(auction.id, FLOOD, None))
    assert asked_to_close(in_process) == {auction}
    in_process.drain(auction)
    won = events_of(in_process, auction.id)[-1].event
    assert isinstance(won, WinnerAnnounced)
    assert won.bidder_id == staying
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_paused_auction_can_be_cancelled(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    in_process.settled(auction, pause(auction))
    in_process.settled(auction, CancelAuction(auction.id, FLOOD, None))
    assert kinds(in_process, auction)[-1] == "AuctionCancelled"
    refused = in_process.settled(auction, resume(auction)).rejection
    assert refused
    assert refused.code is RejectionCode.AUCTION_CANCELLED
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_failed_pause_or_resumption_is_not_done_later(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    failed = [in_process.accept(auction, each(auction)) for each in (pause, resume)]
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET status = 'FAILED', settled_at = clock_timestamp() WHERE id = ANY(%s)",
            ([job.id for job in failed],),
        )
    assert redrive(in_process.pool, [job.id for job in failed]) == []
    with in_process.pool.connection() as connection:
        found = read_auction(connection, auction.id)
    assert found
    assert not found.paused


async def watches(in_process: InProcessPortal, user_id: object, auction: Stream) -> bool:
    pool = new_async_pool()
    await pool.open()
    try:
        return await watch(pool, user_id, auction.id)  # type: ignore[arg-type]  # a user's id
    finally:
        await pool.close()


async def test_who_bids_or_watches_is_told_once_of_a_pause_and_of_its_end(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    bidder, watcher, both, other = (
        in_process.user(email=ALICE),
        *(in_process.user() for _ in "123"),
    )
    auction = in_process.auction()
    for user, amount in ((bidder, "5.00"), (both, "6.00")):
        in_process.bid(auction, user, amount)
    for user in (watcher, both):
        assert await watches(in_process, user, auction)
    for command in (pause, resume):
        in_process.settled(auction, command(auction))
    run_notifier(in_process, auction)
    run_notifier(in_process, auction)
    of_pauses = ["AUCTION_PAUSED", "AUCTION_RESUMED"]
    for user in (bidder, watcher, both):
        told = [kind for kind, *_ in notifications_of(in_process, user)]
        assert [kind for kind in told if kind in of_pauses] == of_pauses
    assert notifications_of(in_process, watcher) == [
        ("AUCTION_PAUSED", 4, "None", False),
        ("AUCTION_RESUMED", 5, "None", False),
    ]
    assert notifications_of(in_process, other) == []
    send_due(in_process.pool)
    subjects = [mail["Subject"].strip() for mail in mailbox.mails]
    assert "The house paused “A clock”, and time stands still in it." in subjects
    texts = [next(mail.iter_parts()).get_content() for mail in mailbox.mails]
    assert any(FLOOD in text for text in texts)
    assert any(DRY in text for text in texts)


async def test_no_end_is_near_in_a_pause_and_a_paused_auction_can_be_watched(
    in_process: InProcessPortal,
) -> None:
    soon, passed = in_process.auction(BEFORE.total_seconds() - 60), in_process.auction(seconds=1)
    watcher = in_process.user()
    assert await watches(in_process, watcher, soon)
    for auction in (soon, passed):
        in_process.settled(auction, pause(auction))
    in_process.over(passed)
    assert await watches(in_process, watcher, passed)
    assert tell_of_endings(in_process.pool).users == {}
    in_process.settled(soon, resume(soon))
    assert tell_of_endings(in_process.pool).users == {soon.id: {watcher}}
