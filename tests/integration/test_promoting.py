"""The promoter's rounds on the real tables: committed, drawn, revealed, in that order and once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool

from commands import promoting
from commands.domain.commands import ChangePolicy, DoubleBid, WithdrawPolicy
from commands.domain.events import BidDoubled, BidPlaced, SecretRevealed, TickCommitted, TickMade
from commands.domain.rejections import RejectionCode
from commands.domain.tick import commitment_to
from commands.draws import check_draws
from commands.ids import new_id
from commands.ports import JobStatus, NewEvent, RecordedEvent, Stream
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.pool import SyncConnection, clock
from commands.requests import POLICIES
from projections.mongo import live_documents
from projections.verify import verify
from tests.integration.house import House

NOW = timedelta(0)


@pytest.fixture
def house(pool: ConnectionPool[SyncConnection]) -> House:
    """The house, with no tick half made by another test."""
    promoting.reveal_secrets()
    return House(pool)


def row_of(house: House, number: int) -> dict[str, Any]:
    """A tick's state row."""
    with house.pool.connection() as connection:
        found = connection.execute("SELECT * FROM promoter_ticks WHERE number = %s", (number,))
        row = found.fetchone()
    assert row
    return row


def events_of(house: House, stream_id: UUID) -> list[RecordedEvent]:
    """A stream's events."""
    with house.pool.connection() as connection:
        return PostgresEventStore(connection).read(stream_id)


def problems(house: House, stream: Stream) -> list[str]:
    """What verify_events finds in a stream."""
    with house.pool.connection() as connection:
        return [finding.what for finding in verify(connection, stream, live_documents()).findings]


def with_bids(house: House, *amounts: str) -> Stream:
    """An auction with a bid of each amount, by as many bidders."""
    auction = house.auction()
    for amount in amounts:
        house.bid(auction, house.user(), amount)
    return auction


def drain_draws(house: House, jobs: list[Any]) -> None:
    """Settle all draws of a tick."""
    for job in jobs:
        house.drain(job.stream)


def test_the_house_commits_before_the_tick_and_reveals_after_the_draws(house: House) -> None:
    auction = with_bids(house, "1.00", "2.00")
    promoting.commit()
    number, jobs = promoting.run_promoter(NOW)
    assert number is not None
    assert promoting.reveal_secrets() == [], "its draws are not made yet"
    drain_draws(house, jobs)
    assert number in promoting.reveal_secrets()
    assert promoting.reveal_secrets() == [], "once is enough"

    row = row_of(house, number)
    committed, made, revealed = [item.event for item in events_of(house, row["stream_id"])]
    assert committed == TickCommitted(number, row["commitment"])
    assert made == TickMade(len(jobs))
    assert revealed == SecretRevealed(row["secret"])
    assert commitment_to(bytes.fromhex(row["secret"])) == row["commitment"]
    [draw] = [item for item in events_of(house, auction.id) if isinstance(item.event, BidDoubled)]
    assert row["committed_at"] < row["made_at"] < draw.recorded_at < row["revealed_at"]
    assert problems(house, Stream("tick", row["stream_id"])) == []
    assert row_of(house, number + 1)["made_at"] is None, "and committed to the next"


def test_a_tick_without_auctions_to_draw_in_is_none(house: House) -> None:
    number, jobs = promoting.run_promoter(NOW)
    drain_draws(house, jobs)
    with house.pool.connection() as connection:
        # Whatever other tests left open.
        connection.execute("UPDATE auctions SET ends_at = clock_timestamp() - interval '1 s'")
    before = row_of(house, (number or 0) + 1) if number else None
    assert promoting.run_promoter(NOW) == (None, [])
    if number:
        assert row_of(house, number + 1) == before


def test_each_draw_is_the_one_that_the_revealed_secret_gives(house: House) -> None:
    auction = with_bids(house, "1.00", "2.00", "3.00", "4.00")
    for _ in range(3):
        assert house.double(auction).status is JobStatus.SUCCEEDED
    promoting.reveal_secrets()
    with house.pool.connection() as connection:
        history = PostgresEventStore(connection).read(auction.id)
        checked = list(check_draws(connection, history))
    assert [(each.revealed, each.problem) for each in checked] == [(True, None)] * 3
    assert [each.draw.total_weight for each in checked] == [4, 3, 2]


def test_a_draw_with_a_revealed_secret_is_refused(house: House) -> None:
    auction = with_bids(house, "1.00", "2.00")
    first = house.double(auction)
    promoting.reveal_secrets()
    late = house.settled(auction, DoubleBid(auction.id, first.payload["tick"], 0))
    assert late.rejection
    assert late.rejection.code is RejectionCode.EXPIRED


