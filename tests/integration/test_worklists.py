"""Worklists: what is on them is taken, what is not finished goes back, and every turn ends."""

import base64
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest
from celery import current_app
from django.conf import settings

from commands.domain.commands import PlaceBid
from commands.ids import new_id
from commands.inbox.submitting import DRAIN, WAITING
from commands.queues import BIDS
from commands.streams import Stream
from commands.wake import redis
from commands.worklists import MOST, SWEEP, Worklist
from tests.integration.dying import run_and_die
from tests.integration.in_process import InProcessPortal
from tests.integration.working import on_list, put


@pytest.fixture
def worklist() -> Iterator[Worklist]:
    """A list of its own, on a queue that no worker takes from."""
    name = f"test-{new_id().hex}"
    yield Worklist(name, "tests.work", name)
    redis().delete(f"{settings.NAMESPACE}:{name}", *redis().scan_iter(f"*waiting:{name}*"))


def streams(count: int) -> list[Stream]:
    return [Stream("auction", new_id()) for _ in range(count)]


def passes(error: Exception) -> bool:
    return isinstance(error, TimeoutError)


def queued(worklist: Worklist) -> list[list[str]]:
    """The arguments of the tasks on the worklist's queue."""
    messages = redis().lrange(f"{settings.NAMESPACE}:{worklist.queue}", 0, -1)
    assert isinstance(messages, list)
    return [json.loads(base64.b64decode(json.loads(each)["body"]))[0] for each in messages]


def test_one_task_is_queued_however_many_streams_come(worklist: Worklist) -> None:
    waiting = streams(50)
    for stream in waiting:
        worklist.add([stream])
    worklist.add(waiting)
    assert queued(worklist) == [[worklist.name, "0"]]
    assert on_list(worklist) == set(waiting)


def test_a_task_takes_what_is_there_and_the_next_stream_wakes_another(worklist: Worklist) -> None:
    waiting, taken = streams(3), list[Stream]()
    put(worklist, *waiting)

    def handle(batch: Sequence[Stream]) -> Sequence[Stream]:
        taken.extend(batch)
        return ()

    worklist.work(0, handle, passes)
    assert set(taken) == set(waiting)
    assert on_list(worklist) == set()
    worklist.add(waiting[:1])
    assert len(queued(worklist)) == 2


def test_what_comes_while_a_task_is_at_work_is_handled_by_it(worklist: Worklist) -> None:
    first, second = streams(2)
    batches = list[Sequence[Stream]]()
    put(worklist, first)

    def handle(batch: Sequence[Stream]) -> Sequence[Stream]:
        if not batches:
            worklist.add([second])
        batches.append(batch)
        return ()

    worklist.work(0, handle, passes)
    assert batches == [[first], [second]]
    assert len(queued(worklist)) == 1, "nobody was woken for it"


def test_streams_that_never_fall_quiet_do_not_keep_a_task_for_ever(worklist: Worklist) -> None:
    busy, quiet = streams(2)
    seen = list[Stream]()
    put(worklist, busy)

    def handle(batch: Sequence[Stream]) -> Sequence[Stream]:
        seen.extend(batch)
        if len(seen) == 1:
            worklist.add([quiet])
        return [busy]

    worklist.work(0, handle, passes)
    assert seen.index(quiet) <= 2, "it had its turn with the next batch"
    assert queued(worklist) == [[worklist.name, "0"]] * 2, "it goes on behind what else waits"
    assert on_list(worklist) == {busy}


@pytest.mark.parametrize(
    ("fault", "woken"),
    [
        pytest.param(ZeroDivisionError(), 1, id="a fault that lasts: others may try at once"),
        pytest.param(TimeoutError(), 0, id="one that passes: the task itself comes again"),
    ],
)
def test_a_fault_leaves_its_streams_on_the_list(
    worklist: Worklist, fault: Exception, woken: int
) -> None:
    waiting = streams(2)
    put(worklist, *waiting)

    def handle(batch: Sequence[Stream]) -> Sequence[Stream]:
        raise fault

    with pytest.raises(type(fault)):
        worklist.work(0, handle, passes)
    redis().delete(f"{settings.NAMESPACE}:{worklist.queue}")
    worklist.add(waiting[:1])
    assert len(queued(worklist)) == woken
    assert on_list(worklist) == set(waiting)


def test_streams_left_lying_get_a_task_whatever_was_queued(worklist: Worklist) -> None:
    waiting = streams(2)
    worklist.add(waiting)
    redis().delete(f"{settings.NAMESPACE}:{worklist.queue}")
    worklist.add(waiting)
    assert queued(worklist) == []
    for _ in range(10):
        worklist.add(waiting, left_lying=True)
    assert queued(worklist) == [[worklist.name, str(SWEEP)]], "one, however often the sweep comes"


def test_a_task_of_the_sweep_has_one_turn_however_busy_the_list_is(worklist: Worklist) -> None:
    [busy] = streams(1)
    put(worklist, busy)
    worklist.work(SWEEP, lambda batch: batch, passes)
    assert queued(worklist) == [[worklist.name, "0"]], "none of its own follows"
    assert on_list(worklist) == {busy}


def test_what_was_taken_by_a_call_whose_answer_was_lost_is_taken_again(worklist: Worklist) -> None:
    waiting = streams(3)
    put(worklist, *waiting)
    worklist._take(0, ())
    assert on_list(worklist) == set()
    _, taken = worklist._take(0, ())
    assert set(taken) == set(waiting)


def test_two_tasks_of_one_slot_lose_nothing_of_each_other(worklist: Worklist) -> None:
    first, second = streams(2)
    put(worklist, first)
    assert worklist._take(0, ())[1] == [first]
    worklist.add([second])
    _, taken = worklist._take(0, ())
    assert set(taken) == {first, second}, "the other may be dead"
    finished = [f"{first.kind}:{first.id}"]
    assert worklist._take(0, finished)[1] == [second], "what is not finished goes on"


def test_others_join_only_while_there_is_more_than_one_task_can_take(worklist: Worklist) -> None:
    put(worklist, *streams(MOST))
    worklist.work(0, lambda batch: (), passes)
    assert queued(worklist) == [[worklist.name, "0"]]
    put(worklist, *streams(MOST + 1))
    worklist.work(0, lambda batch: (), passes)
    assert [worklist.name, "1"] in queued(worklist)


def test_a_task_without_work_waits_a_moment_for_more(
    worklist: Worklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = streams(2)
    batches, rung = list[Sequence[Stream]](), Worklist._rung
    put(worklist, first)

    def handle(batch: Sequence[Stream]) -> Sequence[Stream]:
        batches.append(batch)
        return ()

    def add_and_wait(self: Worklist, seconds: float) -> bool:
        if len(batches) == 1:
            self.add([second])
        return rung(self, seconds)

    monkeypatch.setattr(Worklist, "_rung", add_and_wait)
    worklist.work(0, handle, passes)
    assert batches == [[first], [second]]
    assert len(queued(worklist)) == 1, "nobody was woken for it"


def test_the_next_task_has_what_a_killed_one_had_taken(in_process: InProcessPortal) -> None:
    auction, bidder = in_process.auction(), in_process.user()
    job = in_process.accept(auction, PlaceBid(auction.id, new_id(), bidder, Decimal("5.00")))
    worklist = WAITING[BIDS]
    run_and_die("before", "commands.tasks:drain_batch", DRAIN, *put(worklist, auction))
    assert on_list(worklist) == set(), "it was taken"
    current_app.tasks[DRAIN].apply((worklist.name, "0"))
    assert in_process.job(job.id).settled
    assert redis().smembers(worklist._taken(0)) == set()
