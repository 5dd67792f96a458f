"""Sealed bids on real servers: where the amount is not, how they are revealed, and what becomes of keys that are gone."""

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from commands.domain.commands import AnnounceWinner, DeleteBid, DeleteUser, PlaceBid
from commands.domain.events import (
    AuctionEndedUnsold,
    AuctionEvent,
    BidNotRevealed,
    BidRevealed,
    SealedBidPlaced,
    WinnerAnnounced,
)
from commands.domain.hidden import HIDDEN, LOST, Content
from commands.domain.rejections import RejectionCode
from commands.domain.rules.sealed import Sealed
from commands.domain.rules.soft_close import SoftClose
from commands.domain.rules.starting_price import StartingPrice
from commands.domain.rules.table import Rules
from commands.handling import auctions as handling
from commands.ids import new_id
from commands.inbox.closing import announce_winners
from commands.inbox.requests import Caller, place_bid
from commands.inbox.submitting import WAITING
from commands.jobs import IdempotencyConflict, JobStatus
from commands.postgres.accepting import accept
from commands.postgres.secret_keys import destroy_key, key_for_user, keys_of
from commands.queues import AUCTIONS
from commands.streams import Stream
from notifications.notifier import notify
from notifications.postgres.notifications import forget_leftovers
from projections.mongo.store import MongoDocuments
from projections.projector import project, reproject
from tests.integration.dying import run_and_die
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.test_promoting import events_of, problems
from tests.integration.working import put

VICKREY = (Sealed(second_price=True),)
# Amounts that occur nowhere else.
TWENTY, THIRTY = "8120.07", "8130.09"
EVERYWHERE = """
SELECT table_name AS name FROM information_schema.tables
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
"""


def history(in_process: InProcessPortal, auction: Stream) -> Sequence[AuctionEvent]:
    return [each.event for each in events_of(in_process, auction.id)]  # type: ignore[misc]  # of an auction


def closed(in_process: InProcessPortal, auction: Stream) -> Sequence[AuctionEvent]:
    """What happened from the end on, once the schedule has closed it."""
    in_process.over(auction)
    asked = [job for jobs in announce_winners(in_process.pool) for job in jobs]
    assert auction in {job.stream for job in asked}
    in_process.drain(auction)
    found = history(in_process, auction)
    return [each for each in found if isinstance(each, REVEALS | ENDS)]


REVEALS = BidRevealed | BidNotRevealed
ENDS = WinnerAnnounced | AuctionEndedUnsold


def sealed_auction(
    in_process: InProcessPortal, seconds: float = 1, rules: Rules = VICKREY
) -> Stream:
    return in_process.auction(seconds, rules)


def delete_user(in_process: InProcessPortal, user: UUID) -> None:
    stream = Stream("user", user)
    assert in_process.settled(stream, DeleteUser(user)).status is JobStatus.SUCCEEDED
    while waiting := in_process.waiting_streams():
        for each in waiting:
            in_process.drain(each)


def has_key(in_process: InProcessPortal, user: UUID) -> bool:
    with in_process.pool.connection() as connection:
        return bool(keys_of(connection, [user]))


