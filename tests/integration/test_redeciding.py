"""verify_events decides each event again: what the rules do not give is found, however well it is forged."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from benchmarks.bids import PEOPLE as NOBODY
from commands.domain.commands import AnnounceWinner, DeleteUser
from commands.domain.events import (
    AuctionEndedUnsold,
    AuctionEvent,
    BidDeleted,
    BidDoubled,
    BidPlaced,
    NoDoubling,
    NothingDrawn,
    WinnerAnnounced,
)
from commands.domain.state import replay
from commands.ids import new_id
from commands.postgres import facts
from commands.postgres.auctions import read_auction, save_auctions
from commands.postgres.connections import clock
from commands.postgres.event_store import PostgresEventStore
from commands.promoter.rounds import reveal_secrets
from commands.streams import NewEvent, Stream
from projections.mongo.store import MongoDocuments
from projections.projector import project
from projections.upkeep.verify import verify
from tests.e2e.falsifications import FALSIFICATIONS, UNHASHED
from tests.e2e.house_falsifications import CANCELLED, CLOSED_EARLY, REMOVED
from tests.e2e.masked_falsifications import MASKED
from tests.e2e.pause_falsifications import PAUSED
from tests.e2e.revision_falsifications import REVISED
from tests.e2e.ruled_falsifications import RULED
from tests.integration.in_process import InProcessPortal, stored_auctions
from tests.integration.test_verification import TAMPERINGS, findings, forget, tampering
from tests.servers import ROOT


@pytest.fixture
def jobs_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs of all events have ended: only the events tell."""
    monkeypatch.setattr(facts, "JOBS_SINCE", "SELECT NULL::timestamptz AS since")


class Planted:
    """An auction of two bidders, alice with 1.00 and bob with 2.00, in which events can be forged."""

    def __init__(
        self, in_process: InProcessPortal, documents: MongoDocuments, seconds: float = 600
    ) -> None:
        self.in_process, self.documents = in_process, documents
        self.alice, self.bob = in_process.user(), in_process.user()
        self.stream = in_process.auction(seconds)
        self.low = in_process.bid(self.stream, self.alice, "1.00")
        self.high = in_process.bid(self.stream, self.bob, "2.00")

    def forge(
        self,
        *events: AuctionEvent,
        causation_id: UUID | None = None,
        accepted: timedelta | None = timedelta(),
    ) -> None:
        """Append the events as the portal's own code does, and save their rows: everything agrees with them.

        Bids were accepted when they say they were placed, all else `accepted` from now; None: they don't say.
        """
        with self.in_process.pool.connection() as connection:
            before = read_auction(connection, self.stream.id)
            assert before
            after = replay(events, before)
            store, now = PostgresEventStore(connection), clock(connection)
            new = [
                NewEvent(
                    event,
                    causation_id or new_id(),
                    new_id(),
                    None if accepted is None else moment(event, now) + accepted,
                )
                for event in events
            ]
            store.append(self.stream, before.version, new, now)
            save_auctions(connection, [(after, list(after.bids.values()))])

    def findings(self) -> list[str]:
        """What is found, once the documents are up to date."""
        project(self.stream, self.in_process.pool, self.documents)
        return findings(self.in_process, self.stream, self.documents)

    def nobody(self) -> UUID:
        """A bidder who has a row, and was never created."""
        with self.in_process.pool.connection() as connection:
            [row] = connection.execute(NOBODY, {"prefix": f"n{new_id().hex[-10:]}-", "count": 1})
        id: UUID = row["id"]
        return id

    def jobs(self) -> list[UUID]:
        """The auction's jobs in the order of their acceptance."""
        with self.in_process.pool.connection() as connection:
            rows = connection.execute(
                "SELECT id FROM jobs WHERE stream_id = %s ORDER BY accepted_at", (self.stream.id,)
            )
            return [row["id"] for row in rows]


def moment(event: AuctionEvent, now: datetime) -> datetime:
    """When the command of a forged event is to have been accepted."""
    return event.placed_at if isinstance(event, BidPlaced) else now


@pytest.fixture
def planted(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Planted]:
    planted = Planted(in_process, documents)
    assert planted.findings() == []
    yield planted
    forget(in_process, planted.stream)


def bid(
    planted: Planted, bidder: UUID, amount: str, *, later: timedelta = timedelta()
) -> BidPlaced:
    return BidPlaced(new_id(), bidder, Decimal(amount), placed_at=planted.in_process.now() + later)


