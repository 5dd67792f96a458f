"""State rows of the promoter's ticks, which hold each secret until long after it is revealed."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from commands.beacon.port import Round
from commands.domain.events import (
    DrawsAccepted,
    SecretRevealed,
    TickCommitted,
    TickEvent,
    TickGivenUp,
    TickMade,
)
from commands.domain.tick import Tick, commitment_to, evolve
from commands.ids import new_id
from commands.postgres.connections import SyncConnection, clock, later_than
from commands.postgres.event_store import PostgresEventStore
from commands.postgres.locks import TICKS, lock
from commands.streams import NewEvent, RecordedEvent, Stream

ROUND = "beacon, round, public_at, value"
TICK = f"""
stream_id, number, version, commitment, draws, secret, given_up_at IS NOT NULL AS given_up, {ROUND}
"""
# Those with a secret that only the house knows; of others the portal was imported without it.
HELD = "revealed_at IS NULL AND secret <> ''"
LOST = f"""
SELECT {TICK} FROM promoter_ticks WHERE revealed_at IS NULL AND secret = '' AND given_up_at IS NULL
ORDER BY number LIMIT 1000
"""
GIVEN_UP = """
UPDATE promoter_ticks SET version = %s, given_up_at = %s, secret = '' WHERE number = %s
"""
OPEN = f"SELECT {TICK} FROM promoter_ticks WHERE {HELD} AND made_at IS NULL"
POLICIES_OF_NEXT = f"SELECT policies FROM promoter_ticks WHERE {HELD} AND made_at IS NULL"


# Of one that is committed to in the future, before the clock stepped back, only the beacon knows.
DUE = """
SELECT FROM promoter_ticks WHERE number = %s AND made_at IS NULL
  AND (public_at <= clock_timestamp() OR committed_at > clock_timestamp())
