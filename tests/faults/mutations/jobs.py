"""Mutations of the write side: jobs, events and the promoter."""

from tests.faults.mutations.mutation import Mutation

JOBS = (
    # 1. An accepted job is settled exactly once.
    Mutation(
        "a repeated request is a new job",
        "commands/postgres/jobs.py",
        '"key": submission.idempotency_key,',
        '"key": None,',
        "without mongodb",
        "doubled:",
    ),
    Mutation(
        "the sweep wakes nobody",
        "commands/tasks.py",
        "    for stream, queue in streams:\n",
        "    for stream, queue in streams[:0]:\n",
        "tests/integration/test_handling.py::test_jobs_that_nobody_was_woken_for_are_swept_up",
    ),
    # 2. Events are never changed, skipped or reordered.
    Mutation(
        "events are not chained",
        "commands/postgres/event_store.py",
        "    return chained\n",
        "    return previous\n",
        "without mongodb",
        "does not fit the chain",
    ),
    Mutation(
        "state rows are not compared",
        "projections/upkeep/verify.py",
        "    if replayed == state:\n",
        "    if replayed:\n",
        "tests/integration/test_verification.py",
    ),
    # 4. Transient faults are retried; others are kept and can be re-driven.
    Mutation(
        "a fault that passes fails the job",
        "commands/postgres/errors.py",
        "    return isinstance(error, _PASSING) and",
        "    return False and",
        "tests/integration/test_retrying.py",
    ),
    Mutation(
        "a failed sign-up is kept without what it needs",
        "commands/postgres/jobs.py",
        "WHEN 'FAILED' THEN payload ELSE",
        "WHEN 'NEVER' THEN payload ELSE",
        "tests/integration/test_retrying.py",
    ),
    # 7. Two of everything change nothing but speed.
    Mutation(
        "every schedule draws",
        "commands/tasks.py",
        "at_least_apart=_half_the_interval()",
        "at_least_apart=timedelta(0)",
        "without mongodb",
        "came twice",
    ),
    # 11. Deadlines and cancelling.
    Mutation(
        "a job runs past its deadline",
        "commands/handling/batch.py",
        "answer = _expired(job, now) or decide(job, state)",
        "answer = decide(job, state)",
        "tests/integration/test_handling.py",
    ),
    Mutation(
        "a settled job is cancelled",
        "commands/postgres/jobs.py",
        "WHERE id = %(id)s AND status = 'QUEUED'\n",
        "WHERE id = %(id)s\n",
        "tests/integration/test_cancelling.py",
    ),
    # Nobody where they don't belong.
    Mutation(
        "anybody may take a bid back",
        "commands/domain/auction.py",
        "    if bid.bidder_id != command.bidder_id:\n",
        "    if bid.bidder_id == command.bid_id:\n",
        "tests/e2e/test_bad_input.py",
    ),
    Mutation(
        "a secret that was revealed still draws",
        "commands/postgres/ticks.py",
        "WHERE number = %s AND revealed_at IS NULL FOR SHARE",
        "WHERE number = %s FOR SHARE",
        "tests/integration/test_promoting.py",
    ),
)
