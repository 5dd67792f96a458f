"""A lot that is offered to one bidder after the other: whose turn it is, in time or not, and that no step is lost or done twice."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from celery import current_app

from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    DeleteUser,
    ForfeitSale,
    LapseOffer,
)
from commands.domain.rejections import RejectionCode
from commands.domain.rules.second_chance import SecondChance
from commands.domain.sale import Sale, SaleState
from commands.inbox import lapsing
from commands.jobs import Job, JobStatus
from commands.postgres.auctions import read_auction
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.offers import DUE
from commands.streams import Stream
from tests.integration.dying import run_and_die
from tests.integration.in_process import SHORTLY, InProcessPortal
from tests.integration.notifying import notifications_of, run_notifier

LAPSE = "commands.lapse_offers"
HOUR = 3600
CHANCE = SecondChance(confirm_within=2 * HOUR, answer_within=HOUR, most=2)


def bid_in(
    in_process: InProcessPortal,
    amounts: Iterable[str],
    rule: SecondChance = CHANCE,
    seconds: float = 600,
) -> tuple[Stream, list[UUID], list[UUID]]:
    """An auction with a bid of each amount, each by another bidder; the bidders, and the bids."""
    auction = in_process.auction(seconds, rules=(rule,))
    bidders = [in_process.user() for _ in amounts]
    bids = [
        in_process.bid(auction, who, amount) for who, amount in zip(bidders, amounts, strict=True)
    ]
    return auction, bidders, bids


def announce(in_process: InProcessPortal, auction: Stream) -> datetime:
    """Announce the winner as if the auction had ended now; until when the first offer can be answered."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE auctions SET ends_at = clock_timestamp() WHERE id = %s", (auction.id,)
        )
    assert in_process.settled(auction, AnnounceWinner(auction.id)).status is JobStatus.SUCCEEDED
    until = sale_of(in_process, auction).until
    assert until
    return until


def sale_of(in_process: InProcessPortal, auction: Stream) -> Sale:
    """As the row has it."""
    with in_process.pool.connection() as connection:
        found = read_auction(connection, auction.id)
    assert found
    assert found.sale
    return found.sale


def told(in_process: InProcessPortal, auction: Stream) -> list[str]:
    """The kinds of events since the winner was announced."""
    with in_process.pool.connection() as connection:
        kinds = [
            type(item.event).__name__ for item in PostgresEventStore(connection).read(auction.id)
        ]
    return kinds[kinds.index("WinnerAnnounced") + 1 :]


def time_over(in_process: InProcessPortal, auction: Stream) -> None:
    """The current offer could be answered until now."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE auctions SET sale_until = clock_timestamp() WHERE id = %s", (auction.id,)
        )


def ask(in_process: InProcessPortal) -> dict[UUID, Job]:
    """One run of the schedule; the jobs that wait then, by auction."""
    return {job.stream.id: job for jobs in lapsing.lapse_offers(in_process.pool) for job in jobs}


def deleted(in_process: InProcessPortal, user_id: UUID) -> None:
    """The user's account is deleted, and all that follows is done."""
    stream = Stream("user", user_id)
    assert in_process.settled(stream, DeleteUser(user_id)).status is JobStatus.SUCCEEDED
    for waiting in in_process.waiting_streams():
        in_process.drain(waiting)


def code_of(job: Job) -> RejectionCode | None:
    """Why it was refused."""
    return job.rejection.code if job.rejection else None


def test_an_answer_accepted_in_time_counts_however_late_it_is_handled(
    in_process: InProcessPortal,
) -> None:
    auction, [bob, alice], [_, won] = bid_in(in_process, ("10.00", "20.00"))
    until = announce(in_process, auction)
    answer = in_process.accept(auction, AnswerOffer(auction.id, alice, True), at=until - SHORTLY)
    end = in_process.accept(auction, LapseOffer(auction.id, won), at=until)
    late = in_process.accept(auction, AnswerOffer(auction.id, bob, True), at=until + SHORTLY)
    in_process.drain(auction)
    assert in_process.job(answer.id).status is JobStatus.SUCCEEDED
    assert code_of(in_process.job(end.id)) is RejectionCode.OFFER_OVER
    assert code_of(in_process.job(late.id)) is RejectionCode.NOT_OFFERED
    assert told(in_process, auction) == ["LotOffered", "OfferAccepted"]


