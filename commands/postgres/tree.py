"""The Merkle tree over the log: its leaves are the events by position, its larger nodes rows of `subtrees`.

Positions are given out before commit, so below any event that is there an earlier one may still come.
None comes any more below a position once every transaction that wrote when it was the highest has
ended. A transaction has its id before its events have positions, so these transactions are
those with an id below one that is given out after looking.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from psycopg.rows import DictRow

from commands.postgres.connections import SyncConnection, WebConnection
from commands.record.merkle import (
    BLOCK,
    BLOCK_SIZE,
    Frontier,
    Node,
    entry_of,
    hash_of_leaf,
    nodes_of,
    root_of,
)

HIGHEST = "SELECT max(position) AS position FROM events"
NEXT_TRANSACTION = "SELECT pg_current_xact_id()::text AS id"
ALL_BEFORE_ENDED = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8 AS ended"
LAST_BLOCK = f"""
SELECT number, last_position FROM subtrees WHERE level = {BLOCK} ORDER BY number DESC LIMIT 1
"""
NODES = """
SELECT level, number, root FROM subtrees
JOIN unnest(%s::int[], %s::bigint[]) AS wanted (level, number) USING (level, number)
"""
LEAVES = """
SELECT position, stream_kind, stream_id, version, hash FROM events
WHERE position > %s AND position <= %s ORDER BY position LIMIT %s
"""
ADD = """
INSERT INTO subtrees (level, number, last_position, root)
SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bytea[]) ON CONFLICT DO NOTHING
"""
EVERY_EVENT = "SELECT position, stream_kind, stream_id, version, hash FROM events ORDER BY position"
EVERY_BLOCK = f"SELECT last_position FROM subtrees WHERE level = {BLOCK} ORDER BY number"
BOUNDS = f"""
SELECT number, last_position FROM subtrees WHERE level = {BLOCK} AND number = ANY(%s)
"""
BLOCK_AT = """
SELECT number FROM subtrees WHERE last_position >= %s ORDER BY last_position LIMIT 1
"""
# Blocks in one statement.
AT_ONCE = 64
# How long writing transactions are waited for, in seconds, and the pauses between two looks.
PATIENCE = 1.0
PAUSE = 0.02
# Higher than any position.
END = 2**63 - 1
# Rows of one fetch when everything is read.
READ_AHEAD = 5000


@dataclass(slots=True)
class Tree:
    """The complete blocks so far, and the position of the last event in them."""

    frontier: Frontier = field(default_factory=Frontier)
    last_position: int = 0

    @property
    def blocks(self) -> int:
        """How many complete blocks there are."""
        return self.frontier.size // BLOCK_SIZE


def settled_position(connection: SyncConnection, patience: float = PATIENCE) -> int | None:
    """A position below which no further event will come, the highest now; None if that took too long."""
    highest = connection.execute(HIGHEST).fetchone()
    # Its own statement, after the one before: whoever had a lower position by then has a lower id.
    writing = connection.execute(NEXT_TRANSACTION).fetchone()
    assert highest
    assert writing
    until = time.monotonic() + patience
    while not _ended(connection, writing["id"]):
        if time.monotonic() > until:
            return None
        time.sleep(PAUSE)
    return highest["position"] or 0


def _ended(connection: SyncConnection, transaction_id: str) -> bool:
    row = connection.execute(ALL_BEFORE_ENDED, (transaction_id,)).fetchone()
    return bool(row and row["ended"])


def read_tree(connection: SyncConnection) -> Tree:
    """The tree as far as its blocks are complete and kept."""
    last = connection.execute(LAST_BLOCK).fetchone()
    if last is None:
        return Tree()
    nodes = list(nodes_of((0, (last["number"] + 1) * BLOCK_SIZE)))
    roots = roots_of_nodes(connection, nodes)
    return Tree(Frontier(nodes, [roots[node] for node in nodes]), last["last_position"])


def complete_blocks(
    connection: SyncConnection, tree: Tree, settled: int, at_once: int = AT_ONCE
) -> bool:
    """Keep the next blocks of events up to a settled position; whether there may be more.

    One statement, which is the same whoever makes it: two at once, or one that died, do no harm.
    """
    rows = connection.execute(LEAVES, (tree.last_position, settled, at_once * BLOCK_SIZE))
    leaves = rows.fetchall()
    new: list[tuple[Node, int | None, bytes]] = []
    for start in range(0, len(leaves) - BLOCK_SIZE + 1, BLOCK_SIZE):
        block = leaves[start : start + BLOCK_SIZE]
        first, *above = tree.frontier.push((BLOCK, tree.blocks), root_of(leaf_hashes(block)))
        tree.last_position = block[-1]["position"]
        new.append((first[0], tree.last_position, first[1]))
        new.extend((node, None, root) for node, root in above)
    if new:
        levels, numbers = _columns([node for node, _, _ in new])
        positions, roots = [position for _, position, _ in new], [root for _, _, root in new]
        connection.execute(ADD, (levels, numbers, positions, roots))
    return len(leaves) == at_once * BLOCK_SIZE


def leaves_behind(connection: SyncConnection, tree: Tree, settled: int) -> list[DictRow]:
    """The settled events behind the complete blocks, fewer than a block."""
    rows = connection.execute(LEAVES, (tree.last_position, settled, BLOCK_SIZE - 1))
    return rows.fetchall()


def entries(rows: Sequence[DictRow]) -> list[bytes]:
    """What events are in the tree, from their rows."""
    return [
        entry_of(row["stream_kind"], row["stream_id"], row["version"], row["hash"]) for row in rows
    ]


def leaf_hashes(rows: Sequence[DictRow]) -> list[bytes]:
    """The hashes of the leaves of events in their rows."""
    return [hash_of_leaf(entry) for entry in entries(rows)]


def _columns(nodes: Collection[Node]) -> tuple[list[int], list[int]]:
    return [level for level, _ in nodes], [number for _, number in nodes]


def _roots(rows: Sequence[DictRow]) -> dict[Node, bytes]:
    return {(row["level"], row["number"]): bytes(row["root"]) for row in rows}


async def kept_nodes(connection: WebConnection, nodes: Collection[Node]) -> Mapping[Node, bytes]:
    """The hashes of these nodes, for the web process."""
    if not nodes:
        return {}
    return _roots(await (await connection.execute(NODES, _columns(nodes))).fetchall())


async def block_at(connection: WebConnection, position: int) -> int:
    """The number of the block that the event at that position is in, for the web process."""
    row = await (await connection.execute(BLOCK_AT, (position,))).fetchone()
    if row:
        number: int = row["number"]
        return number
    last = await (await connection.execute(LAST_BLOCK)).fetchone()
    return last["number"] + 1 if last else 0


async def events_of_block(connection: WebConnection, number: int) -> list[DictRow]:
    """The rows of a block's events in their order, of the last one as far as there are, for the web process."""
    rows = await (await connection.execute(BOUNDS, ([number - 1, number],))).fetchall()
    ends = {row["number"]: row["last_position"] for row in rows}
    if number and number - 1 not in ends:
        return []
    bounds = (ends.get(number - 1, 0), ends.get(number, END), BLOCK_SIZE)
    return await (await connection.execute(LEAVES, bounds)).fetchall()


def roots_of_nodes(connection: SyncConnection, nodes: Collection[Node]) -> dict[Node, bytes]:
    """The hashes of those of these nodes that are kept."""
    return _roots(connection.execute(NODES, _columns(nodes)).fetchall())


def every_block(connection: SyncConnection) -> Iterator[tuple[int | None, list[DictRow]]]:
    """All events in their order, block by block; in a transaction.

    A block that is kept has its events by position, whether or not they are as many as they should be, and
    comes with the position of its last one. Those behind come without.
    """
    with connection.cursor("events_in_order") as events, connection.cursor("blocks") as blocks:
        events.itersize = blocks.itersize = READ_AHEAD
        rows = iter(events.execute(EVERY_EVENT))
        row = next(rows, None)
        for block in blocks.execute(EVERY_BLOCK):
            end, found = block["last_position"], list[DictRow]()
            while row and row["position"] <= end:
                # One too many is enough to tell.
                if len(found) <= BLOCK_SIZE:
                    found.append(row)
                row = next(rows, None)
            yield end, found
        while row:
            yield None, [row, *islice(rows, BLOCK_SIZE - 1)]
            row = next(rows, None)
