"""Mutations of the write side: jobs, events and the promoter."""

from tests.faults.mutations.mutation import Mutation

JOBS = (
    # 1. An accepted job is settled exactly once.
    Mutation(
        "a repeated request is a new job",
        "commands/postgres/accepting.py",
        '"idempotency_key": submission.idempotency_key,',
        '"idempotency_key": None,',
        "without mongodb",
        "doubled:",
    ),
    Mutation(
        "the sweep wakes nobody",
        "commands/inbox/sweeping.py",
        "    for stream, command in waiting:\n",
        "    for stream, command in waiting[:0]:\n",
        "tests/integration/test_handling.py::test_jobs_that_nobody_was_woken_for_are_swept_up",
    ),
    Mutation(
        "a bid of a session that is over is accepted",
        "commands/postgres/accepting.py",
        "session_id IS NULL OR",
        "true OR",
        "tests/integration/test_accepting.py",
    ),
    Mutation(
        "after the clock stepped back, jobs come before earlier ones",
        "commands/postgres/accepting.py",
        'greatest(moment.now, {AFTER_THE_LATEST.format("of_new")})',
        "moment.now",
        "tests/integration/test_accepting.py",
    ),
    Mutation(
        "streams that wait are taken in the order of their ids",
        "commands/worklists.py",
        "local taken = redis.call('SPOP', KEYS[1], ARGV[1])",
        "local taken = redis.call('SORT', KEYS[1], 'LIMIT', 0, ARGV[1], 'ALPHA')",
        "tests/integration/test_fairness.py",
    ),
    Mutation(
        "what a task did not finish is forgotten",
        "commands/worklists.py",
        "            left = set(handle(streams))\n",
        "            left = set(handle(streams)) and set()\n",
        "tests/integration/test_worklists.py",
    ),
    Mutation(
        "what a killed task had taken waits for the sweep",
        "commands/worklists.py",
        "  redis.call('SADD', KEYS[1], unpack(left))\n",
        "",
        "tests/integration/test_worklists.py",
    ),
    Mutation(
        "jobs that wait end with those that are settled",
        "commands/postgres/jobs.py",
        """WHERE status IN ('SUCCEEDED', 'REJECTED')
      AND settled_at <""",
        """WHERE accepted_at <""",
        "tests/integration/test_pruning.py",
    ),
    Mutation(
        "after the clock stepped back there is no tick",
        "commands/postgres/ticks.py",
        " AND made_at <= (SELECT clock_timestamp())",
        "",
        "tests/integration/test_clock.py",
    ),
    Mutation(
        "after the clock stepped back a draw seems older than its commitment",
        "commands/handling/auctions.py",
        "later_than(now, *deciding.commitments)",
        "now",
        "tests/integration/test_clock.py",
    ),
    Mutation(
        "after the clock stepped back waiting jobs are not swept up",
        "commands/postgres/jobs.py",
        "   OR stream.accepted_at > clock_timestamp() LIMIT 1000",
        " LIMIT 1000",
        "tests/integration/test_clock.py",
    ),
    Mutation(
        "closing is asked for once",
        "commands/inbox/closing.py",
        'f":{auction.before}" if auction.before else ""',
        '""',
        "tests/integration/test_closing.py",
    ),
    Mutation(
        "a tick looks at every tick there was",
        "commands/postgres/ticks.py",
        "made_at > (SELECT clock_timestamp()) - %s::interval AND made_at <= (SELECT clock_timestamp())",
        "made_at > clock_timestamp() - %s::interval AND made_at <= clock_timestamp()",
        "tests/e2e/test_plans.py",
    ),
    # 2. Events are never changed, skipped or reordered.
    Mutation(
        "events are not chained",
        "commands/postgres/event_store.py",
        '"hash": chain_hash(previous, content),',
        '"hash": previous,',
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
        "WHERE number = %s AND revealed_at IS NULL FOR KEY SHARE",
        "WHERE number = %s FOR KEY SHARE",
        "tests/integration/test_promoting.py",
    ),
    Mutation(
        "a draw in Postgres weighs otherwise than the domain",
        "commands/postgres/drawing.py",
        "ORDER BY min(placed_version)) AS arrival",
        "ORDER BY max(placed_version)) AS arrival",
        "tests/integration/test_drawing.py",
    ),
    Mutation(
        "a tick that was cut off stays without the rest of its draws",
        "commands/tasks.py",
        "    wake(ACCEPT_DRAWS, (), AUCTIONS)\n    return sweeping",
        "    return sweeping",
        "tests/integration/test_ticks_in_batches.py::test_the_sweep_goes_on_with_a_tick",
    ),
    Mutation(
        "a tick draws in auctions that opened after it",
        "commands/postgres/auctions.py",
        "NOT closed AND starts_at <= %(tick)s AND",
        "NOT closed AND",
        "tests/integration/test_ticks_in_batches.py",
    ),
    Mutation(
        "a tick's draws follow policies from after it",
        "commands/promoter/rounds.py",
        "policy_versions(connection, undrawn.policies, drawn)",
        "policy_versions(connection, last_policies(connection), drawn)",
        "tests/integration/test_ticks_in_batches.py",
    ),
)
