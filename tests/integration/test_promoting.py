"""The promoter's rounds on the real tables: committed, drawn, revealed, in that order and once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from commands.beacon.local import LocalBeacon
from commands.domain.commands import ChangePolicy, DoubleBid, PlaceBid, WithdrawPolicy
from commands.domain.events import (
    BidDoubled,
    BidPlaced,
    DrawsAccepted,
    NoDoubling,
    NothingDrawn,
    SecretRevealed,
    TickCommitted,
    TickMade,
)
from commands.domain.rejections import RejectionCode
from commands.domain.tick import commitment_to
from commands.handling import lines
from commands.handling.drain import drain_batch
from commands.ids import new_id
from commands.inbox.requests import POLICIES
from commands.inbox.submitting import WAITING
from commands.jobs import JobStatus
from commands.postgres.connections import clock
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.jobs import PostgresJobInbox
from commands.promoter import rounds as promoting
from commands.promoter.checks import check_draws
from commands.queues import BIDS
from commands.streams import NewEvent, RecordedEvent, Stream
from commands.tasks import ALONE
from projections.upkeep.audit import check
from projections.upkeep.verify import verify
from projections.wiring import catch_up, live_documents
from tests.integration.in_process import InProcessPortal
from tests.integration.working import on_list, put, work

NOW, MINUTE = timedelta(0), timedelta(minutes=1)


@pytest.fixture
def in_process(in_process: InProcessPortal) -> InProcessPortal:
    """The fixture of that name, after finishing any tick that another test began."""
    promoting.reveal_secrets(in_process.pool)
    return in_process


def row_of(in_process: InProcessPortal, number: int) -> dict[str, Any]:
    """A tick's state row."""
    with in_process.pool.connection() as connection:
        found = connection.execute("SELECT * FROM promoter_ticks WHERE number = %s", (number,))
        row = found.fetchone()
    assert row
    return row


def last_number(in_process: InProcessPortal) -> int:
    """The number of the last tick."""
    with in_process.pool.connection() as connection:
        row = connection.execute("SELECT max(number) AS number FROM promoter_ticks").fetchone()
    assert row
    return int(row["number"])


def events_of(in_process: InProcessPortal, stream_id: UUID) -> list[RecordedEvent]:
    """A stream's events."""
    with in_process.pool.connection() as connection:
        return PostgresEventStore(connection).read(stream_id)


def problems(in_process: InProcessPortal, stream: Stream) -> list[str]:
    """What verify_events finds in a stream."""
    with in_process.pool.connection() as connection:
        return [finding.what for finding in verify(connection, stream, live_documents()).findings]


def with_bids(in_process: InProcessPortal, *amounts: str) -> Stream:
    """An auction with a bid of each amount, by as many bidders."""
    auction = in_process.auction()
    for amount in amounts:
        in_process.bid(auction, in_process.user(), amount)
    return auction


def in_force(in_process: InProcessPortal, policy: ChangePolicy) -> None:
    """Change the policy, and have the next tick committed to with it."""
    assert in_process.settled(POLICIES, policy).version
    in_process.double(with_bids(in_process, "1.00"))


def drain_draws(in_process: InProcessPortal, jobs: list[Any]) -> None:
    """Settle all draws of a tick."""
    for job in jobs:
        in_process.drain(job.stream)


