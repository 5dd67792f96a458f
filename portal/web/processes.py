"""Several web processes on one listening socket, started again when they end."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

import structlog
from uvicorn.config import STARTUP_FAILURE

log = structlog.get_logger("portal")

# Seconds before a process that ended is replaced.
PAUSE = 1.0


class WebProcesses:
    """So many children of this process, which end with it, however it ends.

    Each runs the command with `--lifeline FD` added: the reading end of a pipe whose writing end
    this process alone has.
    """

    def __init__(self, command: Sequence[str], count: int, fds: Sequence[int]) -> None:
        lifeline, self._held = os.pipe()
        self._command = [*command, "--lifeline", str(lifeline)]
        self._fds = (*fds, lifeline)
        self._count = count
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def run(self) -> int:
        """Keep them running until SIGTERM or SIGINT, or until one can't start; the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for _ in range(self._count):
            self._start()
        status = 0
        while self._children:
            pid, ended = os.wait()
            if self._children.pop(pid, None) is None or self._stopping:
                continue
            if os.waitstatus_to_exitcode(ended) == STARTUP_FAILURE:
                status = STARTUP_FAILURE
                self._stop()
                continue
            log.warning("a web process ended and is started again", status=ended)
            time.sleep(PAUSE)
            self._start()
        return status

    def _start(self) -> None:
        if self._stopping:
            return
        child = subprocess.Popen(self._command, pass_fds=self._fds)
        self._children[child.pid] = child
        if self._stopping:  # The signal came before the child was known.
            self._end(child.pid)

    def _stop(self, _: int = 0, __: FrameType | None = None) -> None:
        self._stopping = True
        for pid in list(self._children):
            self._end(pid)

    def _end(self, pid: int) -> None:
        """Ask it to end. Popen's own way may reap it, and `run` would wait for it in vain."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def end_with_parent(lifeline: int) -> None:
    """End this process as SIGTERM does once the process that holds the pipe's other end is gone."""

    def wait() -> None:
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
