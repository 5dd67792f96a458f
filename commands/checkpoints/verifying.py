"""Verifying the log by its checkpoints: the tree is worked out from the events and compared with what was kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge

from psycopg import IsolationLevel
from psycopg.rows import DictRow

from commands.postgres.checkpoints import (
    Kept,
    every_checkpoint,
    last_checkpoint,
    numbered_checkpoint,
    public_key_of,
)
from commands.postgres.connections import SyncConnection
from commands.postgres.tree import every_block, leaf_hashes, roots_of_nodes
from commands.record.checkpoints import FIRST, Checkpoint, Signed, signed_by
from commands.record.merkle import BLOCK, BLOCK_SIZE, Frontier, root_of

# Between its statements the connection is idle for long. Nobody waits for that transaction: it only reads.
UNHURRIED = "SET LOCAL idle_in_transaction_session_timeout = 0"
# Blocks that are named of all that differ, and streams that are named of a block.
BLOCKS, STREAMS = 20, 5


def log_problems(connection: SyncConnection, against: Signed | None = None) -> list[str]:
    """What does not agree: events, kept subtrees, checkpoints, and one more that somebody else kept.

    It goes through the events once, in their order; its memory does not grow with them.
    """
    connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        with connection.transaction():
            connection.execute(UNHURRIED)
            of_the_file = _of_the_file(connection, against) if against else []
            return of_the_file + _Walk(connection, against).problems()
    finally:
        connection.set_isolation_level(None)


def _of_the_file(connection: SyncConnection, against: Signed) -> list[str]:
    """What is wrong with the kept checkpoint itself."""
    number, key = against.checkpoint.number, public_key_of(connection, against.checkpoint.key)
    if key is None:
        return ["the kept checkpoint was signed with a key that is not among those here"]
    if not signed_by(against, key):
        return ["the kept checkpoint's signature is wrong"]
    here = numbered_checkpoint(connection, number)
    if here is None:
        return [f"checkpoint {number}, which was kept, is not here any more"]
    if here.checkpoint != against.checkpoint:
        return [f"checkpoint {number} is another one here than the one that was kept"]
    return []


@dataclass(slots=True)
class _Walk:
    """One way through the events, beside the kept subtrees and the checkpoints."""

    connection: SyncConnection
    against: Signed | None
    frontier: Frontier = field(default_factory=Frontier)
    events: int = 0
    # Of blocks and of checkpoints that differ.
    blocks: int = 0
    unfit: list[Checkpoint] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """Each difference; of blocks the first ones, of checkpoints the first one that does not fit."""
        last = last_checkpoint(self.connection)
        covered = last.checkpoint.size if last else 0
        kept = [self.against.checkpoint] if self.against else []
        due = merge(self._linked(), kept, key=lambda each: each.size)
        checkpoint = next(due, None)
        for number, (end, rows) in enumerate(every_block(self.connection)):
            leaves, before = leaf_hashes(rows), number * BLOCK_SIZE
            self.events += len(rows)
            while checkpoint and checkpoint.size <= before + BLOCK_SIZE:
                self._compare(checkpoint, leaves[: checkpoint.size - before])
                checkpoint = next(due, None)
            if end is not None or len(rows) == BLOCK_SIZE:
                self._complete(number, rows, root_of(leaves), before + BLOCK_SIZE <= covered)
        while checkpoint:
            self.unfit.append(checkpoint)
            checkpoint = next(due, None)
        return [*self.found, *self._more_blocks(), *self._unfit()]

    def _linked(self) -> Iterator[Checkpoint]:
        """The checkpoints, each signed and linked to the one before."""
        before: Kept | None = None
        for each in every_checkpoint(self.connection):
            if problem := _link_problem(before, each):
                self.found.append(f"checkpoint {each.checkpoint.number}: {problem}")
            before = each
            yield each.checkpoint

    def _compare(self, checkpoint: Checkpoint, leaves: Sequence[bytes]) -> None:
        whole = self.frontier.copy()
        for leaf in leaves:
            whole.push((0, whole.size), leaf)
        if (whole.size, whole.root()) != (checkpoint.size, checkpoint.root):
            self.unfit.append(checkpoint)

    def _complete(self, number: int, rows: Sequence[DictRow], root: bytes, covered: bool) -> None:
        done = self.frontier.push((BLOCK, number), root)
        kept = roots_of_nodes(self.connection, [node for node, _ in done])
        missing = [node for node, _ in done if node not in kept]
        if missing and covered:
            self.found.append(f"subtree {missing[0][1]} of level {missing[0][0]} is missing")
        wrong = [node for node, value in done if kept.get(node, value) != value]
        if (BLOCK, number) in wrong:
            self.blocks += 1
            if self.blocks <= BLOCKS:
                self.found.append(_other_events(number, rows))
        elif wrong and not self.blocks:
            level, place = wrong[0]
            self.found.append(f"subtree {place} of level {level} is not the root of what is below")

    def _more_blocks(self) -> list[str]:
        more = self.blocks - BLOCKS
        return [f"{more} more subtrees are not over the events that are there"] if more > 0 else []

    def _unfit(self) -> Iterator[str]:
        kept = self.against.checkpoint if self.against else None
        ours = [each for each in self.unfit if each is not kept]
        if ours:
            later = f"; {len(ours) - 1} later ones do not either" if len(ours) > 1 else ""
            yield self._unfit_one(ours[0], "checkpoint") + later
        if kept and len(ours) < len(self.unfit):
            yield self._unfit_one(kept, "the kept checkpoint")

    def _unfit_one(self, checkpoint: Checkpoint, name: str) -> str:
        what = f"{name} {checkpoint.number} of {checkpoint.size} events does not fit the log"
        if checkpoint.size > self.events:
            return f"{what}, which has {self.events}"
        return f"{what}: its first {checkpoint.size} events give another root"


def _link_problem(before: Kept | None, each: Kept) -> str | None:
    """What is wrong with a checkpoint behind the one before."""
    checkpoint = each.checkpoint
    if checkpoint.number != (before.checkpoint.number + 1 if before else 1):
        return "the one before is missing"
    if not signed_by(each.signed, each.public_key):
        return "its signature is wrong"
    if checkpoint.previous != (before.checkpoint.hash if before else FIRST):
        return "it does not name the hash of the one before"
    if before and (checkpoint.size, checkpoint.made_at) < (
        before.checkpoint.size,
        before.checkpoint.made_at,
    ):
        return "it is older or smaller than the one before"
    return None


def _other_events(number: int, rows: Sequence[DictRow]) -> str:
    first = number * BLOCK_SIZE + 1
    what = f"subtree {number}, of events {first} to {first + BLOCK_SIZE - 1}, is over others than are there"
    if not rows:
        return f"{what}: none are left"
    streams = list(dict.fromkeys(f"{row['stream_kind']} {row['stream_id']}" for row in rows))
    named = ", ".join(streams[:STREAMS]) + (" and others" if len(streams) > STREAMS else "")
    count = f"{len(rows)} of {BLOCK_SIZE}, " if len(rows) != BLOCK_SIZE else ""
    place = f"positions {rows[0]['position']} to {rows[-1]['position']}"
    return f"{what} ({count}{place}: {named})"
