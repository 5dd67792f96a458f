"""`manage.py lift_ban NAME_OR_ID`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from commands.inbox.requests import Caller, lift_ban
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    settled,
    user_named,
)


class Command(OperatorCommand):
    """Lifts a user's ban from bidding."""

    help = "Let a user place bids again, in one auction or in the whole portal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="NAME_OR_ID")
        parser.add_argument(
            "--auction",
            metavar="AUCTION_ID",
            type=UUID,
            help="the ban from that auction, not that from the portal",
        )
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        submission = lift_ban(
            Caller.operator(), user_id=user_named(options["user"]), auction_id=options["auction"]
        )
        job = settled(submission, options["wait"])
        self.answer(options, job_as_json(job), f"Lifted the ban of {options['user']}.")