def test_until_the_end_no_row_and_no_document_has_the_amount(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice, auction = in_process.user(), sealed_auction(in_process, seconds=600)
    bid_id = in_process.sealed_bid(auction, alice, TWENTY)
    project(auction, in_process.pool, documents)
    notify(auction.id, in_process.pool)
    with in_process.pool.connection() as connection:
        tables = [row["name"] for row in connection.execute(EVERYWHERE)]
        for table in tables:
            query = f"SELECT count(*) AS many FROM {table} AS t WHERE t::text LIKE %s"
            row = connection.execute(query.encode(), (f"%{TWENTY}%",)).fetchone()
            assert row == {"many": 0}, table
    for collection in documents.database.list_collection_names():
        for stored in documents.database[collection].find():
            assert TWENTY not in str(stored), collection
    shown = documents.auction(auction.id)
    assert shown
    [bid] = shown.top_bids
    assert (bid.id, bid.hidden, bid.amount) == (bid_id, True, HIDDEN)
    assert shown.leading is None
    assert problems(in_process, auction) == []


def test_a_repeated_request_is_known_by_its_key_and_its_content(
    in_process: InProcessPortal,
) -> None:
    alice, auction = in_process.user(), sealed_auction(in_process, seconds=600)
    caller = Caller.user(alice)
    with in_process.pool.connection() as connection:
        key = key_for_user(connection, alice)

        def ask(amount: str) -> UUID:
            asked = place_bid(
                caller,
                bidder_id=alice,
                auction_id=auction.id,
                amount_text=amount,
                key=key,
                idempotency_key="mine",
            )
            assert amount not in json.dumps(asked.content)
            return accept(connection, asked).id

        assert ask(TWENTY) == ask(TWENTY)
        with pytest.raises(IdempotencyConflict):
            ask(THIRTY)


def test_the_highest_wins_and_pays_the_second_price(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), sealed_auction(in_process)
    first = in_process.sealed_bid(auction, alice, TWENTY)
    second = in_process.sealed_bid(auction, bob, THIRTY)
    low, high, won = closed(in_process, auction)
    assert isinstance(low, BidRevealed)
    assert isinstance(high, BidRevealed)
    assert [(each.bid_id, str(each.amount)) for each in (low, high)] == [
        (first, TWENTY),
        (second, THIRTY),
    ]
    committed = {
        each.bid_id: each.commitment
        for each in history(in_process, auction)
        if isinstance(each, SealedBidPlaced)
    }
    assert {each.bid_id: Content(each.amount, each.salt).commitment for each in (low, high)} == (
        committed
    )
    assert isinstance(won, WinnerAnnounced)
    assert (won.bidder_id, won.amount, won.price) == (bob, Decimal(THIRTY), Decimal(TWENTY))
    reproject(auction, in_process.pool, documents)
    shown = documents.auction(auction.id)
    assert shown
    assert shown.winner
    assert shown.winner.pays == Decimal(TWENTY)
    assert problems(in_process, auction) == []
    for then in documents.moments_of(auction.id, 0, 100)[:3]:
        assert (then.leading, then.led) == (None, False), "before the reveals nobody leads"


@pytest.mark.parametrize(
    ("reserve", "end"), [("8125.00", WinnerAnnounced), (THIRTY, WinnerAnnounced), ("8130.10", None)]
)
def test_a_reserve_is_revealed_with_the_bids(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    reserve: str,
    end: type[WinnerAnnounced] | None,
) -> None:
    alice, bob = in_process.user(), in_process.user()
    auction = in_process.auction(1, VICKREY, Decimal(reserve))
    in_process.sealed_bid(auction, alice, TWENTY)
    in_process.sealed_bid(auction, bob, THIRTY)
    *_, last = closed(in_process, auction)
    assert isinstance(last, end or AuctionEndedUnsold)
    if isinstance(last, WinnerAnnounced):
        pays = last.amount if last.price is None else last.price
        assert pays == Decimal(reserve), "the reserve counts as a bid"
    reproject(auction, in_process.pool, documents)
    assert problems(in_process, auction) == []


def test_nobody_is_told_of_others_before_the_end_and_then_what_it_went_for(
    in_process: InProcessPortal,
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), sealed_auction(in_process)
    for user, amount in ((alice, TWENTY), (bob, THIRTY)):
        in_process.sealed_bid(auction, user, amount)
        notify(auction.id, in_process.pool)
    assert told(in_process, auction) == []
    closed(in_process, auction)
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE notification_progress SET ran_at = NULL")
    notify(auction.id, in_process.pool)
    price = Decimal(TWENTY)
    assert told(in_process, auction) == [
        (alice, "AUCTION_LOST", price),
        (bob, "AUCTION_WON", price),
    ]


def told(in_process: InProcessPortal, auction: Stream) -> list[tuple[UUID, str, Decimal | None]]:
    with in_process.pool.connection() as connection:
        rows = connection.execute(
            "SELECT user_id, kind, amount FROM notifications WHERE auction_id = %s ORDER BY kind",
            (auction.id,),
        )
        return [(row["user_id"], row["kind"], row["amount"]) for row in rows]


def test_the_starting_price_is_asked_of_the_sealed_amount(in_process: InProcessPortal) -> None:
    rules = (StartingPrice(Decimal("8125.00")), *VICKREY)
    alice, auction = in_process.user(), sealed_auction(in_process, 600, rules)
    job = in_process.settled(auction, in_process.sealed(auction, alice, TWENTY))
    assert job.rejection
    assert job.rejection.code is RejectionCode.BELOW_STARTING_PRICE
    assert TWENTY not in job.rejection.message.replace(",", "")
    in_process.sealed_bid(auction, alice, THIRTY)


def test_a_bidder_has_one_and_can_delete_it_for_another(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), sealed_auction(in_process, 600)
    first = in_process.sealed_bid(auction, alice, TWENTY)
    again = in_process.settled(auction, in_process.sealed(auction, alice, THIRTY))
    assert again.rejection
    assert again.rejection.code is RejectionCode.ONE_SEALED_BID
    in_process.delete(auction, alice, first)
    in_process.sealed_bid(auction, alice, THIRTY)
    assert problems(in_process, auction) == []


def test_an_open_bid_is_refused(in_process: InProcessPortal) -> None:
    auction = sealed_auction(in_process, 600)
    bid = PlaceBid(auction.id, new_id(), in_process.user(), Decimal("5.00"))
    job = in_process.settled(auction, bid)
    assert job.rejection
    assert job.rejection.code is RejectionCode.BID_NOT_SEALED


def test_the_promoter_passes_by(in_process: InProcessPortal) -> None:
    in_process.close_auctions()
    auction, other = sealed_auction(in_process, 600), in_process.auction()
    in_process.sealed_bid(auction, in_process.user(), TWENTY)
    in_process.bid(other, in_process.user(), "5.00")
    assert in_process.double(other).status is JobStatus.SUCCEEDED
    assert len(history(in_process, auction)) == 2
    assert problems(in_process, auction) == []
    in_process.give_up_open_tick()


def test_very_many_are_revealed_batch_by_batch_wherever_it_is_killed(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "MANY", 3)
    auction = sealed_auction(in_process, 2)
    bids = [
        in_process.sealed_bid(auction, in_process.user(), f"{amount}.00") for amount in range(1, 9)
    ]
    in_process.over(auction)
    in_process.accept(auction, AnnounceWinner(auction.id))
    # The process has the usual limit: it reveals them all, and is killed.
    run_and_die(
        "after",
        "commands.handling.auctions:_save",
        WAITING[AUCTIONS].task,
        *put(WAITING[AUCTIONS], auction),
    )
    assert not any(isinstance(each, BidRevealed) for each in history(in_process, auction))
    in_process.drain(auction)
    found = history(in_process, auction)
    assert [each.bid_id for each in found if isinstance(each, BidRevealed)] == bids
    won = found[-1]
    assert isinstance(won, WinnerAnnounced)
    assert (won.bid_id, won.price) == (bids[-1], Decimal("7.00"))
    assert problems(in_process, auction) == []


def test_what_is_revealed_stands_if_the_rest_fails_and_is_asked_for_again(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling, "MANY", 1)
    auction = sealed_auction(in_process)
    for amount in (TWENTY, THIRTY):
        in_process.sealed_bid(auction, in_process.user(), amount)
    in_process.over(auction)
    in_process.accept(auction, AnnounceWinner(auction.id))
    with in_process.pool.connection() as connection:
        cutoff = {auction.id: in_process.now() + timedelta(seconds=1)}
        with connection.transaction():
            handled = handling.handle_auctions(connection, cutoff, 10)
        assert (len(handled.recorded), handled.outcomes) == (1, [])
        connection.execute(
            "UPDATE jobs SET status = 'FAILED' WHERE stream_id = %s AND status = 'QUEUED'",
            (auction.id,),
        )
    assert problems(in_process, auction) == []
    in_process.accept(auction, AnnounceWinner(auction.id))
    in_process.drain(auction)
    assert isinstance(history(in_process, auction)[-1], WinnerAnnounced)
    assert problems(in_process, auction) == []


def test_a_user_who_leaves_is_withdrawn_never_revealed_and_the_key_is_destroyed(
    in_process: InProcessPortal,
) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), sealed_auction(in_process, 2)
    first = in_process.sealed_bid(auction, alice, THIRTY)
    in_process.sealed_bid(auction, bob, TWENTY)
    delete_user(in_process, alice)
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert not has_key(in_process, alice)
    revealed, won = closed(in_process, auction)
    assert isinstance(revealed, BidRevealed)
    assert revealed.bid_id != first
    assert isinstance(won, WinnerAnnounced)
    assert (won.bidder_id, won.price) == (bob, None)
    assert problems(in_process, auction) == []