def test_an_answer_at_the_deadline_comes_too_late(in_process: InProcessPortal) -> None:
    auction, [bob, alice], [second, won] = bid_in(in_process, ("10.00", "20.00"))
    until = announce(in_process, auction)
    late = in_process.settled(auction, AnswerOffer(auction.id, alice, True), at=until)
    assert code_of(late) is RejectionCode.OFFER_OVER
    in_process.settled(auction, LapseOffer(auction.id, won), at=until)
    sale = sale_of(in_process, auction)
    assert (sale.bid_id, sale.bidder_id, str(sale.amount)) == (second, bob, "10.00")
    assert sale.until
    assert sale.until - until >= timedelta(hours=1)


def test_the_time_of_an_offer_begins_when_it_is_made_however_late_that_is(
    in_process: InProcessPortal,
) -> None:
    auction, [bob, alice], _ = bid_in(in_process, ("10.00", "20.00"))
    announce(in_process, auction)
    an_hour_ago = in_process.now() - timedelta(hours=1)
    in_process.settled(auction, AnswerOffer(auction.id, alice, False), at=an_hour_ago)
    with in_process.pool.connection() as connection:
        offer = PostgresEventStore(connection).read(auction.id)[-1]
    sale = sale_of(in_process, auction)
    assert (sale.bidder_id, sale.until) == (bob, offer.recorded_at + timedelta(hours=1))
    assert offer.accepted_at == an_hour_ago


def test_what_is_offered_is_declined_with_the_account(in_process: InProcessPortal) -> None:
    auction, [charlie, bob, alice], _ = bid_in(in_process, ("5.00", "10.00", "20.00"))
    announce(in_process, auction)
    deleted(in_process, bob)
    assert told(in_process, auction) == ["LotOffered"], "it was not offered to him yet"
    deleted(in_process, alice)
    assert told(in_process, auction) == ["LotOffered", "OfferDeclined", "LotOffered"]
    sale = sale_of(in_process, auction)
    assert (sale.bidder_id, sale.asked) == (charlie, (alice, bob, charlie))
    in_process.settled(auction, AnswerOffer(auction.id, charlie, True))
    deleted(in_process, charlie)
    assert sale_of(in_process, auction).state is SaleState.SOLD, "what is bought is bought"


def test_whose_account_is_deleted_when_the_winner_is_announced_is_passed_over(
    in_process: InProcessPortal,
) -> None:
    amounts = [f"{amount}.00" for amount in range(1, 8)]
    auction, [first, *others], [bid, *_] = bid_in(in_process, amounts)
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE auctions SET ends_at = clock_timestamp() WHERE id = %s", (auction.id,)
        )
    for user_id in others:
        deleted(in_process, user_id)
    in_process.settled(auction, AnnounceWinner(auction.id))
    sale = sale_of(in_process, auction)
    assert (sale.bid_id, sale.bidder_id) == (bid, first)
    assert sale.asked == (*reversed(others), first)
    assert sale.next_ones == 1


def test_nobody_is_offered_it_if_all_accounts_are_deleted(in_process: InProcessPortal) -> None:
    auction, bidders, _ = bid_in(in_process, ("1.00", "2.00", "3.00"))
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE auctions SET ends_at = clock_timestamp() WHERE id = %s", (auction.id,)
        )
    for user_id in bidders:
        deleted(in_process, user_id)
    in_process.settled(auction, AnnounceWinner(auction.id))
    assert told(in_process, auction) == ["SaleFailed"]
    assert sale_of(in_process, auction).state is SaleState.FAILED


def test_what_is_over_is_asked_to_end_once_and_again_after_it_failed_with_growing_pauses(
    in_process: InProcessPortal,
) -> None:
    auction, [_, _], [_, won] = bid_in(in_process, ("10.00", "20.00"))
    announce(in_process, auction)
    assert auction.id not in ask(in_process)
    time_over(in_process, auction)
    first = ask(in_process)[auction.id]
    assert ask(in_process)[auction.id].id == first.id, "one that waits is not asked for twice"
    failed(in_process, first, timedelta(seconds=1))
    assert auction.id not in ask(in_process)
    failed(in_process, first, timedelta(seconds=3))
    second = ask(in_process)[auction.id]
    assert second.id != first.id
    failed(in_process, second, timedelta(seconds=3))
    assert auction.id not in ask(in_process), "after two it waits longer"
    failed(in_process, second, timedelta(seconds=5))
    third = ask(in_process)[auction.id]
    in_process.drain(auction)
    assert in_process.job(third.id).status is JobStatus.SUCCEEDED
    assert told(in_process, auction) == ["LotOffered", "OfferLapsed", "LotOffered"]
    assert auction.id not in ask(in_process)
    repeated = in_process.settled(auction, LapseOffer(auction.id, won))
    assert code_of(repeated) is RejectionCode.OFFER_OVER


