"""Making checkpoints, beside the path of a bid: it takes no lock that a bid waits for, and reads what is committed.

1. See whether one is due: an auction closed since the last one, or a minute is over and anything happened.
2. Find a position below which no further event will come.
3. See that the events still give the last one. If not, nothing is signed any more: LogChanged.
4. Keep the complete blocks up to there, some at a time.
5. Sign the root over these and what is behind them, and keep that under the next number.

Whoever dies leaves whole blocks, from which the next one goes on. Of two who do the same, the second
finds its blocks and its number taken.
"""

import time
from collections.abc import Sequence
from datetime import timedelta

from psycopg.rows import DictRow

from commands.postgres.checkpoints import Kept, News, keep, last_checkpoint, news_since
from commands.postgres.connections import Pool, SyncConnection, clock, later_than
from commands.postgres.locks import CHECKPOINTS, locked_if_free
from commands.postgres.tree import (
    Tree,
    complete_blocks,
    leaf_hashes,
    leaves_behind,
    read_tree,
    settled_position,
)
from commands.record.checkpoints import FIRST, Checkpoint, Signer
from commands.record.merkle import Frontier


class LogChanged(Exception):
    """The events are not those that the last checkpoint covers."""


class NotSettled(Exception):
    """For long, some transaction that writes was open whenever a checkpoint was to be made."""


EVERY = timedelta(minutes=1)
# A checkpoint that is missing for longer than that is an error, which is shown until there is one.
OVERDUE = timedelta(minutes=10)
# After so many seconds a run lets others have their turn, if blocks are left.
SECONDS = 2.0


def make_due(pool: Pool, signer: Signer, seconds: float = SECONDS) -> tuple[Kept | None, bool]:
    """A checkpoint if one is due, and whether blocks are left for the next run; nothing while another makes one."""
    with pool.connection() as connection, locked_if_free(connection, CHECKPOINTS) as mine:
        last = last_checkpoint(connection) if mine else None
        if not mine or not _due(last, news_since(connection, _reached(last))):
            return None, False
        return make(connection, signer, seconds)


def _reached(last: Kept | None) -> int:
    return last.last_position if last else 0


def _due(last: Kept | None, news: News) -> bool:
    old_enough = last is None or news.now - last.checkpoint.made_at >= EVERY
    return news.any and (news.closes or old_enough)


def make(
    connection: SyncConnection, signer: Signer, seconds: float = SECONDS
) -> tuple[Kept | None, bool]:
    """A checkpoint over all settled events, unless it would be the last one again; whether blocks are left.

    While blocks are left there is none: that of a log which had none before comes once, at its end.
    """
    # Before the events, so that two who read the same last one get the same number.
    last = last_checkpoint(connection)
    settled = settled_position(connection)
    if settled is None:
        _refuse_overdue(connection, last)
        return None, False
    until, tree = time.monotonic() + seconds, read_tree(connection)
    if last:
        _compare(connection, last, tree)
    while complete_blocks(connection, tree, settled):
        if time.monotonic() > until:
            return None, True
    return _kept(connection, _next(connection, last, tree, settled, signer)), False


def _refuse_overdue(connection: SyncConnection, last: Kept | None) -> None:
    if last and clock(connection) - last.checkpoint.made_at > OVERDUE:
        raise NotSettled(
            f"no checkpoint since {last.checkpoint.made_at.isoformat()}: transactions that write are open "
            "for long, maybe those of another database of this server (see pg_stat_activity)"
        )


def _compare(connection: SyncConnection, last: Kept, tree: Tree) -> None:
    """LogChanged unless the events behind the complete blocks are those that the last checkpoint covers."""
    missing = last.checkpoint.size - tree.frontier.size
    if missing < 0:
        # Whoever died had kept further blocks already.
        return
    behind = leaves_behind(connection, tree, last.last_position)
    if _with(tree, behind).root() != last.checkpoint.root:
        what = f"checkpoint {last.checkpoint.number} covers other events than there are"
        raise LogChanged(f"{what}: `manage.py verify_events` says where they differ")


def _with(tree: Tree, behind: Sequence[DictRow]) -> Frontier:
    """The whole tree, with the events behind the complete blocks."""
    whole = tree.frontier.copy()
    for place, leaf in enumerate(leaf_hashes(behind), whole.size):
        whole.push((0, place), leaf)
    return whole


def _next(
    connection: SyncConnection, last: Kept | None, tree: Tree, settled: int, signer: Signer
) -> Kept | None:
    behind = leaves_behind(connection, tree, settled)
    position = behind[-1]["position"] if behind else tree.last_position
    whole = _with(tree, behind)
    if whole.size == (last.checkpoint.size if last else 0):
        return None
    checkpoint = Checkpoint(
        number=last.checkpoint.number + 1 if last else 1,
        size=whole.size,
        root=whole.root(),
        # A clock that steps back changes no order.
        made_at=later_than(clock(connection), last.checkpoint.made_at if last else None),
        previous=last.checkpoint.hash if last else FIRST,
        key=signer.fingerprint,
    )
    return Kept(signer.sign(checkpoint), signer.public_key, position)


def _kept(connection: SyncConnection, new: Kept | None) -> Kept | None:
    return new if new and keep(connection, new) else None
