"""`python -m tests.faults.mutations [NAME ...]`: break the code in a copy, and see that the suite notices.

A promise that nothing can break is not proved. Each mutation is one line; the suite must end
with status 1 and name the violation.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.faults.processes import ROOT

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".portal", ".demo", "node_modules", "__pycache__", ".*_cache", ".hypothesis"
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One line of one file, what proves the promise that it breaks, and what is said of it.

    `proof` is a round or scene of the suite, or a test of `make test`.
    """

    name: str
    file: str
    before: str
    after: str
    proof: str
    noticed: str = "FAILED tests/"

    @property
    def command(self) -> tuple[str, ...]:
        """What runs the proof."""
        if ".py" in self.proof:
            return ("pytest", "-q", "-x", "--tb=short", "-p", "no:cacheprovider", self.proof)
        return (
            "tests.faults",
            "--compact",
            "--seed",
            "broken",
            "--bound",
            "20",
            "--round",
            self.proof,
        )


MUTATIONS = (
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
    Mutation(
        "a subscriber resumes one event too late",
        "portal/schema/subscriptions.py",
        "version = after_version or 0",
        "version = (after_version or -1) + 1",
        "without redis",
        "subscribers wait for events",
    ),
    # 3. Projections and notifications converge; a poison event stops only its own stream, loudly.
    Mutation(
        "the notifier's place does not move with what it wrote",
        "notifications/notifier.py",
        "    advance(connection, auction_id, reached)\n",
        "",
        "without mongodb",
        "nobody was told",
    ),
    Mutation(
        "a poison event stops its stream silently",
        "projections/projector.py",
        "                raise PoisonEvent(stream, _version(stream, documents) + 1) from error\n",
        "                return\n",
        "tests/integration/test_poison.py",
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
    # 5. Deleting a user survives a kill at each step and ends complete.
    Mutation(
        "a deletion withdraws the bids of one auction only",
        "commands/handling/users.py",
        "auctions_to_withdraw_from(connection, user.id, job.accepted_at):",
        "auctions_to_withdraw_from(connection, user.id, job.accepted_at)[:1]:",
        "tests/integration/test_deleting_users.py",
    ),
    Mutation(
        "a deletion leaves the address",
        "commands/postgres/users.py",
        "username = NULL, email = NULL,",
        "username = NULL,",
        "tests/integration/test_deleting_users.py",
    ),
    Mutation(
        "a deletion leaves the name in what a killed rebuild made",
        "projections/mongo/store.py",
        "        if user.deleted:\n",
        "        if user.deleted and user.username:\n",
        "tests/integration/test_leftovers.py",
    ),
    # 6. Degrading, not falling over.
    Mutation(
        "sessions are needed to read",
        "portal/schema/types.py",
        "await info.context.reader_or_none()",
        "await info.context.viewer_or_none()",
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
    # 7. Two of everything change nothing but speed.
    Mutation(
        "every schedule draws",
        "commands/tasks.py",
        "at_least_apart=_half_the_interval()",
        "at_least_apart=timedelta(0)",
        "without mongodb",
        "came twice",
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
    # 9. A rebuild is seen old or new.
    Mutation(
        "readers are switched before the documents are there",
        "projections/upkeep/rebuild.py",
        "    stopped = _project_all(progress(",
        "    move_pointer(database, name, generation)\n    stopped = _project_all(progress(",
        "tests/integration/test_rebuilding.py",
    ),
    Mutation(
        "what a killed rebuild left stays for ever",
        "projections/tasks.py",
        "    clear_away(pool(), database())\n",
        "    pass\n",
        "tests/integration/test_leftovers.py",
    ),
    Mutation(
        "readers are switched to documents that were dropped",
        "projections/mongo/generations.py",
        'DROPPED: {"$not": {"$gte": generation}}',
        'DROPPED: {"$not": {"$gte": generation + 1}}',
        "tests/integration/test_leftovers.py",
    ),
    Mutation(
        "a write waits for as many members as the URL asks",
        "projections/mongo/connection.py",
        'w=w if more else "majority"',
        "w=w",
        "tests/integration/test_replica_set.py",
    ),
    Mutation(
        "a page of bids is of whatever version its bids are",
        "projections/documents.py",
        "    if bid.version <= version:\n        return bid\n",
        "    if bid.version > 0:\n        return bid\n",
        "tests/integration/test_pages_at_a_version.py",
    ),
    Mutation(
        "bids are read of a generation that is behind their auction",
        "projections/mongo/reader.py",
        '"version": {"$gte": auction.version}',
        '"version": {"$gte": 0}',
        "tests/integration/test_pages_at_a_version.py",
    ),
    # 10. Drift is found.
    Mutation(
        "the audit repairs nothing",
        "projections/upkeep/audit.py",
        "        _repair(stream, pool, documents)\n",
        "        pass\n",
        "tests/integration/test_audit.py",
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
        "a token's signature is not looked at",
        "portal/signin/tokens.py",
        'options={"require": ["sub", "sid", "exp", "iat", "iss"], "verify_iat": False},',
        'options={"verify_signature": False},',
        "tests/e2e/test_authorisation.py",
    ),
    # Sessions end when they must, and not before.
    Mutation(
        "a refresh whose answer was lost costs the session",
        "portal/signin/sessions.py",
        "    if given.number == session.generation - 1 and session.in_grace:\n",
        "    if given.number == session.generation and session.in_grace:\n",
        "tests/e2e/test_sessions.py",
    ),
    Mutation(
        "a guessed refresh token ends the session",
        "portal/signin/sessions.py",
        "        if session is None or not given.genuine(session.seed):\n            raise",
        "        if session is None:\n            raise",
        "tests/e2e/test_sessions.py",
    ),
    Mutation(
        "a session is opened with a password that is being changed",
        "commands/postgres/sessions.py",
        "FOR SHARE\nRETURNING id",
        "RETURNING id",
        "tests/integration/test_sessions.py",
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
        "portal/hiding.py",
        'ROW.sub("", value)',
        "value",
        "tests/e2e/test_secrets_in_logs.py",
    ),
    Mutation(
        "a secret that was revealed still draws",
        "commands/postgres/ticks.py",
        "WHERE number = %s AND revealed_at IS NULL FOR SHARE",
        "WHERE number = %s FOR SHARE",
        "tests/integration/test_promoting.py",
    ),
    Mutation(
        "a fault in writing notifications is no poison event",
        "notifications/notifier.py",
        "        if passes(error) or isinstance(error, PoisonEvent):",
        "        if not isinstance(error, UnreadableEvent):",
        "tests/integration/test_notifying.py",
    ),
    Mutation(
        "the largest amount, doubled, has no room",
        "notifications/migrations/0004_money.py",
        "field=models.DecimalField(decimal_places=2, max_digits=13),",
        "field=models.DecimalField(decimal_places=2, max_digits=12),",
        "tests/integration/test_largest_amount.py",
    ),
    Mutation(
        "what one's own raise overtakes stays unread",
        "notifications/postgres/notifications.py",
        "UPDATE notifications SET read_at = %(now)s",
        "UPDATE notifications SET read_at = NULL",
        "tests/integration/test_notifying.py",
    ),
    Mutation(
        "nobody writes down that a task failed",
        "portal/failing.py",
        "@task_failure.connect\n",
        "",
        "tests/integration/test_failing_tasks.py",
    ),
    # 20. Mails are claimed, counted first, and fail alone.
    Mutation(
        "an attempt to send a mail is counted only when it failed",
        "notifications/postgres/mails.py",
        "UPDATE mails SET attempts = attempts + 1, claim",
        "UPDATE mails SET claim",
        "tests/integration/test_mailing.py",
    ),
    Mutation(
        "a mail that is being sent is due",
        "notifications/postgres/mails.py",
        "        due = clock_timestamp() + %(lease)s",
        "        due = clock_timestamp()",
        "tests/integration/test_mailing.py",
    ),
    Mutation(
        "a mail that can't be composed ends the task",
        "notifications/outgoing.py",
        "    except Exception as error:",
        "    except OSError as error:",
        "tests/integration/test_mailing.py",
    ),
)


def notice(mutation: Mutation, folder: Path) -> str | None:
    """The violation that the suite names, or None if it notices nothing."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    file = tree / mutation.file
    text = file.read_text()
    if mutation.before not in text:
        sys.exit(f"{mutation.file} has no such line any more: {mutation.before!r}")
    file.write_text(text.replace(mutation.before, mutation.after, 1))
    done = subprocess.run(
        [sys.executable, "-m", *mutation.command],
        cwd=tree,
        # What it keeps goes with the folder.
        env={**os.environ, "PORTAL_ENV": "local", "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if mutation.noticed in line]
    if done.returncode == 1 and found:
        return found[0].strip()
    print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    return None


def main(names: list[str]) -> int:
    """Try each; 1 if one went unnoticed."""
    unnoticed = 0
    for mutation in MUTATIONS:
        if names and mutation.name not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="portal-broken-") as folder:
            found = notice(mutation, Path(folder))
        print(f"{mutation.name}\n    {found or 'NOT NOTICED'}", flush=True)
        unnoticed += found is None
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
