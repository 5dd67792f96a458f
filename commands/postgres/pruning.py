"""Pruning: rows that nobody needs any more end, some at a time and oldest first.

Which rows of a table end, and when, is an Ending beside the table's other statements.
"""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from commands.postgres.connections import Pool

# Rows of one statement, which commits by itself: its locks are held for milliseconds.
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Ending:
    """Rows that end at an age.

    The statement deletes or empties at most %(limit)s of those older than %(age)s. Ages are measured
    from statement_timestamp(): unlike clock_timestamp() it stands still, so an index can be used.
    """

    what: str
    statement: str
    age: timedelta


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows of each kind ended, and whether more are due."""

    rows: Mapping[str, int]
    more: bool


def prune(
    pool: Pool, endings: Collection[Ending], seconds: float, at_once: int = AT_ONCE
) -> Pruned:
    """End rows until none is due or the time is over; each kind has its turn, however many others wait."""
    until = time.monotonic() + seconds
    rows, due = Counter[str](), list(endings)
    with pool.connection() as connection:
        while due and time.monotonic() < until:
            ending = due.pop(0)
            ended = connection.execute(ending.statement, {"age": ending.age, "limit": at_once})
            rows[ending.what] += ended.rowcount
            if ended.rowcount >= at_once:
                due.append(ending)
    return Pruned({what: ended for what, ended in rows.items() if ended}, bool(due))