def test_a_secret_that_is_not_the_committed_one_is_found(house: House) -> None:
    auction = with_bids(house, "1.00", "2.00")
    number = house.double(auction).payload["tick"]
    with house.pool.connection() as connection:
        connection.execute(
            "UPDATE promoter_ticks SET secret = %s WHERE number = %s", ("ab" * 32, number)
        )
    promoting.reveal_secrets()
    [problem] = problems(house, auction)
    assert "not the one that the house committed to" in problem


def forge(house: House, auction: Stream, tick: int) -> None:
    """A draw that the house writes into an auction by itself."""
    history = events_of(house, auction.id)
    bid = next(item.event for item in history if isinstance(item.event, BidPlaced))
    draw = BidDoubled(bid.bid_id, bid.bidder_id, bid.amount * 2, tick, 0, 1, 99, ())
    with house.pool.connection() as connection:
        PostgresEventStore(connection).append(
            auction, len(history), [NewEvent(draw, new_id(), new_id())], clock(connection)
        )
        # Nothing else can happen in it: its state row knows nothing of the forgery.
        connection.execute("UPDATE auctions SET closed = true WHERE id = %s", (auction.id,))


def found(house: House, auction: Stream) -> list[str | None]:
    """What is wrong with each draw of the auction."""
    with house.pool.connection() as connection:
        history = PostgresEventStore(connection).read(auction.id)
        return [checked.problem for checked in check_draws(connection, history)]


def test_a_draw_that_the_secret_does_not_give_is_found(house: House) -> None:
    auction, other = with_bids(house, "1.00", "2.00"), with_bids(house, "3.00")
    with house.pool.connection() as connection:
        connection.execute("UPDATE auctions SET starts_at = ends_at WHERE id = %s", (other.id,))
    tick = house.double(auction).payload["tick"]
    forge(house, other, tick)
    promoting.reveal_secrets()
    forge(house, auction, tick)
    [problem] = found(house, other)
    assert problem
    assert problem.startswith("the secret gives")
    assert found(house, auction) == [None, "the tick had drawn in this auction before"]


def test_a_draw_by_a_secret_that_was_known_is_found(house: House) -> None:
    auction, other = with_bids(house, "1.00", "2.00"), with_bids(house, "3.00")
    tick = house.double(auction).payload["tick"]
    promoting.reveal_secrets()
    late = with_bids(house, "4.00")
    forge(house, late, tick)
    forge(house, other, tick + 1_000)
    assert found(house, late) == ["the secret was revealed before it"]
    assert found(house, other)[-1] == "the house had not committed to it"


def test_a_policy_applies_from_the_next_tick_and_the_draw_names_it(house: House) -> None:
    auction = with_bids(house, "1.00", "2.00", "4.00")
    assert house.double(auction).status is JobStatus.SUCCEEDED
    changed = house.settled(
        POLICIES,
        ChangePolicy(auction.id, Decimal("100.00"), ("by_amount",), ("leader",), ()),
    )
    assert changed.version
    house.double(auction)
    draw = events_of(house, auction.id)[-1].event
    assert isinstance(draw, BidDoubled)
    assert draw.policy_version == changed.version
    assert draw.total_weight > 2
    withdrawn = house.settled(POLICIES, WithdrawPolicy(auction.id))
    assert withdrawn.version == changed.version + 1
    assert problems(house, POLICIES) == []


def test_staff_are_not_drawn_where_the_policy_excludes_them(house: House) -> None:
    auction = house.auction()
    insider = house.user(is_staff=True)
    house.bid(auction, insider, "5.00")
    house.settled(
        POLICIES, ChangePolicy(auction.id, Decimal("100.00"), ("constant",), ("staff",), ())
    )
    refused = house.double(auction)
    assert refused.rejection
    assert refused.rejection.code is RejectionCode.NO_BID_TO_DOUBLE
    house.bid(auction, house.user(), "1.00")
    assert house.double(auction).status is JobStatus.SUCCEEDED
    draw = events_of(house, auction.id)[-1].event
    assert isinstance(draw, BidDoubled)
    assert (draw.staff, draw.total_weight) == ((insider,), 1)
    promoting.reveal_secrets()
    assert problems(house, auction) == []


def test_a_policy_for_an_auction_that_is_not_there_is_refused(house: House) -> None:
    nowhere = ChangePolicy(POLICIES.id, Decimal("1.00"), ("constant",), (), ())
    job = house.settled(POLICIES, nowhere)
    assert job.rejection
    assert job.rejection.code is RejectionCode.AUCTION_NOT_FOUND
