"""`manage.py backup DIR`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from commands.management.operator_command import REJECTED, OperatorCommand
from portal.database.backup import back_up
from portal.database.manifest import Unusable


class Command(OperatorCommand):
    """Backs Postgres up while the portal goes on."""

    help = (
        "Back the database up into a new folder, as of one moment, while the portal goes on. Whoever can read the "
        "folder can read addresses, password hashes and the secrets of ticks. SECRET_KEY is not in it: keep it "
        "elsewhere. MongoDB and Redis need no backup."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "folder", type=Path, metavar="DIR", help="is made; it may not exist yet"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            manifest = back_up(settings.DATABASE_URL, folder)
        except (Unusable, OSError) as error:
            raise CommandError(str(error), returncode=REJECTED) from error
        size = sum(table.size for table in manifest.tables)
        content = {
            "folder": str(folder),
            "made_at": manifest.made_at,
            "events": manifest.events,
            "bytes": size,
            "sha256": manifest.sha256,
        }
        text = (
            f"Backed up {manifest.events} events and all else as of {manifest.made_at} "
            f"to {folder}, {size / 1e6:.1f} MB (sha256 {manifest.sha256})."
        )
        self.answer(options, content, text)