def failed(in_process: InProcessPortal, job: Job, ago: timedelta) -> None:
    """The job, and all before it, failed so long ago."""
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET status = 'FAILED', settled_at = clock_timestamp() - %s"
            " WHERE stream_id = %s AND command = 'LapseOffer'",
            (ago, job.stream.id),
        )


STEPS = {
    "the due ones are read": ("after", "commands.inbox.lapsing:due_offers"),
    "a batch is accepted": ("after", "commands.inbox.lapsing:accept_all"),
    "before it is woken": ("before", "commands.inbox.lapsing:wake_for"),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_schedule_ends_all(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    auctions = [bid_in(in_process, ("10.00", "20.00"))[0] for _ in range(3)]
    for auction in auctions:
        announce(in_process, auction)
        time_over(in_process, auction)
    run_and_die(*STEPS[step], LAPSE)
    monkeypatch.setattr(lapsing, "AT_ONCE", 2)
    current_app.tasks[LAPSE].apply()
    for auction in auctions:
        in_process.drain(auction)
        assert told(in_process, auction) == ["LotOffered", "OfferLapsed", "LotOffered"]


def test_what_is_due_is_found_without_a_look_at_other_auctions(in_process: InProcessPortal) -> None:
    page = {"now": in_process.now(), "after": None, "after_until": None, "limit": 100}
    with in_process.pool.connection() as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO auctions (id, version, title, description, starts_at, ends_at, closed)"
            " SELECT uuidv7(), 2, '', '', now(), now(), true FROM generate_series(1, 20000)"
        )
        connection.execute("ANALYZE auctions")
        plan = connection.execute(f"EXPLAIN {DUE}", page).fetchall()
    assert any("auctions_offered" in row["QUERY PLAN"] for row in plan), plan


def test_the_house_can_take_the_lot_from_whoever_has_it_by_the_bid_alone(
    in_process: InProcessPortal,
) -> None:
    auction, [bob, alice], [second, won] = bid_in(in_process, ("10.00", "20.00"))
    announce(in_process, auction)
    in_process.settled(auction, AnswerOffer(auction.id, alice, True))
    forfeit = ForfeitSale(auction.id, won, "Never paid.", None)
    assert in_process.settled(auction, forfeit).status is JobStatus.SUCCEEDED
    again = in_process.settled(auction, forfeit)
    assert code_of(again) is RejectionCode.NOT_OFFERED, "the next one does not lose it by that"
    assert sale_of(in_process, auction).bid_id == second
    in_process.settled(auction, AnswerOffer(auction.id, bob, False))
    assert sale_of(in_process, auction).state is SaleState.FAILED


def test_who_is_told_of_an_offer_and_of_its_end(in_process: InProcessPortal) -> None:
    auction, [bob, alice], [_, won] = bid_in(in_process, ("10.00", "20.00"))
    announce(in_process, auction)
    run_notifier(in_process, auction)
    # The winner is told once, with the question.
    assert notifications_of(in_process, alice)[-1] == ("AUCTION_WON", 4, "20.00", False)
    time_over(in_process, auction)
    in_process.settled(auction, LapseOffer(auction.id, won))
    run_notifier(in_process, auction)
    assert ("LOT_LOST", 6, "None", False) in notifications_of(in_process, alice)
    assert ("LOT_OFFERED", 7, "10.00", False) in notifications_of(in_process, bob)
    assert in_process.settled(
        auction, ForfeitSale(auction.id, sale_bid(in_process, auction), "Spam.", None)
    )
    run_notifier(in_process, auction)
    assert ("LOT_LOST", 8, "None", False) in notifications_of(in_process, bob)


def sale_bid(in_process: InProcessPortal, auction: Stream) -> UUID:
    """The bid that has its turn."""
    bid_id = sale_of(in_process, auction).bid_id
    assert bid_id
    return bid_id
