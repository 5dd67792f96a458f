"""Revisions as batches decide them, and what depends on what was revised: rows, documents, draws, schedules, reserves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from commands.domain.commands import (
    AnnounceWinner,
    PauseAuction,
    PlaceBid,
    ResumeAuction,
    ReviseAuction,
)
from commands.domain.events import BidDoubled, ReserveRevealed
from commands.domain.rejections import RejectionCode
from commands.domain.revisions import Revision
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.ids import new_id
from commands.inbox import closing
from commands.inbox.hiding import new_reserve
from commands.inbox.submitting import redrive
from commands.jobs import Job
from commands.postgres.auctions import read_auction
from commands.promoter import rounds
from commands.streams import Stream
from projections.wiring import catch_up, live_documents
from tests.integration.in_process import InProcessPortal
from tests.integration.test_promoting import MINUTE, NOW, events_of, problems
from tests.waiting import wait_until

RULES = (StartingPrice(Decimal("10.00")),)


@pytest.fixture(autouse=True)
def quiet(in_process: InProcessPortal) -> Iterator[None]:
    """No other auction is open, and no tick is committed to."""
    in_process.close_auctions()
    rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    yield
    in_process.give_up_open_tick()


def revise(auction: Stream, **changes: Any) -> ReviseAuction:
    return ReviseAuction(auction.id, Revision(**changes), None)


def place(in_process: InProcessPortal, auction: Stream) -> Job:
    """An accepted bid of 5.00 that is not decided yet."""
    command = PlaceBid(auction.id, new_id(), in_process.user(), Decimal("5.00"))
    return in_process.accept(auction, command)


def code(job: Job) -> RejectionCode | None:
    return job.rejection.code if job.rejection else None


def test_a_revision_is_in_the_row_and_in_the_document(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    later = in_process.now() + timedelta(hours=2)
    changes = Revision("A lantern", "Brass", None, later, RULES)
    assert in_process.settled(auction, ReviseAuction(auction.id, changes, None)).version == 2
    with in_process.pool.connection() as connection:
        row = read_auction(connection, auction.id)
    catch_up(auction)
    document = live_documents().auction(auction.id)
    assert row
    assert document
    for found in (row, document):
        assert (found.title, found.description, found.ends_at, found.rules) == (
            "A lantern", "Brass", later, RULES,
        )  # fmt: skip
    assert (document.first_ends_at, document.version) == (None, 2)
    assert problems(in_process, auction) == []


@pytest.mark.parametrize("deleted", [False, True])
def test_one_bid_that_was_ever_placed_is_enough_for_the_rest_to_stay(
    in_process: InProcessPortal, deleted: bool
) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    bid = in_process.bid(auction, bidder, "5.00")
    if deleted:
        in_process.delete(auction, bidder, bid)
    assert code(in_process.settled(auction, revise(auction, title="A lantern"))) is (
        RejectionCode.AUCTION_HAS_BIDS
    )
    assert in_process.settled(auction, revise(auction, description="Brass")).version
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_the_order_of_acceptance_decides_whether_a_bid_was_first(
    in_process: InProcessPortal,
) -> None:
    auction = in_process.auction()
    low = place(in_process, auction)
    too_late = in_process.accept(auction, revise(auction, rules=RULES))
    in_process.drain(auction)
    assert in_process.job(low.id).version == 2
    assert code(in_process.job(too_late.id)) is RejectionCode.AUCTION_HAS_BIDS
    other = in_process.auction()
    in_time = in_process.accept(other, revise(other, rules=RULES))
    low = place(in_process, other)
    in_process.drain(other)
    assert in_process.job(in_time.id).version == 2
    assert code(in_process.job(low.id)) is RejectionCode.BELOW_STARTING_PRICE


def test_ticks_draw_where_an_auction_is_open_by_what_was_revised(
    in_process: InProcessPortal,
) -> None:
    now = in_process.now()
    auction = in_process.auction(seconds=1)
    in_process.settled(auction, revise(auction, ends_at=now + timedelta(minutes=10)))
    wait_until(lambda: in_process.now() > now + timedelta(seconds=1), 60, "the first end")
    in_process.bid(auction, in_process.user(), "5.00")
    rounds.commit(in_process.pool)
    number, [draw] = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    assert draw.stream == auction
    in_process.drain(auction)
    assert number in rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []
    kinds = [type(item.event).__name__ for item in events_of(in_process, auction.id)]
    assert kinds == ["AuctionCreated", "AuctionRevised", "BidPlaced", "BidDoubled"]


def test_the_schedule_closes_it_at_the_end_that_was_revised(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    in_process.settled(auction, revise(auction, ends_at=in_process.now() + timedelta(seconds=1)))
    in_process.over(auction)
    asked = {job.stream for jobs in closing.announce_winners(in_process.pool) for job in jobs}
    assert asked == {auction}
    in_process.drain(auction)
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_reserve_that_was_revised_decides(in_process: InProcessPortal) -> None:
    auction = in_process.auction(seconds=2)
    for amount in ("500.00", "20.00"):
        with in_process.pool.connection() as connection:
            hidden = new_reserve(connection, Decimal(amount), auction.id)
        assert in_process.settled(auction, revise(auction, rules=(hidden.rule(),))).version
    in_process.bid(auction, in_process.user(), "30.00")
    in_process.over(auction)
    assert in_process.settled(auction, AnnounceWinner(auction.id)).version
    history = [item.event for item in events_of(in_process, auction.id)]
    assert [type(event).__name__ for event in history][-4:] == [
        "BidPlaced", "ReserveMet", "ReserveRevealed", "WinnerAnnounced",
    ]  # fmt: skip
    assert isinstance(history[-2], ReserveRevealed)
    assert history[-2].amount == Decimal("20.00")
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_hard_end_that_is_revised_after_a_pause_is_as_it_is_written(
    in_process: InProcessPortal,
) -> None:
    hard_end = in_process.now() + timedelta(hours=3)
    soft = SoftClose(window=60, extension=60, hard_end=hard_end)
    auction = in_process.auction(rules=(soft,))
    for command in (PauseAuction, ResumeAuction):
        in_process.settled(auction, command(auction.id, "A flood", None))
    again = replace(soft, window=30)
    in_process.settled(auction, revise(auction, rules=(again,)))
    with in_process.pool.connection() as connection:
        found = read_auction(connection, auction.id)
    assert found
    assert found.rules == (again,)
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_failed_revision_is_not_done_later(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    job = in_process.accept(auction, revise(auction, title="A lantern"))
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET status = 'FAILED', settled_at = clock_timestamp() WHERE id = %s",
            (job.id,),
        )
    assert redrive(in_process.pool, [job.id]) == []


def test_a_tick_draws_where_the_promoter_is_put_on_by_a_revision_that_waits(
    in_process: InProcessPortal,
) -> None:
    auction, other = in_process.auction(rules=(OwnPromoter(off=True),)), in_process.auction()
    in_process.bid(other, in_process.user(), "5.00")
    in_process.accept(auction, revise(auction, rules=()))
    place(in_process, auction)
    rounds.commit(in_process.pool)
    number, draws = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    assert {job.stream for job in draws} == {auction, other}
    for stream in (auction, other):
        in_process.drain(stream)
    assert type(events_of(in_process, auction.id)[-1].event).__name__ == "BidDoubled"
    assert number in rounds.reveal_secrets(in_process.pool)
    in_process.give_up_open_tick()
    rounds.commit(in_process.pool)
    in_process.bid(auction, in_process.user(), "7.00")
    number, [draw] = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    assert draw.stream == auction, "its row knows of the revision"
    in_process.drain(auction)
    rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []


def test_a_draw_goes_by_the_options_that_a_revision_leaves(in_process: InProcessPortal) -> None:
    own = OwnPromoter(weight=("by_amount",))
    auction = in_process.auction(rules=(own,))
    in_process.bid(in_process.auction(), in_process.user(), "5.00")
    in_process.accept(auction, revise(auction, rules=()))
    place(in_process, auction)
    rounds.commit(in_process.pool)
    number, draws = rounds.run_promoter(in_process.pool, NOW, MINUTE)
    for job in draws:
        in_process.drain(job.stream)
    drawn = events_of(in_process, auction.id)[-1].event
    assert isinstance(drawn, BidDoubled)
    assert drawn.policy_version >= 0
    assert number in rounds.reveal_secrets(in_process.pool)
    catch_up(auction)
    assert problems(in_process, auction) == []
