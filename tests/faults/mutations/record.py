"""Mutations of the record's verification: what would let a forged, hidden or lost event pass."""

from tests.faults.mutations.mutation import Mutation

REDECIDING = "tests/integration/test_redeciding.py"
CLOCK = "tests/integration/test_clock.py"
MANY = "tests/integration/test_verifying_many.py"

RECORD = (
    Mutation(
        "after the clock stepped back events are recorded before their commands were accepted",
        "commands/handling/auctions.py",
        "later_than(now, *deciding.commitments, *accepted)",
        "later_than(now, *deciding.commitments)",
        CLOCK,
    ),
    Mutation(
        "an event may be recorded before its command was accepted",
        "commands/record/redeciding.py",
        "    if now > recorded.recorded_at + STEP_BACK:\n",
        "    if now > recorded.recorded_at + timedelta(days=1):\n",
        REDECIDING,
    ),
    Mutation(
        "a draw that names no tick passes as one of long ago",
        "commands/record/redeciding.py",
        'return "it names no tick" if recorded.accepted_at else None',
        "return None",
        REDECIDING,
    ),
    Mutation(
        "what the rules do not give passes verification",
        "commands/record/redeciding.py",
        "    if event not in (answer if recorded.accepted_at else map(_without_reason, answer)):\n",
        "    if not answer:\n",
        REDECIDING,
    ),
    Mutation(
        "a cut-off end passes verification while its jobs are kept",
        "commands/postgres/facts.py",
        "AND status = 'SUCCEEDED' AND command",
        "AND status = 'FAILED' AND command",
        REDECIDING,
    ),
    Mutation(
        "what was asked for too late passes once its job has ended",
        "commands/record/redeciding.py",
        "    known = recorded.accepted_at or (cause and cause.accepted_at)\n",
        "    known = cause and cause.accepted_at\n",
        REDECIDING,
    ),
    Mutation(
        "an event may hide when its command was accepted",
        "commands/record/redeciding.py",
        "position >= facts.moments_since:",
        "position < 0:",
        REDECIDING,
    ),
    Mutation(
        "events of jobs that ended under a shorter time need a job",
        "commands/record/redeciding.py",
        "facts.jobs_since and recorded.recorded_at > facts.jobs_since:",
        "facts.jobs_since:",
        "tests/integration/test_pruning.py",
    ),
    Mutation(
        "the moment of acceptance is not covered by the hash",
        "commands/record/chain.py",
        "    if accepted_at is not None:\n",
        "    if False:\n",
        "tests/domain/test_hash_chain.py",
    ),
    Mutation(
        "state rows are not compared",
        "projections/upkeep/verify_rows.py",
        '    return compared_rows(f"bid {bid.id}: ", bid, row)\n',
        "    return []\n",
        "tests/integration/test_verification.py",
    ),
    Mutation(
        "draws are missed only in auctions that had one",
        "projections/upkeep/verify_auction.py",
        "not (self.drawn or self._may_lack_draws(auction)):",
        "not self.drawn:",
        "tests/integration/test_draws_leave_events.py",
    ),
    Mutation(
        "a draw that failed is a finding once its job was re-driven",
        "commands/record/redeciding.py",
        "    if cause and not _is_failure(event) and (what := _cannot_cause(cause, event)):\n",
        "    if cause and (what := _cannot_cause(cause, event)):\n",
        "tests/integration/test_draws_leave_events.py",
    ),
    Mutation(
        "what was found before a kill is forgotten",
        "projections/management/verification/notes.py",
        'for what in noted["findings"]]',
        'for what in noted["findings"][:0]]',
        MANY,
    ),
    Mutation(
        "processes outlive the one that asked them",
        "projections/management/verification/processes.py",
        "    threading.Thread(target=_end_with_parent, daemon=True).start()\n",
        "",
        MANY,
    ),
)
