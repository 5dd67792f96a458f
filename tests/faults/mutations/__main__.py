"""`python -m tests.faults.mutations [NAME ...]`: apply each mutation to a copy of the code and run its proof.

A test that can't fail proves nothing: the proof must end with status 1 and name the violation.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.mutations import MUTATIONS, Mutation
from tests.faults.processes import ROOT

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".portal", ".demo", "node_modules", "__pycache__", ".*_cache", ".hypothesis"
)


def notice(mutation: Mutation, folder: Path) -> str | None:
    """The line of the proof's output that names the violation; None if the proof does not fail."""
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
        # The files it leaves are removed with the folder.
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
    """Run the mutations of these names, or all; 1 if the proof of one did not fail."""
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