def doubled(
    planted: Planted, bid_id: UUID, bidder: UUID, counts: str, **more: int | tuple[UUID, ...]
) -> BidDoubled:
    drawn = {
        "tick": 999_999, "policy_version": 0, "weight": 1, "total_weight": 2, "staff": (), "draw": 1,
    }  # fmt: skip
    return BidDoubled(bid_id, bidder, Decimal(counts), **(drawn | more))  # type: ignore[arg-type]


def won(planted: Planted, bid_id: UUID, bidder: UUID, amount: str) -> WinnerAnnounced:
    placed_at, worth = planted.in_process.now(), Decimal(amount)
    return WinnerAnnounced(bid_id, bidder, worth, worth, doubled=False, placed_at=placed_at)


Forgery = Callable[[Planted], Sequence[AuctionEvent]]
FORGERIES: dict[str, tuple[Forgery, str]] = {
    "a doubling to more than twice the amount": (
        lambda p: [doubled(p, p.low, p.alice, "777.00")],
        "the rules give BidDoubled",
    ),
    "a doubling in a tick that was never made": (
        lambda p: [doubled(p, p.low, p.alice, "2.00")],
        "the house had not committed to it",
    ),
    "a doubling of somebody else's bid": (
        lambda p: [doubled(p, p.low, p.bob, "2.00")],
        "the rules give BidDoubled",
    ),
    "a second doubling of a bid": (
        lambda p: [
            doubled(p, p.low, p.alice, "2.00"),
            doubled(p, p.low, p.alice, "2.00", tick=1_000_000, draw=2),
        ],
        "the rules give NothingDrawn",
    ),
    "a doubling of a deleted bid": (
        lambda p: [BidDeleted(p.low, p.alice), doubled(p, p.low, p.alice, "2.00")],
        "the rules give NothingDrawn",
    ),
    "a doubling that takes a bidder for staff": (
        lambda p: [doubled(p, p.low, p.alice, "2.00", staff=(p.bob,))],
        "the rules give BidDoubled",
    ),
    "a doubling without its number": (
        lambda p: [doubled(p, p.low, p.alice, "2.00", draw=0)],
        "the rules give BidDoubled",
    ),
    "a doubling with another number": (
        lambda p: [doubled(p, p.low, p.alice, "2.00", draw=2)],
        "the rules give BidDoubled",
    ),
    "a draw of a bid that is said to be gone": (
        lambda p: [NothingDrawn(999_999, 0, NoDoubling.GONE, 1, (), p.low)],
        "the rules give NothingDrawn",
    ),
    "a draw that failed, by another number": (
        lambda p: [NothingDrawn(999_999, 0, NoDoubling.FAILED, 2)],
        "the rules give NothingDrawn",
    ),
    "a draw from before there were commitments that gives more than twice the amount": (
        lambda p: [doubled(p, p.low, p.alice, "3.00", tick=0, draw=0)],
        "it is not twice the amount of a live bid",
    ),
    "a draw that names no tick": (
        lambda p: [doubled(p, p.low, p.alice, "2.00", tick=0, draw=0)],
        "it names no tick",
    ),
    "a bid that is not higher than the bidder's own": (
        lambda p: [bid(p, p.bob, "1.50")],
        "the rules refuse it: 1.50 is not higher than your own highest live bid",
    ),
    "a bid of nobody": (
        lambda p: [bid(p, p.nobody(), "9.00")],
        "the bidder does not exist",
    ),
    "a bid after the end": (
        lambda p: [bid(p, p.alice, "9.00", later=timedelta(hours=1))],
        "the rules refuse it: the auction ended",
    ),
    "a bid before the start": (
        lambda p: [bid(p, p.alice, "9.00", later=timedelta(hours=-1))],
        "the rules refuse it: the auction starts",
    ),
    "a bid withdrawn with its bidder, who was not deleted": (
        lambda p: [BidDeleted(p.low, p.alice, p.in_process.now())],
        "its bidder was not deleted",
    ),
    "a bid deleted in another's name": (
        lambda p: [BidDeleted(p.low, p.bob)],
        "only its bidder may delete a bid",
    ),
    "a bid deleted twice": (
        lambda p: [BidDeleted(p.low, p.alice), BidDeleted(p.low, p.alice)],
        "this bid is deleted already",
    ),
    "a winner before the end": (
        lambda p: [won(p, p.high, p.bob, "2.00")],
        "the rules refuse it: it ends at",
    ),
    "an end without a sale before the end": (
        lambda p: [AuctionEndedUnsold()],
        "the rules refuse it: it ends at",
    ),
}


