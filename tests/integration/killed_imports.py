"""Imports that are killed (SIGKILL) at one point: `python -m tests.integration.killed_imports`.

Its arguments: before or after, the function of portal.transfer.importing, at which of its calls, the file.
"""

import os
import signal
import sys
from typing import Any

# Events that are written together.
PAGE = 7


def main(when: str, name: str, call: int, path: str) -> None:
    """Import the file as far as that."""
    from django import setup

    setup()
    from django.core.management import call_command

    from portal.transfer import importing

    function, calls = getattr(importing, name), 0

    def dying(*positional: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = function(*positional, **named)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    importing.PAGE = PAGE
    setattr(importing, name, dying)
    call_command("import_events", path)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
