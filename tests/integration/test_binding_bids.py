"""Whoever has a binding bid can't take it away by deleting their account: it stays until the auction is closed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.commands import CancelAuction, DeleteUser, PauseAuction, ResumeAuction
from commands.domain.rejections import RejectionCode
from commands.domain.rules.increments import NOTHING, Bracket, Increments
from commands.domain.rules.masked import Masked
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import Rules
from commands.domain.rules.withdrawal import Withdrawal
from commands.jobs import Job, JobStatus
from commands.postgres.auctions import read_auction
from commands.postgres.binding import AT_ONCE
from commands.streams import Stream
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.test_handling import place

UNIT = Decimal("1.00")
MINUTE = timedelta(minutes=1)
WITHIN_A_MINUTE: Rules = (Withdrawal(60),)
BINDING: dict[str, Rules] = {
    "never withdrawn": (Withdrawal(0),),
    "masked": (Withdrawal(0), Masked()),
    "sealed": (Sealed(), Withdrawal(0)),
    "proxy bids": (Increments((Bracket(NOTHING, UNIT),)), ProxyBids()),
}


@pytest.fixture
def alice(in_process: InProcessPortal) -> UUID:
    return in_process.user()


def leave(in_process: InProcessPortal, user_id: UUID, at: datetime | None = None) -> Job:
    """How the user's own deletion of their account, accepted at that moment, is answered."""
    stream = Stream("user", user_id)
    return in_process.settled(stream, DeleteUser(user_id), at=at, submitted_by=user_id)


def assert_bound(job: Job) -> None:
    assert job.rejection, job
    assert job.rejection.code is RejectionCode.BID_BINDING


def live_bids(in_process: InProcessPortal, auction: Stream) -> int:
    in_process.drain(auction)
    with in_process.pool.connection() as connection:
        state = read_auction(connection, auction.id)
    assert state
    return len(list(state.bids.live()))


@pytest.mark.parametrize("rules", BINDING.values(), ids=BINDING)
def test_an_account_stays_as_long_as_a_bid_of_it_is_binding(
    in_process: InProcessPortal, alice: UUID, rules: Rules
) -> None:
    auction = in_process.auction(rules=rules)
    if Sealed() in rules:
        in_process.sealed_bid(auction, alice, "50.00")
    elif ProxyBids() in rules:
        assert in_process.maximum(auction, alice, "50.00").rejection is None
    else:
        in_process.bid(auction, alice, "50.00")
    assert_bound(leave(in_process, alice))
    assert live_bids(in_process, auction) == 1
    in_process.settled(auction, CancelAuction(auction.id, "A flood", None))
    assert leave(in_process, alice).status is JobStatus.SUCCEEDED


def test_a_bid_that_is_beaten_is_binding_too(in_process: InProcessPortal, alice: UUID) -> None:
    auction = in_process.auction(rules=(Withdrawal(0),))
    in_process.bid(auction, alice, "50.00")
    in_process.bid(auction, in_process.user(), "60.00")
    assert_bound(leave(in_process, alice))


def test_whoever_may_delete_their_bids_may_leave(in_process: InProcessPortal, alice: UUID) -> None:
    for rules in ((), (StartingPrice(UNIT),), (Masked(),), WITHIN_A_MINUTE):
        in_process.bid(in_process.auction(rules=rules), alice, "50.00")
    assert leave(in_process, alice).status is JobStatus.SUCCEEDED


def test_the_house_deletes_any_account(in_process: InProcessPortal, alice: UUID) -> None:
    auction = in_process.auction(rules=(Withdrawal(0),))
    in_process.bid(auction, alice, "50.00")
    staff = in_process.user(is_staff=True)
    stream = Stream("user", alice)
    job = in_process.settled(stream, DeleteUser(alice), submitted_by=staff)
    assert job.status is JobStatus.SUCCEEDED
    assert live_bids(in_process, auction) == 0


def test_what_decides_is_when_the_deletion_was_accepted(
    in_process: InProcessPortal, alice: UUID
) -> None:
    auction = in_process.auction(rules=WITHIN_A_MINUTE)
    placed_at = in_process.now()
    in_process.bid(auction, alice, "50.00", at=placed_at)
    in_process.bid(auction, alice, "60.00", at=placed_at + SHORTLY)
    assert_bound(leave(in_process, alice, at=placed_at + MINUTE))
    before = leave(in_process, alice, at=placed_at + MINUTE - SHORTLY)
    assert before.status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("resumed_after", [None, 2 * MINUTE])
def test_no_bid_becomes_binding_while_time_stands_still(
    in_process: InProcessPortal, alice: UUID, resumed_after: timedelta | None
) -> None:
    auction = in_process.auction(rules=WITHIN_A_MINUTE)
    placed_at = in_process.now()
    in_process.bid(auction, alice, "50.00", at=placed_at)
    pausing = PauseAuction(auction.id, "A flood", None)
    in_process.settled(auction, pausing, at=placed_at + MINUTE / 2)
    last = placed_at + 10 * MINUTE
    if resumed_after:
        resuming = ResumeAuction(auction.id, "It is dry again", None)
        in_process.settled(auction, resuming, at=placed_at + resumed_after)
        last = placed_at + resumed_after + MINUTE / 2 - SHORTLY
        assert_bound(leave(in_process, alice, at=last + SHORTLY))
    assert leave(in_process, alice, at=last).status is JobStatus.SUCCEEDED


def test_the_last_of_many_auctions_is_looked_at(in_process: InProcessPortal, alice: UUID) -> None:
    for _ in range(AT_ONCE):
        in_process.bid(in_process.auction(rules=(StartingPrice(UNIT),)), alice, "50.00")
    in_process.bid(in_process.auction(rules=(Withdrawal(0),)), alice, "50.00")
    assert_bound(leave(in_process, alice))


def test_a_bid_and_the_deletion_of_its_bidder_at_once(in_process: InProcessPortal) -> None:
    for _ in range(15):
        auction, alice = in_process.auction(rules=(Withdrawal(0),)), in_process.user()
        stream = Stream("user", alice)
        bid = in_process.accept(auction, place(auction, alice, "50.00"))
        deletion = in_process.accept(stream, DeleteUser(alice), submitted_by=alice)
        with ThreadPoolExecutor(2) as workers:
            for done in [workers.submit(in_process.drain, each) for each in (auction, stream)]:
                done.result()
        outcomes = [in_process.job(job.id).status for job in (bid, deletion)]
        assert sorted(outcomes) == [JobStatus.REJECTED, JobStatus.SUCCEEDED]
        assert live_bids(in_process, auction) == (outcomes[0] is JobStatus.SUCCEEDED)
