"""A purchase among ticks, deletions of accounts, and faults."""

from decimal import Decimal

from commands.domain.commands import BuyNow, DeleteUser
from commands.domain.events import WinnerAnnounced
from commands.domain.rejections import RejectionCode
from commands.domain.rules import buy_now
from commands.ids import new_id
from commands.inbox.submitting import redrive
from commands.promoter import rounds
from commands.streams import Stream
from projections.wiring import catch_up
from tests.integration.in_process import InProcessPortal
from tests.integration.test_house_interventions import asked_to_close
from tests.integration.test_promoting import MINUTE, NOW, events_of, problems

RULES = (buy_now.BuyNow(Decimal("50.00"), Decimal("20.00")),)


def test_ticks_after_a_purchase_draw_nothing_there_and_the_schedule_closes_it(
    in_process: InProcessPortal,
) -> None:
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    auction = in_process.auction(rules=RULES)
    in_process.bid(auction, in_process.user(), "5.00")
    # Accepted, and not handled yet: the tick takes the auction for an open one.
    in_process.accept(auction, BuyNow(auction.id, new_id(), in_process.user()))
    rounds.commit(in_process.pool)
    number, draws = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    [draw] = [job for job in draws if job.stream == auction]
    in_process.drain(auction)
    rejection = in_process.job(draw.id).rejection
    assert rejection is not None
    assert rejection.code is RejectionCode.NO_BID_TO_DOUBLE
    assert number in rounds.reveal_secrets(in_process.pool)
    assert auction in asked_to_close(in_process)
    in_process.drain(auction)
    history = [type(item.event).__name__ for item in events_of(in_process, auction.id)]
    assert history == ["AuctionCreated", "BidPlaced", "BidPlaced", "BoughtNow", "WinnerAnnounced"]
    catch_up(auction)
    assert problems(in_process, auction) == []
    in_process.give_up_open_tick()


def test_a_tick_before_a_purchase_may_end_the_offer(in_process: InProcessPortal) -> None:
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    auction = in_process.auction(rules=RULES)
    in_process.bid(auction, in_process.user(), "10.00")
    rounds.commit(in_process.pool)
    number, _ = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    # The draw was accepted first, whenever both are handled.
    job = in_process.settled(auction, BuyNow(auction.id, new_id(), in_process.user()))
    assert job.rejection
    assert job.rejection.code is RejectionCode.NOT_FOR_SALE
    assert number in rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()


def test_a_failed_purchase_is_not_made_later(in_process: InProcessPortal) -> None:
    auction, buyer = in_process.auction(rules=RULES), in_process.user()
    job = in_process.accept(auction, BuyNow(auction.id, new_id(), buyer))
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET status = 'FAILED', settled_at = clock_timestamp() WHERE id = %s",
            (job.id,),
        )
    in_process.bid(auction, in_process.user(), "5.00")
    assert redrive(in_process.pool, [job.id]) == []
    in_process.drain(auction)
    assert [item.version for item in events_of(in_process, auction.id)] == [1, 2]


def test_a_buyer_deleted_before_the_purchase_is_handled_does_not_buy(
    in_process: InProcessPortal,
) -> None:
    auction, buyer = in_process.auction(rules=RULES), in_process.user()
    in_process.settled(Stream("user", buyer), DeleteUser(buyer))
    job = in_process.settled(auction, BuyNow(auction.id, new_id(), buyer))
    assert job.rejection
    assert job.rejection.code is RejectionCode.USER_NOT_FOUND


def test_a_buyer_deleted_after_the_purchase_keeps_it_and_one_deleted_before_is_withdrawn(
    in_process: InProcessPortal,
) -> None:
    other, buyer = in_process.user(), in_process.user()
    auction = in_process.auction(rules=RULES)
    in_process.bid(auction, other, "5.00")
    deletion = in_process.accept(Stream("user", other), DeleteUser(other))
    in_process.settled(auction, BuyNow(auction.id, new_id(), buyer))
    in_process.settled(Stream("user", buyer), DeleteUser(buyer))
    in_process.drain(auction)
    assert auction not in asked_to_close(in_process), "a deletion from before it is to come"
    in_process.drain(deletion.stream)
    in_process.drain(auction)
    assert auction in asked_to_close(in_process)
    in_process.drain(auction)
    history = events_of(in_process, auction.id)
    won = history[-1].event
    assert isinstance(won, WinnerAnnounced)
    assert won.bidder_id == buyer
    assert [type(item.event).__name__ for item in history][-2] == "BidDeleted"
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_purchase_waits_for_the_deletion_of_its_buyer_that_was_accepted_before(
    in_process: InProcessPortal,
) -> None:
    in_process.close_auctions()
    auction, buyer = in_process.auction(1, RULES), in_process.user()
    deletion = in_process.accept(Stream("user", buyer), DeleteUser(buyer))
    purchase = in_process.accept(auction, BuyNow(auction.id, new_id(), buyer))
    in_process.over(auction)
    assert auction not in asked_to_close(in_process), "the purchase may still be of a user"
    in_process.drain(auction)
    assert in_process.job(purchase.id).rejection is None
    in_process.drain(deletion.stream)
    in_process.drain(auction)
    assert auction in asked_to_close(in_process)
    in_process.drain(auction)
    last = [type(item.event).__name__ for item in events_of(in_process, auction.id)][-2:]
    assert last == ["BidDeleted", "AuctionEndedUnsold"]
