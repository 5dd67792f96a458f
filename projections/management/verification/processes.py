"""Verifying many streams in this process, or in several."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from typing import Any

from commands.postgres.connections import Pool
from commands.streams import Stream
from commands.wiring import pool
from projections.ports import Documents
from projections.upkeep.findings import Verdict
from projections.upkeep.verify import verify
from projections.wiring import live_documents

# Streams that a process verifies before it tells of them. No more than these need no other process.
AT_ONCE = 5
# Batches that wait for each process, so that none is idle.
WAITING = 3
# Every so many seconds it is shown how far the processes are.
OFTEN = 0.2

# In a process of several: how many events all of them have verified.
_verified: Any = None


def verify_all(
    processes: int,
    streams: Iterator[Stream],
    moments_since: int | None,
    progress: Callable[[int], None],
) -> Iterator[list[Verdict]]:
    """The verdicts of the streams by so many processes, some at a time; `progress` is told of events as they are verified."""
    first = list(islice(streams, AT_ONCE))
    every = chain(first, streams)
    if processes == 1 or len(first) < AT_ONCE:
        return _verify_here(every, moments_since, progress)
    return _verify_in(processes, every, moments_since, progress)


def _verify_here(
    streams: Iterable[Stream], moments_since: int | None, progress: Callable[[int], None]
) -> Iterator[list[Verdict]]:
    left = iter(streams)
    while batch := list(islice(left, AT_ONCE)):
        yield _verify(batch, pool(), live_documents, moments_since, progress)


def _verify_in(
    processes: int,
    streams: Iterable[Stream],
    moments_since: int | None,
    progress: Callable[[int], None],
) -> Iterator[list[Verdict]]:
    """In the order in which the processes are done."""
    context = get_context("spawn")
    verified, told = context.Value("q", 0), 0
    left, running = iter(streams), set[Future[list[Verdict]]]()
    with ProcessPoolExecutor(processes, context, _begin, (verified,)) as executor:
        try:
            while True:
                room = processes * WAITING - len(running)
                for batch in _batches(left, room):
                    running.add(executor.submit(_verify_batch, batch, moments_since))
                if not running:
                    return
                done, running = wait(running, OFTEN, FIRST_COMPLETED)
                progress(verified.value - told)
                told = verified.value
                for future in done:
                    yield future.result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def _batches(left: Iterator[Stream], most: int) -> Iterator[list[Stream]]:
    for _ in range(most):
        if batch := list(islice(left, AT_ONCE)):
            yield batch


def _begin(verified: Any) -> None:
    """In a new process: set Django up, and end with the process that asks."""
    global _verified
    import django

    django.setup()
    _verified = verified
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _verify_batch(streams: Sequence[Stream], moments_since: int | None) -> list[Verdict]:
    return _verify(streams, pool(), live_documents, moments_since, _count)


def _count(events: int) -> None:
    with _verified.get_lock():
        _verified.value += events


def _verify(
    streams: Sequence[Stream],
    pool: Pool,
    documents: Callable[[], Documents],
    moments_since: int | None,
    progress: Callable[[int], None],
) -> list[Verdict]:
    with pool.connection() as connection:
        return [
            verify(connection, stream, documents(), moments_since=moments_since, progress=progress)
            for stream in streams
        ]
