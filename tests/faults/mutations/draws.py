"""Mutations of the promoter's draws: what they leave, what they are made from, and what finds one that is missing."""

from tests.faults.mutations.mutation import Mutation

LEAVING = "tests/integration/test_draws_leave_events.py"
DRAWS = (
    Mutation(
        "a draw that waited too long leaves no event",
        "commands/handling/batch.py",
        "undecided(job, state, NoDoubling.LATE) or expired",
        "expired",
        LEAVING,
    ),
    Mutation(
        "a draw that makes its batch fail leaves no event",
        "commands/handling/drain.py",
        'leave_failed_draw(connection, job) if job.command == "DoubleBid" else []',
        "[]",
        LEAVING,
    ),
    Mutation(
        "a draw is made among the bids that there are by then",
        "commands/handling/draws.py",
        "Lot(lot_of(seed), then[id].version)",
        "Lot(lot_of(seed), 2**31 - 1)",
        LEAVING,
    ),
    Mutation(
        "an auction whose bids are not decided at the cut-off gets no draw",
        "commands/postgres/auctions.py",
        "WHERE stream_id = page.id AND status = 'QUEUED'",
        "WHERE false",
        LEAVING,
    ),
    Mutation(
        "a draw is checked among bids as doubled since",
        "commands/promoter/course.py",
        "    if bid.doubled and bid.reached_version > version:\n",
        "    if False:\n",
        "tests/domain/test_course.py",
    ),
    Mutation(
        "nobody looks for draws that were kept back",
        "commands/promoter/checks.py",
        "        yield from self._missing_before(None)\n",
        "",
        LEAVING,
    ),
    Mutation(
        "policies that are changed after the commitment apply to the tick",
        "commands/postgres/ticks.py",
        "policies = coalesce(policies, %s)",
        "policies = %s",
        "tests/integration/test_ticks_in_batches.py",
    ),
)