@pytest.mark.usefixtures("jobs_gone")
@pytest.mark.parametrize("what", FORGERIES)
def test_what_the_rules_do_not_give_is_found_without_the_jobs(planted: Planted, what: str) -> None:
    forgery, expected = FORGERIES[what]
    planted.forge(*forgery(planted))
    found = planted.findings()
    assert found, what
    assert expected in found[0]
    assert len(found) == 1


@pytest.mark.parametrize("what", FORGERIES)
def test_an_event_that_no_job_caused_is_found(planted: Planted, what: str) -> None:
    forgery, _ = FORGERIES[what]
    planted.forge(*forgery(planted))
    [found] = planted.findings()
    assert "there is no job that caused it" in found


@pytest.fixture
def ended(in_process: InProcessPortal, documents: MongoDocuments) -> Iterator[Planted]:
    """The same when the auction is over."""
    ended = Planted(in_process, documents, seconds=2)
    in_process.over(ended.stream)
    assert ended.findings() == []
    yield ended
    forget(in_process, ended.stream)


WRONG_ENDS: dict[str, tuple[Forgery, str]] = {
    "the lowest bid wins": (
        lambda p: [won(p, p.low, p.alice, "1.00")],
        "the rules give WinnerAnnounced",
    ),
    "the winner pays another amount": (
        lambda p: [won(p, p.high, p.bob, "1.00")],
        "the rules give WinnerAnnounced",
    ),
    "nobody wins, though there are bids": (
        lambda p: [AuctionEndedUnsold()],
        "the rules give WinnerAnnounced",
    ),
}


@pytest.mark.usefixtures("jobs_gone")
@pytest.mark.parametrize("what", WRONG_ENDS)
def test_another_winner_than_the_rules_give_is_found(ended: Planted, what: str) -> None:
    forgery, expected = WRONG_ENDS[what]
    ended.forge(*forgery(ended))
    [found] = ended.findings()
    assert expected in found


TOO_LATE: dict[str, tuple[Forgery, str]] = {
    "a bid deleted after the end": (
        lambda p: [BidDeleted(p.low, p.alice)],
        "the rules refuse it: the auction ended",
    ),
    "a doubling after the end": (
        lambda p: [doubled(p, p.low, p.alice, "2.00")],
        "the rules give NothingDrawn",
    ),
}


@pytest.mark.usefixtures("jobs_gone")
@pytest.mark.parametrize("what", TOO_LATE)
def test_what_was_asked_for_too_late_is_found_without_the_jobs(planted: Planted, what: str) -> None:
    forgery, expected = TOO_LATE[what]
    planted.forge(*forgery(planted), accepted=timedelta(hours=1))
    [found] = planted.findings()
    assert expected in found


@pytest.mark.usefixtures("jobs_gone")
def test_a_winner_before_the_end_said_to_have_been_asked_for_after_it_is_found(
    planted: Planted,
) -> None:
    with planted.in_process.pool.connection() as connection:
        auction = read_auction(connection, planted.stream.id)
    assert auction
    early = won(planted, planted.high, planted.bob, "2.00")
    early = replace(early, placed_at=auction.bids[planted.high].placed_at)
    planted.forge(early, accepted=timedelta(hours=1))
    [found] = planted.findings()
    assert "it was recorded before its command was accepted" in found


@pytest.mark.usefixtures("jobs_gone")
def test_an_event_that_hides_when_its_command_was_accepted_is_found(planted: Planted) -> None:
    planted.forge(BidDeleted(planted.low, planted.alice), accepted=None)
    [found] = planted.findings()
    assert "it does not say when its command was accepted" in found


@pytest.mark.usefixtures("jobs_gone")
def test_events_from_before_moments_were_kept_need_none(planted: Planted) -> None:
    planted.forge(BidDeleted(planted.low, planted.alice), accepted=None)
    planted.findings()
    with planted.in_process.pool.connection() as connection:
        verdict = verify(connection, planted.stream, planted.documents, moments_since=None)
    assert verdict.findings == []


def test_another_moment_than_the_jobs_is_found(planted: Planted) -> None:
    job = planted.jobs()[-1]
    with planted.in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET accepted_at = accepted_at - interval '1 s' WHERE id = %s", (job,)
        )
    [found] = planted.findings()
    assert "version 3 (BidPlaced): its job was accepted at another moment" in found


