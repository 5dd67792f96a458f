"""`manage.py restore DIR`."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import track

from commands.management.operator_command import REJECTED
from commands.postgres.connections import new_pool
from commands.streams import Stream
from portal.database import manifest, restore
from portal.database.owner import owners_connection
from projections.management.read_side_command import ReadSideCommand
from projections.mongo.generations import GenerationDropped
from projections.mongo.layout import COLLECTIONS
from projections.upkeep.rebuild import AlreadyRebuilding, WouldGoBack, rebuild
from projections.wiring import database

IS_NEW = "SELECT to_regclass('django_migrations') IS NULL AS new"


class Command(ReadSideCommand):
    """Restores a backup into an empty database, and rebuilds the documents from it."""

    help = (
        "Restore a backup into a new, empty database, then rebuild MongoDB's documents from its events. Run it "
        "as the owner (DATABASE_OWNER_URL), before any process of the portal is started. If it was killed, run "
        "it again: what is loaded is loaded as a whole."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="that `backup` made")

    def handle(self, *_: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        console = Console(stderr=True, quiet=options["json"])
        try:
            found = manifest.read(folder)
            manifest.check_files(folder, found)
            with owners_connection() as connection:
                if connection.execute(IS_NEW).fetchone() == {"new": True}:
                    call_command("migrate", verbosity=0)
                new = restore.load(connection, folder, found)
                _rebuild_documents(console)
                restore.finish(connection)
        except (manifest.Unusable, AlreadyRebuilding, WouldGoBack, GenerationDropped) as error:
            raise CommandError(str(error), returncode=REJECTED) from error
        content = {"made_at": found.made_at, "events": found.events, "loaded": new}
        text = (
            f"Restored {found.events} events and all else as of {found.made_at}; documents are rebuilt. "
            "Check it with `verify_events` before the portal's processes are started."
        )
        self.answer(options, content, text)


def _rebuild_documents(console: Console) -> None:
    """As the owner, because the new server may not have the writer yet."""

    def progress(streams: Iterable[Stream], name: str, total: int) -> Iterable[Stream]:
        return track(streams, f"Rebuilding {name}", total=total, console=console)

    with new_pool(settings.DATABASE_OWNER_URL) as pool:
        for name in COLLECTIONS:
            rebuild(name, pool, database(), progress)
