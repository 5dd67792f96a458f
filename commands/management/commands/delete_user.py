"""`manage.py delete_user NAME_OR_ID`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from commands.inbox.requests import Caller, delete_user
from commands.management.operator_command import (
    REJECTED,
    OperatorCommand,
    add_wait,
    job_as_json,
    settled,
)
from commands.postgres.users import id_of
from commands.wiring import pool


class Command(OperatorCommand):
    """Deletes a user: ends sessions, erases personal data, withdraws live bids in open auctions."""

    help = "Delete a user, by name or id: withdraws their live bids and erases their personal data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="NAME_OR_ID")
        add_wait(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        submission = delete_user(Caller.operator(), user_id=_user_id(options["user"]))
        job = settled(submission, options["wait"])
        self.answer(options, job_as_json(job), f"Deleted {options['user']}.")


def _user_id(name_or_id: str) -> UUID:
    try:
        return UUID(name_or_id)
    except ValueError:
        with pool().connection() as connection:
            found = id_of(connection, name_or_id)
    if found is None:
        raise CommandError(f"there is no user named {name_or_id!r}", returncode=REJECTED)
    return found