def test_the_house_commits_before_the_tick_and_reveals_after_the_draws(
    in_process: InProcessPortal,
) -> None:
    auction = with_bids(in_process, "1.00", "2.00")
    promoting.commit(in_process.pool)
    number, jobs = promoting.run_promoter(in_process.pool, NOW, MINUTE)
    assert number is not None
    assert promoting.reveal_secrets(in_process.pool) == [], "its draws are not made yet"
    drain_draws(in_process, jobs)
    assert number in promoting.reveal_secrets(in_process.pool)
    assert promoting.reveal_secrets(in_process.pool) == [], "once is enough"

    row = row_of(in_process, number)
    history = events_of(in_process, row["stream_id"])
    committed, made, accepted, revealed = [item.event for item in history]
    named = row["beacon"], row["round"], row["public_at"]
    assert committed == TickCommitted(number, row["commitment"], row["policies"], *named)
    assert made == TickMade(value=LocalBeacon().value(row["round"]).hex())
    assert accepted == DrawsAccepted(len(jobs))
    assert revealed == SecretRevealed(row["secret"])
    assert commitment_to(bytes.fromhex(row["secret"])) == row["commitment"]
    [draw] = [
        item for item in events_of(in_process, auction.id) if isinstance(item.event, BidDoubled)
    ]
    assert row["committed_at"] < row["made_at"] < draw.recorded_at < row["revealed_at"]
    assert problems(in_process, Stream("tick", row["stream_id"])) == []
    following = row_of(in_process, number + 1)
    assert following["made_at"] is None, "and committed to the next"
    assert following["public_at"] - following["committed_at"] == timedelta(seconds=55)
    assert promoting.run_promoter(in_process.pool, NOW, MINUTE) == (None, []), "which is not due"
    assert row_of(in_process, number + 1) == following
    in_process.give_up_open_tick()


def test_a_tick_without_auctions_to_draw_in_is_none(in_process: InProcessPortal) -> None:
    _, jobs = promoting.run_promoter(in_process.pool, NOW)
    drain_draws(in_process, jobs)
    with in_process.pool.connection() as connection:
        # Whatever other tests left open.
        connection.execute("UPDATE auctions SET ends_at = clock_timestamp() - interval '1 s'")
    before = last_number(in_process)
    assert promoting.run_promoter(in_process.pool, NOW) == (None, [])
    assert last_number(in_process) == before, "nor is one committed to"


def test_each_draw_is_the_one_that_the_revealed_secret_gives(in_process: InProcessPortal) -> None:
    auction = with_bids(in_process, "1.00", "2.00", "3.00", "4.00")
    for _ in range(3):
        assert in_process.double(auction).status is JobStatus.SUCCEEDED
    promoting.reveal_secrets(in_process.pool)
    with in_process.pool.connection() as connection:
        history = PostgresEventStore(connection).read(auction.id)
        checked = list(check_draws(connection, history))
    assert [(each.revealed, each.problem) for each in checked] == [(True, None)] * 3
    draws = [each.draw for each in checked if isinstance(each.draw, BidDoubled)]
    assert [draw.total_weight for draw in draws] == [4, 3, 2]
    assert [draw.draw for draw in draws] == [1, 2, 3]


def test_a_draw_with_a_revealed_secret_doubles_nothing_and_says_so(
    in_process: InProcessPortal,
) -> None:
    auction, other = with_bids(in_process, "1.00", "2.00"), in_process.auction()
    tick = in_process.double(auction).payload["tick"]
    promoting.reveal_secrets(in_process.pool)
    in_process.bid(other, in_process.user(), "1.00")
    late = in_process.settled(other, DoubleBid(other.id, tick, 0))
    assert late.status is JobStatus.SUCCEEDED
    event = events_of(in_process, other.id)[-1].event
    assert event == NothingDrawn(tick, 0, NoDoubling.LATE, 1)
    assert problems(in_process, other) == []


def test_a_tick_draws_once_in_an_auction(in_process: InProcessPortal) -> None:
    auction = with_bids(in_process, "1.00", "2.00")
    tick = in_process.double(auction).payload["tick"]
    again = in_process.settled(auction, DoubleBid(auction.id, tick, 0))
    assert again.rejection
    assert again.rejection.code is RejectionCode.NO_BID_TO_DOUBLE


def test_a_secret_that_is_not_the_committed_one_is_found(in_process: InProcessPortal) -> None:
    auction = with_bids(in_process, "1.00", "2.00")
    number = in_process.double(auction).payload["tick"]
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE promoter_ticks SET secret = %s WHERE number = %s", ("ab" * 32, number)
        )
    promoting.reveal_secrets(in_process.pool)
    [problem] = problems(in_process, auction)
    assert "not the one that the house committed to" in problem
    catch_up(auction)
    assert check(auction, in_process.pool, live_documents()) is None, "the audit checks no draws"


