"""`manage.py ban_user NAME_OR_ID --reason TEXT`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from commands.inbox.requests import Caller, ban_user
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    moment,
    settled,
    user_named,
)
from commands.postgres.connections import clock
from commands.postgres.secret_keys import key_for_user
from commands.wiring import pool


class Command(OperatorCommand):
    """Bans a user from bidding."""

    help = "Let a user place no bids, in one auction or in the whole portal; what they bid before stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="NAME_OR_ID")
        parser.add_argument(
            "--auction", metavar="AUCTION_ID", type=UUID, help="in that auction alone"
        )
        parser.add_argument(
            "--until",
            metavar="WHEN",
            help="ISO 8601 with a zone, or an offset from now such as +7d (default: for good)",
        )
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
            now = clock(connection)
        submission = ban_user(
            Caller.operator(),
            user_id=user_id,
            reason=options["reason"],
            key=key,
            auction_id=options["auction"],
            until=moment(options["until"], now) if options["until"] else None,
        )
        job = settled(submission, options["wait"])
        self.answer(options, job_as_json(job), f"Banned {options['user']}.")
