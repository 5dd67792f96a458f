#!/usr/bin/env python
"""The operators' command line: `manage.py help` lists what it can do."""

import os
import sys
from pathlib import Path


def take_data_folder(argv: list[str]) -> list[str]:
    """Move `--data DIR` from any command's arguments into the environment, where settings find it.

    Settings are read before a command parses its own arguments, and which servers
    a command talks to is a setting.
    """
    rest: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument == "--data":
            folder = next(arguments, None)
            if folder is None:
                sys.exit("--data needs a folder, e.g. --data .portal")
        elif argument.startswith("--data="):
            folder = argument.removeprefix("--data=")
        else:
            rest.append(argument)
            continue
        os.environ["PORTAL_DATA"] = str(Path(folder).absolute())
    return rest


def main() -> None:
    """Run one command; outside production unless PORTAL_ENV says otherwise."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    os.environ.setdefault("PORTAL_ENV", "local")
    from portal.command_line import execute

    execute(take_data_folder(sys.argv))


if __name__ == "__main__":
    main()