def test_a_user_without_sealed_bids_loses_the_key_at_once(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), sealed_auction(in_process, 600)
    bid = in_process.sealed_bid(auction, alice, TWENTY)
    in_process.settled(auction, DeleteBid(auction.id, bid, alice))
    stream = Stream("user", alice)
    in_process.settled(stream, DeleteUser(alice))
    assert not has_key(in_process, alice)


def test_whoever_leaves_after_the_end_has_bid_all_the_same(in_process: InProcessPortal) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), sealed_auction(in_process)
    in_process.sealed_bid(auction, alice, THIRTY)
    in_process.sealed_bid(auction, bob, TWENTY)
    in_process.over(auction)
    delete_user(in_process, alice)
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert has_key(in_process, alice), "what was bid is still to be revealed"
    *_, won = closed(in_process, auction)
    assert isinstance(won, WinnerAnnounced)
    assert (won.bidder_id, won.price) == (alice, Decimal(TWENTY))
    with in_process.pool.connection() as connection:
        forget_leftovers(connection)
    assert not has_key(in_process, alice)


def test_a_lost_key_stops_nothing(in_process: InProcessPortal, documents: MongoDocuments) -> None:
    alice, bob, auction = in_process.user(), in_process.user(), sealed_auction(in_process)
    lost = in_process.sealed_bid(auction, alice, THIRTY)
    in_process.sealed_bid(auction, bob, TWENTY)
    with in_process.pool.connection() as connection:
        destroy_key(connection, alice)
    gone, revealed, won = closed(in_process, auction)
    assert gone == BidNotRevealed(lost, alice)
    assert isinstance(revealed, BidRevealed)
    assert isinstance(won, WinnerAnnounced)
    assert won.bidder_id == bob
    project(auction, in_process.pool, documents)
    removed = documents.bids([lost])[lost].removed
    assert removed
    assert removed.reason == LOST
    notify(auction.id, in_process.pool)
    assert (alice, "BID_REMOVED", None) in told(in_process, auction)
    assert problems(in_process, auction) == []


def test_without_any_key_it_ends_unsold(in_process: InProcessPortal) -> None:
    alice, auction = in_process.user(), sealed_auction(in_process)
    in_process.sealed_bid(auction, alice, THIRTY)
    with in_process.pool.connection() as connection:
        destroy_key(connection, alice)
    assert [type(each) for each in closed(in_process, auction)] == [
        BidNotRevealed,
        AuctionEndedUnsold,
    ]
    assert problems(in_process, auction) == []


def test_a_late_one_moves_the_end(in_process: InProcessPortal) -> None:
    rules = (*VICKREY, SoftClose(60, 600, 1))
    alice, auction = in_process.user(), sealed_auction(in_process, 1, rules)
    end = in_process.over(auction)
    in_process.sealed_bid(auction, alice, TWENTY, at=end - SHORTLY)
    assert len(history(in_process, auction)) == 3
    assert problems(in_process, auction) == []
