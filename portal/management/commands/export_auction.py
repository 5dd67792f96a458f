"""`manage.py export_auction AUCTION FILE`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from commands.management.operator_command import REJECTED
from commands.wiring import pool
from portal.management.file_command import FileCommand
from portal.transfer.exporting import NoSuchAuction, export_auction
from portal.transfer.files import writing


class Command(FileCommand):
    """Writes an auction's events into a file that anybody can check."""

    help = (
        "Write an auction's events, and those of the ticks and policies that its draws need, as JSON Lines: "
        "what the API shows of it. `python3 docs/verify_auction.py FILE` checks the file without any portal."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("auction", type=UUID, help="the auction's id")
        self.add_file(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        auction, path = options["auction"], self.new_file(options["file"])
        try:
            with writing(path) as file:
                events = export_auction(pool(), auction, file)
        except NoSuchAuction as error:
            raise CommandError(str(error), returncode=REJECTED) from error
        self.report(path, options, {"auction": auction, "events": events}, f"Wrote {events} events")
