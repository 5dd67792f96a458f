"""Importing an exported record into an empty portal, so that it goes on from there.

1. The whole file is read and checked, before anything is written.
2. Its events are written a page at a time, each page in one transaction with the state rows that follow from
   it, the notifier's checkpoints, and how far the import has come. Until the import is finished nothing
   else may append events. An import that was cut off goes on behind its last page.
3. Documents are built from the events, and the portal is opened.

Nobody is notified of what happened before.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from psycopg import DataError, IntegrityError
from pymongo.database import Database

from commands.postgres.connections import Pool
from commands.postgres.importing import (
    ExportedEvent,
    Progress,
    advance,
    begin,
    finish,
    insert_events,
)
from commands.postgres.locks import IMPORTING, locked_if_free
from commands.postgres.restoring import ImpossibleHistory, restore
from notifications.postgres.progress import begin_here
from portal.transfer.files import reading
from portal.transfer.lines import Refused
from portal.transfer.people import import_people, together
from portal.transfer.record import Record
from projections.mongo.layout import COLLECTIONS, ProjectionName
from projections.upkeep.rebuild import rebuild

PAGE = 2_000

Item = TypeVar("Item")
# Goes through the items of a named step, of which there are so many, if that is known.
Show = Callable[[Iterable[Item], str, int | None], Iterable[Item]]


class AlreadyImporting(Exception):
    """Another process imports into this portal."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many events the file has, how many of these were written now, and how many users got a name."""

    events: int
    written: int
    named: int


def import_record(
    pool: Pool, database: Database[dict[str, Any]], path: str, people: str | None, show: Show[Any]
) -> Imported:
    """Import the file, and users' personal data from the other; Refused, NotEmpty, AlreadyImporting."""
    with pool.connection() as holding, locked_if_free(holding, IMPORTING) as free:
        if not free:
            raise AlreadyImporting("another import into this portal is running")
        events = _check(path, show)
        with pool.connection() as connection:
            before = begin(connection)
        written = _write(pool, path, before, events, show)
        named = _name(pool, people) if people else 0
        for name in _to_build(before, people):
            rebuild(name, pool, database, show)
        if not before.finished:
            with pool.connection() as connection:
                finish(connection)
        return Imported(events, written, named)


def _to_build(before: Progress, people: str | None) -> Sequence[ProjectionName]:
    if before.finished:
        return ("users",) if people else ()
    return list(COLLECTIONS)


def _check(path: str, show: Show[ExportedEvent]) -> int:
    """How many events the file has; Refused if anything in it is not right."""
    with reading(path) as file:
        return sum(1 for _ in show(Record(file), "Checking", None))


def _write(
    pool: Pool, path: str, progress: Progress, events: int, show: Show[ExportedEvent]
) -> int:
    """Write the events that are not written yet; how many those were."""
    written = 0
    with reading(path) as file:
        record = Record(file)
        left = _behind(progress, show(record, "Importing", events))
        for page in together(left, PAGE):
            after = Progress(page[-1].line, page[-1].digest, finished=False)
            if progress.finished:
                raise Refused(page[0].line, "another file was imported here, which ended before")
            _write_page(pool, page, progress, after)
            written, progress = written + len(page), after
    return written


def _behind(progress: Progress, events: Iterable[ExportedEvent]) -> Iterator[ExportedEvent]:
    """The events behind those that are written; Refused unless the file begins with these."""
    line = 0
    for exported in events:
        line = exported.line
        if line == progress.lines and exported.digest != progress.digest:
            raise Refused(line, "this is not the file with which the import began")
        if line > progress.lines:
            yield exported
    if line < progress.lines:
        raise Refused(line + 1, "this is not the file with which the import began: that is longer")


def _write_page(
    pool: Pool, page: Sequence[ExportedEvent], before: Progress, after: Progress
) -> None:
    recorded = [each.recorded for each in page]
    try:
        with pool.connection() as connection, connection.transaction():
            advance(connection, before, after)
            insert_events(connection, page)
            begin_here(connection, restore(connection, recorded))
    except ImpossibleHistory as error:
        line = next(each.line for each in page if each.recorded is error.recorded)
        raise Refused(line, str(error)) from error
    except (DataError, IntegrityError) as error:
        where = f"it, or one up to line {page[-1].line}"
        raise Refused(page[0].line, f"{where}, has a value that no table takes") from error


def _name(pool: Pool, people: str) -> int:
    with reading(people) as file:
        return import_people(pool, file)
