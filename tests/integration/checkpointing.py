"""Checkpoints in this process's world, and a log that is long enough for them."""

from collections.abc import Iterator
from contextlib import contextmanager

from commands.checkpoints.making import make
from commands.postgres.checkpoints import Kept, every_checkpoint, last_checkpoint
from commands.postgres.connections import Pool, SyncConnection
from commands.record.checkpoints import Signer

FILL = """
INSERT INTO events (stream_kind, stream_id, version, type, schema_version, data, causation_id,
                    correlation_id, recorded_at, hash)
SELECT 'auction', id, 1, 'BidPlaced', 1, '{}', id, id, now(), sha256(id::text::bytea)
FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, %s)) AS new RETURNING position
"""
GUARDED = ("events", "subtrees", "checkpoints", "checkpoint_keys")


class CheckpointedLog:
    """The log of this process's world; `signer` signs."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.signer = pool, Signer(bytes(range(32)))
        self.filled: list[int] = []

    def fill(self, count: int) -> list[int]:
        """So many more events, which mean nothing; their positions."""
        with self.pool.connection() as connection:
            new = [row["position"] for row in connection.execute(FILL, (count,))]
        self.filled += new
        return new

    def make(self, signer: Signer | None = None) -> Kept:
        """A checkpoint over all there is."""
        with self.pool.connection() as connection:
            made, more = make(connection, signer or self.signer)
        assert made
        assert not more
        return made

    def newest(self) -> Kept | None:
        """The newest checkpoint that is kept."""
        with self.pool.connection() as connection:
            return last_checkpoint(connection)

    def every(self) -> list[Kept]:
        """All that are kept."""
        with self.pool.connection() as connection, connection.transaction():
            return list(every_checkpoint(connection))

    def subtrees(self) -> list[tuple[int, int, int | None, bytes]]:
        """All that are kept."""
        with self.pool.connection() as connection:
            rows = connection.execute("SELECT * FROM subtrees ORDER BY level, number").fetchall()
        return [(row["level"], row["number"], row["last_position"], row["root"]) for row in rows]

    @contextmanager
    def unguarded(self) -> Iterator[SyncConnection]:
        """As the owner of the tables, with the triggers switched off."""
        with self.pool.connection() as connection, connection.transaction():
            for table in GUARDED:
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield connection
            for table in GUARDED:
                connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    def forget(self) -> None:
        """No checkpoints, no subtrees, and none of the events that were filled in."""
        with self.unguarded() as connection:
            for table in ("subtrees", "checkpoints", "checkpoint_keys", "witnesses"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("DELETE FROM events WHERE position = ANY(%s)", (self.filled,))
        self.filled = []
