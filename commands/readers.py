"""Readers of the log: tasks that are woken, after a commit, for each stream with new events.

A wake-up may be lost; each reader's own sweep finds what it missed.
"""

from collections.abc import Collection
from dataclasses import dataclass

from commands.streams import Stream, StreamKind
from commands.worklists import Worklist


@dataclass(frozen=True, slots=True)
class LogReader:
    """A worklist of streams with new events; `kinds` are those whose events the reader reads."""

    worklist: Worklist
    kinds: frozenset[StreamKind]


_readers: dict[str, LogReader] = {}


def register(reader: LogReader) -> None:
    """Have the reader woken from now on; for the app's `ready`. Twice is as once."""
    _readers[reader.worklist.name] = reader


def wake_readers(streams: Collection[Stream]) -> None:
    """The streams have new events, and they are committed."""
    for reader in _readers.values():
        reader.worklist.add(stream for stream in streams if stream.kind in reader.kinds)