@pytest.mark.usefixtures("jobs_gone")
@pytest.mark.parametrize(
    ("forged", "expected"),
    [
        (lambda p, _: bid(p, p.alice, "9.00"), "its bidder had been deleted"),
        (
            lambda p, at: BidDeleted(p.low, p.alice, at - timedelta(hours=2)),
            "deletion was accepted",
        ),
    ],
    ids=["a bid of a deleted user", "a withdrawal at another moment"],
)
def test_what_a_deleted_user_did_not_do_is_found(
    planted: Planted, forged: Callable[[Planted, datetime], AuctionEvent], expected: str
) -> None:
    deletion = planted.in_process.settled(Stream("user", planted.alice), DeleteUser(planted.alice))
    planted.forge(forged(planted, deletion.accepted_at))
    [found] = planted.findings()
    assert expected in found


@pytest.mark.usefixtures("jobs_gone")
def test_what_happens_after_the_close_is_found(ended: Planted) -> None:
    assert ended.in_process.settled(ended.stream, AnnounceWinner(ended.stream.id)).version == 4
    assert ended.findings() == []
    ended.forge(BidDeleted(ended.high, ended.bob))
    [found] = ended.findings()
    assert "the rules refuse it: the auction ended" in found


def test_an_event_that_is_not_what_its_job_says_is_found(planted: Planted) -> None:
    job = planted.in_process.job(planted.jobs()[-1])
    with planted.in_process.pool.connection() as connection:
        connection.execute(
            'UPDATE jobs SET payload = payload || \'{"amount": "1.99"}\' WHERE id = %s', (job.id,)
        )
    [found] = planted.findings()
    assert "version 3 (BidPlaced): the rules give BidPlaced" in found
    assert "1.99" in found


def test_an_event_of_a_job_that_was_rejected_is_found(planted: Planted) -> None:
    planted.in_process.bid(planted.stream, planted.alice, "5.00")
    with planted.in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET status = 'REJECTED', result_version = NULL WHERE id = %s",
            (planted.jobs()[-1],),
        )
    [found] = planted.findings()
    assert "the job that is to have caused it was rejected" in found


def test_a_removed_tail_is_found_by_the_jobs_that_gave_it(planted: Planted) -> None:
    """With its rows and documents, so that everything else agrees."""
    with tampering(planted.in_process) as connection:
        connection.execute(
            "DELETE FROM events WHERE stream_id = %s AND version = 3", (planted.stream.id,)
        )
        connection.execute("DELETE FROM bids WHERE id = %s", (planted.high,))
        connection.execute("UPDATE auctions SET version = 2 WHERE id = %s", (planted.stream.id,))
    stored_auctions().delete_one({"_id": planted.stream.id})
    [found] = planted.findings()
    assert f"job {planted.jobs()[-1]} (PlaceBid) gave version 3, which is not here" in found


@pytest.mark.parametrize("kept", [True, False], ids=["with the jobs", "without"])
def test_a_whole_life_is_what_the_rules_give(
    in_process: InProcessPortal,
    documents: MongoDocuments,
    request: pytest.FixtureRequest,
    *,
    kept: bool,
) -> None:
    alice, bob, carol = in_process.user(), in_process.user(is_staff=True), in_process.user()
    stream = in_process.auction(seconds=6)
    in_process.bid(stream, alice, "1.00")
    in_process.bid(stream, carol, "30.00")
    in_process.delete(stream, bob, in_process.bid(stream, bob, "2.00"))
    in_process.bid(stream, bob, "3.00")
    assert in_process.double(stream).version
    in_process.bid(stream, alice, "40.00")
    deletion = in_process.settled(Stream("user", carol), DeleteUser(carol))
    assert deletion.version
    in_process.drain(stream)
    in_process.over(stream)
    assert in_process.settled(stream, AnnounceWinner(stream.id)).version
    reveal_secrets(in_process.pool)
    if not kept:
        request.getfixturevalue("jobs_gone")
        with in_process.pool.connection() as connection:
            connection.execute("DELETE FROM jobs WHERE stream_id = %s", (stream.id,))
    project(stream, in_process.pool, documents)
    assert findings(in_process, stream, documents) == []


def test_the_docs_name_whatever_is_planted() -> None:
    table = (ROOT / "docs/reliability.md").read_text()
    planted = {
        *TAMPERINGS, *FORGERIES, *TOO_LATE, *WRONG_ENDS, *FALSIFICATIONS, *UNHASHED, *RULED, *MASKED, *CANCELLED, *CLOSED_EARLY, *REMOVED, *PAUSED, *REVISED,
    }  # fmt: skip
    assert {what for what in planted if f"| {what} |" not in table} == set()
    for what in {
        *FALSIFICATIONS,
        *UNHASHED,
        *RULED,
        *MASKED,
        *CANCELLED,
        *CLOSED_EARLY,
        *REMOVED,
        *PAUSED,
        *REVISED,
    }:
        assert f"| {what} | ✓ | ✓ |" in table, what
