"""Each draw leaves an event, numbered within its auction, and is made among the bids at the cut-off."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from commands.domain.commands import ChangePolicy, DeleteUser, PlaceBid
from commands.domain.events import BidDeleted, BidDoubled, NoDoubling, NothingDrawn
from commands.handling import auctions as handling
from commands.handling import draws as handling_draws
from commands.handling.drain import drain_one_by_one
from commands.ids import new_id
from commands.inbox.requests import POLICIES
from commands.inbox.submitting import redrive
from commands.jobs import JobStatus
from commands.postgres import auctions as state
from commands.postgres.event_store import PostgresEventStore, all_stored_events
from commands.postgres.ticks import PUBLIC
from commands.promoter import rounds
from commands.promoter.checks import check_draws
from commands.streams import RecordedEvent, Stream
from portal.schema.fairness import ChainLink
from projections.mongo.store import MongoDocuments
from projections.projector import project
from tests.e2e.outsider import as_module
from tests.integration.in_process import InProcessPortal
from tests.integration.test_verification import findings

NOW = timedelta(0)


@pytest.fixture
def in_process(in_process: InProcessPortal) -> InProcessPortal:
    """The fixture of that name, after finishing any tick that another test began."""
    in_process.close_auctions()
    rounds.accept_all_draws(in_process.pool)
    rounds.reveal_secrets(in_process.pool)
    return in_process


@pytest.fixture
def auction(in_process: InProcessPortal) -> Stream:
    """An auction with two bids."""
    stream = in_process.auction()
    for amount in ("1.00", "2.00"):
        in_process.bid(stream, in_process.user(), amount)
    return stream


def history(in_process: InProcessPortal, stream: Stream) -> list[RecordedEvent]:
    with in_process.pool.connection() as connection:
        return PostgresEventStore(connection).read(stream.id)


def last(in_process: InProcessPortal, stream: Stream) -> object:
    """The auction's last event."""
    return history(in_process, stream)[-1].event


def finish(in_process: InProcessPortal) -> None:
    """Handle all draws that wait, and reveal the secrets."""
    rounds.accept_all_draws(in_process.pool)
    for stream in in_process.waiting_streams():
        in_process.drain(stream)
    rounds.reveal_secrets(in_process.pool)


def problems(in_process: InProcessPortal, events: Sequence[RecordedEvent]) -> list[str | None]:
    """What is wrong with the draws of such a history."""
    with in_process.pool.connection() as connection:
        return [each.problem for each in check_draws(connection, events) if each.problem]


def assert_right(in_process: InProcessPortal, stream: Stream, documents: MongoDocuments) -> None:
    """verify_events finds nothing, documents included."""
    project(stream, in_process.pool, documents)
    assert findings(in_process, stream, documents) == []


def test_a_draw_that_waited_too_long_leaves_an_event(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments
) -> None:
    number, _ = rounds.run_promoter(in_process.pool, NOW)
    assert number
    with in_process.pool.connection() as connection:
        connection.execute(
            "UPDATE jobs SET expires_at = clock_timestamp() - interval '1 s' "
            "WHERE stream_id = %s AND command = 'DoubleBid'",
            (auction.id,),
        )
    finish(in_process)
    assert last(in_process, auction) == NothingDrawn(number, 0, NoDoubling.LATE, 1)
    assert_right(in_process, auction, documents)


