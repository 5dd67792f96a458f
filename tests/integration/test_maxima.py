"""Maxima: what they bid is recorded with what they answer, and whoever is gone or banned is bid for no more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from commands.domain.commands import (
    AnnounceWinner,
    BanUser,
    ClearMaximum,
    CloseAuctionNow,
    DeleteBid,
    DeleteUser,
    LiftBan,
    PlaceBid,
    RemoveBid,
)
from commands.domain.events import (
    AuctionCreated,
    AuctionEndedUnsold,
    AuctionEvent,
    AuctionExtended,
    BidDoubled,
    BidPlaced,
    MaximumEnded,
    MaximumSet,
    ReserveMet,
    ReserveRevealed,
)
from commands.domain.rejections import RejectionCode
from commands.domain.rules.increments import NOTHING, Bracket, Increments
from commands.domain.rules.masked import Masked
from commands.domain.rules.own_promoter import OwnPromoter
from commands.domain.rules.proxy_bids import ProxyBids
from commands.domain.rules.reserve import Reserve, ReservePrice
from commands.domain.rules.rule import Rule
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import in_order
from commands.domain.state import replay
from commands.ids import new_id
from commands.inbox.submitting import WAITING
from commands.postgres.auctions import read_auction
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.secret_keys import destroy_key
from commands.queues import BIDS
from commands.record.sealing import commitment, seal
from commands.record.standing import Standing
from commands.streams import Stream
from portal.transfer.exporting import export_auction
from projections.mongo.store import MongoDocuments
from projections.projector import project
from tests.integration.checking import check
from tests.integration.dying import run_and_die
from tests.integration.in_process import InProcessPortal
from tests.integration.limiting import code, limit, together, used
from tests.integration.test_verification import findings
from tests.integration.working import put
from tests.waiting import wait_until

RULES: tuple[Rule, ...] = (
    StartingPrice(Decimal("10.00")),
    Increments((Bracket(NOTHING, Decimal("1.00")),)),
    ProxyBids(),
)
Told = tuple[UUID, str, bool]


@pytest.fixture
def alice(in_process: InProcessPortal) -> UUID:
    return in_process.user()


@pytest.fixture
def bob(in_process: InProcessPortal) -> UUID:
    return in_process.user()


def proxied(in_process: InProcessPortal, *more: Rule) -> Stream:
    """An auction in which maxima bid."""
    return in_process.auction(rules=in_order([*RULES, *more]))


def history(in_process: InProcessPortal, auction: Stream) -> Sequence[AuctionEvent]:
    with in_process.pool.connection() as connection:
        recorded = PostgresEventStore(connection).read(auction.id)
    return [each.event for each in recorded]  # type: ignore[misc]  # of an auction


def bids(in_process: InProcessPortal, auction: Stream) -> list[Told]:
    """Whose they are, their amounts, and whether they were placed for their bidder."""
    return [
        (event.bidder_id, str(event.amount), event.automatic)
        for event in history(in_process, auction)
        if isinstance(event, BidPlaced)
    ]


def holders(in_process: InProcessPortal, auction: Stream) -> list[UUID]:
    """Whose maxima are in the auction's row."""
    with in_process.pool.connection() as connection:
        found = read_auction(connection, auction.id)
    assert found
    return [each.bidder_id for each in found.maxima]


def assert_in_order(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments
) -> None:
    """Rows and documents are as the events say, and each event is as the rules give it."""
    project(auction, in_process.pool, documents)
    assert findings(in_process, auction, documents) == []


def assert_an_outsider_agrees(in_process: InProcessPortal, auction: Stream, tmp_path: Path) -> None:
    """The script finds nothing in what is exported."""
    path = tmp_path / "auction.jsonl"
    with path.open("wb") as file:
        export_auction(in_process.pool, auction.id, file)
    done = check(str(path))
    assert (done.returncode, done.stderr) == (0, "")


