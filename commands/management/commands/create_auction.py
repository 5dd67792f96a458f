"""`manage.py create_auction TITLE --ends-at WHEN`."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from commands.domain.rules.presets import PRESETS
from commands.inbox.choosing.table import TEXTS
from commands.inbox.chosen_rules import RULES, choose
from commands.inbox.hiding import new_reserve
from commands.inbox.requests import Caller, create_auction
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
    """Creates an auction."""

    help = "Create an auction. Times are ISO 8601 with a zone, or offsets from now such as +30s."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("title", metavar="TITLE")
        parser.add_argument("--description", default="")
        parser.add_argument("--starts-at", metavar="WHEN", help="default: at once")
        parser.add_argument("--ends-at", metavar="WHEN", required=True)
        parser.add_argument(
            "--preset", default="plain", choices=list(PRESETS), help="rules that go together"
        )
        for text in TEXTS:
            parser.add_argument(
                text.option, metavar=text.example, default="", help=text.help.replace("%", "%%")
            )
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        choice = choose(**{name: options[name] for name in RULES})
        with pool().connection() as connection:
            now = clock(connection)
            hidden = choice.reserve
            reserve = new_reserve(connection, hidden.amount) if hidden else None
        starts_at = moment(options["starts_at"], now) if options["starts_at"] else now
        submission = create_auction(
            Caller.operator(),
            title=options["title"],
            description=options["description"],
            # An offset of 0 means at once; `now` would be in the past by the time the job is handled.
            starts_at=starts_at if starts_at != now else None,
            ends_at=moment(options["ends_at"], now),
            rules=choice.rules,
            reserve=reserve,
        )
        job = settled(submission, options["wait"])
        auction_id = job.payload["auction_id"]
        url = f"{settings.PUBLIC_URL.rstrip('/')}/#/auction/{auction_id}"
        text = f"Created auction {auction_id}: {url}"
        self.answer(options, {**job_as_json(job), "url": url}, text)
