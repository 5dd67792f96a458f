"""Tasks that keep failing: recorded by workers, shown by `manage.py status` and /readyz.

A task is one with the same name and arguments. A failure adds a row or counts in it, and the next
success deletes it. So that a success usually costs no query, each process reads the failures at most
once a second.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import structlog
from celery import Task
from celery.signals import task_failure, task_success
from django.conf import settings
from psycopg import Error

from commands.postgres.connections import SyncConnection
from commands.postgres.errors import in_brief
from commands.postgres.pruning import Ending
from commands.wiring import pool

log = structlog.get_logger("portal")

FAILED = """
INSERT INTO failing_tasks AS failing (task, arguments, failures, since, last_failed_at, error)
VALUES (%s, %s, 1, clock_timestamp(), clock_timestamp(), %s)
ON CONFLICT (task, arguments) DO UPDATE SET failures = failing.failures + 1,
    last_failed_at = excluded.last_failed_at, error = excluded.error
"""
# Rows of tasks that are not run any more.
FORGET = """
DELETE FROM failing_tasks WHERE id = ANY(ARRAY(
    SELECT id FROM failing_tasks WHERE last_failed_at < statement_timestamp() - %(age)s
    ORDER BY last_failed_at LIMIT %(limit)s
))
"""
EVERY = "SELECT task, arguments FROM failing_tasks"
SUCCEEDED = "DELETE FROM failing_tasks WHERE task = %s AND arguments = %s"
# A single failure may be due to a worker that was stopped, so two in a row are needed.
KEEP_FAILING = """
SELECT task, arguments, failures, since, last_failed_at, error FROM failing_tasks
WHERE failures > 1 ORDER BY since
"""
NAMES = "SELECT DISTINCT task FROM failing_tasks WHERE failures > 1 ORDER BY task"

KEPT_FOR = timedelta(days=1)
LOOK_EVERY = 1.0
LONGEST = 200

Key = tuple[str, str]


def _key(task: Task[Any, Any], arguments: Sequence[Any] | None) -> Key:
    return task.name, " ".join(str(each) for each in arguments or ())[:LONGEST]


@task_failure.connect
def failed(sender: Task[Any, Any], exception: BaseException, args: Sequence[Any], **_: Any) -> None:
    """Count a failure; also of a task that was killed for its time, in the worker's main process."""
    try:
        # Not of the pool, which would be torn by the main process's forks.
        with psycopg.connect(settings.DATABASE_URL, connect_timeout=5, autocommit=True) as own:
            own.execute(FAILED, (*_key(sender, args), in_brief(exception)))
    except Error as error:
        log.warning("a failing task was not written down", task=sender.name, error=str(error))


class _KnownFailures:
    """The recorded failures, as of this process's last query."""

    def __init__(self) -> None:
        self._keys: frozenset[Key] = frozenset()
        self._looked = 0.0

    def includes(self, key: Key) -> bool:
        """Whether that task failed before, by a query at most a second old."""
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._looked = time.monotonic()
            with pool().connection(timeout=1) as connection:
                rows = connection.execute(EVERY).fetchall()
            self._keys = frozenset((row["task"], row["arguments"]) for row in rows)
        return key in self._keys


_known = _KnownFailures()


@task_success.connect
def succeeded(sender: Task[Any, Any], **_: Any) -> None:
    """Delete the failures of a task that succeeded."""
    key = _key(sender, sender.request.args)
    try:
        if _known.includes(key):
            with pool().connection(timeout=1) as connection:
                connection.execute(SUCCEEDED, key)
            log.info("a failing task works again", task=key[0], arguments=key[1])
    except Error as error:
        log.warning("can't tell whether a task failed before", task=key[0], error=str(error))


def failing_tasks(connection: SyncConnection) -> list[dict[str, Any]]:
    """The tasks that keep failing, the longest first."""
    return connection.execute(KEEP_FAILING).fetchall()


def endings() -> list[Ending]:
    """Failures of tasks that were not run again."""
    return [Ending("failing tasks", FORGET, KEPT_FOR)]
