"""Exporting the record: an auction's, for whoever wants to check it, or all of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeVar
from uuid import UUID

from psycopg.rows import DictRow

from commands.postgres.auctions import auction_exists
from commands.postgres.connections import Pool
from commands.postgres.exporting import (
    about_so_many,
    all_events,
    count_waiting,
    events_of,
    one_moment,
    streams_to_check,
)
from portal.transfer.lines import framed
from portal.transfer.people import FORMAT as PEOPLE
from portal.transfer.people import HOLDS as PERSONAL
from portal.transfer.people import people_lines
from portal.transfer.record import ALL, FORMAT, line_of

Item = TypeVar("Item")
# Goes through what is written, of which there is so much.
Progress = Callable[[Iterable[Item], int], Iterable[Item]]


class NoSuchAuction(Exception):
    """There is nothing to export."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how many accepted commands waited, which have no events yet."""

    events: int
    waiting: int = 0
    users: int | None = None


def export_auction(pool: Pool, auction_id: UUID, file: BinaryIO) -> int:
    """Write the auction's events with those of the ticks and policies that its draws need; how many; NoSuchAuction."""
    with one_moment(pool) as connection:
        if not auction_exists(connection, auction_id):
            raise NoSuchAuction(f"there is no auction {auction_id}")
        rows = events_of(connection, streams_to_check(connection, auction_id))
        return _write(file, framed(FORMAT, str(auction_id), map(line_of, rows)))


def export_all(
    pool: Pool, file: BinaryIO, people: BinaryIO | None, progress: Progress[DictRow]
) -> Exported:
    """Write all events, and users' personal data into the other file, as of one moment."""
    with one_moment(pool) as connection:
        rows = progress(all_events(connection), about_so_many(connection))
        events = _write(file, framed(FORMAT, ALL, map(line_of, rows)))
        users = None
        if people:
            users = _write(people, framed(PEOPLE, PERSONAL, people_lines(connection)))
        return Exported(events, count_waiting(connection), users)


def _write(file: BinaryIO, lines: Iterator[bytes]) -> int:
    """How many lines were written between the first and the last."""
    count = 0
    for line in lines:
        file.write(line)
        count += 1
    return count - 2
