"""`manage.py create_auction TITLE --ends-at WHEN`."""

import sys
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from commands.domain.rules.presets import PRESETS
from commands.domain.rules.table import sentences
from commands.inbox.choosing.table import TEXTS
from commands.inbox.chosen_rules import RULES, Choice, choose
from commands.inbox.hiding import new_reserve
from commands.inbox.requests import Caller, create_auction
from commands.inbox.trial_lines import read_steps
from commands.inbox.trying import try_out
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    moment,
    settled,
)
from commands.postgres.connections import clock
from commands.postgres.users import bidders_named
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
        parser.add_argument(
            "--dry-run", metavar="FILE",
            help="create nothing, and print what would become of the bids in the file, one a line ('-' for the standard input)",
        )  # fmt: skip
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        choice = choose(**{name: options[name] for name in RULES})
        with pool().connection() as connection:
            now = clock(connection)
        starts_at = moment(options["starts_at"], now) if options["starts_at"] else now
        if options["dry_run"]:
            return self._try_out(choice, now, starts_at, options)
        with pool().connection() as connection:
            hidden = choice.reserve
            reserve = new_reserve(connection, hidden.amount) if hidden else None
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
        return self.answer(options, {**job_as_json(job), "url": url}, text)

    def _try_out(
        self, choice: Choice, now: datetime, starts_at: datetime, options: dict[str, Any]
    ) -> None:
        ends_at = moment(options["ends_at"], now)
        steps = read_steps(_read(options["dry_run"]))
        with pool().connection() as connection:
            known = bidders_named(connection, {step.who for step in steps})
        became = try_out(choice, steps, now, ends_at, known, starts_at=starts_at)
        lines = [{"bid": each.text, "became": each.told, "says": each.says} for each in became]
        text = "\n".join(f"{each.text}: {each.says}" for each in became)
        self.answer(options, {"rules": list(sentences(choice.all_rules)), "bids": lines}, text)


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} can't be read: {error}", returncode=2) from error
