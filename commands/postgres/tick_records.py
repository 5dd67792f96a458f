"""Ticks as the log has them, for checking draws."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import DictRow

from commands.domain.events import (
    DrawsAccepted,
    SecretRevealed,
    TickCommitted,
    TickGivenUp,
    TickMade,
)
from commands.postgres.connections import SyncConnection
from commands.record.codec import decode_event

# Of a tick from before the commitment named its policies, the row has them.
RECORDS = """
SELECT tick.number, tick.policies, type, schema_version, data, recorded_at
FROM (
    SELECT number, stream_id, policies FROM promoter_ticks
    WHERE {} ORDER BY number LIMIT %(limit)s
) AS tick JOIN events USING (stream_id) ORDER BY tick.number, version
"""
ONE = RECORDS.format("number = %(number)s")
# OFFSET 0: ticks of long ago are not gone through for those of a short while.
FIRST_SINCE = """
SELECT min(number) AS number FROM (
    SELECT number FROM promoter_ticks
    WHERE made_at IS NOT NULL AND coalesce(public_at, made_at) >= %(since)s
      AND coalesce(public_at, made_at) < %(until)s OFFSET 0
) AS made
"""
PAGE = RECORDS.format(
    "number >= %(number)s AND made_at IS NOT NULL AND coalesce(public_at, made_at) < %(until)s"
)
AT_ONCE = 500


@dataclass(slots=True)
class TickRecord:
    """What a tick's events say, and which policies its draws follow; None of what is not recorded yet."""

    number: int
    committed_at: datetime
    commitment: str = ""
    policies: int | None = None
    leaves_events: bool = False
    made_at: datetime | None = None
    accepted_at: datetime | None = None
    beacon: str | None = None
    round: int | None = None
    public_at: datetime | None = None
    value: str | None = None
    secret: str | None = None
    revealed_at: datetime | None = None
    given_up: bool = False

    @property
    def named(self) -> str | None:
        """The round of the beacon that it names, in words."""
        return f"round {self.round} of {self.beacon}" if self.beacon else None

    @property
    def cutoff(self) -> datetime:
        """Draws are among the bids accepted before that moment."""
        cutoff = self.public_at or self.made_at
        assert cutoff is not None, "a tick without a round has no cut-off before it is made"
        return cutoff


def record_of_tick(connection: SyncConnection, number: int) -> TickRecord | None:
    """The tick of that number; None if there is none."""
    found = _records(connection.execute(ONE, {"number": number, "limit": 1}).fetchall())
    return found[0] if found else None


def any_tick_between(connection: SyncConnection, since: datetime, until: datetime) -> bool:
    """Whether a tick was made whose cut-off is in that time."""
    row = connection.execute(FIRST_SINCE, {"since": since, "until": until}).fetchone()
    return row is not None and row["number"] is not None


def ticks_between(
    connection: SyncConnection, since: datetime, until: datetime
) -> Iterator[TickRecord]:
    """The ticks made with a cut-off in that time, in their order, some at a time."""
    times = {"since": since, "until": until}
    row = connection.execute(FIRST_SINCE, times).fetchone()
    number = row["number"] if row else None
    while number is not None:
        page = _records(
            connection.execute(PAGE, {**times, "number": number, "limit": AT_ONCE}).fetchall()
        )
        yield from (tick for tick in page if tick.made_at)
        number = page[-1].number + 1 if len(page) == AT_ONCE else None


def _records(rows: Sequence[DictRow]) -> list[TickRecord]:
    found: dict[int, TickRecord] = {}
    for row in rows:
        at, event = (
            row["recorded_at"],
            decode_event(row["type"], row["schema_version"], row["data"]),
        )
        tick = found.setdefault(row["number"], TickRecord(row["number"], at))
        match event:
            case TickCommitted(number=number):
                tick.number, tick.commitment = number, event.commitment
                tick.leaves_events = event.policies is not None
                tick.policies = event.policies if tick.leaves_events else row["policies"]
                tick.beacon, tick.round, tick.public_at = event.beacon, event.round, event.public_at
            case TickMade():
                tick.value = event.value
                tick.made_at = at
                tick.accepted_at = at if event.draws is not None else None
            case DrawsAccepted():
                tick.accepted_at = at
            case SecretRevealed():
                tick.secret, tick.revealed_at = event.secret, at
            case TickGivenUp():
                tick.given_up = True
            case _:
                continue
    return list(found.values())
