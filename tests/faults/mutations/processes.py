"""Mutations of the processes: the API while servers are away, ending, limits and logs."""

from tests.faults.mutations.mutation import Mutation

PROCESSES = (
    Mutation(
        "a subscriber resumes one event too late",
        "portal/schema/subscriptions.py",
        "version = after_version or 0",
        "version = (after_version or -1) + 1",
        "without redis",
        "subscribers wait for events",
    ),
    # 6. Degrading, not falling over.
    Mutation(
        "sessions are needed to read",
        "portal/schema/types.py",
        ") -> tuple[list[BidDocument], Names]:\n        viewer = await info.context.reader_or_none()",
        ") -> tuple[list[BidDocument], Names]:\n        viewer = await info.context.viewer_or_none()",
        "without postgres",
        "a query at web",
    ),
    Mutation(
        "subscriptions go on without Redis",
        "portal/web/hub.py",
        "        self._failed = self._needs_redis\n",
        "        self._failed = False\n",
        "without redis",
        "did not end",
    ),
    # 8. SIGTERM finishes or hands back the work in hand.
    Mutation(
        "a web that is asked to end just ends",
        "portal/web/serve.py",
        "        await super().shutdown(sockets)\n",
        "        os._exit(0)\n",
        "rolling restart",
        "in hand",
    ),
    Mutation(
        "a web that is asked to end forgets who waits",
        "portal/web/serve.py",
        "            runtime.hub.stop()\n",
        "            pass\n",
        "rolling restart",
        "in hand",
    ),
    Mutation(
        "an operation may cost anything",
        "portal/schema/bounds.py",
        "        if found > most:\n",
        "        if found > most * 10**9:\n",
        "tests/e2e/test_limits.py",
    ),
    Mutation(
        "a pool outlives its killed worker",
        "portal/celery.py",
        "        os.kill(os.getpid(), signal.SIGKILL)\n",
        "        pass\n",
        "tests/e2e/test_processes.py::test_a_pools_process_whose_worker_is_gone_ends",
    ),
    Mutation(
        "a worker that runs its tasks itself is taken for a pool's process",
        "portal/celery.py",
        "    if worker is not None and os.getppid() != worker:\n",
        "    if os.getppid() != worker:\n",
        "tests/e2e/test_secrets_in_logs.py::test_no_log_line_holds_a_secret",
    ),
    Mutation(
        "what a parent just gone has started runs",
        "portal/laptop/child.py",
        """'test "$PPID" = "$0" && exec "$@"'""",
        """'exec "$@"'""",
        "tests/e2e/test_processes.py::test_what_is_started_by_a_parent_just_gone_ends_at_once",
    ),
    Mutation(
        "tracebacks show local variables",
        "portal/logs.py",
        "ExceptionDictTransformer(show_locals=False)",
        "ExceptionDictTransformer(show_locals=True)",
        "tests/e2e/test_secrets_in_logs.py",
    ),
    Mutation(
        "logs quote the rows that Postgres refuses",
        "portal/redaction.py",
        'ROW.sub("", value)',
        "value",
        "tests/e2e/test_secrets_in_logs.py",
    ),
    Mutation(
        "nobody writes down that a task failed",
        "portal/failing.py",
        "@task_failure.connect\n",
        "",
        "tests/integration/test_failing_tasks.py",
    ),
)