def forge(in_process: InProcessPortal, auction: Stream, tick: int) -> None:
    """Append an event with a draw that the portal did not make."""
    history = events_of(in_process, auction.id)
    bid = next(item.event for item in history if isinstance(item.event, BidPlaced))
    number = sum(isinstance(item.event, BidDoubled) for item in history) + 1
    draw = BidDoubled(bid.bid_id, bid.bidder_id, bid.amount * 2, tick, 0, 1, 99, (), number)
    with in_process.pool.connection() as connection:
        PostgresEventStore(connection).append(
            auction, len(history), [NewEvent(draw, new_id(), new_id())], clock(connection)
        )
        # Nothing else can happen in it: its state row knows nothing of the forgery.
        connection.execute("UPDATE auctions SET closed = true WHERE id = %s", (auction.id,))


def found(in_process: InProcessPortal, auction: Stream) -> list[str | None]:
    """What is wrong with each draw of the auction."""
    with in_process.pool.connection() as connection:
        history = PostgresEventStore(connection).read(auction.id)
        return [checked.problem for checked in check_draws(connection, history)]


def test_a_draw_that_the_secret_does_not_give_is_found(in_process: InProcessPortal) -> None:
    auction, other = with_bids(in_process, "1.00", "2.00"), with_bids(in_process, "3.00")
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE auctions SET starts_at = ends_at WHERE id = %s", (other.id,))
    tick = in_process.double(auction).payload["tick"]
    forge(in_process, other, tick)
    promoting.reveal_secrets(in_process.pool)
    forge(in_process, auction, tick)
    [problem] = found(in_process, other)
    assert problem
    assert problem.startswith("the secret gives")
    assert found(in_process, auction) == [None, "the tick had drawn in this auction before"]


def test_a_draw_by_a_secret_that_was_known_is_found(in_process: InProcessPortal) -> None:
    auction, other = with_bids(in_process, "1.00", "2.00"), with_bids(in_process, "3.00")
    tick = in_process.double(auction).payload["tick"]
    promoting.reveal_secrets(in_process.pool)
    late = with_bids(in_process, "4.00")
    forge(in_process, late, tick)
    forge(in_process, other, tick + 1_000)
    assert found(in_process, late) == ["the secret was revealed before it"]
    assert found(in_process, other)[-1] == "the house had not committed to it"


def test_a_draw_by_a_policy_that_did_not_apply_is_found(in_process: InProcessPortal) -> None:
    auction, other = with_bids(in_process, "1.00", "2.00"), with_bids(in_process, "3.00")
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE auctions SET starts_at = ends_at WHERE id = %s", (other.id,))
    own = in_process.settled(
        POLICIES, ChangePolicy(other.id, Decimal("100.00"), ("by_amount",), (), ())
    )
    in_process.double(auction)
    forge(in_process, other, in_process.double(auction).payload["tick"])
    assert found(in_process, other) == [f"policy {own.version} applied, not 0"]


def test_a_policy_applies_from_the_tick_after_the_next_one_and_the_draw_names_it(
    in_process: InProcessPortal,
) -> None:
    auction = with_bids(in_process, "1.00", "2.00", "4.00")
    assert in_process.double(auction).status is JobStatus.SUCCEEDED
    promoting.commit(in_process.pool)
    changed = in_process.settled(
        POLICIES,
        ChangePolicy(auction.id, Decimal("100.00"), ("by_amount",), ("leader",), ()),
    )
    assert changed.version
    in_process.double(auction)
    draw = events_of(in_process, auction.id)[-1].event
    assert isinstance(draw, BidDoubled)
    assert draw.policy_version != changed.version, "this tick was committed to before the change"
    in_process.bid(auction, in_process.user(), "3.00")
    in_process.double(auction)
    draw = events_of(in_process, auction.id)[-1].event
    assert isinstance(draw, BidDoubled)
    assert draw.policy_version == changed.version
    assert draw.total_weight > 2
    withdrawn = in_process.settled(POLICIES, WithdrawPolicy(auction.id))
    assert withdrawn.version == changed.version + 1
    assert problems(in_process, POLICIES) == []


