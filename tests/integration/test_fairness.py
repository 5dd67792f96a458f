"""While more auctions than a batch takes never fall quiet, everybody else has their turn."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

import pytest
from celery import current_app

from commands.domain.commands import CreateUser, PlaceBid
from commands.handling.batch import Handled
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.inbox.closing import announce_winners
from commands.inbox.submitting import WAITING, submit
from commands.jobs import JobStatus, Submission
from commands.postgres.accepting import accept_all
from commands.postgres.connections import Pool
from commands.queues import AUCTIONS, BIDS, USERS, WORKERS
from commands.streams import Stream
from commands.worklists import MOST
from tests.integration.in_process import InProcessPortal
from tests.integration.many import opened
from tests.integration.working import put

BUSY = MOST + 20
# A batch takes any of those that wait, all alike: one of the 121 is left out by so many with a chance of 10^-23.
BATCHES = 30


@dataclass(slots=True)
class Busy:
    """Auctions that get another bid whenever one was handled, and the tasks that workers would take."""

    in_process: InProcessPortal
    auctions: Sequence[Stream]
    bidder: UUID
    queued: defaultdict[str, deque[tuple[str, Sequence[str]]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    batches: list[Sequence[Stream]] = field(default_factory=list)
    offered: int = 0

    def send(self, task: str, arguments: Sequence[str], queue: str) -> None:
        """Put a task behind those that wait in its queue."""
        self.queued[queue].append((task, arguments))

    def drain(self, streams: Sequence[Stream], pool: Pool) -> Handled:
        """Handle a batch, during which more comes."""
        self.batches.append(streams)
        handled = drain_batch(streams, pool)
        self.more()
        return handled

    def more(self) -> None:
        """Another bid in each of the auctions."""
        self.offered += 1
        bids = [
            PlaceBid(auction.id, new_id(), self.bidder, Decimal(self.offered))
            for auction in self.auctions
        ]
        with self.in_process.pool.connection() as connection:
            accept_all(
                connection,
                [Submission(Stream("auction", bid.auction_id), bid, {}, "test") for bid in bids],
            )
        WAITING[BIDS].add(self.auctions)

    def turn(self, queue: str) -> None:
        """A worker takes the next task of the queue."""
        task, arguments = self.queued[queue].popleft()
        current_app.tasks[task].apply(tuple(arguments))


@pytest.fixture
def busy(in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    """They have been at it for a turn."""
    auctions = opened(in_process, BUSY)
    busy = Busy(in_process, auctions, in_process.user())
    for worklist in WAITING.values():
        put(worklist)
    monkeypatch.setattr("commands.worklists.send", busy.send)
    monkeypatch.setattr("commands.tasks.drain_batch", busy.drain)
    busy.more()
    WAITING[BIDS].add(auctions, left_lying=True)
    busy.turn(BIDS)
    yield busy
    for worklist in WAITING.values():
        put(worklist)


def test_a_bid_in_a_quiet_auction_is_in_one_of_the_next_batches(busy: Busy) -> None:
    quiet = busy.in_process.auction()
    bid = PlaceBid(quiet.id, new_id(), busy.bidder, Decimal("1.00"))
    job = busy.in_process.accept(quiet, bid)
    WAITING[BIDS].add([quiet])
    before = len(busy.batches)
    while busy.in_process.job(job.id).status is JobStatus.QUEUED:
        assert len(busy.batches) < before + BATCHES, "it has no turn"
        assert busy.queued[BIDS], "the turn was over, and the task is behind what else waits"
        busy.turn(BIDS)
    assert busy.in_process.job(job.id).status is JobStatus.SUCCEEDED
    taken = [stream for batch in busy.batches[before:] for stream in batch]
    assert taken.count(quiet) == 1
    assert max(map(len, busy.batches)) == MOST, "there were more than a batch takes"
    assert set(busy.auctions) <= set(busy.in_process.waiting_streams()), "and they are not done"


def test_winners_and_sign_ups_wait_for_no_bid(busy: Busy) -> None:
    over = busy.in_process.auction(seconds=0.05)
    busy.in_process.over(over)
    [announced] = [
        job for jobs in announce_winners(busy.in_process.pool) for job in jobs if job.stream == over
    ]
    user_id = new_id()
    command = CreateUser(user_id, f"u{user_id.hex[-20:]}", None, "!", False)
    signed_up = submit(
        busy.in_process.pool, Submission(Stream("user", user_id), command, {}, "test")
    )
    for queue, job in ((AUCTIONS, announced), (USERS, signed_up)):
        WAITING[queue].add([job.stream], left_lying=True)
        busy.turn(queue)
    for job in (announced, signed_up):
        assert busy.in_process.job(job.id).status is JobStatus.SUCCEEDED
    assert set(busy.auctions) <= set(busy.in_process.waiting_streams()), "bids wait meanwhile"


def test_those_who_close_auctions_and_sign_people_up_handle_no_bids() -> None:
    with_bids = [queues for queues in WORKERS.values() if BIDS in queues]
    assert with_bids == [(BIDS,)]
