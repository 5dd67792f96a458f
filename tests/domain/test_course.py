"""What draws are made from, while a history is read: as it stood at each tick, in as much memory for any number of ticks."""

import tracemalloc
from collections.abc import Sequence
from uuid import UUID

from hypothesis import given, settings

from commands.domain.events import AuctionEvent
from commands.domain.state import replay
from commands.promoter.course import Course
from commands.streams import RecordedEvent, Stream
from tests.domain.histories import Move, asked, happened, moves
from tests.domain.scenario import ALICE, AUCTION, BOB, CHARLIE, CREATED, DURING

JOB = UUID(int=1)


def recorded(events: Sequence[AuctionEvent]) -> list[RecordedEvent]:
    """The events, each with its version as its hash."""
    stream = Stream("auction", AUCTION)
    return [
        RecordedEvent(stream, version, event, JOB, JOB, DURING, version.to_bytes(2))
        for version, event in enumerate(events, 1)
    ]


@settings(deadline=None)
@given(moves(0, 40))
def test_a_ticks_base_is_the_auction_as_it_stood_when_it_passed(moves: list[Move]) -> None:
    events = happened(CREATED, asked(moves, AUCTION, (ALICE, BOB, CHARLIE)))
    course = Course()
    for each in recorded(events):
        course.take(each)
        # Two ticks after each event.
        course.pass_tick(2 * each.version)
        course.pass_tick(2 * each.version + 1)
    for tick in range(2, 2 * len(events) + 2):
        base, then = course.base_of(tick), replay(events[: tick // 2])
        assert base
        assert (base.version, base.hash) == (tick // 2, (tick // 2).to_bytes(2))
        assert {bid.id: bid for bid in course.bids_at(base)} == dict(then.bids)
        assert base.any_bids == any(not bid.doubled for bid in then.bids.live())
    assert course.base_of(2 * len(events) + 2) is None


def test_however_many_ticks_pass_no_more_is_kept() -> None:
    course = Course()
    [created] = recorded([CREATED])
    course.take(created)
    tracemalloc.start()
    try:
        for tick in range(100_000):
            course.pass_tick(tick)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10_000
