"""Parts of the log: a year's streams each, by their ids, which begin with the time they were made."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from commands.postgres.connections import SyncConnection

# So many years have a part each; after them the rest of the log takes what is new.
YEARS = 10
# The first part has room for so much longer than now: clocks differ, and a migration may wait.
MARGIN = timedelta(days=31)
# Counted no further than that, as in a log of streams with ids of no time there may be any number.
COUNTED = 10_000
OF_NO_YEAR = "SELECT count(*) AS events FROM (SELECT FROM events_rest LIMIT %s) AS counted"


@dataclass(frozen=True, slots=True)
class Part:
    """The table events_NAME, with the events of all streams whose ids are from `first` to before `end`."""

    name: str
    first: UUID
    end: UUID


def first_id(moment: datetime) -> UUID:
    """The lowest version 7 UUID that is made at that moment or later."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def first_year(now: datetime) -> int:
    """The first year with a part of its own; all streams of years before share one."""
    return (now + MARGIN).year + 1


def first_bound(now: datetime) -> UUID:
    """The first id that is not in the part of the streams before the first year."""
    return first_id(datetime(first_year(now), 1, 1, tzinfo=UTC))


def parts(now: datetime, years: int = YEARS) -> Iterator[Part]:
    """The parts of years to come."""
    first = first_year(now)
    for year in range(first, first + years):
        begin, end = (first_id(datetime(each, 1, 1, tzinfo=UTC)) for each in (year, year + 1))
        yield Part(str(year), begin, end)


def events_of_no_year(connection: SyncConnection) -> int:
    """How many events are in the rest of the log, of streams that no year's part is for; COUNTED at most."""
    row = connection.execute(OF_NO_YEAR, (COUNTED,)).fetchone()
    return int(row["events"]) if row else 0