def test_weights_may_be_larger_than_64_bits(in_process: InProcessPortal) -> None:
    """Those of the largest bids, multiplied by how far they are behind the leader."""
    auction = in_process.auction()
    policy = ChangePolicy(auction.id, Decimal("100.00"), ("by_amount", "underdogs"), (), ())
    in_force(in_process, policy)
    for amount in ("9999999999.99", "5000000000.00", "4000000000.00"):
        in_process.bid(auction, in_process.user(), amount)
    drawn = in_process.double(auction)
    assert drawn.status is JobStatus.SUCCEEDED
    event = events_of(in_process, auction.id)[-1].event
    assert isinstance(event, BidDoubled)
    assert event.total_weight > 2**64
    assert problems(in_process, auction) == []
    catch_up(auction)
    document = live_documents().auction(auction.id)
    assert document
    assert document.version == 5


def test_staff_are_not_drawn_where_the_policy_excludes_them(in_process: InProcessPortal) -> None:
    auction = in_process.auction()
    insider = in_process.user(is_staff=True)
    policy = ChangePolicy(auction.id, Decimal("100.00"), ("constant",), ("staff",), ())
    in_force(in_process, policy)
    in_process.bid(auction, insider, "5.00")
    assert in_process.double(auction).status is JobStatus.SUCCEEDED
    nobody = events_of(in_process, auction.id)[-1].event
    assert isinstance(nobody, NothingDrawn)
    assert (nobody.reason, nobody.staff) == (NoDoubling.NOBODY, (insider,))
    in_process.bid(auction, in_process.user(), "1.00")
    assert in_process.double(auction).status is JobStatus.SUCCEEDED
    draw = events_of(in_process, auction.id)[-1].event
    assert isinstance(draw, BidDoubled)
    assert (draw.staff, draw.total_weight) == ((insider,), 1)
    promoting.reveal_secrets(in_process.pool)
    assert problems(in_process, auction) == []


def test_a_policy_for_an_auction_that_is_not_there_is_refused(in_process: InProcessPortal) -> None:
    nowhere = ChangePolicy(POLICIES.id, Decimal("1.00"), ("constant",), (), ())
    job = in_process.settled(POLICIES, nowhere)
    assert job.rejection
    assert job.rejection.code is RejectionCode.AUCTION_NOT_FOUND


def test_a_batch_takes_only_so_many_draws_in_large_auctions(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    auctions = [with_bids(in_process, "1.00", "2.00") for _ in range(3)]
    other = in_process.auction()
    promoting.run_promoter(in_process.pool, NOW)
    alice = in_process.user()
    bid = in_process.accept(other, PlaceBid(other.id, new_id(), alice, Decimal("1.00")))
    monkeypatch.setattr(lines, "DRAWN_FROM", 6)
    handled = drain_batch([*auctions, other], in_process.pool)
    drawn = [each.job.stream for each in handled.outcomes if each.job.command == "DoubleBid"]
    assert len(drawn) == 2
    assert bid.id in [each.job.id for each in handled.outcomes]
    [left] = set(auctions) - set(drawn)
    assert left in handled.unfinished
    monkeypatch.setattr(lines, "DRAWN_FROM", 1)
    handled = drain_batch([left], in_process.pool)
    assert [each.job.stream for each in handled.outcomes] == [left], "one is taken in any case"


def test_a_draw_among_very_many_bids_is_made_alone_and_no_other_auction_waits_for_it(
    in_process: InProcessPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    auctions = [with_bids(in_process, "1.00", "2.00") for _ in range(2)]
    other, alice = in_process.auction(), in_process.user()
    number, _ = promoting.run_promoter(in_process.pool, NOW)
    bid = in_process.accept(other, PlaceBid(other.id, new_id(), alice, Decimal("1.00")))
    monkeypatch.setattr(lines, "DRAWN_FROM", 2)
    put(ALONE)
    work(WAITING[BIDS], *auctions, other)
    assert in_process.job(bid.id).status is JobStatus.SUCCEEDED
    assert set(auctions) <= set(in_process.waiting_streams()), "none was drawn beside it"
    assert on_list(ALONE) == set(auctions)
    work(ALONE, *auctions)
    with in_process.pool.connection() as connection:
        drawn = PostgresJobInbox(connection).draws_of(number or 0)
    assert {job.status for job in drawn if job.stream in auctions} == {JobStatus.SUCCEEDED}
