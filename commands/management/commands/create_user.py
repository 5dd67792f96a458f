"""`manage.py create_user NAME [--staff]`."""

from argparse import ArgumentParser
from typing import Any

from commands.inbox.requests import Caller, create_user
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    read_password,
    settled,
)


class Command(OperatorCommand):
    """Creates a user, with --staff an auctioneer."""

    help = "Create a user. The password comes from --password, or from standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="NAME")
        parser.add_argument(
            "--password", help="visible to other users of the machine; better typed or piped"
        )
        parser.add_argument("--email")
        parser.add_argument("--staff", action="store_true", help="an auctioneer")
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        submission = create_user(
            Caller.operator(),
            username=options["username"],
            password=options["password"] or read_password(),
            email=options["email"],
            is_staff=options["staff"],
        )
        job = settled(submission, options["wait"])
        text = f"Created {options['username']} ({job.payload['user_id']})."
        self.answer(options, job_as_json(job), text)
