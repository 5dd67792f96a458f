"""Child processes that never outlive their parent."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# Postgres refuses to run as root, and every system has this user.
NOBODY = 65534
# The kernel signals the death of a parent only if it is alive when that is set up. If it died just
# before, this ends the child at once: $0 is the parent's id, $@ the command.
STILL_THERE = 'test "$PPID" = "$0" && exec "$@"'


class CannotStart(Exception):
    """Something that is needed is missing or does not start; the message says what to do."""


def launcher(death_signal: signal.Signals, *, unprivileged: bool = False) -> list[str]:
    """The words before a command that have the kernel send it that signal when this process dies.

    Unprivileged, as root: runs it as `nobody`, who may still open files wherever the checkout
    and the data lie, so that no folder needs to be opened to others.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise CannotStart("`setpriv` is missing: install util-linux, or set the *_URL variables")
    words = [setpriv, f"--pdeathsig={death_signal.name.removeprefix('SIG')}"]
    if unprivileged and os.geteuid() == 0:
        words += [
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            "--inh-caps=-all,+dac_override",
            "--ambient-caps=-all,+dac_override",
        ]
    return [*words, "--", "/bin/sh", "-c", STILL_THERE, str(os.getpid())]


def spawn(
    command: Sequence[str],
    *,
    death_signal: signal.Signals,
    unprivileged: bool = False,
    output: IO[bytes] | int | None = None,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child out of reach of the terminal's Ctrl-C. From the main thread only: the
    kernel takes the end of the thread that started a child for the end of its parent."""
    return subprocess.Popen(
        [*launcher(death_signal, unprivileged=unprivileged), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd=folder,
        pass_fds=pass_fds,
        start_new_session=True,
    )


def stop(child: subprocess.Popen[bytes], with_signal: signal.Signals, seconds: float) -> None:
    """Ask the child to end, and make it end when the time is over."""
    if child.poll() is None:
        child.send_signal(with_signal)
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
