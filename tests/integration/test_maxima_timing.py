"""What is done with a bid does not depend on how high a maximum is that it does not reach, so the time it takes tells nothing."""

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from uuid import UUID

import pytest

from commands.domain.commands import Command
from commands.streams import Stream
from tests.integration.in_process import InProcessPortal
from tests.integration.test_handling import place
from tests.integration.test_maxima import proxied
from tests.servers import ROOT

OURS = str(ROOT / "commands")
Lines = list[tuple[str, int]]
Acts = Callable[[InProcessPortal, Stream, UUID], Command]
ACTS: dict[str, Acts] = {
    "a bid that is answered": lambda _, auction, bob: place(auction, bob, "15.00"),
    "a bid that is refused": lambda _, auction, bob: place(auction, bob, "10.50"),
    "a maximum that is beaten": lambda portal, auction, bob: portal.set_maximum(
        auction, bob, "15.00"
    ),
}


def run(act: Callable[[], object]) -> Lines:
    """The lines of the write side that it runs, in their order."""
    lines: Lines = []

    def trace(frame: FrameType, event: str, _: object) -> object:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            lines.append((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]  # returns itself
    try:
        act()
    finally:
        sys.settrace(before)
    return lines


def run_against(portal: InProcessPortal, maximum: str, act: Acts) -> Lines:
    """What is run to handle that in an auction in which somebody else leads at 10.00 with such a maximum."""
    auction, alice, bob = proxied(portal), portal.user(), portal.user()
    assert portal.maximum(auction, alice, maximum).rejection is None
    portal.accept(auction, act(portal, auction, bob))
    return run(partial(portal.drain, auction))


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_the_same_is_run_for_a_high_one_and_for_one_that_just_holds(
    in_process: InProcessPortal, act: Acts
) -> None:
    run_against(in_process, "50.00", act)
    high = run_against(in_process, "9999999999.99", act)
    assert len(high) > 100
    assert run_against(in_process, "16.00", act) == high


def test_what_is_run_shows_whether_a_maximum_holds(in_process: InProcessPortal) -> None:
    act = ACTS["a bid that is answered"]
    run_against(in_process, "50.00", act)
    assert run_against(in_process, "12.00", act) != run_against(in_process, "50.00", act)


def test_the_same_is_run_to_set_a_low_one_and_a_high_one(in_process: InProcessPortal) -> None:
    def run_to_set(amount: str) -> Lines:
        auction, alice = proxied(in_process), in_process.user()
        return run(lambda: in_process.maximum(auction, alice, amount))

    run_to_set("50.00")
    assert run_to_set("10.00") == run_to_set("9999999999.99")
