"""Releases of the portal that differ: copies of its code, with some lines taken out."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commands.queues import ALL
from tests.conftest import RunningPortal, ready_url
from tests.servers import ROOT

PACKAGES = ("commands", "projections", "notifications", "portal")
LEAVES_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def release(folder: Path, without: Mapping[str, Sequence[str]]) -> Path:
    """A copy of the code in that folder, without these lines of its files; each of them must be there."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=LEAVES_OUT)
    for name in ("manage.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "docs", folder / "docs")
    for name, lines in without.items():
        text = (folder / name).read_text()
        for line in lines:
            assert text.count(f"{line}\n") == 1, (name, line)
            text = text.replace(f"{line}\n", "")
        (folder / name).write_text(text)
    return folder


@contextmanager
def up(code: Path, environment: Mapping[str, str]) -> Iterator[RunningPortal]:
    """That release's web, workers and beat."""
    data = Path(environment["PORTAL_DATA"])
    log = data / "terminal.log"
    words = [sys.executable, str(code / "manage.py"), "up", "--port", "0", "--data", str(data)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=code
        )
    try:
        yield RunningPortal(ready_url(process, log), data, log, process, environment)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, log.read_text()


@contextmanager
def worker(code: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """That release's worker of all queues."""
    words = [sys.executable, "-m", "celery", "--quiet", "-A", "portal", "worker"]
    words += ["--concurrency", "2", "--queues", ",".join(ALL), "--hostname", "newer@%h"]
    log = Path(environment["PORTAL_DATA"]) / "newer.log"
    quiet = {"PYTHONWARNINGS": "ignore:You're running the worker"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, stdout=output, stderr=subprocess.STDOUT, env={**environment, **quiet}, cwd=code
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


@dataclass(frozen=True, slots=True)
class Commands:
    """A release's `manage.py`."""

    code: Path
    environment: Mapping[str, str]

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of that release."""
        return subprocess.run(
            [sys.executable, str(self.code / "manage.py"), *words],
            capture_output=True,
            text=True,
            input=stdin,
            env={**os.environ, **self.environment},
            cwd=self.code,
            check=False,
            timeout=120,
        )
