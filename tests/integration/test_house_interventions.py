"""What the house does to an auction, beside the schedules that close auctions and draw in them."""

from commands.domain.commands import CancelAuction, CloseAuctionNow, DeleteUser, DoubleBid
from commands.domain.events import AuctionCancelled, WinnerAnnounced
from commands.domain.rejections import RejectionCode
from commands.inbox import closing
from commands.inbox.submitting import redrive
from commands.promoter import rounds
from commands.streams import Stream
from notifications.outgoing import send_due
from projections.wiring import catch_up
from tests.integration.in_process import InProcessPortal
from tests.integration.mailbox import Mailbox
from tests.integration.mails import ALICE
from tests.integration.notifying import run_notifier
from tests.integration.test_promoting import MINUTE, NOW, events_of, problems

FLOOD = "A flood in the hall."


def cancel(auction: Stream) -> CancelAuction:
    return CancelAuction(auction.id, FLOOD, None)


def asked_to_close(in_process: InProcessPortal) -> set[Stream]:
    """The auctions that the schedule has closed now."""
    return {job.stream for jobs in closing.announce_winners(in_process.pool) for job in jobs}


def test_schedules_leave_a_cancelled_auction_alone(in_process: InProcessPortal) -> None:
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    auction, other = in_process.auction(seconds=1), in_process.auction(seconds=1)
    for stream in (auction, other):
        in_process.bid(stream, in_process.user(), "5.00")
    assert in_process.settled(auction, cancel(auction)).version == 3
    rounds.commit(in_process.pool)
    _, draws = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    assert {job.stream for job in draws} == {other}
    in_process.drain(other)
    in_process.over(other)
    asked = asked_to_close(in_process)
    assert (auction in asked, other in asked) == (False, True)
    assert isinstance(events_of(in_process, auction.id)[-1].event, AuctionCancelled)
    in_process.give_up_open_tick()


def test_a_draw_behind_a_cancellation_is_rejected_and_not_missed(
    in_process: InProcessPortal,
) -> None:
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    in_process.accept(auction, cancel(auction))
    rounds.commit(in_process.pool)
    number, [draw] = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    in_process.drain(auction)
    rejection = in_process.job(draw.id).rejection
    assert rejection is not None
    assert rejection.code is RejectionCode.AUCTION_CANCELLED
    assert number in rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []
    in_process.give_up_open_tick()


def test_a_draw_before_a_cancellation_is_made_and_a_bid_behind_it_rejected(
    in_process: InProcessPortal,
) -> None:
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    rounds.commit(in_process.pool)
    number, [draw] = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    assert in_process.settled(auction, cancel(auction)).version == 4
    assert in_process.job(draw.id).version == 3
    late = in_process.settled(auction, DoubleBid(auction.id, (number or 0) + 1, 0))
    assert late.rejection is not None
    assert late.rejection.code is RejectionCode.AUCTION_CANCELLED
    assert number in rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []
    in_process.give_up_open_tick()


def test_a_cancellation_is_mailed_with_its_reason(
    in_process: InProcessPortal, mailbox: Mailbox
) -> None:
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(email=ALICE), "5.00")
    in_process.settled(auction, cancel(auction))
    run_notifier(in_process, auction)
    send_due(in_process.pool)
    [sent] = mailbox.mails
    assert sent["Subject"].strip() == "The house cancelled “A clock”, and nobody wins."
    [text, _] = sent.iter_parts()
    assert f"The house cancelled “A clock”, and nobody wins: {FLOOD}" in text.get_content()


def close(auction: Stream) -> CloseAuctionNow:
    return CloseAuctionNow(auction.id, FLOOD, None)


def test_the_schedule_closes_what_was_closed_early_and_ticks_since_then_do_not_draw_there(
    in_process: InProcessPortal,
) -> None:
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    auction, other = in_process.auction(), in_process.auction()
    for stream in (auction, other):
        in_process.bid(stream, in_process.user(), "5.00")
    # Accepted, and not handled yet: the tick takes the auction for an open one.
    in_process.accept(auction, close(auction))
    rounds.commit(in_process.pool)
    number, draws = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    [draw] = [job for job in draws if job.stream == auction]
    for stream in (auction, other):
        in_process.drain(stream)
    rejection = in_process.job(draw.id).rejection
    assert rejection is not None
    assert rejection.code is RejectionCode.NO_BID_TO_DOUBLE
    rounds.commit(in_process.pool)
    _, draws = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    assert auction not in {job.stream for job in draws}, "a later tick knows of its end"
    for job in draws:
        in_process.drain(job.stream)
    assert number in rounds.reveal_secrets(in_process.pool)
    asked = asked_to_close(in_process)
    assert (auction in asked, other in asked) == (True, False)
    in_process.drain(auction)
    history = [type(item.event).__name__ for item in events_of(in_process, auction.id)]
    assert history == ["AuctionCreated", "BidPlaced", "AuctionClosedEarly", "WinnerAnnounced"]
    catch_up(auction)
    assert problems(in_process, auction) == []
    in_process.give_up_open_tick()


def test_a_tick_before_an_early_close_draws_there_and_is_missed_if_it_does_not(
    in_process: InProcessPortal,
) -> None:
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    auction = in_process.auction()
    in_process.bid(auction, in_process.user(), "5.00")
    rounds.commit(in_process.pool)
    number, _ = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    in_process.settled(auction, close(auction))
    asked_to_close(in_process)
    in_process.drain(auction)
    history = [type(item.event).__name__ for item in events_of(in_process, auction.id)]
    assert history == [
        "AuctionCreated", "BidPlaced", "BidDoubled", "AuctionClosedEarly", "WinnerAnnounced",
    ]  # fmt: skip
    assert number in rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []
    in_process.give_up_open_tick()


def test_a_failed_early_close_is_not_done_later(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    job = in_process.accept(auction, close(auction))
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET status = 'FAILED', settled_at = clock_timestamp() WHERE id = %s",
            (job.id,),
        )
    in_process.bid(auction, in_process.user(), "5.00")
    assert redrive(in_process.pool, [job.id]) == []
    in_process.drain(auction)
    assert [item.version for item in events_of(in_process, auction.id)] == [1, 2]
    assert in_process.settled(auction, close(auction)).version == 3


def test_a_user_deleted_after_an_early_close_keeps_their_bid_and_one_before_does_not(
    in_process: InProcessPortal,
) -> None:
    before, after = in_process.user(), in_process.user()
    auction = in_process.auction()
    in_process.bid(auction, before, "9.00")
    in_process.bid(auction, after, "5.00")
    deletion = in_process.accept(Stream("user", before), DeleteUser(before))
    in_process.settled(auction, close(auction))
    in_process.settled(Stream("user", after), DeleteUser(after))
    in_process.drain(auction)
    assert asked_to_close(in_process).isdisjoint({auction}), "a deletion from before it is to come"
    in_process.drain(deletion.stream)
    in_process.drain(auction)
    assert auction in asked_to_close(in_process)
    in_process.drain(auction)
    won = events_of(in_process, auction.id)[-1].event
    assert isinstance(won, WinnerAnnounced)
    assert won.bidder_id == after
    catch_up(auction)
    assert problems(in_process, auction) == []
