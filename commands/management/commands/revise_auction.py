"""`manage.py revise_auction AUCTION_ID`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from commands.domain.rules.presets import PRESETS
from commands.inbox.choosing.table import TEXTS
from commands.inbox.chosen_rules import RULES, Choice, choose
from commands.inbox.hiding import new_reserve
from commands.inbox.requests import Caller, revise_auction
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    moment,
    settled,
)
from commands.postgres.connections import clock
from commands.wiring import pool


class Command(OperatorCommand):
    """Revises an auction."""

    help = (
        "Change what is given of an auction: anything until somebody bids, then its description alone. Rules take the "
        "place of all that it has; --preset plain are none. Times are ISO 8601 with a zone, or offsets from now such as +30s."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("auction", metavar="AUCTION_ID", type=UUID)
        parser.add_argument("--title")
        parser.add_argument("--description")
        parser.add_argument("--starts-at", metavar="WHEN")
        parser.add_argument("--ends-at", metavar="WHEN")
        parser.add_argument(
            "--preset", default="", choices=list(PRESETS), help="rules that go together"
        )
        for text in TEXTS:
            parser.add_argument(
                text.option, metavar=text.example, default="", help=text.help.replace("%", "%%")
            )
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        written = {name: options[name] for name in RULES}
        choice = choose(**written) if any(written.values()) else Choice(())
        with pool().connection() as connection:
            now, hidden = clock(connection), choice.reserve
            reserve = new_reserve(connection, hidden.amount, options["auction"]) if hidden else None
        starts_at, ends_at = options["starts_at"], options["ends_at"]
        submission = revise_auction(
            Caller.operator(),
            auction_id=options["auction"],
            title=options["title"],
            description=options["description"],
            starts_at=moment(starts_at, now) if starts_at else None,
            ends_at=moment(ends_at, now) if ends_at else None,
            rules=choice.rules if any(written.values()) else None,
            reserve=reserve,
        )
        job = settled(submission, options["wait"])
        self.answer(options, job_as_json(job), f"Revised auction {options['auction']}.")
