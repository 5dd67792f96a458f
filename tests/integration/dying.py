"""A worker that is killed (SIGKILL) at one point of its task: `python -m tests.integration.dying`.

Its arguments: before or after, the function (module:name), the task, the task's arguments.
"""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

# Not from tests.servers, which would make the dying process a world of its own.
ROOT = Path(__file__).resolve().parents[2]


def run_and_die(when: str, where: str, task: str, *arguments: str) -> None:
    """Run the task in a process of its own, in this process's world, which dies there."""
    command = [sys.executable, "-m", "tests.integration.dying", when, where, task, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _arm(when: str, where: str) -> None:
    module, _, path = where.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    function = getattr(owner, name)

    def dying(*positional: Any, **named: Any) -> Any:
        if when == "after":
            function(*positional, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dying)


if __name__ == "__main__":
    from portal.celery import app

    app.set_current()
    app.loader.import_default_modules()
    _arm(*sys.argv[1:3])
    app.tasks[sys.argv[3]].apply(tuple(sys.argv[4:]))
