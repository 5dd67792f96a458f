"""One terminal for many processes: each line with the name of the process it came from."""

import subprocess
import sys
import threading
from typing import IO

COLORS = ("36", "32", "33", "35", "34")
WIDTH = 11


class Terminal:
    """Prints whole lines, labelled; in colour where somebody looks."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stdout
        self._lock = threading.Lock()
        self._colors: dict[str, str] = {}

    def say(self, line: str) -> None:
        """A line of its own, without a label."""
        self._write(line)

    def labelled(self, label: str, line: str) -> None:
        """Print a line of a process's output, with the process's name before it."""
        self._write(f"{self._label(label)} {line}")

    def follow(self, label: str, child: subprocess.Popen[bytes]) -> None:
        """Print what the child writes, line by line, until it ends."""
        threading.Thread(target=self._follow, args=(label, child), daemon=True).start()

    def _follow(self, label: str, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        with child.stdout as lines:
            for line in lines:
                self.labelled(label, line.decode(errors="replace").rstrip())

    def _label(self, label: str) -> str:
        text = f"{label:<{WIDTH}} |"
        if not self._out.isatty():
            return text
        color = self._colors.setdefault(label, COLORS[len(self._colors) % len(COLORS)])
        return f"\x1b[{color}m{text}\x1b[0m"

    def _write(self, line: str) -> None:
        with self._lock:
            try:
                self._out.write(line + "\n")
                self._out.flush()
            except (BrokenPipeError, ValueError):
                # The output is closed. Go on reading, so that the processes don't block on their output.
                return
