"""What the operators' commands share that do something to an auction with a reason."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from commands.jobs import Submission
from commands.management.operator_command import (
    OperatorCommand,
    add_wait,
    job_as_json,
    settled,
)


class HouseCommand(OperatorCommand):
    """Does something to an auction with a reason."""

    done = ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("auction", metavar="AUCTION_ID", type=UUID)
        parser.add_argument(
            "--reason",
            required=True,
            metavar="TEXT",
            help="for everybody to read, and kept for good: no personal data",
        )
        add_wait(parser)

    def asked(self, options: dict[str, Any]) -> Submission:
        """The command to submit."""
        raise NotImplementedError

    def handle(self, *_: Any, **options: Any) -> None:
        job = settled(self.asked(options), options["wait"])
        self.answer(options, job_as_json(job), self.done.format(**options))
