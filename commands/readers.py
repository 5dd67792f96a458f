"""Readers of the log: tasks that are woken, after a commit, for each stream with new events.

A wake-up may be lost; each reader's own sweep finds what it missed.
"""

from dataclasses import dataclass

from commands.streams import Stream, StreamKind
from commands.wake import wake


@dataclass(frozen=True, slots=True)
class LogReader:
    """A task that takes a stream's kind and id and reads its new events; `kinds` are those it reads."""

    task: str
    queue: str
    kinds: frozenset[StreamKind]


_readers: dict[str, LogReader] = {}


def register(reader: LogReader) -> None:
    """Register the reader; called in an app's `ready`. Registering twice has no effect."""
    _readers[reader.task] = reader


def wake_readers(stream: Stream) -> None:
    """Wake the readers of the stream; call it after its new events are committed."""
    for reader in _readers.values():
        if stream.kind in reader.kinds:
            wake(reader.task, (stream.kind, str(stream.id)), reader.queue)
