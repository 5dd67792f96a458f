"""Whatever happens while a lot goes from bidder to bidder: it has one buyer at a time, and the record is as the rules say."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from commands.domain.commands import (
    AnnounceWinner,
    AnswerOffer,
    AuctionCommand,
    DeleteUser,
    ForfeitSale,
    LapseOffer,
)
from commands.domain.rejections import RejectionCode
from commands.domain.rules.second_chance import SecondChance
from commands.domain.sale import Sale, SaleState
from commands.inbox import lapsing
from commands.inbox.submitting import WAITING
from commands.jobs import Job, JobStatus
from commands.queues import BIDS, queue_of
from commands.record.codec import command_name
from commands.streams import Stream
from projections.mongo.store import MongoDocuments
from projections.projector import project
from tests.integration.dying import run_and_die
from tests.integration.in_process import InProcessPortal
from tests.integration.test_second_chances import bid_in, sale_of, told
from tests.integration.test_verification import findings
from tests.waiting import wait_until

AMOUNTS = ("1.00", "5.00", "10.00", "15.00", "20.00")


class KilledEachTime:
    """An auction whose every job is first begun by a worker that is killed there, and then handled."""

    def __init__(self, in_process: InProcessPortal, auction: Stream, when: str, where: str) -> None:
        self._in_process, self._auction = in_process, auction
        self._point = when, where

    def do(self, command: AuctionCommand, at: datetime | None = None) -> None:
        """The command succeeds in the end."""
        job = self._in_process.accept(self._auction, command, at=at)
        self.go_on(queue_of(command_name(command)))
        assert self._in_process.job(job.id).status is JobStatus.SUCCEEDED

    def go_on(self, queue: str) -> None:
        """A worker is killed at what waits; the next one does it."""
        WAITING[queue].add([self._auction])
        run_and_die(*self._point, "commands.drain", queue, "0")
        # Postgres may still hold what the dead one had locked.
        wait_until(self._drained, 30, "the locks of the dead worker to be gone")

    def _drained(self) -> bool:
        self._in_process.drain(self._auction)
        return self._auction not in self._in_process.waiting_streams()


@pytest.mark.parametrize(
    ("when", "where"),
    [
        ("after", "commands.postgres.event_store:PostgresEventStore.append_all"),
        ("after", "commands.handling.auctions:save_auctions"),
        ("after", "commands.postgres.jobs:PostgresJobInbox.settle"),
        ("before", "commands.tasks:_announce"),
    ],
)
def test_with_a_worker_killed_at_each_step_of_the_saga_there_is_one_buyer(
    in_process: InProcessPortal, documents: MongoDocuments, when: str, where: str
) -> None:
    chance = SecondChance(confirm_within=7200, answer_within=3600, most=4)
    auction, [ellen, dora, charlie, bob, alice], bids = bid_in(in_process, AMOUNTS, chance, 2)
    in_process.over(auction)
    saga = KilledEachTime(in_process, auction, when, where)
    saga.do(AnnounceWinner(auction.id))
    saga.do(AnswerOffer(auction.id, alice, accept=False))
    in_process.settled(Stream("user", bob), DeleteUser(bob))
    saga.go_on(BIDS)
    assert sale_of(in_process, auction).bidder_id == charlie
    saga.do(LapseOffer(auction.id, bids[2]), at=sale_of(in_process, auction).until)
    saga.do(AnswerOffer(auction.id, dora, accept=True))
    saga.do(ForfeitSale(auction.id, bids[1], "Never paid.", None))
    saga.do(AnswerOffer(auction.id, ellen, accept=True))
    assert told(in_process, auction) == [
        "LotOffered", "OfferDeclined",
        "LotOffered", "OfferDeclined",
        "LotOffered", "OfferLapsed",
        "LotOffered", "OfferAccepted", "SaleForfeited",
        "LotOffered", "OfferAccepted",
    ]  # fmt: skip
    sale = sale_of(in_process, auction)
    assert (sale.state, sale.bidder_id) == (SaleState.SOLD, ellen)
    project(auction, in_process.pool, documents)
    assert findings(in_process, auction, documents) == []


# What may be said to somebody who comes a moment too late, or too early.
LATE = {RejectionCode.OFFER_OVER, RejectionCode.OFFER_OPEN, RejectionCode.NOT_OFFERED}


@pytest.mark.parametrize("seed", range(4))
def test_whoever_answers_at_once_with_the_deadline_and_the_house_there_is_one_buyer(
    in_process: InProcessPortal, documents: MongoDocuments, seed: int
) -> None:
    auction, bidders, _ = bid_in(in_process, AMOUNTS, SecondChance(1, 1, 4), 2)
    in_process.over(auction)
    in_process.settled(auction, AnnounceWinner(auction.id))
    jobs = list[Job]()

    def ask(command: AuctionCommand) -> None:
        jobs.append(in_process.accept(auction, command))
        in_process.drain(auction)

    def lapse(_: random.Random, sale: Sale) -> None:
        list(lapsing.lapse_offers(in_process.pool))
        in_process.drain(auction)

    def answer(rng: random.Random, sale: Sale) -> None:
        near(in_process, sale, rng)
        ask(AnswerOffer(auction.id, rng.choice(bidders), accept=rng.random() < 0.1))

    def forfeit(rng: random.Random, sale: Sale) -> None:
        near(in_process, sale, rng)
        if sale.bid_id and rng.random() < 0.5:
            ask(ForfeitSale(auction.id, sale.bid_id, "No answer.", None))

    def keep(acting: Callable[[random.Random, Sale], None], number: int) -> None:
        rng = random.Random(f"{seed}:{number}")
        while (sale := sale_of(in_process, auction)).state is SaleState.OFFERED:
            acting(rng, sale)

    actors = (lapse, lapse, answer, answer, forfeit)
    with ThreadPoolExecutor(len(actors)) as threads:
        for done in [threads.submit(keep, each, n) for n, each in enumerate(actors)]:
            done.result(timeout=60)
    settled = [in_process.job(job.id) for job in jobs]
    assert {job.rejection.code for job in settled if job.rejection} <= LATE
    happened = told(in_process, auction)
    assert happened.count("OfferAccepted") <= 1
    assert happened[-1] in {"OfferAccepted", "SaleFailed"}
    assert len(set(sale_of(in_process, auction).asked)) == happened.count("LotOffered")
    project(auction, in_process.pool, documents)
    assert findings(in_process, auction, documents) == []


def near(in_process: InProcessPortal, sale: Sale, rng: random.Random) -> None:
    """Wait until just before, or just after, the time to answer is over; or not at all."""
    apart = timedelta(milliseconds=rng.choice([-1000, -2, 0, 2]))
    while sale.until and in_process.now() < sale.until + apart:
        pass
