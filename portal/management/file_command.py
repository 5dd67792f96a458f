"""The base class of the operators' commands that write or read a file."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any, TypeVar

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import track

from commands.management.operator_command import REJECTED, OperatorCommand
from portal.transfer.files import STDOUT, written

Item = TypeVar("Item")


class FileCommand(OperatorCommand):
    """A command about a file. What it says goes to standard error if the file is standard output."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run; what goes wrong with the file is told in a line."""
        try:
            return super().execute(*args, **options)
        except BrokenPipeError as error:
            # Nothing more is written there, not even at the end of the process.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise CommandError("nobody reads the file any more", returncode=REJECTED) from error
        except OSError as error:
            raise CommandError(str(error), returncode=REJECTED) from error

    def add_file(self, parser: ArgumentParser) -> None:
        """The file to write."""
        parser.add_argument(
            "file", help="a new file, compressed if it ends in .gz; - for standard output"
        )

    def new_file(self, path: str) -> str:
        """The path, unless there is such a file already."""
        if written(path):
            raise CommandError(f"there is a file {path} already", returncode=2)
        return path

    def track(
        self, items: Iterable[Item], what: str, total: int | None, options: dict[str, Any]
    ) -> Iterable[Item]:
        """The items, with a bar of progress on standard error if that is a terminal."""
        console = Console(stderr=True)
        hidden = options["json"] or not console.is_terminal
        return track(items, what, total=total, console=console, transient=True, disable=hidden)

    def report(
        self, path: str, options: dict[str, Any], content: dict[str, Any], text: str
    ) -> None:
        """Say what was written."""
        if path == STDOUT:
            sys.stderr.write(f"{text}\n")
        else:
            self.answer(options, {"file": path, **content}, text)
