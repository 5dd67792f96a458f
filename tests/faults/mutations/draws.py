"""Mutations of the promoter's draws: what they leave, what they are made from, and what finds one that is missing."""

from tests.faults.mutations.mutation import Mutation

LEAVING = "tests/integration/test_draws_leave_events.py"
BEACON = "tests/integration/test_rounds_of_the_beacon.py"
BEACONS = "tests/integration/test_beacons.py"
DRAWS = (
    Mutation(
        "a tick is made before its round is public",
        "commands/promoter/rounds.py",
        "    if not due:\n        return None\n    beacon",
        "    beacon",
        BEACON,
    ),
    Mutation(
        "bids after the round is public count in its draws",
        "commands/postgres/ticks.py",
        "committed_at, coalesce(public_at, made_at) AS cutoff",
        "committed_at, made_at AS cutoff",
        BEACON,
    ),
    Mutation(
        "a relay is believed without a signature",
        "commands/beacon/drand.py",
        "if not self.is_value(number, value):",
        "if False:",
        BEACONS,
    ),
    Mutation(
        "a relay may answer without end",
        "commands/http_exchange.py",
        "answer.read(self._longest + 1)",
        "answer.read()[: self._longest]",
        BEACONS,
    ),
    Mutation(
        "the worker that closes auctions waits for the beacon",
        "commands/tasks.py",
        "if chosen_beacon().is_remote:",
        "if False:",
        BEACON,
    ),
    Mutation(
        "a tick waits for a value for ever",
        "commands/promoter/rounds.py",
        "if now - tick.public_at > patience:",
        "if False:",
        BEACON,
    ),
    Mutation(
        "a round's value is not compared with its round",
        "commands/promoter/checks.py",
        "    return misvalued(tick.beacon, tick.round, tick.value)",
        "    return None",
        BEACON,
    ),
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
        "lot_of(seed), then[id].version",
        "lot_of(seed), 2**31 - 1",
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
