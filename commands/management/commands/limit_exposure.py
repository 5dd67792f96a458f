"""`manage.py limit_exposure NAME_OR_ID AMOUNT --reason TEXT`."""

from argparse import ArgumentParser
from typing import Any

from commands.inbox.requests import Caller, limit_exposure
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    settled,
    user_named,
)
from commands.postgres.secret_keys import key_for_user
from commands.wiring import pool


class Command(OperatorCommand):
    """Limits a user's exposure."""

    help = (
        "Limit what a user would pay at most in all open auctions together, or change that limit; what they bid before "
        "stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="NAME_OR_ID")
        parser.add_argument("amount", metavar="AMOUNT", help="such as 500.00")
        parser.add_argument(
            "--reason",
            required=True,
            metavar="TEXT",
            help="for the user and the staff to read; it is erased with the user's account",
        )
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        user_id = user_named(options["user"])
        with pool().connection() as connection:
            key = key_for_user(connection, user_id)
        submission = limit_exposure(
            Caller.operator(),
            user_id=user_id,
            amount_text=options["amount"],
            reason=options["reason"],
            key=key,
        )
        job = settled(submission, options["wait"])
        self.answer(options, job_as_json(job), f"Limited {options['user']}.")
