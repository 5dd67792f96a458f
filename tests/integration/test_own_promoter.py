"""Ticks in auctions whose promoter is off, or has options of its own."""

from decimal import Decimal

from commands.domain.commands import ChangePolicy, CloseAuctionNow, DoubleBid
from commands.domain.events import BidDoubled, NoDoubling, NothingDrawn
from commands.domain.rejections import RejectionCode
from commands.domain.rules.own_promoter import OWN, OwnPromoter
from commands.inbox.requests import POLICIES
from commands.postgres.auctions import any_to_draw_in, auctions_to_draw_in
from commands.postgres.policies import last_policies
from commands.promoter import rounds
from commands.promoter.checks import check_draws
from commands.streams import Stream
from projections.wiring import catch_up
from tests.integration.in_process import InProcessPortal
from tests.integration.test_promoting import MINUTE, NOW, events_of, problems

OFF = (OwnPromoter(off=True),)
UNDERDOGS = OwnPromoter(weight=("underdogs",), exclude=("leader",), limit=("per_auction:1",))


def alone(portal: InProcessPortal, *rules: OwnPromoter) -> Stream:
    """A new auction with a bid of 10 and one of 20, and no other open."""
    portal.close_auctions()
    rounds.reveal_secrets(portal.pool)
    portal.give_up_open_tick()
    auction = portal.auction(rules=rules)
    for amount in ("10.00", "20.00"):
        portal.bid(auction, portal.user(), amount)
    return auction


def tick(portal: InProcessPortal) -> list[Stream]:
    """A tick, with all its draws; where it drew."""
    rounds.commit(portal.pool)
    _, draws = rounds.run_promoter(portal.pool, NOW, MINUTE)
    for job in draws:
        portal.drain(job.stream)
    rounds.reveal_secrets(portal.pool)
    return [job.stream for job in draws]


def test_ticks_leave_an_auction_alone_whose_promoter_is_off(in_process: InProcessPortal) -> None:
    auction = alone(in_process, *OFF)
    rounds.commit(in_process.pool)
    assert rounds.run_promoter(in_process.pool, NOW, MINUTE) == (None, []), "there is no other"
    with in_process.pool.connection() as connection:
        assert not any_to_draw_in(connection, in_process.now())
        assert auctions_to_draw_in(connection, in_process.now(), None, 10) == []
    other = in_process.auction()
    in_process.bid(other, in_process.user(), "5.00")
    in_process.give_up_open_tick()
    assert tick(in_process) == [other]
    in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None))
    assert [type(item.event).__name__ for item in events_of(in_process, auction.id)] == [
        "AuctionCreated", "BidPlaced", "BidPlaced", "AuctionClosedEarly",
    ]  # fmt: skip
    catch_up(auction)
    assert problems(in_process, auction) == []
    in_process.give_up_open_tick()


def test_a_draw_that_an_older_release_asked_for_leaves_nothing_there(
    in_process: InProcessPortal,
) -> None:
    auction = alone(in_process, *OFF)
    job = in_process.settled(auction, DoubleBid(auction.id, 1, 0))
    assert job.rejection
    assert job.rejection.code is RejectionCode.NO_BID_TO_DOUBLE
    assert len(events_of(in_process, auction.id)) == 3


def test_draws_follow_the_auctions_own_options_whatever_the_policies_say(
    in_process: InProcessPortal,
) -> None:
    auction = alone(in_process, UNDERDOGS)
    # By the portal's policy there would be none.
    never = ChangePolicy(None, Decimal("0.00"), ("constant",), (), ())
    in_process.settled(POLICIES, never)
    try:
        assert tick(in_process) == [auction]
        in_process.give_up_open_tick()
        assert tick(in_process) == [auction]
    finally:
        in_process.settled(POLICIES, ChangePolicy(None, Decimal("100.00"), ("constant",), (), ()))
    drawn, none = [item.event for item in events_of(in_process, auction.id)[3:]]
    assert isinstance(drawn, BidDoubled)
    assert (drawn.policy_version, drawn.weight, drawn.total_weight) == (OWN, 1001, 1001)
    assert drawn.effective_amount == Decimal("20.00")
    # One at most.
    assert isinstance(none, NothingDrawn)
    assert (none.policy_version, none.reason) == (OWN, NoDoubling.NOBODY)
    catch_up(auction)
    assert problems(in_process, auction) == []
    with in_process.pool.connection() as connection:
        checked = list(check_draws(connection, events_of(in_process, auction.id)))
    assert [(each.problem, each.revealed) for each in checked] == [(None, True)] * 2
    in_process.give_up_open_tick()


def test_a_policy_for_such_an_auction_is_refused(in_process: InProcessPortal) -> None:
    for rules in (OFF, (UNDERDOGS,)):
        auction = in_process.auction(rules=rules)
        with in_process.pool.connection() as connection:
            before = last_policies(connection)
        job = in_process.settled(
            POLICIES, ChangePolicy(auction.id, Decimal("10.00"), ("constant",), (), ())
        )
        assert job.rejection
        assert job.rejection.code is RejectionCode.POLICY_FIXED
        with in_process.pool.connection() as connection:
            assert last_policies(connection) == before
