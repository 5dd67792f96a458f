"""Starting a portal of its own, and talking to it as its operators do."""

import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.laptop.child import CannotStart, last_lines, spawn, stop

READY = re.compile(r"^Portal ready at (\S+)$", re.MULTILINE)
PATIENCE = 120.0
POLL = 0.05


@dataclass(frozen=True, slots=True)
class RunningPortal:
    """A running portal, its data folder and its log."""

    url: str
    data: Path
    log: Path

    async def manage(self, *words: str, stdin: str = "") -> dict[str, Any]:
        """An operator's command: what it prints as JSON. CannotStart if it fails."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(settings.BASE_DIR / "manage.py"),
            *words,
            "--json",
            "--data",
            str(self.data),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode())
        if process.returncode:
            raise CannotStart(f"`manage.py {words[0]}` failed: {err.decode().strip()}")
        content: dict[str, Any] = json.loads(out)
        return content


@contextmanager
def running_portal(data: Path, port: int) -> Iterator[RunningPortal]:
    """`manage.py up --fresh` on that folder, ended cleanly afterwards; CannotStart if it does not start."""
    data.mkdir(parents=True, exist_ok=True)
    log = data / "portal.log"
    manage = str(settings.BASE_DIR / "manage.py")
    command = (sys.executable, manage, "up", "--fresh", "--port", str(port), "--data", str(data))
    with log.open("wb") as output:
        child = spawn(command, death_signal=signal.SIGTERM, output=output)
    try:
        yield RunningPortal(_ready(child.poll, log), data, log)
    finally:
        stop(child, signal.SIGTERM, seconds=60)


def _ready(status: Any, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while not (found := READY.search(log.read_text(errors="replace"))):
        if status() is not None or time.monotonic() > deadline:
            raise CannotStart(f"the portal did not start; its log {log} ends:\n{last_lines(log)}")
        time.sleep(POLL)
    return found[1]