"""
UNDRAWN = f"""
SELECT {TICK}, coalesce(public_at, made_at) AS cutoff, policies, reached FROM promoter_ticks
WHERE {HELD} AND made_at IS NOT NULL AND draws IS NULL ORDER BY number LIMIT 1
"""
# A tick from the future was made before the clock stepped back: nobody waits until it is past.
# Selected once, the time can be looked up in the index.
JUST_TICKED = """
SELECT FROM promoter_ticks
WHERE made_at > (SELECT clock_timestamp()) - %s::interval AND made_at <= (SELECT clock_timestamp())
LIMIT 1
"""
LAST_NUMBER = "SELECT coalesce(max(number), 0) AS number FROM promoter_ticks"
INSERT = """
INSERT INTO promoter_ticks (
    number, stream_id, version, commitment, policies, secret, committed_at, beacon, round, public_at
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# One that was committed to before that named the policies follows those at the tick.
MADE = """
UPDATE promoter_ticks
SET version = %s, policies = coalesce(policies, %s), made_at = %s, value = %s WHERE number = %s
"""
ACCEPTED = """
UPDATE promoter_ticks SET accepted = accepted + %s, reached = %s WHERE number = %s
"""
ALL_ACCEPTED = """
UPDATE promoter_ticks SET version = version + 1, draws = accepted WHERE number = %s
RETURNING draws
"""
DRAWN = f"""
SELECT {TICK} FROM promoter_ticks WHERE draws IS NOT NULL AND {HELD} AND NOT EXISTS (
    SELECT FROM jobs
    WHERE status = 'QUEUED' AND command = 'DoubleBid' AND payload->>'tick' = number::text
) ORDER BY number
"""
# Waits for the draws that hold the secret, while batches of draws being accepted do not.
LOCK = "SELECT FROM promoter_ticks WHERE number = %s FOR UPDATE"
REVEALED = "UPDATE promoter_ticks SET version = %s, revealed_at = %s WHERE number = %s"
# FOR KEY SHARE: the secret can't be revealed before the draw's transaction ends.
UNREVEALED = f"""
SELECT secret, committed_at, coalesce(public_at, made_at) AS cutoff, value FROM promoter_ticks
WHERE number = %s AND {HELD} FOR KEY SHARE
"""
# The next ticks reveal the secrets of those before them whose draws are settled.
OVERDUE = f"""
SELECT FROM promoter_ticks AS tick WHERE stream_id = %s AND made_at IS NOT NULL AND {HELD}
  AND NOT EXISTS (
    SELECT FROM jobs
    WHERE status = 'QUEUED' AND command = 'DoubleBid' AND payload->>'tick' = tick.number::text
  ) AND EXISTS (
    SELECT FROM promoter_ticks AS later WHERE later.number > tick.number
      AND later.made_at < clock_timestamp() - interval '1 hour'
  )
"""
# Once it is revealed; long after that only the log has it.
IF_REVEALED = """CASE WHEN revealed_at IS NOT NULL THEN coalesce(nullif(secret, ''), (
    SELECT data->>'secret' FROM events
    WHERE stream_id = promoter_ticks.stream_id AND type = 'SecretRevealed'
)) END AS secret"""
PUBLIC = f"""
SELECT number, stream_id, commitment, committed_at, made_at, draws, revealed_at, given_up_at, {ROUND},
       {IF_REVEALED}
FROM promoter_ticks WHERE number = coalesce(%s, (SELECT max(number) FROM promoter_ticks))
"""
READ = f"""
SELECT stream_id, number, version, commitment, draws, given_up_at IS NOT NULL AS given_up, {ROUND},
       {IF_REVEALED}
FROM promoter_ticks WHERE stream_id = %s
"""
# SecretRevealed, which was recorded with revealed_at, keeps them.
FORGET_SECRETS = """
UPDATE promoter_ticks SET secret = '' WHERE number = ANY(ARRAY(
    SELECT number FROM promoter_ticks
    WHERE secret <> '' AND revealed_at < statement_timestamp() - %(age)s
    ORDER BY revealed_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
))
"""


@dataclass(frozen=True, slots=True)
class Undrawn:
    """A tick with that cut-off, by that version of the policies, whose draws are being accepted.

    Those in auctions up to `reached` are; None if none is.
    """

    stream: Stream
    tick: Tick
    cutoff: datetime
    policies: int
    reached: UUID | None


def lock_ticks(connection: SyncConnection) -> None:
    """Lock all ticks: until the transaction ends no other can commit to, make or reveal one."""
    lock(connection, TICKS)


def ticked_within(connection: SyncConnection, span: timedelta) -> bool:
    """Whether the last tick was made less than that ago."""
    return connection.execute(JUST_TICKED, (span,)).fetchone() is not None


def open_tick(connection: SyncConnection) -> tuple[Stream, Tick] | None:
    """The tick that is committed to and not made yet."""
    row = connection.execute(OPEN).fetchone()
    return _tick(row) if row else None


def policies_of_next(connection: SyncConnection) -> int | None:
    """The version of the policies by which the next tick draws; None if it is not fixed yet."""
    row = connection.execute(POLICIES_OF_NEXT).fetchone()
    version: int | None = row["policies"] if row else None
    return version


def is_due(connection: SyncConnection, number: int) -> bool:
    """Whether the tick's round is public."""
    return connection.execute(DUE, (number,)).fetchone() is not None


def drawn_ticks(connection: SyncConnection) -> list[tuple[Stream, Tick]]:
    """The ticks whose draws are all settled and whose secret is not revealed yet."""
    return [_tick(row) for row in connection.execute(DRAWN).fetchall()]


def commit_to_tick(
    connection: SyncConnection,
    policies: int,
    round_from: Callable[[datetime], Round],
    ahead: timedelta,
) -> list[RecordedEvent]:
    """Choose the next tick's secret and record the commitment to it.

    And to that version of the policies, and to the round of the beacon so far ahead.
    """
    last = connection.execute(LAST_NUMBER).fetchone()
    assert last is not None
    secret, stream, now = secrets.token_bytes(32), Stream("tick", new_id()), clock(connection)
    chosen = round_from(now + ahead)
    named = chosen.beacon, chosen.number, chosen.public_at
    committed = TickCommitted(last["number"] + 1, commitment_to(secret), policies, *named)
    tick = evolve(None, committed)
    values = (tick.number, stream.id, tick.version, tick.commitment, policies, secret.hex(), now)
    connection.execute(INSERT, (*values, *named))
    return _record(connection, stream, 0, [committed], now)


def give_up_lost(connection: SyncConnection) -> None:
    """Record that the ticks without a secret are given up."""
    for stream, tick in [_tick(row) for row in connection.execute(LOST).fetchall()]:
        give_up(connection, stream, tick)


def give_up(connection: SyncConnection, stream: Stream, tick: Tick) -> list[RecordedEvent]:
    """Record that the tick is given up, and forget its secret."""
    now = clock(connection)
    connection.execute(GIVEN_UP, (tick.version + 1, now, tick.number))
    return _record(connection, stream, tick.version, [TickGivenUp()], now)


def make_tick(
    connection: SyncConnection,
    stream: Stream,
    tick: Tick,
    made_at: datetime,
    policies: int,
    value: bytes | None,
) -> list[RecordedEvent]:
    """Record that the tick was made at that moment, with that value of its round.

    Its draws follow the policies that it was committed to with; without any, those of that version.
    """
    made = TickMade(value=value.hex() if value is not None else None)
    parameters = evolve(tick, made).version, policies, made_at, made.value, tick.number
    connection.execute(MADE, parameters)
    return _record(connection, stream, tick.version, [made], made_at)


def undrawn_tick(connection: SyncConnection) -> Undrawn | None:
    """The tick that is made and whose draws are not all accepted yet."""
    row = connection.execute(UNDRAWN).fetchone()
    if row is None:
        return None
    more = [row.pop(name) for name in ("cutoff", "policies", "reached")]
    return Undrawn(*_tick(row), *more)


def note_accepted(connection: SyncConnection, number: int, draws: int, reached: UUID) -> None:
    """Count so many more draws of the tick, and note the auction up to which it has been."""
    connection.execute(ACCEPTED, (draws, reached, number))


def all_accepted(connection: SyncConnection, stream: Stream, tick: Tick) -> list[RecordedEvent]:
    """Record how many draws the tick gave: there will be no more."""
    row = connection.execute(ALL_ACCEPTED, (tick.number,)).fetchone()
    assert row is not None, "ticks are never deleted"
    return _record(
        connection, stream, tick.version, [DrawsAccepted(row["draws"])], clock(connection)
    )


def reveal(connection: SyncConnection, stream: Stream, tick: Tick) -> list[RecordedEvent]:
    """Record the secret of a tick whose draws are all settled, later than any of them by its time, too."""
    assert tick.secret is not None, "a tick's row has its secret"
    connection.execute(LOCK, (tick.number,))
    drawn = PostgresEventStore(connection).last_draw_after(stream.id)
    now, revealed = later_than(clock(connection), drawn), SecretRevealed(tick.secret)
    connection.execute(REVEALED, (tick.version + 1, now, tick.number))
    return _record(connection, stream, tick.version, [revealed], now)


@dataclass(frozen=True, slots=True)
class Secret:
    """What a tick's draws are made with: the secret, when the house committed to it, cut-off and beacon's value."""

    secret: bytes
    committed_at: datetime
    cutoff: datetime
    value: bytes


def secret_of(connection: SyncConnection, number: int) -> Secret | None:
    """The secret of a tick that was made; None if it is revealed.

    It can't be revealed before the transaction ends.
    """
    row = connection.execute(UNREVEALED, (number,)).fetchone()
    if row is None:
        return None
    secret, value = bytes.fromhex(row["secret"]), bytes.fromhex(row["value"] or "")
    return Secret(secret, row["committed_at"], row["cutoff"], value)


def read_tick(connection: SyncConnection, stream_id: UUID) -> Tick | None:
    """The tick from its state row, with the secret only if it is revealed."""
    row = connection.execute(READ, (stream_id,)).fetchone()
    return _tick(row)[1] if row else None


def overdue(connection: SyncConnection, stream_id: UUID) -> bool:
    """Whether the tick's secret should have been revealed: its draws are settled, and another came long ago."""
    return connection.execute(OVERDUE, (stream_id,)).fetchone() is not None


async def public_tick(connection: AsyncConnection[DictRow], number: int | None) -> DictRow | None:
    """The row of the tick of that number, without one of the next; its secret only once it is revealed."""
    return await (await connection.execute(PUBLIC, (number,))).fetchone()


def _record(
    connection: SyncConnection,
    stream: Stream,
    version: int,
    events: Sequence[TickEvent],
    now: datetime,
) -> list[RecordedEvent]:
    # A tick has no job, so its own id is the cause of its events.
    new = [NewEvent(event, stream.id, stream.id) for event in events]
    return PostgresEventStore(connection).append(stream, version, new, now)


def _tick(row: DictRow) -> tuple[Stream, Tick]:
    stream = Stream("tick", row["stream_id"])
    return stream, Tick(**{name: value for name, value in row.items() if name != "stream_id"})
