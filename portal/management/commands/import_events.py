"""`manage.py import_events FILE [--users FILE]`."""

from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from commands.management.operator_command import REJECTED
from commands.postgres.importing import ImportedMeanwhile, NotEmpty
from commands.wiring import pool
from portal.management.file_command import FileCommand
from portal.transfer.importing import AlreadyImporting, import_record
from portal.transfer.lines import Refused
from projections.management.read_side_command import ReadSideCommand
from projections.mongo.generations import GenerationDropped
from projections.upkeep.rebuild import AlreadyRebuilding, WouldGoBack
from projections.wiring import database

REFUSALS = (
    Refused, NotEmpty, AlreadyImporting, ImportedMeanwhile,
    AlreadyRebuilding, WouldGoBack, GenerationDropped,
)  # fmt: skip


class Command(FileCommand, ReadSideCommand):
    """Makes a portal of an exported record."""

    help = (
        "Check a file that export_all wrote, write its events into a portal that has none, and rebuild state rows "
        "and documents. Nobody is notified. Run it before any process of the portal; if it was cut off, run it again. "
        "Without --users nobody who is in the record can sign in, and they are shown as deleted users are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="what export_all wrote; unpacked if it ends in .gz")
        parser.add_argument(
            "--users", metavar="FILE", help="what `export_all --with-users` wrote; also afterwards"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        def show(items: Iterable[Any], what: str, total: int | None) -> Iterable[Any]:
            return self.track(items, what, total, options)

        try:
            done = import_record(pool(), database(), options["file"], options["users"], show)
        except REFUSALS as error:
            raise CommandError(str(error), returncode=REJECTED) from error
        except FileNotFoundError as error:
            raise CommandError(f"there is no file {error.filename}", returncode=2) from error
        before = done.events - done.written
        text = f"Imported {done.written} events"
        text += f"; {before} were there already." if before else "."
        if options["users"]:
            text += f" {done.named} users have their names."
        self.answer(options, asdict(done), text)
