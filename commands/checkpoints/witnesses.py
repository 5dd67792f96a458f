"""Witnesses: others who are sent each new checkpoint, so that the house can't show them another log later.

Each gets the checkpoints in order. A try is counted before it is made; after one that failed the pause
doubles, up to an hour. Who is more than BACKLOG behind gets the newest next, and can read what it
missed from the API: `checkpoints` and `consistencyProof`.
"""

import random
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

import structlog

from commands.postgres.checkpoints import (
    Claimed,
    Kept,
    checkpoints_after,
    claim,
    not_taken,
    taken,
)
from commands.postgres.connections import Pool

log = structlog.get_logger("commands")

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
BACKLOG = 100
# Nothing is sent any more after so many seconds, and to one witness not more than so many in a turn: the mails of
# the same worker wait meanwhile.
SECONDS, IN_A_TURN = 2.0, 10
# Longer than a task can last, so nobody still sends when a lease has ended.
LEASE = timedelta(seconds=60)


class NotTaken(Exception):
    """The witness did not answer that it has the checkpoint; the text has no secret."""


class Witness(Protocol):
    """Somebody who is sent checkpoints."""

    @property
    def name(self) -> str:
        """Which one it is among all, in 64 characters, without a secret."""

    @property
    def host(self) -> str:
        """Where it is, for the log."""

    def take(self, checkpoint: Kept) -> None:
        """Give it the checkpoint; NotTaken unless it has it, within seconds. May be given twice."""


def tell(pool: Pool, witnesses: Iterable[Witness], seconds: float = SECONDS) -> bool:
    """Send what each has not taken yet, for one turn; whether one that takes them may lack some.

    Each gets one before anybody gets the next, in another order each time, so that a slow one keeps none
    from the others.
    """
    until, waiting = time.monotonic() + seconds, list(witnesses)
    random.shuffle(waiting)
    for _ in range(IN_A_TURN):
        behind = []
        for witness in waiting:
            if time.monotonic() > until:
                return True
            if _tell(pool, witness):
                behind.append(witness)
        waiting = behind
    return bool(waiting)


def _tell(pool: Pool, witness: Witness) -> bool:
    """Send it the next checkpoint; False if it has all, or did not take this one."""
    with pool.connection() as connection:
        claimed = claim(connection, witness.name, LEASE)
        if claimed is None:
            return False
        [checkpoint] = checkpoints_after(connection, _before_next(claimed), 1)
    # No connection is held while the witness answers.
    return _given(pool, witness, checkpoint, claimed.attempts)


def _before_next(claimed: Claimed) -> int:
    behind = claimed.last - claimed.sent
    return claimed.sent if behind <= BACKLOG else claimed.last - 1


def _given(pool: Pool, witness: Witness, checkpoint: Kept, attempts: int) -> bool:
    number = checkpoint.checkpoint.number
    try:
        witness.take(checkpoint)
    except NotTaken as error:
        pause = pause_after(attempts)
        log.warning(
            "a witness did not take a checkpoint",
            witness=witness.host, checkpoint=number, attempts=attempts, error=str(error),
            again_in=round(pause.total_seconds()),
        )  # fmt: skip
        with pool.connection() as connection:
            not_taken(connection, witness.name, pause)
        return False
    with pool.connection() as connection:
        taken(connection, witness.name, number)
    return True


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: doubling, give or take a quarter."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 20)
    pause = min(doubled, LONGEST_PAUSE)
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 (spreads tries out)
