"""`manage.py export_all FILE [--with-users FILE]`."""

from argparse import ArgumentParser
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from commands.wiring import pool
from portal.management.file_command import FileCommand
from portal.transfer.exporting import export_all
from portal.transfer.files import PRIVATE, STDOUT, writing

LEFT_OUT = "jobs, sessions, notifications, mails, and the secrets of ticks that are not revealed"
PERSONAL = "names, addresses, passwords and choices of users (--with-users)"


class Command(FileCommand):
    """Writes all events into a file from which a portal can be made."""

    help = (
        "Write all events as of this moment as JSON Lines, while the portal runs. `import_events` makes a portal of "
        "the file. Events hold no personal data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_file(parser)
        parser.add_argument(
            "--with-users",
            metavar="FILE",
            help="also write users' names, addresses, hashes of passwords and choices, into this file",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        path = self.new_file(options["file"])
        people = options["with_users"] and self.new_file(options["with_users"])
        if people in (path, STDOUT):
            raise CommandError("users go into a file of their own", returncode=2)

        def progress(rows: Iterable[Any], total: int) -> Iterable[Any]:
            return self.track(rows, "Exporting", total, options)

        with ExitStack() as stack:
            file = stack.enter_context(writing(path))
            of_people = stack.enter_context(writing(people, PRIVATE)) if people else None
            done = export_all(pool(), file, of_people, progress)
        lines = [f"Wrote {done.events} events"]
        if people:
            lines.append(
                f"and {done.users} users into {people}: keep that file as you keep passwords"
            )
        lines.append(f"left out: {LEFT_OUT}" + ("" if people else f"; {PERSONAL}"))
        if done.waiting:
            lines.append(
                f"{done.waiting} accepted commands were not decided yet: these are not in it"
            )
        self.report(path, options, asdict(done), "\n".join(lines))
