"""`manage.py create_auction TITLE --ends-at WHEN`."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from commands.domain.rules.presets import PRESETS
from commands.inbox.chosen_rules import RULES, chosen_reserve, chosen_rules
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
        parser.add_argument(
            "--starting-price", metavar="AMOUNT", default="", help="no bid is lower"
        )
        parser.add_argument(
            "--increments", metavar="BRACKETS", default="",
            help='by how much a bid must be higher than the leading one: "table" for the house\'s own '
            "table, or brackets such as 0:1,100:5",
        )  # fmt: skip
        parser.add_argument(
            "--own-increments", metavar="BRACKETS", default="",
            help="by how much a bid must be higher than its bidder's own highest",
        )  # fmt: skip
        parser.add_argument(
            "--reserve", metavar="AMOUNT", default="",
            help="a hidden price: nobody wins with a lower bid",
        )  # fmt: skip
        parser.add_argument(
            "--soft-close", metavar="WINDOW/EXTENSION/TIMES", default="",
            help="60s/60s/10: a bid in the last 60 s moves the end by 60 s, 10 times at most, or up to a hard "
            "end if that is a time",
        )  # fmt: skip
        parser.add_argument(
            "--withdrawal", metavar="never|10m", default="",
            help="whether bidders can delete their bids: never, for so long after bidding, or always (default)",
        )  # fmt: skip
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        amount = chosen_reserve(options["reserve"])
        with pool().connection() as connection:
            now = clock(connection)
            reserve = None if amount is None else new_reserve(connection, amount)
        starts_at = moment(options["starts_at"], now) if options["starts_at"] else now
        submission = create_auction(
            Caller.operator(),
            title=options["title"],
            description=options["description"],
            # An offset of 0 means at once; `now` would be in the past by the time the job is handled.
            starts_at=starts_at if starts_at != now else None,
            ends_at=moment(options["ends_at"], now),
            rules=chosen_rules(**{name: options[name] for name in RULES}),
            reserve=reserve,
        )
        job = settled(submission, options["wait"])
        auction_id = job.payload["auction_id"]
        url = f"{settings.PUBLIC_URL.rstrip('/')}/#/auction/{auction_id}"
        text = f"Created auction {auction_id}: {url}"
        self.answer(options, {**job_as_json(job), "url": url}, text)
