"""Running the portal's processes side by side, and restarting those that die."""

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.laptop.child import spawn, stop
from portal.laptop.terminal import Terminal

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
# A process that ran for so many seconds counts as recovered.
STEADY = 60.0


@dataclass(slots=True)
class Process:
    """One of the portal's processes, and when it may be started again."""

    name: str
    command: Sequence[str]
    pass_fds: Sequence[int] = ()
    child: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = FIRST_PAUSE
    again_at: float | None = field(default=None)


class Supervisor:
    """Starts processes, labels their output, and restarts those that end by themselves."""

    def __init__(self, terminal: Terminal, folder: Path, environment: Mapping[str, str]) -> None:
        self._terminal = terminal
        self._folder = folder
        self._environment = environment
        self._processes: list[Process] = []

    def run(self, name: str, command: Sequence[str], pass_fds: Sequence[int] = ()) -> None:
        """Start a process and keep it running."""
        process = Process(name, command, pass_fds)
        self._processes.append(process)
        self._start(process)

    def look_after(self) -> None:
        """Start again whatever has died, after a pause that doubles while it keeps dying."""
        now = time.monotonic()
        for process in self._processes:
            if process.child and (status := process.child.poll()) is not None:
                self._schedule(process, status, now)
            elif process.again_at is not None and now >= process.again_at:
                self._start(process)

    def alive(self, name: str) -> bool:
        """Whether the process of that name runs."""
        return any(p.name == name and p.child and p.child.poll() is None for p in self._processes)

    def stop(self, seconds: float = 15.0) -> None:
        """Ask all to end at once, and wait for each."""
        running = [p for p in self._processes if p.child]
        for process in running:
            if process.child and process.child.poll() is None:
                process.child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        for process in running:
            assert process.child is not None
            stop(process.child, signal.SIGTERM, max(deadline - time.monotonic(), 0.1))

    def _start(self, process: Process) -> None:
        process.again_at, process.started_at = None, time.monotonic()
        process.child = spawn(
            process.command,
            # The servers end, too: there is nothing left to finish, and nothing is lost.
            death_signal=signal.SIGKILL,
            output=subprocess.PIPE,
            environment=self._environment,
            pass_fds=process.pass_fds,
            folder=self._folder,
        )
        self._terminal.follow(process.name, process.child)

    def _schedule(self, process: Process, status: int, now: float) -> None:
        if now - process.started_at > STEADY:
            process.pause = FIRST_PAUSE
        process.child, process.again_at = None, now + process.pause
        self._terminal.labelled(
            process.name, f"ended with status {status}, starts again in {process.pause:.0f} s"
        )
        process.pause = min(process.pause * 2, LONGEST_PAUSE)