def fails(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("where", ["one decision", "the whole batch"])
def test_a_draw_that_fails_leaves_an_event_and_is_not_made_when_it_is_re_driven(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments, where: str
) -> None:
    number, jobs = rounds.run_promoter(in_process.pool, NOW)
    assert number
    [job] = [job for job in jobs if job.stream == auction]
    with pytest.MonkeyPatch.context() as patch:
        if where == "one decision":
            patch.setattr(handling, "decide", fails)
        else:
            patch.setattr(handling_draws, "draw_bids", fails)
        drain_one_by_one([auction], in_process.pool)
    failed = in_process.job(job.id)
    assert (failed.status, failed.version) == (JobStatus.FAILED, 4)
    assert last(in_process, auction) == NothingDrawn(number, 0, NoDoubling.FAILED, 1)
    assert redrive(in_process.pool, [job.id])
    assert_right(in_process, auction, documents)
    in_process.drain(auction)
    assert in_process.job(job.id).status is JobStatus.REJECTED
    finish(in_process)
    assert_right(in_process, auction, documents)
    assert len(history(in_process, auction)) == 4


def test_a_draw_that_failed_is_no_finding(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments
) -> None:
    rounds.run_promoter(in_process.pool, NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handling_draws, "draw_bids", fails)
        drain_one_by_one([auction], in_process.pool)
    finish(in_process)
    assert_right(in_process, auction, documents)


def test_what_is_accepted_after_the_cut_off_changes_no_draw(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    """Bids have no part in it, and deleted ones keep theirs."""
    auction, alice, bob = in_process.auction(), in_process.user(), in_process.user()
    bids = [in_process.bid(auction, who, "2.00") for who in (alice, bob)]
    number = rounds.tick(in_process.pool, NOW)
    assert number
    in_process.bid(auction, in_process.user(), "100.00")
    in_process.delete(auction, alice, bids[0])
    assert in_process.settled(Stream("user", bob), DeleteUser(bob)).version
    in_process.drain(auction)
    assert isinstance(last(in_process, auction), BidDeleted)
    finish(in_process)
    nothing = last(in_process, auction)
    assert isinstance(nothing, NothingDrawn)
    assert (nothing.reason, nothing.bid_id in bids) == (NoDoubling.GONE, True)
    assert_right(in_process, auction, documents)


def test_a_withdrawal_that_fails_halfway_changes_no_draw_either(
    in_process: InProcessPortal, documents: MongoDocuments
) -> None:
    """What it deleted before it failed was accepted after the cut-off, too."""
    auction, bob = in_process.auction(), in_process.user()
    for amount in range(1, 9):
        in_process.bid(auction, bob, f"{amount}.00")
    assert rounds.tick(in_process.pool, NOW)
    assert in_process.settled(Stream("user", bob), DeleteUser(bob)).version
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handling, "MANY", 1)
        drain_one_by_one([auction], in_process.pool)
        assert isinstance(last(in_process, auction), BidDeleted)
        patch.setattr(handling, "decide", fails)
        drain_one_by_one([auction], in_process.pool)
    deletions = [item.event for item in history(in_process, auction)[9:]]
    assert [type(event) for event in deletions] == [BidDeleted], "it failed behind its first batch"
    finish(in_process)
    assert isinstance(last(in_process, auction), BidDoubled | NothingDrawn)
    assert_right(in_process, auction, documents)


def test_a_bid_before_the_cut_off_is_drawn_among_those_of_then(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments
) -> None:
    assert rounds.tick(in_process.pool, NOW)
    for amount in ("3.00", "4.00"):
        in_process.bid(auction, in_process.user(), amount)
    finish(in_process)
    drawn = last(in_process, auction)
    assert isinstance(drawn, BidDoubled)
    assert (drawn.effective_amount <= Decimal("4.00"), drawn.total_weight) == (True, 2)
    assert_right(in_process, auction, documents)


def test_a_bid_that_waits_at_the_cut_off_has_a_part_and_gives_its_auction_a_draw(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments
) -> None:
    """Whatever the portal has not got round to by then, as outsiders know only what was accepted when."""

    waits, alice = in_process.auction(), in_process.user()
    in_process.accept(waits, PlaceBid(waits.id, new_id(), alice, Decimal("1.00")))
    assert rounds.tick(in_process.pool, NOW)
    finish(in_process)
    assert isinstance(last(in_process, waits), BidDoubled)
    assert_right(in_process, waits, documents)


def test_without_a_bid_to_draw_at_the_cut_off_there_is_no_event(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments
) -> None:
    empty, alice = in_process.auction(), in_process.user()
    bid = in_process.bid(empty, alice, "1.00")
    in_process.delete(empty, alice, bid)
    assert rounds.tick(in_process.pool, NOW)
    in_process.bid(empty, alice, "1.00")
    finish(in_process)
    assert [type(item.event).__name__ for item in history(in_process, empty)] == [
        "AuctionCreated", "BidPlaced", "BidDeleted", "BidPlaced",
    ]  # fmt: skip
    assert_right(in_process, empty, documents)


def test_a_draw_that_is_kept_back_is_found(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments
) -> None:
    number = keep_back(in_process, auction)
    project(auction, in_process.pool, documents)
    [found] = findings(in_process, auction, documents)
    assert found == (
        f"the draw of tick {number} (version 3): it left no event, though there was a bid to draw"
    )


def test_a_draw_of_a_tick_that_was_given_up_is_not_said_to_be_revealed_later(
    in_process: InProcessPortal, auction: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    number = in_process.double(auction).payload["tick"]
    call_command("verify_draw", auction.id)
    assert "not revealed yet: tick" in capsys.readouterr().out
    with in_process.pool.connection() as connection:
        connection.execute("UPDATE promoter_ticks SET secret = '' WHERE number = %s", (number,))
    rounds.commit(in_process.pool)
    call_command("verify_draw", auction.id)
    assert f"the secret is lost: tick {number} drew bid" in capsys.readouterr().out
    call_command("verify_draw", auction.id, json=True)
    [draw] = json.loads(capsys.readouterr().out)["draws"]
    assert (draw["revealed"], draw["given_up"], draw["problem"]) == (False, True, None)
    assert "its secret is lost" in from_outside(in_process, auction)[-2]


def renumbered(events: Sequence[RecordedEvent], without: int) -> list[RecordedEvent]:
    """The history without the event of that version."""
    kept = [item for item in events if item.version != without]
    return [replace(item, version=version) for version, item in enumerate(kept, 1)]


def test_a_removed_draw_is_found_wherever_it_was(
    in_process: InProcessPortal, auction: Stream
) -> None:
    never = ChangePolicy(auction.id, Decimal("0.00"), ("constant",), (), ())
    assert in_process.settled(POLICIES, never).version
    in_process.bid(auction, in_process.user(), "3.00")
    for _ in range(3):
        in_process.double(auction)
    rounds.reveal_secrets(in_process.pool)
    events = history(in_process, auction)
    assert problems(in_process, events) == []
    draws = [item.version for item in events if isinstance(item.event, BidDoubled | NothingDrawn)]
    assert len(draws) == 3
    for version in draws:
        found = problems(in_process, renumbered(events, version))
        assert "it left no event, though there was a bid to draw" in found
    assert "draw 1 is missing: this is draw 2" in problems(in_process, renumbered(events, draws[0]))


def test_a_draw_said_to_have_come_to_nothing_is_found(
    in_process: InProcessPortal, auction: Stream
) -> None:
    in_process.double(auction)
    rounds.reveal_secrets(in_process.pool)
    events = history(in_process, auction)
    drawn = events[-1].event
    assert isinstance(drawn, BidDoubled)
    for reason in (NoDoubling.CHANCE, NoDoubling.NOBODY, NoDoubling.GONE):
        lie = NothingDrawn(drawn.tick, drawn.policy_version, reason, 1)
        [problem] = problems(in_process, [*events[:-1], replace(events[-1], event=lie)])
        assert problem
        assert problem.startswith("the secret gives bid")


def outsider(in_process: InProcessPortal) -> ModuleType:
    """The script that outsiders use, with the API's answers from the same tables."""
    module = as_module()

    def ask(_: object, query: str, **variables: Any) -> Any:
        with in_process.pool.connection() as connection:
            if "chain" in query:
                rows = all_stored_events(connection, UUID(variables["s"]))[variables["v"] :]
                return {"chain": [asdict(ChainLink.of(row)) for row in rows]}
            number = variables.get("n")
            row = connection.execute(PUBLIC, (number,)).fetchone()
            return {"tick": row and {"id": str(row["stream_id"]), "number": row["number"]}}

    module.Portal.ask = ask
    return module


def from_outside(in_process: InProcessPortal, stream: Stream) -> list[str]:
    """What the script says of the auction, line by line; the last one is what is wrong, if anything is."""
    script, lines = outsider(in_process), []
    try:
        for line in script.check(script.Portal(""), str(stream.id)):
            lines.append(line)
    except script.Wrong as wrong:
        lines.append(str(wrong))
    return lines


def keep_back(in_process: InProcessPortal, auction: Stream) -> int:
    """A tick that gives every auction its draw but that one; its number."""
    in_process.bid(in_process.auction(), in_process.user(), "1.00")
    number = rounds.tick(in_process.pool, NOW)
    assert number
    kept_back = state.TO_DRAW_IN.replace("AS drawn", f"AND id <> '{auction.id}' AS drawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "TO_DRAW_IN", kept_back)
        finish(in_process)
    return number


def test_outsiders_find_the_same(
    in_process: InProcessPortal, auction: Stream, documents: MongoDocuments
) -> None:
    alice = in_process.user()
    bid = in_process.bid(auction, alice, "3.00")
    for _ in range(2):
        in_process.double(auction)
    rounds.tick(in_process.pool, NOW)
    in_process.delete(auction, alice, bid)
    finish(in_process)
    lines = from_outside(in_process, auction)
    assert sum("fairly" in line for line in lines) == 3
    assert ", 3 draws: not closed yet" in lines[-1]


def test_outsiders_find_that_a_draw_was_kept_back(
    in_process: InProcessPortal, auction: Stream
) -> None:
    number = keep_back(in_process, auction)
    assert f"tick {number} left no draw" in from_outside(in_process, auction)[-1]
