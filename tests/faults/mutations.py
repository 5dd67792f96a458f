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

from tests.faults.house import ROOT

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".portal", ".demo", "node_modules", "__pycache__", ".*_cache", ".hypothesis"
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One line of one file, the round that shows the damage, and what is said of it."""

    name: str
    file: str
    before: str
    after: str
    round: str
    noticed: str


MUTATIONS = (
    Mutation(
        "a repeated request is a new job",
        "commands/postgres/inbox.py",
        '"key": submission.idempotency_key,',
        '"key": None,',
        "without mongodb",
        "doubled:",
    ),
    Mutation(
        "events are not chained",
        "commands/postgres/event_store.py",
        "    return chained\n",
        "    return previous\n",
        "without mongodb",
        "does not fit the chain",
    ),
    Mutation(
        "a subscriber resumes one event too late",
        "portal/schema/subscriptions.py",
        "version = after_version or 0",
        "version = (after_version or -1) + 1",
        "without redis",
        "subscribers wait for events",
    ),
    Mutation(
        "the notifier's place does not move with what it wrote",
        "notifications/notifier.py",
        "        advance(connection, auction_id, reached)\n",
        "",
        "without mongodb",
        "nobody was told",
    ),
    Mutation(
        "sessions are needed to read",
        "portal/schema/types.py",
        "await info.context.reader_or_none()",
        "await info.context.viewer_or_none()",
        "without postgres",
        "a query at web",
    ),
    Mutation(
        "subscriptions go on without news",
        "portal/hub.py",
        "            self._deaf = why\n",
        "            self._deaf = None\n",
        "without redis",
        "did not end",
    ),
    Mutation(
        "every schedule draws",
        "commands/tasks.py",
        "at_least_apart=_half_the_interval()",
        "at_least_apart=timedelta(0)",
        "without mongodb",
        "came twice",
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
    words = ("--compact", "--seed", "broken", "--bound", "20", "--round", mutation.round)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *words, "--keep", str(folder / "data")],
        cwd=tree,
        env={**os.environ, "PORTAL_ENV": "local"},
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
