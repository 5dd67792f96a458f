"""`manage.py lift_exposure_limit NAME_OR_ID`."""

from argparse import ArgumentParser
from typing import Any

from commands.inbox.requests import Caller, lift_exposure_limit
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    settled,
    user_named,
)


class Command(OperatorCommand):
    """Lifts the limit on a user's exposure."""

    help = "Let a user bid without a limit for all open auctions together."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="NAME_OR_ID")
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        submission = lift_exposure_limit(Caller.operator(), user_id=user_named(options["user"]))
        job = settled(submission, options["wait"])
        self.answer(options, job_as_json(job), f"Lifted the limit of {options['user']}.")
