"""SQL on the tables `checkpoints`, `checkpoint_keys` and `witnesses`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import DictRow

from commands.postgres.connections import SyncConnection, WebConnection
from commands.record.checkpoints import Checkpoint, Signed

COLUMNS = "number, size, root, made_at, previous, key, signature, last_position, public_key"
FROM = "FROM checkpoints JOIN checkpoint_keys ON fingerprint = key"
LAST = f"SELECT {COLUMNS} {FROM} ORDER BY number DESC LIMIT 1"
ONE = f"SELECT {COLUMNS} {FROM} WHERE number = %s"
NEXT = f"SELECT {COLUMNS} {FROM} WHERE number > %s ORDER BY number LIMIT %s"
EVERY = f"SELECT {COLUMNS} FROM checkpoints LEFT JOIN checkpoint_keys ON fingerprint = key ORDER BY number"
KEY = "SELECT public_key FROM checkpoint_keys WHERE fingerprint = %s"
# What happened behind the last checkpoint: anything at all, and a close. The highest position is one entry of
# an index, where a search for any above one may be planned as a scan that finds none.
NEWS = """
SELECT clock_timestamp() AS now,
       coalesce((SELECT max(position) FROM events) > %(after)s, false) AS any,
       EXISTS (SELECT 1 FROM events WHERE type = 'WinnerAnnounced' AND position > %(after)s)
       OR EXISTS (SELECT 1 FROM events WHERE type = 'AuctionEndedUnsold' AND position > %(after)s)
       OR EXISTS (SELECT 1 FROM events WHERE type = 'AuctionCancelled' AND position > %(after)s) AS closes
"""
KEEP_KEY = """
INSERT INTO checkpoint_keys (fingerprint, public_key, since) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
# A number is taken once: of two that were made at once, the second is not kept and was shown to nobody.
KEEP = """
INSERT INTO checkpoints (number, size, root, made_at, previous, key, signature, last_position)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
# A new witness begins with the newest checkpoint.
ADD_WITNESS = """
INSERT INTO witnesses (witness, sent, attempts, due)
SELECT %s, greatest(0, (SELECT max(number) FROM checkpoints) - 1), 0, clock_timestamp()
WHERE EXISTS (SELECT 1 FROM checkpoints) ON CONFLICT DO NOTHING
"""
# The attempt is counted before it is made; until the lease ends, nobody else makes one.
CLAIM = """
UPDATE witnesses SET attempts = attempts + 1, due = clock_timestamp() + %(lease)s
WHERE witness = %(witness)s AND due <= clock_timestamp()
  AND sent < (SELECT max(number) FROM checkpoints)
RETURNING sent, attempts, (SELECT max(number) FROM checkpoints) AS last
"""
TAKEN = """
UPDATE witnesses SET sent = %(sent)s, attempts = 0, due = clock_timestamp()
WHERE witness = %(witness)s AND sent < %(sent)s
"""
NOT_TAKEN = "UPDATE witnesses SET due = clock_timestamp() + %(pause)s WHERE witness = %(witness)s"


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint as it is kept: signed, with its public key and the position of its last event."""

    signed: Signed
    public_key: bytes
    last_position: int

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint itself."""
        return self.signed.checkpoint


@dataclass(frozen=True, slots=True)
class News:
    """Whether anything happened since the last checkpoint, whether an auction closed, and what time it is."""

    now: datetime
    any: bool
    closes: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt to tell a witness: the number it took last, which attempt it is, and the newest number."""

    sent: int
    attempts: int
    last: int


def kept(row: DictRow) -> Kept:
    """The checkpoint in its row."""
    checkpoint = Checkpoint(
        row["number"], row["size"], bytes(row["root"]), row["made_at"], bytes(row["previous"]),
        row["key"],
    )  # fmt: skip
    signed = Signed(checkpoint, bytes(row["signature"]))
    return Kept(signed, bytes(row["public_key"] or b""), row["last_position"])


def last_checkpoint(connection: SyncConnection) -> Kept | None:
    """The newest checkpoint; None before the first."""
    row = connection.execute(LAST).fetchone()
    return kept(row) if row else None


def numbered_checkpoint(connection: SyncConnection, number: int) -> Kept | None:
    """The checkpoint of that number; None if there is none."""
    row = connection.execute(ONE, (number,)).fetchone()
    return kept(row) if row else None


def public_key_of(connection: SyncConnection, fingerprint: str) -> bytes | None:
    """The public key with that fingerprint, if checkpoints were ever signed with it."""
    row = connection.execute(KEY, (fingerprint,)).fetchone()
    return bytes(row["public_key"]) if row else None


def every_key(connection: SyncConnection) -> list[tuple[str, bytes, datetime]]:
    """Fingerprint, public key and first use of each key that checkpoints were ever signed with."""
    rows = connection.execute("SELECT * FROM checkpoint_keys ORDER BY since")
    return [(row["fingerprint"], bytes(row["public_key"]), row["since"]) for row in rows]


def checkpoints_after(connection: SyncConnection, number: int, limit: int) -> list[Kept]:
    """The next checkpoints after that number."""
    return [kept(row) for row in connection.execute(NEXT, (number, limit))]


def every_checkpoint(connection: SyncConnection) -> Iterator[Kept]:
    """All of them in order; one whose key is not kept has an empty public key."""
    with connection.cursor("every_checkpoint") as cursor:
        cursor.itersize = 1000
        yield from (kept(row) for row in cursor.execute(EVERY))


def news_since(connection: SyncConnection, position: int) -> News:
    """What happened behind that position."""
    row = connection.execute(NEWS, {"after": position}).fetchone()
    assert row
    return News(row["now"], row["any"], row["closes"])


def keep(connection: SyncConnection, new: Kept) -> bool:
    """Keep a new checkpoint; False if its number was taken meanwhile."""
    checkpoint = new.checkpoint
    with connection.transaction():
        connection.execute(KEEP_KEY, (checkpoint.key, new.public_key, checkpoint.made_at))
        values = (
            checkpoint.number, checkpoint.size, checkpoint.root, checkpoint.made_at,
            checkpoint.previous, checkpoint.key, new.signed.signature, new.last_position,
        )  # fmt: skip
        return connection.execute(KEEP, values).rowcount == 1


async def find_checkpoint(connection: WebConnection, number: int | None) -> Kept | None:
    """The checkpoint of that number, or the newest; None if there is none. For the web process."""
    statement, values = (LAST, ()) if number is None else (ONE, (number,))
    row = await (await connection.execute(statement, values)).fetchone()
    return kept(row) if row else None


async def next_checkpoints(connection: WebConnection, number: int, limit: int) -> list[Kept]:
    """The next checkpoints after that number, for the web process."""
    rows = await (await connection.execute(NEXT, (number, limit))).fetchall()
    return [kept(row) for row in rows]


def claim(connection: SyncConnection, witness: str, lease: timedelta) -> Claimed | None:
    """Begin an attempt to tell the witness what it has not taken; None if nothing is due."""
    connection.execute(ADD_WITNESS, (witness,))
    row = connection.execute(CLAIM, {"witness": witness, "lease": lease}).fetchone()
    return Claimed(**row) if row else None


def taken(connection: SyncConnection, witness: str, number: int) -> None:
    """The witness took the checkpoint of that number."""
    connection.execute(TAKEN, {"witness": witness, "sent": number})


def not_taken(connection: SyncConnection, witness: str, pause: timedelta) -> None:
    """The attempt failed; the next is due after the pause."""
    connection.execute(NOT_TAKEN, {"witness": witness, "pause": pause})
