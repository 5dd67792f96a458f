"""`manage.py rebuild_projections [NAME]`."""

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import track

from commands.management.operator_command import REJECTED
from commands.streams import Stream
from commands.wiring import pool
from projections.management.read_side_command import ReadSideCommand
from projections.mongo.generations import GenerationDropped
from projections.mongo.layout import COLLECTIONS
from projections.upkeep.rebuild import AlreadyRebuilding, WouldGoBack, rebuild
from projections.wiring import database


class Command(ReadSideCommand):
    """Rebuilds documents from the events."""

    help = (
        "Rebuild documents from events alone, while the portal runs: a new generation is filled "
        "beside the live one, then takes its place. `auctions` holds auctions, bids and winners."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", choices=sorted(COLLECTIONS), help="default: all")

    def handle(self, *_: Any, **options: Any) -> None:
        names = [options["name"]] if options["name"] else list(COLLECTIONS)
        console = Console(stderr=True, quiet=options["json"])

        def progress(streams: Iterable[Stream], name: str, total: int) -> Iterable[Stream]:
            return track(streams, f"Rebuilding {name}", total=total, console=console)

        try:
            rebuilt = {name: rebuild(name, pool(), database(), progress) for name in names}
        except (AlreadyRebuilding, WouldGoBack, GenerationDropped) as error:
            raise CommandError(str(error), returncode=REJECTED) from error
        content = {
            name: {
                "streams": done.streams,
                "generation": done.generation,
                "stopped": [str(stream.id) for stream in done.stopped],
            }
            for name, done in rebuilt.items()
        }
        text = "\n".join(
            f"Rebuilt {name} from {done.streams} streams." for name, done in rebuilt.items()
        )
        self.answer(options, {"rebuilt": content}, text)
        if stopped := [stream for done in rebuilt.values() for stream in done.stopped]:
            what = f"{len(stopped)} streams stop at an event; see `manage.py status`"
            raise CommandError(what, returncode=REJECTED)