def test_whoever_is_banned_is_bid_for_no_more(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    auction = proxied(in_process)
    in_process.maximum(auction, alice, "50.00")
    in_process.settled(Stream("user", alice), BanUser(alice, new_id(), None, "", None))
    in_process.bid(auction, bob, "15.00")
    assert bids(in_process, auction)[1:] == [(bob, "15.00", False)]
    assert holders(in_process, auction) == []
    in_process.settled(Stream("user", alice), LiftBan(alice, None))
    in_process.bid(auction, bob, "20.00")
    assert bids(in_process, auction)[2:] == [(bob, "20.00", False)]
    assert_in_order(in_process, auction, documents)


def test_a_ban_that_came_later_does_not_matter_to_verification(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    auction = proxied(in_process, Masked())
    in_process.maximum(auction, alice, "50.00")
    in_process.bid(auction, bob, "15.00")
    in_process.settled(Stream("user", alice), BanUser(alice, new_id(), None, "", None, auction.id))
    in_process.bid(auction, bob, "20.00")
    assert [amount for _, amount, _ in bids(in_process, auction)] == [
        "10.00",
        "15.00",
        "16.00",
        "20.00",
    ]
    assert_in_order(in_process, auction, documents)


@pytest.mark.parametrize("more", [(), (Masked(),)])
def test_with_an_account_its_maximum_is_gone_and_can_never_be_read_again(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    alice: UUID,
    bob: UUID,
    more: tuple[Rule, ...],
) -> None:
    auction = proxied(in_process, *more)
    in_process.maximum(auction, alice, "50.00")
    in_process.bid(auction, bob, "15.00")
    # The bids are withdrawn by a job of the auction's own, which has still to be handled.
    in_process.settled(Stream("user", alice), DeleteUser(alice))
    with in_process.pool.connection() as connection:
        query = "SELECT count(*) AS keys FROM secret_keys WHERE owner_id = %s"
        row = connection.execute(query, (alice,)).fetchone()
    assert row
    assert row["keys"] == 0
    in_process.bid(auction, bob, "20.00")
    assert bids(in_process, auction)[3:] == [(bids(in_process, auction)[1][0], "20.00", False)]
    assert holders(in_process, auction) == []
    assert_in_order(in_process, auction, documents)


def test_a_maximum_whose_key_is_lost_stops_nothing(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    auction = proxied(in_process)
    in_process.maximum(auction, alice, "50.00")
    in_process.bid(auction, bob, "15.00")
    with in_process.pool.connection() as connection:
        destroy_key(connection, alice)
    in_process.bid(auction, bob, "20.00")
    assert bids(in_process, auction)[3:] == [(bob, "20.00", False)]
    in_process.maximum(auction, alice, "30.00")
    assert bids(in_process, auction)[4:] == [(alice, "21.00", True)]
    assert_in_order(in_process, auction, documents)


def test_one_that_is_sealed_for_another_auction_fails_alone(
    in_process: InProcessPortal, alice: UUID, bob: UUID
) -> None:
    auction, other = proxied(in_process), proxied(in_process)
    moved = in_process.set_maximum(other, alice, "50.00")
    failed = in_process.settled(auction, replace(moved, auction_id=auction.id))
    assert failed.status == "FAILED"
    in_process.bid(auction, bob, "15.00")
    assert bids(in_process, auction) == [(bob, "15.00", False)]


def test_what_is_sealed_has_always_the_same_length() -> None:
    key = bytes(32)
    assert len(seal(key, {"amount": "0.01"})) == len(seal(key, {"amount": "9999999999.99"}))


def test_nobody_can_learn_it_by_a_bid_that_is_deleted_again(
    in_process: InProcessPortal, alice: UUID, bob: UUID
) -> None:
    auction = proxied(in_process)
    in_process.maximum(auction, alice, "50.00")
    high = in_process.bid(auction, bob, "900.00")
    job = in_process.settled(auction, DeleteBid(auction.id, high, bob))
    assert job.rejection
    assert job.rejection.code is RejectionCode.BID_BINDING


def test_it_ends_with_any_bid_that_the_house_removes(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    auction = proxied(in_process)
    in_process.maximum(auction, alice, "50.00")
    first = history(in_process, auction)[-1]
    assert isinstance(first, BidPlaced)
    in_process.bid(auction, bob, "15.00")
    assert holders(in_process, auction) == [alice]
    in_process.settled(auction, RemoveBid(auction.id, first.bid_id, "A flood", None))
    assert holders(in_process, auction) == []
    job = in_process.settled(auction, ClearMaximum(auction.id, alice))
    assert job.rejection
    assert job.rejection.code is RejectionCode.NO_MAXIMUM
    assert_in_order(in_process, auction, documents)


def test_an_outsider_follows_one_that_begins_at_a_cent(
    in_process: InProcessPortal, alice: UUID, bob: UUID, tmp_path: Path
) -> None:
    auction = in_process.auction(rules=RULES[1:])
    in_process.maximum(auction, alice, "50.00")
    in_process.bid(auction, bob, "15.00")
    assert [amount for _, amount, _ in bids(in_process, auction)] == ["0.01", "15.00", "16.00"]
    assert_an_outsider_agrees(in_process, auction, tmp_path)


def test_it_bids_up_to_a_hidden_reserve(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    auction = in_process.auction(rules=RULES, reserve=Decimal("40.00"))
    in_process.maximum(auction, bob, "30.00")
    in_process.maximum(auction, alice, "50.00")
    assert [amount for _, amount, _ in bids(in_process, auction)] == ["10.00", "30.00", "40.00"]
    assert isinstance(history(in_process, auction)[-1], ReserveMet)
    in_process.bid(auction, bob, "45.00")
    in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None))
    in_process.settled(auction, AnnounceWinner(auction.id))
    assert holders(in_process, auction) == []
    assert_in_order(in_process, auction, documents)


def test_a_step_of_the_leading_bidder_may_go_beyond_the_reserve(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, tmp_path: Path
) -> None:
    auction = in_process.auction(rules=RULES, reserve=Decimal("30.50"))
    in_process.bid(auction, alice, "30.00")
    in_process.maximum(auction, alice, "50.00")
    assert [amount for _, amount, _ in bids(in_process, auction)] == ["30.00", "31.00"]
    in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None))
    in_process.settled(auction, AnnounceWinner(auction.id))
    assert_in_order(in_process, auction, documents)
    assert_an_outsider_agrees(in_process, auction, tmp_path)


def test_one_that_reaches_the_reserve_without_a_step_to_bid_leaves_it_unmet(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    auction = in_process.auction(rules=RULES, reserve=Decimal("39.00"))
    in_process.maximum(auction, alice, "38.50")
    in_process.bid(auction, bob, "37.60")
    # Above the reserve, and below a step over 38.50, with which alice leads.
    in_process.maximum(auction, alice, "39.20")
    assert [amount for _, amount, _ in bids(in_process, auction)] == ["10.00", "37.60", "38.50"]
    in_process.settled(auction, CloseAuctionNow(auction.id, "A flood", None))
    in_process.settled(auction, AnnounceWinner(auction.id))
    *_, revealed, unsold = history(in_process, auction)
    assert isinstance(revealed, ReserveRevealed)
    assert isinstance(unsold, AuctionEndedUnsold)
    assert_in_order(in_process, auction, documents)


def test_a_check_that_finds_a_maximum_beyond_an_unmet_reserve_does_not_tell_it() -> None:
    standing = Standing()
    price = ReservePrice(Decimal("40.00"), "00")
    reserve = Reserve(commitment({"amount": "40.00"}, price.salt), "")
    since = datetime(2026, 1, 1, tzinfo=UTC)
    standing.auction = replay(
        [AuctionCreated(new_id(), "A clock", "", since, since, None, (reserve,))]
    )
    standing.reserve.not_reached([Decimal("39.99")])
    assert standing.reserve.reveal(standing, price) is None
    standing.reserve.not_reached([Decimal("7777.77"), Decimal("12.00")])
    found = standing.reserve.reveal(standing, price)
    assert found == "a maximum that reaches it did not bid up to it"


def test_it_answers_a_doubling_with_the_draw(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    in_process.close_auctions()
    auction = proxied(in_process, OwnPromoter(exclude=("leader",)))
    in_process.bid(auction, bob, "20.00")
    in_process.maximum(auction, alice, "100.00")
    in_process.double(auction)
    *_, doubled, answer = history(in_process, auction)
    assert isinstance(doubled, BidDoubled)
    assert isinstance(answer, BidPlaced)
    assert (answer.bidder_id, answer.amount, answer.automatic) == (alice, Decimal("41.00"), True)
    assert_in_order(in_process, auction, documents)
    in_process.give_up_open_tick()


def test_for_all_that_follows_the_end_moves_once(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    auction = proxied(in_process, SoftClose(window=3600, extension=60, times=10))
    in_process.maximum(auction, alice, "50.00")
    in_process.maximum(auction, bob, "40.00")
    moved = [e for e in history(in_process, auction) if isinstance(e, AuctionExtended)]
    last = [e for e in history(in_process, auction) if isinstance(e, BidPlaced)][-1]
    assert [each.extension for each in moved] == [1, 2]
    assert moved[-1].bid_id == last.bid_id
    in_process.maximum(auction, alice, "60.00")
    assert isinstance(history(in_process, auction)[-1], MaximumSet), "no bid, and no later end"
    assert_in_order(in_process, auction, documents)


def test_a_bid_before_the_first_maximum_moves_the_end(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID
) -> None:
    auction = proxied(in_process, SoftClose(window=3600, extension=60, times=10))
    in_process.bid(auction, alice, "10.00")
    assert isinstance(history(in_process, auction)[-1], AuctionExtended)
    assert_in_order(in_process, auction, documents)


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ("before", "commands.handling.auctions:decide"),
        ("after", "commands.handling.auctions:decide"),
        ("before", "commands.handling.auctions:PostgresEventStore.append_all"),
        ("after", "commands.handling.auctions:PostgresEventStore.append_all"),
        ("after", "commands.handling.auctions:save_auctions"),
        ("after", "commands.handling.auctions:PostgresJobInbox.settle"),
    ],
)
def test_wherever_a_worker_is_killed_all_is_recorded_or_nothing(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    alice: UUID,
    bob: UUID,
    when: str,
    where: str,
) -> None:
    auction = proxied(in_process)
    in_process.maximum(auction, alice, "50.00")
    before = list(history(in_process, auction))
    job = in_process.accept(auction, in_process.set_maximum(auction, bob, "60.00"))
    run_and_die(when, where, WAITING[BIDS].task, *put(WAITING[BIDS], auction))
    assert history(in_process, auction) == before

    def handled() -> bool:
        in_process.drain(auction)
        return in_process.job(job.id).settled

    wait_until(handled, 30, "Postgres to give up what the worker had locked")
    assert in_process.job(job.id).status == "SUCCEEDED"
    kinds = [type(event) for event in history(in_process, auction)[len(before) :]]
    assert kinds == [MaximumSet, BidPlaced, BidPlaced, MaximumEnded]
    assert_in_order(in_process, auction, documents)


def test_bids_in_one_batch_are_answered_one_after_the_other(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    auction = proxied(in_process, Masked(names_winner=True))
    in_process.accept(auction, in_process.set_maximum(auction, alice, "50.00"))
    for amount in ("12.00", "20.00", "60.00"):
        in_process.accept(auction, PlaceBid(auction.id, new_id(), bob, Decimal(amount)))
    in_process.drain(auction)
    assert [amount for _, amount, _ in bids(in_process, auction)] == [
        *("10.00", "12.00", "13.00", "20.00", "21.00"),
        *("50.00", "60.00"),
    ]
    assert_in_order(in_process, auction, documents)


def test_it_counts_for_a_limit_as_far_as_it_goes(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID, bob: UUID
) -> None:
    limit(in_process, alice, "100.00")
    auction, other = proxied(in_process), proxied(in_process, Masked())
    assert code(in_process.maximum(auction, alice, "100.01")) is RejectionCode.OVER_LIMIT
    assert bids(in_process, auction) == []
    in_process.maximum(auction, alice, "60.00")
    refused = in_process.maximum(other, alice, "40.01")
    assert code(refused) is RejectionCode.OVER_LIMIT
    assert refused.rejection
    assert "60" not in refused.rejection.message, "a maximum stands in no row"
    assert code(in_process.maximum(other, alice, "40.00")) is None
    # What is bid by it later is within it.
    in_process.bid(auction, bob, "50.00")
    assert code(in_process.maximum(other, alice, "40.01")) is RejectionCode.OVER_LIMIT
    # Beaten, it counts by its bids alone; here that is the whole of it.
    in_process.bid(auction, bob, "70.00")
    assert code(in_process.maximum(other, alice, "40.01")) is RejectionCode.OVER_LIMIT
    for stream in (auction, other):
        assert_in_order(in_process, stream, documents)
    assert findings(in_process, Stream("user", alice), documents) == []


def test_cleared_or_raised_it_counts_so_at_once_in_one_batch(
    in_process: InProcessPortal, documents: MongoDocuments, alice: UUID
) -> None:
    limit(in_process, alice, "100.00")
    one, other = proxied(in_process), proxied(in_process)
    in_process.maximum(one, alice, "90.00")
    jobs = [
        in_process.accept(one, ClearMaximum(one.id, alice)),
        in_process.accept(other, in_process.set_maximum(other, alice, "90.00")),
    ]
    together(in_process, [one, other])
    assert [code(in_process.job(job.id)) for job in jobs] == [None, None], "ten are bid in the one"
    assert used(in_process, alice) == Decimal("100.00")
    jobs = [
        in_process.accept(other, in_process.set_maximum(other, alice, "50.00")),
        in_process.accept(other, PlaceBid(other.id, new_id(), alice, Decimal("20.00"))),
        in_process.accept(one, in_process.set_maximum(one, alice, "50.01")),
        in_process.accept(one, in_process.set_maximum(one, alice, "50.00")),
    ]
    together(in_process, [one, other])
    assert [code(in_process.job(job.id)) for job in jobs] == [
        *(None, None),
        *(RejectionCode.OVER_LIMIT, None),
    ]
    for stream in (one, other):
        assert_in_order(in_process, stream, documents)
