"""`manage.py delete_user NAME_OR_ID`."""

from argparse import ArgumentParser
from typing import Any

from commands.inbox.requests import Caller, delete_user
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    settled,
    user_named,
)


class Command(OperatorCommand):
    """Deletes a user: ends sessions, erases personal data, withdraws live bids in open auctions."""

    help = "Delete a user, by name or id: withdraws their live bids and erases their personal data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="NAME_OR_ID")
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        submission = delete_user(Caller.operator(), user_id=user_named(options["user"]))
        job = settled(submission, options["wait"])
        self.answer(options, job_as_json(job), f"Deleted {options['user']}.")
